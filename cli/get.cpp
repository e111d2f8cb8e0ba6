// barter get: fetches what a torrent describes, sharing it while it comes and afterwards.
#include "cli/command.hpp"
#include "cli/explain.hpp"
#include "cli/flags.hpp"
#include "cli/on_complete.hpp"
#include "cli/signals.hpp"
#include "cli/sizes.hpp"
#include "cli/torrent_source.hpp"
#include "cli/transfer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <thread>

namespace barter::cli {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto tick = 200ms;
constexpr auto stop_grace = 3s;
constexpr auto stall_report_interval = 1min;
constexpr auto swarm_quiet = 10s;  // --seed=swarm: so long without an incomplete peer

constexpr const char* examples =
    "  barter get http://192.168.1.5:6969/big.iso.torrent\n"
    "  barter get film.torrent --dir /srv/films --seed=2.0\n"
    "  barter get album.torrent --select '*.flac' --down-limit 2MB --on-complete ./import\n"
    "  barter get film.torrent --peer 10.0.0.7:6881 --stall-timeout 10m";

// "none" of parse_duration(): too large to be compared with finer clocks.
constexpr auto no_timeout = std::chrono::milliseconds::max();

struct Options {
  TransferFlags transfer;
  std::string torrent, on_complete;
  std::vector<std::string> peers, select;
  std::string seed;  // empty: not; else forever, swarm, a ratio or a time
  std::chrono::milliseconds stall_timeout = no_timeout;
  bool force = false;
};

// When to stop sharing after all has come.
struct SeedGoal {
  bool seed = false, until_swarm = false;
  std::optional<double> ratio;
  std::optional<std::chrono::milliseconds> time;
};

SeedGoal parse_seed(const std::string& text) {
  SeedGoal goal;
  goal.seed = !text.empty();
  if (text.empty() || text == "forever") return goal;
  if (text == "swarm") {
    goal.until_swarm = true;
    return goal;
  }
  double ratio = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), ratio, std::chars_format::fixed);
  if (error == std::errc{} && end == text.data() + text.size() && ratio >= 0) {
    goal.ratio = ratio;
    return goal;
  }
  if (const auto time = parse_duration(text)) {
    if (*time != no_timeout) goal.time = *time;
    return goal;
  }
  throw UsageError(fmt::format("--seed={}: give a ratio as 2.0, a time as 10m, or swarm", text));
}

// By file of the torrent; empty for all.
Result<std::vector<bool>> select_files(const Metainfo& metainfo,
                                       const std::vector<std::string>& patterns) {
  if (patterns.empty()) return std::vector<bool>();
  const std::vector<Glob> globs = parse_globs("--select", patterns);
  std::vector<bool> selected;
  bool any = false;
  for (const File& file : metainfo.files()) {
    std::string_view path = file.path;
    if (metainfo.multi_file()) path.remove_prefix(std::min(path.find('/') + 1, path.size()));
    const bool wanted = !file.pad && std::any_of(globs.begin(), globs.end(), [&](const Glob& glob) {
      return glob.selects(path);
    });
    any = any || wanted;
    selected.push_back(wanted);
  }
  if (!any) {
    return Error{Errc::invalid_argument,
                 fmt::format("{}: no file matches --select", metainfo.name())};
  }
  return selected;
}

class Get {
 public:
  Get(const Options& options, Output& output)
      : options_(options),
        output_(output),
        goal_(parse_seed(options.seed)),
        program_(options.on_complete),
        explainer_(options.transfer.explain) {}

