// barter get: fetches what a torrent describes, sharing it while it comes and afterwards.
#include "cli/get.hpp"
#include "cli/command.hpp"
#include "cli/disk_names.hpp"
#include "cli/explain.hpp"
#include "cli/flags.hpp"
#include "cli/magnet_source.hpp"
#include "cli/metrics_file.hpp"
#include "cli/on_complete.hpp"
#include "cli/selection.hpp"
#include "cli/signals.hpp"
#include "cli/sizes.hpp"
#include "cli/text.hpp"
#include "cli/torrent_source.hpp"
#include "cli/transfer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <thread>
#include <utility>

namespace barter::cli {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto tick = 200ms;
constexpr auto stop_grace = 3s;
constexpr auto stall_report_interval = 1min;
constexpr auto first_metadata_report = 10s;  // without metadata there is nothing else to see
constexpr auto swarm_quiet = 10s;            // --seed=swarm: so long without an incomplete peer

constexpr const char* examples =
    "  barter get http://192.168.1.5:6969/big.iso.torrent\n"
    "  barter get film.torrent --dir /srv/films --seed=2.0\n"
    "  barter get disk.torrent -o /srv/vm/disk.img\n"
    "  barter get 'magnet:?xt=urn:btih:...' --save-torrent .\n"
    "  barter get album.torrent --select '*.flac' --down-limit 2MB --on-complete ./import\n"
    "  barter get film.torrent --peer 10.0.0.7:6881 --stall-timeout 10m";

using Options = GetOptions;

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

class Get {
 public:
  Get(const Options& options, Output& output)
      : options_(options),
        output_(output),
        goal_(parse_seed(options.seed)),
        selection_{parse_globs("--select", options.select),
                   parse_globs("--exclude", options.exclude)},
        pin_(parse_expected(options.expect)),
        program_(options.on_complete),
        metrics_(options.metrics_file),
        explainer_(options.transfer.explain) {}

  int run() {
    AddTorrent add;
    add.peers = parse_peers(options_.peers);
    auto settings = client_options(options_.transfer, output_);
    if (!settings) return output_.fail(settings.error());
    settings_ = std::move(*settings);
    if (is_magnet(options_.torrent)) {
      if (const auto code = find_metainfo(options_.torrent, add)) return leave(*code);
    } else if (const auto code = load(add)) {
      return leave(*code);
    }
    if (auto ready = prepare(add); !ready) return leave(output_.fail(ready.error()));
    // Whether it can be written shows before anything is fetched.
    if (metrics_.wanted()) {
      if (auto done = metrics_.write(counts()); !done) return leave(output_.fail(done.error()));
    }
    return trade(std::move(add));
  }

 private:
  // The torrent of a file or a URL. An exit code if it ends here.
  std::optional<int> load(AddTorrent& add) {
    if (options_.metainfo) {
      watched_.metainfo = options_.metainfo;
      return std::nullopt;
    }
    const auto began_at = steady_clock::now();
    auto torrent = load_torrent(
        options_.torrent, output_,
        {settings_.connect_from, options_.stall_timeout, options_.retry_for, options_.fresh, true,
         settings_.state_folder, pin_, options_.transfer.encoding});
    if (!torrent) {
      const int code = fail(output_, torrent.error());
      const bool stalled = torrent.error().code == Errc::timed_out &&
                           options_.stall_timeout != no_timeout &&
                           steady_clock::now() - began_at >= options_.stall_timeout;
      return stalled ? exit_stalled : code;
    }
    if (!torrent->magnet.empty()) return find_metainfo(torrent->magnet, add);
    watched_.metainfo = std::move(torrent->metainfo);
    if (torrent->peer) add.peers.push_back(std::move(*torrent->peer));
    return std::nullopt;
  }

  // What a magnet link stands for: known from an earlier time, or fetched from peers. An exit code
  // if it ends here.
  std::optional<int> find_metainfo(const std::string& link, AddTorrent& add) {
    auto magnet = read_magnet(link);
    if (!magnet) return output_.fail(magnet.error());
    link_ = std::move(*magnet);
    watched_.link_name = shown_name(link_);
    if (auto pinned = check_pin(link_.info_hash); !pinned) return output_.fail(pinned.error());
    add.trackers = tracker_tiers(link_);
    add.peers.insert(add.peers.end(), link_.peers.begin(), link_.peers.end());
    watched_.metainfo = recall_metainfo(settings_.state_folder, link_.info_hash);
    if (watched_.metainfo) return read_names();
    if (const auto code = start_client()) return code;
    auto id = client_->add(AddMagnet{link_.info_hash, *add.trackers, add.peers});
    if (!id) return output_.fail(id.error());
    id_ = *id;
    tell_listening();
    if (const auto code = fetch_metadata()) return code;
    output_.end_progress();
    if (auto kept = remember_metainfo(settings_.state_folder, *watched_.metainfo); !kept) {
      output_.warning(kept.error().message);
    }
    return read_names();
  }

