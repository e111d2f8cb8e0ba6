#include "cli/output.hpp"

#include "cli/exit_code.hpp"
#include "cli/explain.hpp"
#include "cli/sizes.hpp"
#include "cli/text.hpp"
#include "torrent/utf8.hpp"
#include "torrent/write_file.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace barter::cli {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto redraw_interval = 200ms;
constexpr auto event_interval = 1s;
constexpr auto line_interval = 1min;
constexpr auto explain_interval = 10s;
constexpr auto first_explanation = 1s;

// 0, or the errno of the write that failed.
int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      // Somebody else made the terminal or pipe non-blocking for all who share it.
      pollfd ready{descriptor, POLLOUT, 0};
      poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

std::string bar(std::uint64_t done, std::uint64_t total, std::size_t width) {
  const auto filled =
      total == 0 ? 0
                 : static_cast<std::size_t>(static_cast<double>(done) / static_cast<double>(total) *
                                            static_cast<double>(width));
  std::string out(width, '.');
  std::fill_n(out.begin(), std::min(filled, width), '#');
  return out;
}

// Never "100 %" before the end.
double percent(std::uint64_t done, std::uint64_t total) {
  if (total == 0) return 0;
  if (done >= total) return 100;
  return std::min(99.9, 100.0 * static_cast<double>(done) / static_cast<double>(total));
}

std::optional<std::chrono::seconds> remaining(std::uint64_t done, std::uint64_t total,
                                              std::uint64_t rate) {
  if (rate == 0 || done > total) return std::nullopt;
  return std::chrono::seconds((total - done + rate - 1) / rate);
}

}  // namespace

std::string format_time(std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch();
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(since).count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     (since - std::chrono::floor<std::chrono::seconds>(since)).count());
}