  int run() {
    AddTorrent add;
    add.peers = parse_peers(options_.peers);
    auto settings = client_options(options_.transfer);
    if (!settings) return output_.fail(settings.error());
    auto metainfo = load_torrent(options_.torrent, output_, settings->connect_from);
    if (!metainfo) return fail(output_, metainfo.error());
    if (auto tradable = check_tradable(**metainfo); !tradable) {
      return output_.fail(tradable.error());
    }
    watched_.metainfo = *metainfo;
    watched_.data_path = data_path(**metainfo, options_.transfer.folder);
    auto selected = select_files(**metainfo, options_.select);
    if (!selected) return output_.fail(selected.error());
    add.metainfo = *metainfo;
    add.folder = options_.transfer.folder;
    add.force = options_.force;
    const auto& files = (*metainfo)->files();
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (!files[i].pad && (selected->empty() || (*selected)[i]))
        wanted_file_bytes_ += files[i].length;
    }
    add.selected = std::move(*selected);
    return trade(std::move(add), std::move(*settings));
  }

 private:
  int trade(AddTorrent add, ClientOptions settings) {
    auto client = Client::start(std::move(settings), inbox_.handler());
    if (!client) return output_.fail(client.error());
    client_ = std::move(*client);
    auto id = client_->add(std::move(add));
    if (!id) return output_.fail(id.error());
    id_ = *id;
    boost::json::object listening = torrent_fields(*watched_.metainfo);
    listening["port"] = client_->port();
    listening["peer_id"] = to_hex(client_->peer_id());
    output_.event("listening", std::move(listening));
    const int code = watch();
    return leave(code);
  }

  int watch() {
    began_at_ = last_byte_ = last_report_ = steady_clock::now();
    while (true) {
      inbox_.wait(tick);
      for (const auto& [id, event] : inbox_.take()) tell(event, watched_, output_);
      if (watched_.failed) return output_.fail(*watched_.failed);
      if (const auto code = look()) return *code;
      if (signals::stop_requested()) return interrupted();
    }
  }

  // One round: shows the progress, sees whether it is over.
  std::optional<int> look() {
    if (!watched_.began) {
      if (watched_.check.bytes_total > 0) {
        output_.hashing(
            {watched_.check.bytes_done, watched_.check.bytes_total, watched_.data_path});
      }
      last_byte_ = last_report_ = steady_clock::now();
      return std::nullopt;
    }
    if (!checked_) {
      checked_ = true;
      output_.end_progress();
    }
    progress_ = client_->progress(id_);
    TransferStatus status;
    add_progress(progress_, status);
    status.name = watched_.metainfo->name();
    explainer_.add(*client_, {id_}, status);
    output_.transfer(status);
    if (watched_.complete && !done_at_) {
      if (const auto code = completed()) return code;
    }
    if (program_.running()) {
      const auto ended = program_.ended();
      if (!ended) return std::nullopt;
      if (ended->has_error()) return output_.fail(ended->error());
    }
    if (done_at_) return seeded_enough() ? std::optional(exit_done) : std::nullopt;
    return stalled();
  }

  std::optional<int> completed() {
    done_at_ = steady_clock::now();
    output_.end_progress();
    const double seconds = std::chrono::duration<double>(*done_at_ - began_at_).count();
    boost::json::object fields = torrent_fields(*watched_.metainfo);
    fields["path"] = watched_.data_path;
    fields["bytes"] = wanted_file_bytes_;
    fields["downloaded"] = progress_.downloaded;
    fields["uploaded"] = progress_.uploaded;
    output_.event("complete", std::move(fields));
    output_.print(watched_.data_path);
    if (progress_.downloaded > 0) {
      output_.message(fmt::format("{}: complete: {} in {:.1f} s", watched_.metainfo->name(),
                                  format_size(progress_.downloaded), seconds));
    } else {
      output_.message(fmt::format("{}: complete", watched_.metainfo->name()));
    }
    if (options_.on_complete.empty()) return std::nullopt;
    std::error_code ignored;
    auto path = std::filesystem::absolute(watched_.data_path, ignored).lexically_normal();
    auto started = program_.start(path.string());
    if (!started) return output_.fail(started.error());
    return std::nullopt;
  }

  bool seeded_enough() {
    if (!goal_.seed) return true;
    const auto now = steady_clock::now();
    if (goal_.ratio) {
      return static_cast<double>(progress_.uploaded) >=
             *goal_.ratio * static_cast<double>(progress_.wanted_bytes);
    }
    if (goal_.time) return now - *done_at_ >= *goal_.time;
    if (!goal_.until_swarm) return false;
    const auto pieces = watched_.metainfo->layout().piece_count();
    const auto peers = client_->peers(id_);
    const bool somebody_lacks = std::any_of(
        peers.begin(), peers.end(), [&](const PeerProgress& peer) { return peer.pieces < pieces; });
    if (somebody_lacks || !quiet_since_) quiet_since_ = now;
    return now - *quiet_since_ >= swarm_quiet;
  }

  std::optional<int> stalled() {
    const auto now = steady_clock::now();
    if (progress_.downloaded != last_downloaded_) {
      last_downloaded_ = progress_.downloaded;
      last_byte_ = last_report_ = now;
      return std::nullopt;
    }
    if (options_.stall_timeout != no_timeout && now - last_byte_ >= options_.stall_timeout) {
      const std::string reason = client_->stall_reason(id_);
      output_.fail(Error{
          Errc::timed_out,
          fmt::format("{}: no byte came for {}{}{}", watched_.metainfo->name(),
                      format_duration(
                          std::chrono::duration_cast<std::chrono::seconds>(options_.stall_timeout)),
                      reason.empty() ? "" : ": ", reason)});
      return exit_stalled;
    }
    if (now - last_report_ >= stall_report_interval) {
      last_report_ = now;
      const std::string reason = client_->stall_reason(id_);
      if (!reason.empty()) {
        output_.warning(fmt::format("{}: stalled: {}", watched_.metainfo->name(), reason));
      }
    }
    return std::nullopt;
  }

  int interrupted() {
    // A program that still runs is part of what was asked for.
    if (done_at_ && goal_.seed && !program_.running()) return exit_done;
    output_.fail(Error{Errc::cancelled, "interrupted; the same command goes on from here"});
    return exit_signal_base + signals::received();
  }

  int leave(int code) {
    output_.end_progress();
    progress_ = client_->progress(id_);
    tell_peers(*client_, id_, *watched_.metainfo, output_);
    client_->stop(stop_grace);
    boost::json::object fields = torrent_fields(*watched_.metainfo);
    fields["path"] = watched_.data_path;
    fields["complete"] = done_at_.has_value();
    fields["bytes_done"] = progress_.verified_bytes;
    fields["bytes_total"] = progress_.wanted_bytes;
    fields["downloaded"] = progress_.downloaded;
    fields["uploaded"] = progress_.uploaded;
    output_.result(std::move(fields));
    return code;
  }

  const Options& options_;
  Output& output_;
  const SeedGoal goal_;
  OnComplete program_;
  Explainer explainer_;
  Inbox inbox_;  // outlives the client
  std::unique_ptr<Client> client_;
  TorrentId id_{};
  Watched watched_;
  Progress progress_;
  std::uint64_t wanted_file_bytes_ = 0;
  bool checked_ = false;
  std::uint64_t last_downloaded_ = 0;
  steady_clock::time_point began_at_, last_byte_, last_report_;
  std::optional<steady_clock::time_point> done_at_, quiet_since_;
};

}  // namespace

void add_get_command(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, line, "get", "Fetch what a torrent describes", examples,
                  [options](Output& output) { return Get(*options, output).run(); });
  command->add_option("TORRENT", options->torrent, "A .torrent file, or the URL of one")
      ->required();
  add_transfer_flags(command, options->transfer);
  command->add_option("--peer", options->peers, "Ask this one too (repeatable)")
      ->allow_extra_args(false)
      ->type_name("HOST:PORT");
  command->add_option("--select", options->select, "Only files that match (repeatable)")
      ->allow_extra_args(false)
      ->type_name("GLOB");
  command
      ->add_flag("--seed{forever}", options->seed,
                 "Go on sharing: until interrupted, or --seed=2.0 (ratio), --seed=10m, "
                 "--seed=swarm (while a connected peer lacks something)")
      ->type_name("RATIO|TIME|swarm|forever");
  command
      ->add_option("--on-complete", options->on_complete,
                   "Run this with the path of the data; if it fails, so do we")
      ->type_name("PROGRAM");
  add_duration_option(command, "--stall-timeout", options->stall_timeout,
                      "Give up (exit code 3) when no byte came for so long");
  command->add_flag("--force", options->force, "Overwrite files that are something else");
}

}  // namespace barter::cli
