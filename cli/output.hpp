// Output: everything the program says. Results go to standard output, messages and progress to
// standard error; with --json every line of standard output is one object with `event` and `time`
// (docs/json.md), and standard error stays quiet. May be called from any thread.
//
// Every text is escaped here, once: names of torrents and words of peers cannot drive a terminal.
#pragma once

#include "client/swarm/limits.hpp"
#include "torrent/result.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace barter::cli {

// Reading and hashing: `create`, `verify`, the check at the start of `get` and `seed`.
struct HashingStatus {
  std::uint64_t bytes_done = 0, bytes_total = 0;  // total 0: not known
  std::string path;                               // of the torrent or folder; may be empty
};

// What `--explain` shows (cli/explain.hpp): lines for a person, and an object for each peer.
struct Explanation {
  std::vector<std::string> lines;
  boost::json::array peers;
};

// The state of a transfer, or the sum of several.
struct TransferStatus {
  std::uint64_t bytes_done = 0, bytes_total = 0;  // verified, wanted
  std::uint64_t bytes_received = 0;               // verified or on the way to it, for the bar
  std::uint64_t downloaded = 0, uploaded = 0;     // payload of this run
  std::uint64_t down_rate = 0, up_rate = 0;       // bytes a second
  std::uint32_t peers = 0, seeds = 0;
  std::string name;  // may be empty
  // What keeps the rates from being higher; of several torrents, of that with the most peers.
  std::optional<LimitSummary> down_limit, up_limit;
  std::uint32_t limited_peers = 0;                 // of that one
  std::shared_ptr<const Explanation> explanation;  // where it is wanted
};

// Of a magnet link: what it stands for is on its way.
struct MetadataStatus {
  std::uint64_t bytes_done = 0, bytes_total = 0;  // total 0: no peer has told its size yet
  std::uint32_t peers = 0, offers = 0;            // connected, and those that say they have it
  std::string name;
  LimitSummary limit;  // what it waits for
};

// A run in virtual time, or several: `simulate`.
struct SimulationStatus {
  double share = 0;  // of all that the peers of all runs fetch, 0 to 1
  std::uint32_t run = 1, runs = 1;
};

class Output {
 public:
  struct Settings {
    bool json = false;
    bool progress_line = false;  // standard error is a terminal that can redraw a line
    bool color = false;
    // Bytes, as given. `out` returns 0, or the errno that kept them,
    // or some of them, from standard output.
    std::function<int(std::string_view)> out;
    std::function<void(std::string_view)> err;
    std::function<std::chrono::steady_clock::time_point()> steady;
    std::function<std::chrono::system_clock::time_point()> wall;
    std::function<std::size_t()> columns, rows;  // size of the terminal
  };
  // Standard output and error of the process; NO_COLOR and TERM=dumb are honoured.
  static Settings process_settings(bool json);
  explicit Output(Settings settings);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  bool json() const { return settings_.json; }

  // A line of the result for a person. Nothing with --json.
  void print(std::string_view line);
  // The result as raw bytes (a .torrent written to standard output). Also with --json: then do not.
  void print_raw(std::string_view bytes);
  // A line for a person about what goes on. Nothing with --json.
  void message(std::string_view line);
  // Both ways: "barter: warning: ..." or the event `warning`.
  void warning(std::string_view line);
  // Both ways: "barter: ..." or the event `error`. Returns
  // exit_failed, so: return output.fail(error).
  int fail(const Error& error);
  // As fail(), for what does not end the command: finish() will not say exit_done.
  void fall_short(const Error& error);
  // An event for a program. Nothing without --json.
  void event(std::string_view kind, boost::json::object fields);

  // Progress, as often as the caller likes. A terminal gets a line redrawn five times a second, a
  // file a line every 10 % or minute, --json an event a second. An explanation stands below the
  // terminal's line; a file gets one every 10 s.
  void hashing(const HashingStatus& status);
  void transfer(const TransferStatus& status);
  void metadata(const MetadataStatus& status);
  void simulating(const SimulationStatus& status);
  // The last state of a progress is shown whatever the time; then the line is left alone.
  void end_progress();

  // Remembers fields of the event `result`, which finish() prints last. Later fields win.
  void result(boost::json::object fields);
  // Prints `result` with the exit code (--json), and passes that on; exit_done becomes exit_failed
  // where something was lacking, as what standard output did not take. Called once, by the program.
  int finish(std::string_view command, int exit_code);
  // fail() and finish() in one, from another thread, while the command hangs for ever. Says nothing
  // where it hangs in here.
  void abandon(std::string_view command, const Error& error, int exit_code);

 private:
  struct Throttle {
    std::optional<std::chrono::steady_clock::time_point> last;
    std::uint64_t last_tenth = 0;
  };
  void write_event(std::string_view kind, const boost::json::object& fields);
  void write_error(const Error& error);
  void write_result(std::string_view command, int exit_code);
  // All that goes to standard output. The first failure is told at once, since a program that runs
  // for days would tell it too late at its end. A reader that has gone away is no failure: it had
  // what it wanted.
  void write_out(std::string_view bytes);
  void write_line(bool error_stream, std::string_view prefix, std::string_view line);
  void show_progress(Throttle& throttle, std::uint64_t done, std::uint64_t total,
                     std::string_view event_kind, boost::json::object fields,
                     const std::string& head, const std::string& tail,
                     const std::vector<std::string>& below = {});
  void draw(const std::string& line, const std::vector<std::string>& below);
  std::string erasing() const;  // what takes the drawn lines away
  void erase_drawn();
  void leave_drawn();  // the progress line stays, what is below it goes
  void print_explanation(const Explanation& explanation);

  Settings settings_;
  std::mutex mutex_;
  std::string drawn_;                     // the progress line on the terminal
  std::vector<std::string> drawn_below_;  // and the lines below it
  std::string pending_;  // the newest progress line, where it was not shown for lack of time
  Throttle hashing_, transfer_, simulating_, metadata_;
  std::chrono::steady_clock::time_point hashing_began_{}, simulating_began_{};
  std::optional<std::chrono::steady_clock::time_point> explained_;
  boost::json::object result_;
  bool out_failed_ = false;
  bool fell_short_ = false;
};

// RFC 3339 in UTC with milliseconds.
std::string format_time(std::chrono::system_clock::time_point time);

}  // namespace barter::cli