  // Metadata does not say what its names are in.
  std::optional<int> read_names() {
    if (options_.transfer.encoding.empty()) return std::nullopt;
    auto named = watched_.metainfo->with_encoding(options_.transfer.encoding);
    if (!named) return output_.fail(named.error());
    watched_.metainfo = std::move(*named);
    return std::nullopt;
  }

  // A link of one version does not say whether a pin of the other fits.
  Result<void> check_pin(const InfoHash& found) const {
    if (!pin_) return {};
    const bool known = pin_->is_v2() ? found.v2.has_value() : found.v1.has_value();
    return known || watched_.metainfo ? pin_->check(found, watched_.name()) : Result<void>();
  }

  std::optional<int> fetch_metadata() {
    began_at_ = last_byte_ = steady_clock::now();
    last_report_ = began_at_ - stall_report_interval + first_metadata_report;
    while (true) {
      inbox_.wait(tick);
      for (const auto& [id, event] : inbox_.take()) {
        tell(event, watched_, output_);
        const auto* notice = std::get_if<Notice>(&event);
        const auto* done = notice ? std::get_if<MetadataComplete>(notice) : nullptr;
        if (done != nullptr) watched_.metainfo = done->metainfo;
      }
      if (watched_.failed) {
        return output_.fail({watched_.failed->code,
                             fmt::format("{}: {}", watched_.name(), watched_.failed->message)});
      }
      if (watched_.metainfo) return std::nullopt;
      progress_ = client_->progress(id_);
      const MetadataProgress metadata = progress_.metadata.value_or(MetadataProgress{});
      output_.metadata({metadata.bytes_done, metadata.bytes_total, progress_.connections,
                        metadata.offers, watched_.name(), progress_.download_limit});
      if (const auto code = stalled(metadata.bytes_done, "metadata")) return code;
      if (signals::stop_requested()) return interrupted();
    }
  }

  // Once the metainfo is known: what is wanted of it, and where it goes.
  Result<void> prepare(AddTorrent& add) {
    const Metainfo& metainfo = *watched_.metainfo;
    if (auto pinned = check_pin(metainfo.info_hash()); !pinned) return pinned;
    if (auto tradable = check_tradable(metainfo); !tradable) return tradable;
    auto target = target_of(metainfo, options_.transfer.folder, options_.output);
    if (!target) return target.error();
    folder_ = std::move(target->folder);
    watched_.data_path =
        target->name.empty() ? data_path(metainfo, folder_) : below(folder_, target->name);
    auto selected = select_files(metainfo, selection_, link_);
    if (!selected) return selected.error();
    add.metainfo = watched_.metainfo;
    add.folder = folder_;
    add.output = std::move(target->name);
    add.part_names = !options_.no_part;
    add.existing = options_.existing();
    add.doubted = options_.doubted;
    if (options_.check) add.doubted.assign(metainfo.layout().piece_count(), true);
    const auto& files = metainfo.files();
    boost::json::array list;
    std::size_t wanted_files = 0, all_files = 0;
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (files[i].pad) continue;
      const bool wanted = selected->empty() || (*selected)[i];
      ++all_files;
      if (output_.json()) {
        list.push_back({{"path", files[i].path}, {"size", files[i].length}, {"selected", wanted}});
      }
      if (!wanted) continue;
      wanted_file_bytes_ += files[i].length;
      ++wanted_files;
    }
    add.selected = std::move(*selected);
    if (!watched_.link_name.empty()) tell_metainfo(std::move(list), wanted_files, all_files);
    if (options_.save_torrent.empty()) return {};
    auto saved = save_torrent(options_.save_torrent, metainfo,
                              add.trackers.value_or(metainfo.trackers()), options_.force);
    if (!saved) return saved.error();
    output_.message(fmt::format("saved {}", saved->path));
    if (saved->lacks_piece_layers) {
      lacking_layers_ = LackingLayers{*saved, add.trackers.value_or(metainfo.trackers())};
      if (wanted_files < all_files) {
        warn_of_layers("they are made of whole files, and not all are wanted");
        lacking_layers_.reset();
      }
    }
    output_.result({{"torrent", saved->path}});
    return {};
  }

