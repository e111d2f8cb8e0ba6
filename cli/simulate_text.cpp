#include "cli/simulate_text.hpp"

#include "cli/sizes.hpp"
#include "cli/text.hpp"
#include "torrent/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace barter::cli {
namespace {

// Two digits after the point where they matter.
std::string time_text(double seconds) {
  if (seconds < 9.995) return fmt::format("{:.2f} s", seconds);
  if (seconds < 99.95) return fmt::format("{:.1f} s", seconds);
  return format_duration(std::chrono::seconds(std::llround(seconds)));
}

std::string row(std::string_view name, std::string_view value, std::string_view note) {
  std::string out = fmt::format("{:<20}{:>14}   {}", name, value, note);
  out.erase(out.find_last_not_of(' ') + 1);
  return out;
}

using Value = std::function<double(const sim::Report&)>;

// "3.1 s to 3.4 s" over all runs; nothing of one run.
std::string range(std::span<const sim::Prediction> runs, const Value& value,
                  const std::function<std::string(double)>& text) {
  if (runs.size() < 2) return {};
  double least = value(runs[0].report), most = least;
  for (const sim::Prediction& run : runs) {
    least = std::min(least, value(run.report));
    most = std::max(most, value(run.report));
  }
  return fmt::format("{} to {}", text(least), text(most));
}

std::string limit_text(const sim::RolloutOptions& options, const sim::Bound& bound) {
  std::vector<std::string_view> parts;
  for (const std::string_view one : limits_of(bound)) {
    if (one == "seeds")
      parts.push_back(options.seeds == 1 ? "the seed's uplink" : "the seeds' uplinks");
    if (one == "downlink") {
      const bool comes_late =
          options.arrivals > options.round_trip && options.arrivals > std::chrono::seconds(1);
      parts.push_back(comes_late ? "the downlink of the last to come" : "each peer's downlink");
    }
    if (one == "uplinks") parts.push_back("all uplinks together");
  }
  return fmt::format("no swarm is faster; what limits: {}", fmt::join(parts, ", "));
}

std::string grain_text(const sim::RolloutOptions& options, const sim::Grain& grain) {
  const std::uint32_t blocks = (grain.piece_length + block_length - 1) / block_length;
  if (grain.exact)
    return fmt::format("{} of {}, block by block", counted(grain.pieces, "piece"),
                       format_size(options.piece_length));
  const std::uint64_t real =
      options.size / options.piece_length + (options.size % options.piece_length != 0);
  std::string text = fmt::format("scaled: {} of {} for {} of {}", counted(grain.pieces, "piece"),
                                 counted(blocks, "block"), real, format_size(options.piece_length));
  if (grain.rate > 1) text += fmt::format("; a block stands for {:.3g}", grain.rate);
  if (grain.time > 1) text += fmt::format("; {:.3g} times as small, times multiplied", grain.time);
  return text;
}

std::string plain_text(const sim::RolloutOptions& options, double plain, double last) {
  const double times = plain / last;
  return fmt::format("one copy after the other from the {}: {:.{}f} times as long",
                     options.seeds == 1 ? "seed" : "seeds", times, times < 10 ? 2 : 0);
}

}  // namespace

std::string question_text(const sim::RolloutOptions& options, bool details) {
  std::string out = fmt::format(
      "{} (up {}, down {}) fetch{} {} from {} (up {})", counted(options.peers, "peer"),
      format_bit_rate(options.up), format_bit_rate(options.down), options.peers == 1 ? "es" : "",
      format_size(options.size), counted(options.seeds, "seed"), format_bit_rate(options.seed_up));
  if (!details) return out;
  out += fmt::format("; round trip {} ms", options.round_trip / std::chrono::milliseconds(1));
  if (options.arrivals > Duration::zero())
    out += fmt::format("; they come over {}",
                       time_text(std::chrono::duration<double>(options.arrivals).count()));
  if (options.leave) out += "; each goes when it has everything";
  return out;
}

std::vector<std::string_view> limits_of(const sim::Bound& bound) {
  std::vector<std::string_view> out;
  const double most = 0.99 * bound.seconds();
  if (bound.seeds >= most) out.push_back("seeds");
  if (bound.downlink >= most) out.push_back("downlink");
  if (bound.uplinks >= most) out.push_back("uplinks");
  return out;
}

std::vector<std::string> rollout_table(const sim::RolloutOptions& options, const sim::Grain& grain,
                                       std::span<const sim::Prediction> runs) {
  const sim::Report& shown = runs[0].report;
  const double bound = shown.bound.seconds();
  std::vector<std::string> out{question_text(options, true), ""};
  if (runs.size() > 1)
    out.push_back(row("everything is at", "median run", fmt::format("of {} runs", runs.size())));
  else
    out.push_back(row("everything is at", "after", ""));
  const auto times = [&](std::string_view name, const Value& value) {
    out.push_back(row(name, time_text(value(shown)), range(runs, value, time_text)));
  };
  const auto share_of = [](double share) {
    return [share](const sim::Report& one) { return seconds_until(one, share).value_or(0); };
  };
  times("  the first peer", share_of(0));
  times("  half of them", share_of(0.5));
  times("  95 %", share_of(0.95));
  times("  the last", share_of(1));
  if (options.arrivals > Duration::zero())
    times("  mean since it came", [](const sim::Report& one) { return one.mean_seconds; });
  out.push_back("");
  out.push_back(row("bound", time_text(bound), limit_text(options, shown.bound)));
  const auto ratio = [](double value) { return fmt::format("{:.1f} %", 100 * value); };
  const Value efficiency = [](const sim::Report& one) { return one.efficiency; };
  const std::string efficiencies = range(runs, efficiency, ratio);
  out.push_back(row("efficiency", ratio(shown.efficiency),
                    efficiencies.empty() ? "bound / time of the last peer" : efficiencies));
  out.push_back(row(options.seeds == 1 ? "the seed sends" : "the seeds send",
                    fmt::format("{:.2f} copies", shown.seeds_sent),
                    shown.copied_seconds > 0
                        ? fmt::format("one copy is out after {}", time_text(shown.copied_seconds))
                        : ""));
  const double plain = sim::plain_copy_seconds(options);
  out.push_back(
      row("plain copying", time_text(plain), plain_text(options, plain, shown.last_seconds)));
  out.push_back(row("simulated", "", grain_text(options, grain)));
  return out;
}

}  // namespace barter::cli
