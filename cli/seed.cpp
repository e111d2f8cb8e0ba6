// barter seed: shares data that is there already; writes nothing of it.
#include "cli/command.hpp"
#include "cli/explain.hpp"
#include "cli/signals.hpp"
#include "cli/sizes.hpp"
#include "cli/text.hpp"
#include "cli/torrent_source.hpp"
#include "cli/transfer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>

namespace barter::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto tick = 500ms;
constexpr auto stop_grace = 3s;
constexpr std::size_t most_told_singly = 20;  // torrents, to a person

constexpr const char* examples =
    "  barter seed film.torrent --dir /srv/films\n"
    "  barter seed /srv/torrents --dir /srv/data --up-limit 10MB\n"
    "  barter seed a.torrent b.torrent --port 6881";

struct Options {
  TransferFlags transfer;
  std::vector<std::string> torrents;
};

class Seed {
 public:
  Seed(const Options& options, Output& output)
      : options_(options), output_(output), explainer_(options.transfer.explain) {}

  int run() {
    auto client_settings = client_options(options_.transfer, output_);
    if (!client_settings) return output_.fail(client_settings.error());
    const auto paths = find_torrents();
    if (paths.empty()) return failures_ > 0 ? exit_failed : nothing_to_do();
    state_folder_ = client_settings->state_folder;
    sweep_state_folder(state_folder_, output_);
    auto client = Client::start(std::move(*client_settings), inbox_.handler());
    if (!client) return output_.fail(client.error());
    client_ = std::move(*client);
    one_of_many_ = paths.size() > most_told_singly;
    for (const std::string& path : paths) add(path);
    if (watched_.empty()) return exit_failed;
    const int code = watch();
    return leave(code);
  }

 private:
  int nothing_to_do() {
    return output_.fail(Error{Errc::not_found, "no .torrent file in the given folders"});
  }

  void failed(const Error& error) {
    output_.fail(error);
    ++failures_;
  }

  // Files as given; of folders, the torrents that lie in them.
  std::vector<std::string> find_torrents() {
    namespace fs = std::filesystem;
    std::vector<std::string> out;
    for (const std::string& given : options_.torrents) {
      std::error_code error;
      if (!fs::is_directory(given, error)) {
        out.push_back(given);
        continue;
      }
      std::vector<std::string> found;
      for (fs::directory_iterator at(given, error), end; !error && at != end; at.increment(error)) {
        if (at->path().extension() != ".torrent") continue;
        std::error_code gone;
        if (at->is_regular_file(gone)) {
          found.push_back(at->path().string());
        } else {  // a pipe would keep us waiting
          output_.warning(fmt::format("{}: not a regular file; left out", at->path().string()));
        }
      }
      if (error) failed(Error{Errc::io_error, fmt::format("{}: {}", given, error.message())});
      std::sort(found.begin(), found.end());
      out.insert(out.end(), found.begin(), found.end());
    }
    return out;
  }

  void add(const std::string& path) {
    auto metainfo = Metainfo::load(path);
    if (metainfo && !options_.transfer.encoding.empty()) {
      metainfo = (*metainfo)->with_encoding(options_.transfer.encoding);
    }
    if (!metainfo) return failed(metainfo.error());
    if (auto tradable = check_tradable(**metainfo); !tradable) return failed(tradable.error());
    AddTorrent add;
    add.metainfo = *metainfo;
    add.folder = options_.transfer.folder;
    add.read_only = true;
    add.may_park = true;
    auto id = client_->add(std::move(add));
    if (!id) return failed(id.error());
    Watched watched;
    watched.metainfo = *metainfo;
    watched.one_of_many = one_of_many_;
    watched.data_path = data_path(**metainfo, options_.transfer.folder);
    watched_.emplace(*id, std::move(watched));
  }