  void warn_of_layers(const std::string& why) {
    output_.warning(fmt::format(
        "{}: without piece layers, which a magnet link does not bring ({}): some clients take it "
        "by its v1 side only, or not at all",
        lacking_layers_->torrent.path, why));
  }

  // BEP 52: piece layers stand beside the info dictionary, so a link does not bring them. Now that
  // the files are here they can be made.
  void complete_saved_torrent() {
    if (!lacking_layers_) return;
    const std::uint64_t total = watched_.metainfo->content_size();
    const auto names = remembered_names(*watched_.metainfo, folder_, settings_.state_folder);
    const auto added = add_piece_layers(
        lacking_layers_->torrent, *watched_.metainfo, lacking_layers_->trackers, folder_,
        [&](std::uint64_t done) {
          output_.hashing({done, total, lacking_layers_->torrent.path});
          return !signals::stop_requested();
        },
        names ? *names : std::vector<std::string>{});
    output_.end_progress();
    if (!added) warn_of_layers(added.error().message);
    lacking_layers_.reset();
  }

  void tell_metainfo(boost::json::array files, std::size_t wanted, std::size_t all) {
    const Metainfo& metainfo = *watched_.metainfo;
    output_.message(fmt::format(
        "{}: {} in {}{}", metainfo.name(), format_size(metainfo.content_size()),
        counted(all, "file"),
        wanted == all ? ""
                      : fmt::format("; {} of them, {}", wanted, format_size(wanted_file_bytes_))));
    boost::json::object fields = torrent_fields(metainfo);
    fields["metadata_size"] = metainfo.info_bytes().size();
    fields["total_size"] = metainfo.content_size();
    fields["private"] = metainfo.is_private();
    fields["files"] = std::move(files);
    output_.event("metainfo", std::move(fields));
  }

  boost::json::object fields() const {
    if (watched_.metainfo) return torrent_fields(*watched_.metainfo);
    return torrent_fields(watched_.link_name, link_.info_hash);
  }

  void tell_listening() {
    boost::json::object listening = fields();
    listening["port"] = client_->port();
    listening["peer_id"] = to_hex(client_->peer_id());
    output_.event("listening", std::move(listening));
  }

  std::optional<int> start_client() {
    auto client = Client::start(settings_, inbox_.handler());
    if (!client) return output_.fail(client.error());
    client_ = std::move(*client);
    return std::nullopt;
  }

  int trade(AddTorrent add) {
    add_ = add;
    if (client_) {  // the link's torrent goes on with what was found
      if (auto begun = client_->begin(id_, std::move(add)); !begun) {
        return leave(output_.fail(begun.error()));
      }
      note_in_state();
      return leave(watch());
    }
    if (const auto code = start_client()) return *code;
    auto id = client_->add(std::move(add));
    if (!id) return output_.fail(id.error());
    id_ = *id;
    note_in_state();
    tell_listening();
    return leave(watch());
  }

  void note_in_state() {
    note_transfer_in_state(settings_.state_folder, *watched_.metainfo, folder_, output_);
    sweep_state_folder(settings_.state_folder, output_);
  }

  // A file can no longer be written. When the torrent is added again, that file is found and left
  // out, as it would have been at the start; what was fetched stays. Where none is found the reason
  // is another, and the end.
  std::optional<int> start_over() {
    const bool found_more = !left_out_before_ || watched_.left_out.size() > *left_out_before_;
    if (!watched_.write_refused || !found_more) return output_.fail(*watched_.failed);
    left_out_before_ = watched_.left_out.size();
    client_->remove(id_, stop_grace);
    watched_.failed.reset();
    watched_.began = checked_ = false;
    watched_.check = {};
    watched_.left_out.clear();
    auto id = client_->add(add_);
    if (!id) return output_.fail(id.error());
    id_ = *id;
    return std::nullopt;
  }

  // At the end: what is lacking, and what to do about it.
  void tell_left_out() {
    if (watched_.left_out.empty()) return;
    std::string paths;
    for (const auto& file : watched_.left_out) {
      if (paths.size() > 200) {
        paths += ", ...";
        break;
      }
      paths += (paths.empty() ? "" : ", ") + file.path;
    }
    output_.fall_short(
        Error{Errc::permission_denied,
              fmt::format("{}: {} left out, since {} cannot be written: {} ({}); once that is put "
                          "right, the same command fetches what is lacking",
                          watched_.name(), counted(watched_.left_out.size(), "file"),
                          watched_.left_out.size() == 1 ? "it" : "they", paths,
                          watched_.left_out.front().reason)});
  }