Output::Settings Output::process_settings(bool json) {
  Settings settings;
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  const char* no_color = std::getenv("NO_COLOR");
  settings.json = json;
  settings.progress_line = !dumb && isatty(STDERR_FILENO) == 1;
  settings.color = settings.progress_line && (no_color == nullptr || *no_color == '\0');
  settings.out = [](std::string_view bytes) { return write_all(STDOUT_FILENO, bytes); };
  settings.err = [](std::string_view bytes) { write_all(STDERR_FILENO, bytes); };
  settings.steady = steady_clock::now;
  settings.wall = std::chrono::system_clock::now;
  settings.columns = [] {
    winsize size{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? std::size_t{size.ws_col} : std::size_t{80};
  };
  settings.rows = [] {
    winsize size{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
    return known ? std::size_t{size.ws_row} : std::size_t{24};
  };
  return settings;
}

Output::Output(Settings settings) : settings_(std::move(settings)) {}

Output::~Output() {
  leave_drawn();
}

std::string Output::erasing() const {
  if (drawn_below_.empty()) return "\r\x1b[K";
  return fmt::format("\r\x1b[{}A\x1b[J", drawn_below_.size());
}

void Output::erase_drawn() {
  if (drawn_.empty()) return;
  settings_.err(erasing());
  drawn_.clear();
  drawn_below_.clear();
}

void Output::leave_drawn() {
  if (drawn_.empty()) return;
  if (!drawn_below_.empty()) draw(drawn_, {});
  settings_.err("\n");
  drawn_.clear();
}

void Output::draw(const std::string& line, const std::vector<std::string>& below) {
  // One column is left free: some terminals wrap when the last one is written.
  const std::size_t width = std::max<std::size_t>(settings_.columns(), 2) - 1;
  // More than the terminal holds could not be taken away again.
  const std::size_t most = below.empty() ? 0 : std::max<std::size_t>(settings_.rows(), 2) - 2;
  std::string text = erasing() + cut_to_columns(line, width);
  std::vector<std::string> shown(
      below.begin(), below.begin() + static_cast<std::ptrdiff_t>(std::min(most, below.size())));
  for (const std::string& one : shown) text += "\n  " + cut_to_columns(printable(one), width - 2);
  settings_.err(text);
  drawn_ = line;
  drawn_below_ = std::move(shown);
}

void Output::write_line(bool error_stream, std::string_view prefix, std::string_view line) {
  const std::string again = drawn_;
  const std::vector<std::string> below = drawn_below_;
  erase_drawn();
  const std::string text = fmt::format("{}{}\n", prefix, printable(line));
  if (error_stream) {
    settings_.err(text);
  } else {
    write_out(text);
  }
  if (!again.empty()) draw(again, below);
}

void Output::print(std::string_view line) {
  if (settings_.json) return;
  const std::lock_guard lock(mutex_);
  write_line(false, "", line);
}

void Output::print_raw(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  write_out(bytes);
}

void Output::message(std::string_view line) {
  if (settings_.json) return;
  const std::lock_guard lock(mutex_);
  write_line(true, "", line);
}

void Output::warning(std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (settings_.json) return write_event("warning", {{"message", line}});
  write_line(true,
             settings_.color ? "barter: \x1b[33mwarning\x1b[0m: " : "barter: warning: ", line);
}

void Output::write_error(const Error& error) {
  if (settings_.json) {
    write_event("error", {{"code", to_string(error.code)}, {"message", error.message}});
  } else {
    write_line(true, settings_.color ? "\x1b[31mbarter\x1b[0m: " : "barter: ", error.message);
  }
}

int Output::fail(const Error& error) {
  const std::lock_guard lock(mutex_);
  write_error(error);
  return exit_failed;
}

void Output::fall_short(const Error& error) {
  fail(error);
  const std::lock_guard lock(mutex_);
  fell_short_ = true;
}

void Output::event(std::string_view kind, boost::json::object fields) {
  if (!settings_.json) return;
  const std::lock_guard lock(mutex_);
  write_event(kind, fields);
}

namespace {

// JSON is UTF-8; names on a disk need not be. Each byte that is none becomes U+FFFD.
void make_valid(boost::json::value& value) {
  if (auto* text = value.if_string()) {
    if (!is_utf8(*text)) *text = valid_utf8(*text);
  } else if (auto* array = value.if_array()) {
    for (auto& one : *array) make_valid(one);
  } else if (auto* object = value.if_object()) {
    for (auto& one : *object) make_valid(one.value());
  }
}

}  // namespace

void Output::write_event(std::string_view kind, const boost::json::object& fields) {
  boost::json::object line;
  line.reserve(fields.size() + 2);
  line["event"] = kind;
  line["time"] = format_time(settings_.wall());
  for (const auto& field : fields) make_valid(line[field.key()] = field.value());
  write_out(boost::json::serialize(line) + "\n");
}

void Output::write_out(std::string_view bytes) {
  const int number = settings_.out(bytes);
  if (number == 0 || number == EPIPE || out_failed_) return;
  out_failed_ = true;
  write_line(true, settings_.color ? "\x1b[31mbarter\x1b[0m: " : "barter: ",
             "cannot write to standard output: " + reason_of(number));
}

void Output::show_progress(Throttle& throttle, std::uint64_t done, std::uint64_t total,
                           std::string_view event_kind, boost::json::object fields,
                           const std::string& head, const std::string& tail,
                           const std::vector<std::string>& below) {
  const auto now = settings_.steady();
  const bool first = !throttle.last;
  const auto passed = first ? steady_clock::duration::max() : now - *throttle.last;
  const std::uint64_t tenth = static_cast<std::uint64_t>(percent(done, total) / 10);
  const bool ended = total > 0 && done >= total && throttle.last_tenth < 10;
  if (settings_.json) {
    if (!ended && passed < event_interval) return;
    write_event(event_kind, fields);
  } else if (settings_.progress_line) {
    if (!ended && passed < redraw_interval) return;
    draw(fmt::format("{:5.1f} % [{}] {}{}", percent(done, total), bar(done, total, 20), head, tail),
         below);
  } else {
    if (!ended && tenth <= throttle.last_tenth && passed < line_interval) return;
    // The first call is no news: the first line comes after a tenth or a minute.
    if (!first || ended) {
      settings_.err(
          printable(fmt::format("{:.0f} % {}{}", std::floor(percent(done, total)), head, tail)) +
          "\n");
    }
  }
  throttle.last = now;
  throttle.last_tenth = ended ? 10 : tenth;
}

void Output::hashing(const HashingStatus& status) {
  const std::lock_guard lock(mutex_);
  const auto now = settings_.steady();
  if (!hashing_.last || status.bytes_done == 0) hashing_began_ = now;
  const double seconds = std::chrono::duration<double>(now - hashing_began_).count();
  const auto rate =
      seconds < 0.05 ? std::uint64_t{0}
                     : static_cast<std::uint64_t>(static_cast<double>(status.bytes_done) / seconds);
  const auto eta = remaining(status.bytes_done, status.bytes_total, rate);
  boost::json::object fields{
      {"bytes_done", status.bytes_done}, {"bytes_total", status.bytes_total}, {"rate", rate}};
  if (!status.path.empty()) fields["path"] = status.path;
  std::string tail = rate == 0 ? "" : ", " + format_rate(rate);
  if (eta && eta->count() > 0) tail += ", " + format_duration(*eta) + " left";
  show_progress(hashing_, status.bytes_done, status.bytes_total, "hashing", std::move(fields),
                fmt::format("hashed {} of {}", format_size(status.bytes_done),
                            format_size(status.bytes_total)),
                tail);
}

void Output::transfer(const TransferStatus& status) {
  const std::lock_guard lock(mutex_);
  const auto shown = std::clamp(status.bytes_received, status.bytes_done,
                                std::max(status.bytes_done, status.bytes_total));
  const auto eta = remaining(shown, status.bytes_total, status.down_rate);
  boost::json::object fields{{"bytes_done", status.bytes_done}, {"bytes_total", status.bytes_total},
                             {"downloaded", status.downloaded}, {"uploaded", status.uploaded},
                             {"down_rate", status.down_rate},   {"up_rate", status.up_rate},
                             {"peers", status.peers},           {"seeds", status.seeds}};
  fields["eta"] = eta ? boost::json::value(eta->count()) : boost::json::value(nullptr);
  if (!status.name.empty()) fields["name"] = status.name;
  if (status.down_limit) fields["down_limit"] = limit_fields(*status.down_limit);
  if (status.up_limit) fields["up_limit"] = limit_fields(*status.up_limit);
  if (status.explanation) fields["peer_limits"] = status.explanation->peers;
  std::string tail = fmt::format(", down {}, up {}, {}", format_rate(status.down_rate),
                                 format_rate(status.up_rate), counted(status.peers, "peer"));
  if (eta && eta->count() > 0) tail += ", " + format_duration(*eta) + " left";
  // The bar may run ahead of what is verified, but the end is the verified end.
  const auto done = status.bytes_done >= status.bytes_total
                        ? status.bytes_done
                        : std::min(shown, status.bytes_total - 1);
  show_progress(transfer_, done, status.bytes_total, "progress", std::move(fields),
                fmt::format("{} of {}", format_size(shown), format_size(status.bytes_total)), tail,
                status.explanation ? status.explanation->lines : std::vector<std::string>());
  if (status.explanation) print_explanation(*status.explanation);
}

// Not a bar: it is short, and mostly one of waiting for peers.
void Output::metadata(const MetadataStatus& status) {
  const std::lock_guard lock(mutex_);
  const auto now = settings_.steady();
  const auto interval = settings_.json            ? steady_clock::duration(event_interval)
                        : settings_.progress_line ? steady_clock::duration(redraw_interval)
                                                  : steady_clock::duration(line_interval);
  if (metadata_.last && now - *metadata_.last < interval) return;
  metadata_.last = now;
  if (settings_.json) {
    return write_event("metadata", {{"name", status.name},
                                    {"bytes_done", status.bytes_done},
                                    {"bytes_total", status.bytes_total},
                                    {"peers", status.peers},
                                    {"offers", status.offers},
                                    {"down_limit", limit_fields(status.limit)}});
  }
  std::string line = "fetching metadata: " + counted(status.peers, "peer");
  if (status.bytes_total > 0) {
    line +=
        fmt::format(", {} of {}", format_size(status.bytes_done), format_size(status.bytes_total));
  } else if (status.limit.reason != Limit::metadata) {
    line += fmt::format(" ({})", describe(status.limit.reason));
  }
  if (settings_.progress_line) {
    draw(line, {});
  } else {
    settings_.err(line + "\n");
  }
}

// In a file; a terminal has it below the progress line.
void Output::print_explanation(const Explanation& explanation) {
  if (settings_.json || settings_.progress_line) return;
  const auto now = settings_.steady();
  if (!explained_) explained_ = now - explain_interval + first_explanation;
  if (now - *explained_ < explain_interval) return;
  explained_ = now;
  for (const std::string& line : explanation.lines) settings_.err(printable(line) + "\n");
}

void Output::simulating(const SimulationStatus& status) {
  const std::lock_guard lock(mutex_);
  constexpr std::uint64_t whole = 100'000;
  const auto now = settings_.steady();
  if (!simulating_.last) simulating_began_ = now;
  const double share = std::clamp(status.share, 0.0, 1.0);
  const auto done = static_cast<std::uint64_t>(share * whole);
  std::string tail;
  const double seconds = std::chrono::duration<double>(now - simulating_began_).count();
  if (share > 0.02 && share < 1 && seconds > 1) {
    const auto left = static_cast<std::int64_t>(std::ceil(seconds / share * (1 - share)));
    tail = ", " + format_duration(std::chrono::seconds(left)) + " left";
  }
  const std::string run =
      status.runs > 1 ? fmt::format(", run {} of {}", status.run, status.runs) : std::string();
  show_progress(simulating_, done, whole, "simulating",
                {{"share", share}, {"run", status.run}, {"runs", status.runs}}, "simulated" + run,
                tail);
}

void Output::end_progress() {
  const std::lock_guard lock(mutex_);
  leave_drawn();
  hashing_ = {};
  simulating_ = {};
  metadata_ = {};
  // A transfer that is complete goes on as sharing: its end was told.
  if (transfer_.last_tenth < 10) transfer_ = {};
}

void Output::result(boost::json::object fields) {
  const std::lock_guard lock(mutex_);
  for (const auto& field : fields) result_[field.key()] = field.value();
}

void Output::write_result(std::string_view command, int exit_code) {
  if (!settings_.json) return;
  boost::json::object fields{{"command", command}, {"exit_code", exit_code}};
  for (const auto& field : result_) fields[field.key()] = field.value();
  write_event("result", fields);
}

void Output::abandon(std::string_view command, const Error& error, int exit_code) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return;
  leave_drawn();
  write_error(error);
  write_result(command, exit_code);
}

int Output::finish(std::string_view command, int exit_code) {
  const std::lock_guard lock(mutex_);
  leave_drawn();
  if (exit_code == exit_done && (out_failed_ || fell_short_)) exit_code = exit_failed;
  write_result(command, exit_code);
  return exit_code == exit_done && (out_failed_ || fell_short_) ? exit_failed : exit_code;
}

}  // namespace barter::cli