  int watch() {
    while (true) {
      inbox_.wait(tick);
      for (const auto& [id, event] : inbox_.take()) {
        const auto found = watched_.find(id);
        if (found == watched_.end()) continue;
        const bool began = found->second.began;
        tell(event, found->second, output_);
        if (found->second.began && !began) told_ready(id, found->second);
        any_failed_ = any_failed_ || found->second.failed;
      }
      if (!drop_failed()) return exit_failed;
      show();
      if (signals::stop_requested()) return exit_done;
    }
  }

  void told_ready(TorrentId id, const Watched& watched) {
    const Progress progress = client_->progress(id);
    const Metainfo& metainfo = *watched.metainfo;
    if (progress.complete) {
      if (!watched.one_of_many) {
        output_.message(
            fmt::format("{}: seeding, {}", metainfo.name(), format_size(metainfo.content_size())));
      }
      boost::json::object fields = torrent_fields(metainfo);
      fields["path"] = watched.data_path;
      fields["bytes"] = metainfo.content_size();
      output_.event("complete", std::move(fields));
    } else {
      output_.warning(
          fmt::format("{}: not whole; seeding the part that is right", metainfo.name()));
      note_transfer_in_state(state_folder_, metainfo, options_.transfer.folder, output_);
    }
  }

  // False when none is left.
  bool drop_failed() {
    if (!std::exchange(any_failed_, false)) return !watched_.empty();
    for (auto it = watched_.begin(); it != watched_.end();) {
      if (!it->second.failed) {
        ++it;
        continue;
      }
      failed(*it->second.failed);
      it = watched_.erase(it);
    }
    return !watched_.empty();
  }

  void show() {
    all_began_ = all_began_ || std::all_of(watched_.begin(), watched_.end(),
                                           [](const auto& entry) { return entry.second.began; });
    if (!all_began_) {
      HashingStatus hashing;
      for (const auto& [id, watched] : watched_) {
        hashing.bytes_done += watched.check.bytes_done;
        hashing.bytes_total += watched.check.bytes_total;
      }
      if (hashing.bytes_total > 0) output_.hashing(hashing);
      return;
    }
    if (!listening_) {
      listening_ = true;
      output_.end_progress();
      boost::json::object fields{{"port", client_->port()},
                                 {"peer_id", to_hex(client_->peer_id())}};
      fields["torrents"] = watched_.size();
      output_.event("listening", std::move(fields));
      output_.print(fmt::format("seeding {} on port {}", counted(watched_.size(), "torrent"),
                                client_->port()));
    }
    TransferStatus status;
    add_progress(client_->progress(), status);
    if (options_.transfer.explain) explainer_.add(*client_, ids(), status);
    output_.transfer(status);
  }

  std::vector<TorrentId> ids() const {
    std::vector<TorrentId> out;
    for (const auto& [id, watched] : watched_) out.push_back(id);
    return out;
  }

  int leave(int code) {
    output_.end_progress();
    TransferStatus status;
    add_progress(client_->progress(), status);
    for (const auto& [id, watched] : watched_) {
      tell_peers(*client_, id, watched.name(), output_);
    }
    stop_client(*client_, stop_grace, output_);
    output_.message(fmt::format("uploaded {}", format_size(status.uploaded)));
    output_.result(
        {{"torrents", watched_.size()}, {"failed", failures_}, {"uploaded", status.uploaded}});
    return code;
  }

  const Options& options_;
  Output& output_;
  Explainer explainer_;
  Inbox inbox_;  // outlives the client
  std::string state_folder_;
  std::unique_ptr<Client> client_;
  std::map<TorrentId, Watched> watched_;
  std::size_t failures_ = 0;
  bool one_of_many_ = false;
  bool any_failed_ = false, all_began_ = false, listening_ = false;
};

}  // namespace

void add_seed_command(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, line, "seed", "Share data that is there already; never writes to it",
                  examples, [options](Output& output) { return Seed(*options, output).run(); });
  command->add_option("TORRENT", options->torrents, "Torrents, and folders of torrents")
      ->required();
  add_transfer_flags(command, options->transfer);
}

}  // namespace barter::cli