  int watch() {
    began_at_ = last_byte_ = last_report_ = steady_clock::now();
    while (true) {
      inbox_.wait(tick);
      for (const auto& [id, event] : inbox_.take()) tell(event, watched_, output_);
      if (watched_.failed) {
        if (const auto code = start_over()) return *code;
        continue;
      }
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
    if (metrics_.due(steady_clock::now())) write_metrics(counts());
    if (watched_.complete && !done_at_) {
      if (const auto code = completed()) return code;
    }
    if (program_.running()) {
      const auto ended = program_.ended();
      if (!ended) return std::nullopt;
      if (ended->has_error()) return output_.fail(ended->error());
    }
    if (done_at_) return seeded_enough() ? std::optional(exit_done) : std::nullopt;
    return stalled(progress_.downloaded, "byte");
  }

  std::optional<int> completed() {
    output_.end_progress();
    if (!watched_.unnamed.empty()) return output_.fail(unnamed_error(watched_.unnamed));
    done_at_ = steady_clock::now();
    complete_saved_torrent();
    const double seconds = std::chrono::duration<double>(*done_at_ - began_at_).count();
    boost::json::object fields = torrent_fields(*watched_.metainfo);
    fields["path"] = watched_.data_path;
    std::uint64_t lacking = watched_.kept_bytes;
    for (const auto& file : watched_.left_out) lacking += file.bytes;
    fields["bytes"] = wanted_file_bytes_ - std::min(wanted_file_bytes_, lacking);
    fields["downloaded"] = progress_.downloaded;
    fields["uploaded"] = progress_.uploaded;
    output_.event("complete", std::move(fields));
    output_.print(watched_.data_path);
    const std::string what =
        progress_.downloaded == 0
            ? ""
            : fmt::format(": {} in {:.1f} s", format_size(progress_.downloaded), seconds);
    output_.message(fmt::format("{}: {}{}{}", watched_.metainfo->name(),
                                watched_.left_out.empty() ? "complete" : "the rest is complete",
                                what, but_for_kept()));
    tell_left_out();
    // It is told of what is whole only.
    if (options_.on_complete.empty() || !watched_.left_out.empty()) return std::nullopt;
    std::error_code ignored;
    auto path = std::filesystem::absolute(watched_.data_path, ignored).lexically_normal();
    auto started = program_.start(path.string());
    if (!started) return output_.fail(started.error());
    return std::nullopt;
  }

  std::string but_for_kept() const {
    if (watched_.kept.empty()) return "";
    std::string out = ", but for what was kept as it is: " + watched_.kept.front();
    if (watched_.kept.size() > 1) {
      out += fmt::format(" and {} more", counted(watched_.kept.size() - 1, "file"));
    }
    return out;
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

  // `count` of what comes has changed since it was looked at last, or not.
  std::optional<int> stalled(std::uint64_t count, std::string_view what) {
    const auto now = steady_clock::now();
    if (count != last_count_) {
      last_count_ = count;
      last_byte_ = last_report_ = now;
      return std::nullopt;
    }
    if (options_.stall_timeout != no_timeout && now - last_byte_ >= options_.stall_timeout) {
      const std::string reason = client_->stall_reason(id_);
      output_.fail(Error{
          Errc::timed_out,
          fmt::format("{}: no {} came for {}{}{}", watched_.name(), what,
                      format_duration(
                          std::chrono::duration_cast<std::chrono::seconds>(options_.stall_timeout)),
                      reason.empty() ? "" : ": ", reason)});
      return exit_stalled;
    }
    if (now - last_report_ >= stall_report_interval) {
      last_report_ = now;
      const std::string reason = client_->stall_reason(id_);
      if (!reason.empty()) {
        output_.warning(fmt::format("{}: stalled: {}", watched_.name(), reason));
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

  GetCounts counts() const {
    GetCounts out;
    const InfoHash& hash = watched_.metainfo->info_hash();
    out.name = watched_.name();
    out.info_hash = to_hex(*hash.v1);
    out.bytes_done = progress_.verified_bytes;
    out.bytes_total = progress_.wanted_bytes;
    out.downloaded = progress_.downloaded;
    out.uploaded = progress_.uploaded;
    out.down_rate = progress_.download_rate;
    out.up_rate = progress_.upload_rate;
    out.peers = progress_.connections;
    out.seeds = progress_.seeds;
    out.complete = done_at_.has_value() && watched_.left_out.empty();
    return out;
  }

  void write_metrics(const GetCounts& counts) {
    if (metrics_failed_) return;
    const auto done = metrics_.write(counts);
    if (done) return;
    metrics_failed_ = true;  // told once
    output_.warning(
        fmt::format("--metrics-file: {}; it is not written any more", done.error().message));
  }

  int leave(int code) {
    if (!client_) return code;
    output_.end_progress();
    if (lacking_layers_) warn_of_layers("they are made once all files are here");
    progress_ = client_->progress(id_);
    tell_peers(*client_, id_, watched_.name(), output_);
    if (metrics_.wanted() && watched_.metainfo) {
      GetCounts last = counts();
      last.ended = true;
      last.exit_code = code;
      last.down_rate = last.up_rate = last.peers = last.seeds = 0;
      write_metrics(last);
    }
    stop_client(*client_, stop_grace, output_);
    boost::json::object fields = this->fields();
    fields["path"] = watched_.data_path;
    fields["complete"] = done_at_.has_value() && watched_.left_out.empty();
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
  const Selection selection_;
  const std::optional<TorrentPin> pin_;
  OnComplete program_;
  MetricsFile metrics_;
  bool metrics_failed_ = false;
  Explainer explainer_;
  Inbox inbox_;  // outlives the client
  std::unique_ptr<Client> client_;
  TorrentId id_{};
  AddTorrent add_;                              // to be added again
  std::optional<std::size_t> left_out_before_;  // by the run that was given up last
  ClientOptions settings_;
  Magnet link_;  // empty: it is none
  Watched watched_;
  std::string folder_;  // where the data goes
  Progress progress_;
  std::uint64_t wanted_file_bytes_ = 0;
  struct LackingLayers {
    SavedTorrent torrent;
    std::vector<std::vector<std::string>> trackers;
  };
  std::optional<LackingLayers> lacking_layers_;  // of the saved .torrent, to be added at the end
  bool checked_ = false;
  std::uint64_t last_count_ = 0;
  steady_clock::time_point began_at_, last_byte_, last_report_;
  std::optional<steady_clock::time_point> done_at_, quiet_since_;
};

}  // namespace

int run_get(const GetOptions& options, Output& output) {
  return Get(options, output).run();
}

void add_source_flags(CLI::App* command, std::chrono::milliseconds& retry_for, bool& fresh,
                      std::string& expect) {
  add_duration_option(command, "--retry-for", retry_for,
                      "Of a URL: try again for so long while the server cannot be reached or is "
                      "overloaded (default 30s; 0 fails at once)");
  command->add_flag("--fresh", fresh,
                    "Of a URL: the server must answer; a copy of the torrent from an earlier run "
                    "will not do");
  command
      ->add_option("--expect", expect,
                   "Refuse any other torrent than that of this info-hash, as #btih=HASH behind a "
                   "URL does")
      ->type_name("HASH");
}

void add_get_command(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(app, line, "get", "Fetch what a torrent describes", examples,
                                  [options](Output& output) { return run_get(*options, output); });
  command
      ->add_option("TORRENT", options->torrent, "A .torrent file, the URL of one, or a magnet link")
      ->required();
  add_transfer_flags(command, options->transfer);
  command->add_option("--peer", options->peers, "Ask this one too (repeatable)")
      ->allow_extra_args(false)
      ->type_name("HOST:PORT");
  command
      ->add_option("--metrics-file", options->metrics_file,
                   "Write the progress to this file (*.prom), for Prometheus's node_exporter")
      ->type_name("FILE");
  add_source_flags(command, options->retry_for, options->fresh, options->expect);
  command->add_option("--select", options->select, "Only files that match (repeatable)")
      ->allow_extra_args(false)
      ->type_name("GLOB");
  command->add_option("--exclude", options->exclude, "No files that match (repeatable)")
      ->allow_extra_args(false)
      ->type_name("GLOB");
  command
      ->add_option("--save-torrent", options->save_torrent,
                   "Write the .torrent there: a file, or a folder to put it into")
      ->type_name("PATH");
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
  command->add_flag("--check", options->check,
                    "Hash what is there again, whatever is known of it, and fetch what is bad");
  CLI::Option* const keep =
      command->add_flag("--keep", options->keep,
                        "Leave files that are not of this torrent as they are, and fetch the rest");
  CLI::Option* const update =
      command->add_flag("--update", options->update,
                        "What is there is an older version of this data: update it in place");
  command
      ->add_flag("--force", options->force,
                 "Overwrite files of the same names whatever they are, hard links and the saved "
                 ".torrent, too")
      ->excludes(keep)
      ->excludes(update);
  keep->excludes(update);
  command
      ->add_option("-o,--output", options->output,
                   "What the file is called, below --dir; for torrents of one file")
      ->type_name("FILE");
  command->add_flag("--no-part", options->no_part,
                    "Give files their names at once; default: NAME.part until a file is whole");
}

}  // namespace barter::cli
