// barter simulate: how long would it take? Predicts a roll-out by
// running the swarm in virtual time.
#include "cli/command.hpp"
#include "cli/signals.hpp"
#include "cli/simulate_text.hpp"
#include "cli/sizes.hpp"
#include "sim/rollout.hpp"
#include "torrent/create.hpp"
#include "torrent/write_file.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>

#include <algorithm>
#include <memory>

namespace barter::cli {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr const char* examples =
    "  barter simulate --peers 50 --size 100GB --seed-up 1Gbit --up 1Gbit --down 1Gbit\n"
    "  barter simulate --peers 200 --size 8GiB --seed-up 1Gbit --up 20Mbit --down 100Mbit \\\n"
    "      --delay 30ms --arrivals 1h --svg rollout.svg\n"
    "  barter simulate --peers 24 --size 4GB --seeds 2 --up 100Mbit --runs 5";

constexpr std::uint64_t not_given = UINT64_MAX - 1;
constexpr double worth_a_word = 20;  // seconds of computing
constexpr std::uint64_t most_size = 1ull << 60;

struct Options {
  std::uint32_t peers = 0, seeds = 1, connections = 80, runs = 1;
  std::uint64_t size = 0, piece_length = 0;
  std::uint64_t seed_up = not_given, seed_down = not_given, up = 0, down = not_given;
  milliseconds delay = 1ms, arrivals = 0ms;
  std::uint64_t random_seed = 1;
  std::string svg;
  bool leave = false, force = false;
};

void check_number(const char* flag, std::uint64_t value, std::uint64_t most) {
  if (value < 1 || value > most)
    throw UsageError(fmt::format("{}: give a number from 1 to {}", flag, most));
}

void check_rate(const char* flag, std::uint64_t rate) {
  if (rate < sim::least_rollout_rate || rate > 1ull << 50)
    throw UsageError(fmt::format("{}: give the rate of a line, from 8kbit, as 100Mbit", flag));
}

void check_time(const char* flag, milliseconds time, milliseconds most, const char* shown) {
  if (time > most) throw UsageError(fmt::format("{}: give a time up to {}", flag, shown));
}

std::uint32_t piece_length_of(const Options& options) {
  if (options.piece_length == 0) return default_piece_length(options.size);
  const auto legal = check_piece_length(options.piece_length, TorrentVersion::v1);
  if (!legal) throw UsageError("--piece-length: " + legal.error().message);
  return static_cast<std::uint32_t>(options.piece_length);
}

sim::RolloutOptions rollout_options(const Options& options) {
  check_number("--peers", options.peers, sim::most_rollout_peers);
  check_number("--seeds", options.seeds, sim::most_rollout_peers);
  check_number("--connections", options.connections, sim::most_rollout_peers);
  check_number("--runs", options.runs, 1000);
  if (options.size == 0 || options.size > most_size)
    throw UsageError("--size: give the bytes to be moved, as 100GB");
  const std::uint64_t nodes = std::uint64_t{options.peers} + options.seeds;
  const std::uint64_t links = std::min<std::uint64_t>(options.connections, nodes - 1);
  if (nodes * links > sim::most_rollout_links)
    throw UsageError(
        fmt::format("{} machines with {} connections each are too many to simulate: "
                    "give --connections of at most {}",
                    nodes, links, sim::most_rollout_links / nodes));
  sim::RolloutOptions out;
  out.peers = options.peers;
  out.seeds = options.seeds;
  out.size = options.size;
  out.piece_length = piece_length_of(options);
  out.up = options.up;
  out.down = options.down == not_given ? options.up : options.down;
  out.seed_up = options.seed_up == not_given ? options.up : options.seed_up;
  out.seed_down = options.seed_down == not_given ? out.seed_up : options.seed_down;
  check_rate("--up", out.up);
  check_rate("--down", out.down);
  check_rate("--seed-up", out.seed_up);
  check_rate("--seed-down", out.seed_down);
  check_time("--delay", options.delay, 10s, "10s");
  check_time("--arrivals", options.arrivals, 24h * 365, "365d");
  out.round_trip = options.delay;
  out.arrivals = options.arrivals;
  out.connections = options.connections;
  out.leave = options.leave;
  return out;
}

// All runs, the one in the middle first; empty if it was interrupted.
std::vector<sim::Prediction> run_all(const Options& options, const sim::RolloutOptions& rollout,
                                     const sim::Grain& grain, Output& output) {
  std::vector<sim::Prediction> out;
  for (std::uint32_t i = 0; i < options.runs; ++i) {
    output.simulating({static_cast<double>(i) / options.runs, i + 1, options.runs});
    out.push_back(sim::predict(rollout, grain, options.random_seed + i, [&](double share) {
      output.simulating({(i + share) / options.runs, i + 1, options.runs});
      return !signals::stop_requested();
    }));
    if (out.back().stopped) return {};
  }
  output.simulating({1, options.runs, options.runs});
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return a.report.last_seconds < b.report.last_seconds;
  });
  const auto middle = out.begin() + static_cast<std::ptrdiff_t>((out.size() - 1) / 2);
  std::rotate(out.begin(), middle, middle + 1);
  return out;
}

boost::json::object run_json(const sim::Prediction& run) {
  const sim::Report& report = run.report;
  return {{"random_seed", run.random_seed},
          {"first_seconds", seconds_until(report, 0).value_or(0)},
          {"half_seconds", seconds_until(report, 0.5).value_or(0)},
          {"p95_seconds", seconds_until(report, 0.95).value_or(0)},
          {"last_seconds", report.last_seconds},
          {"mean_seconds", report.mean_seconds},
          {"efficiency", report.efficiency},
          {"copies_sent", report.seeds_sent},
          {"copied_seconds", report.copied_seconds}};
}

void put_result(const Options& options, const sim::RolloutOptions& rollout, const sim::Grain& grain,
                const std::vector<sim::Prediction>& runs, Output& output) {
  if (!output.json()) return;
  boost::json::array all, limits;
  for (const sim::Prediction& run : runs) all.push_back(run_json(run));
  const sim::Bound& bound = runs.front().report.bound;
  for (const std::string_view one : limits_of(bound)) limits.push_back(boost::json::string(one));
  boost::json::object out{
      {"peers", rollout.peers},
      {"seeds", rollout.seeds},
      {"size", rollout.size},
      {"piece_length", rollout.piece_length},
      {"seed_up", rollout.seed_up},
      {"seed_down", rollout.seed_down},
      {"up", rollout.up},
      {"down", rollout.down},
      {"delay_seconds", static_cast<double>(options.delay.count()) / 1000},
      {"arrivals_seconds", static_cast<double>(options.arrivals.count()) / 1000},
      {"connections", rollout.connections},
      {"leave", rollout.leave},
      {"bound_seconds", bound.seconds()},
      {"bound", {{"seeds", bound.seeds}, {"downlink", bound.downlink}, {"uplinks", bound.uplinks}}},
      {"limited_by", std::move(limits)},
      {"plain_seconds", sim::plain_copy_seconds(rollout)},
      {"simulated",
       {{"exact", grain.exact},
        {"pieces", grain.pieces},
        {"piece_length", grain.piece_length},
        {"rate_scale", grain.rate},
        {"time_scale", grain.time}}}};
  for (const auto& field : run_json(runs.front())) out[field.key()] = field.value();
  out["runs"] = std::move(all);
  output.result(std::move(out));
}

void tell_effort(const Options& options, const sim::RolloutOptions& rollout,
                 const sim::Grain& grain, Output& output) {
  const sim::Effort effort = effort_of(rollout, grain);
  const double seconds = effort.seconds * options.runs;
  if (seconds < worth_a_word) return;
  output.message(fmt::format("this takes about {} of one core, and {} of memory",
                             format_duration(std::chrono::seconds(static_cast<int>(seconds))),
                             format_size(effort.bytes)));
}

Result<void> write_svg(const Options& options, const sim::RolloutOptions& rollout,
                       const std::vector<sim::Prediction>& runs) {
  std::vector<sim::Report> reports;
  for (const sim::Prediction& run : runs) reports.push_back(run.report);
  const std::string drawing =
      sim::curves_svg(reports, question_text(rollout, false), sim::plain_copy_seconds(rollout));
  return write_file(options.svg, drawing, options.force);
}

int simulate(const Options& options, Output& output) {
  const sim::RolloutOptions rollout = rollout_options(options);
  if (!options.svg.empty() && !options.force && path_exists(options.svg))
    return output.fail(
        Error{Errc::already_exists, fmt::format("{}: exists; --force overwrites it", options.svg)});
  const sim::Grain grain = sim::choose_grain(rollout);
  tell_effort(options, rollout, grain, output);
  const auto runs = run_all(options, rollout, grain, output);
  output.end_progress();
  if (runs.empty()) return fail(output, Error{Errc::cancelled, "interrupted"});
  for (const sim::Prediction& run : runs) {
    if (run.report.finished == run.report.peers && run.report.peers == rollout.peers) continue;
    return output.fail(Error{Errc::timed_out, fmt::format("only {} of {} peers had everything when "
                                                          "the simulation was given up",
                                                          run.report.finished, rollout.peers)});
  }
  for (const std::string& line : rollout_table(rollout, grain, runs)) output.print(line);
  put_result(options, rollout, grain, runs, output);
  if (options.svg.empty()) return exit_done;
  const auto written = write_svg(options, rollout, runs);
  if (!written) return output.fail(written.error());
  output.message(fmt::format("{}: completion over time", options.svg));
  output.result({{"svg", options.svg}});
  return exit_done;
}

}  // namespace

void add_simulate_command(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, line, "simulate", "Predict how long many machines would take to get a file",
                  examples, [options](Output& output) { return simulate(*options, output); });
  command->add_option("--peers", options->peers, "Machines that fetch it")
      ->required()
      ->type_name("N");
  add_size_option(command, "--size", options->size, "Of what they fetch, as 100GB")->required();
  add_rate_option(command, "--up", options->up, "Uplink of each peer, as 100Mbit")->required();
  add_rate_option(command, "--down", options->down, "Downlink of each peer; default: as --up");
  add_rate_option(command, "--seed-up", options->seed_up, "Uplink of each seed; default: as --up");
  add_rate_option(command, "--seed-down", options->seed_down,
                  "Downlink of each seed; default: as --seed-up");
  command->add_option("--seeds", options->seeds, "Machines that have it at the start; default: 1")
      ->type_name("N");
  add_duration_option(command, "--delay", options->delay,
                      "Round trip between any two, as ping shows it; default: 1ms");
  add_duration_option(command, "--arrivals", options->arrivals,
                      "The peers come evenly over this time; default: all at once");
  command->add_flag("--leave", options->leave,
                    "A peer goes once it has everything, as get does without --seed");
  add_size_option(command, "--piece-length", options->piece_length,
                  "Default: by the size, as create chooses it");
  command->add_option("--connections", options->connections, "Of each machine; default: 80")
      ->type_name("N");
  command->add_option("--runs", options->runs, "Simulate it so many times and show the median")
      ->type_name("N");
  command
      ->add_option("--random-seed", options->random_seed,
                   "The same number, the same run; default: 1")
      ->type_name("N");
  command->add_option("--svg", options->svg, "Draw completion over time against the bound")
      ->type_name("FILE");
  command->add_flag("--force", options->force, "Overwrite an existing drawing");
}

}  // namespace barter::cli
