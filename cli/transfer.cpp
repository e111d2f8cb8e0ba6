#include "cli/transfer.hpp"
#include "cli/disk_names.hpp"

#include "cli/flags.hpp"
#include "cli/signals.hpp"
#include "cli/sizes.hpp"
#include "cli/state_entries.hpp"
#include "cli/state_folder.hpp"
#include "cli/text.hpp"
#include "torrent/overloaded.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

namespace barter::cli {
namespace {

void tell_paused(const std::string& name, const std::string& reason, Output& output) {
  output.event("paused", {{"name", name}, {"paused", true}, {"reason", valid_utf8(reason)}});
  output.message(fmt::format("{}: paused: {}", name, reason));
}

void tell_going_on(const std::string& name, Output& output) {
  output.event("paused", {{"name", name}, {"paused", false}});
  output.message(fmt::format("{}: goes on", name));
}

void tell_state(const std::string& name, const StateTrouble& trouble, Output& output) {
  boost::json::object fields{{"name", name}, {"kept", !trouble.error}};
  if (trouble.error) fields["reason"] = valid_utf8(trouble.error->message);
  output.event("state", std::move(fields));
  if (trouble.error) {
    output.warning(
        fmt::format("{}: what is known of it cannot be kept ({}); it goes on, but if it "
                    "is interrupted now, more must be checked again. Make room there, "
                    "or choose another place with --state-dir",
                    name, trouble.error->message));
  } else {
    output.message(fmt::format("{}: what is known of it is kept again", name));
  }
}

void tell_unknown(const std::string& name, const HostUnknown& unknown, Output& output) {
  const std::string host = to_string(unknown.host);
  const char* what = unknown.dht_node ? "DHT node" : "peer";
  boost::json::object fields{{"name", name},
                             {"host", host},
                             {"what", unknown.dht_node ? "dht_node" : "peer"},
                             {"found", !unknown.error}};
  if (unknown.error) fields["reason"] = valid_utf8(unknown.error->message);
  output.event("host", std::move(fields));
  if (unknown.error) {
    output.warning(fmt::format("{}: the {} {} is not found: {}; will try again", name, what, host,
                               unknown.error->message));
  } else {
    output.message(fmt::format("{}: the {} {} is found now", name, what, host));
  }
}

void tell_paths(const std::string& name, const std::vector<std::string>& paths, const char* what,
                Output& output) {
  constexpr std::size_t most = 20;
  for (std::size_t i = 0; i < std::min(paths.size(), most); ++i) {
    output.warning(fmt::format("{}: {}", paths[i], what));
  }
  if (paths.size() > most) {
    output.warning(fmt::format("{}: {} more files {}", name, paths.size() - most, what));
  }
}

constexpr std::size_t most_listed = 20;

// For a person no more than fit on a screen.
void list_files(const std::vector<std::string>& lines, Output& output) {
  for (std::size_t i = 0; i < std::min(lines.size(), most_listed); ++i) {
    output.message("  " + lines[i]);
  }
  if (lines.size() > most_listed) {
    output.message(fmt::format("  and {} more", lines.size() - most_listed));
  }
}

void tell_in_the_way(const std::string& name, const std::vector<InTheWay>& files, Output& output) {
  boost::json::array list;
  std::vector<std::string> lines;
  for (const InTheWay& file : files) {
    list.push_back({{"path", file.path},
                    {"size", file.size},
                    {"reason", file.linked ? "hard_links" : "foreign"}});
    lines.push_back(fmt::format("{} ({}{})", file.path, format_size(file.size),
                                file.linked ? ", has other names" : ""));
  }
  output.event("in_the_way", {{"name", name}, {"files", std::move(list)}});
  if (files.size() == 1) return;  // the error names it
  output.message(fmt::format("{}: {} in the way:", name, counted(files.size(), "file")));
  list_files(lines, output);
}

void tell_left_out(const std::string& name, const std::vector<FilesLeftOut::File>& files,
                   Output& output) {
  boost::json::array list;
  std::vector<std::string> lines;
  for (const FilesLeftOut::File& file : files) {
    list.push_back({{"path", file.path}, {"reason", valid_utf8(file.reason)}});
    lines.push_back(file.reason);
  }
  output.event("left_out", {{"name", name}, {"files", std::move(list)}});
  output.message(fmt::format("{}: {} cannot be written and {} left out:", name,
                             counted(files.size(), "file"), files.size() == 1 ? "is" : "are"));
  list_files(lines, output);
}

void tell_kept(const std::string& name, const std::vector<std::string>& paths, Output& output) {
  output.event("kept", {{"name", name}, {"paths", boost::json::array(paths.begin(), paths.end())}});
  output.message(fmt::format("{}: kept as {}, and not fetched:", name,
                             paths.size() == 1 ? "it is" : "they are"));
  list_files(paths, output);
}

void tell_notice(const Notice& notice, const std::string& name, Output& output) {
  std::visit(
      Overloaded{
          [&](const PieceFailed& failed) {
            output.warning(fmt::format("{}: piece {} came with wrong bytes; fetching it again",
                                       name, to_number(failed.piece)));
          },
          [&](const PeerBanned& banned) {
            output.warning(fmt::format("{}: peer {} banned: {}", name, to_string(banned.endpoint),
                                       banned.reason));
          },
          [&](const DiskTrouble& trouble) { tell_paused(name, trouble.message, output); },
          [&](const DiskRecovered&) { tell_going_on(name, output); }, [](const WriteRefused&) {},
          [&](const TrackerMessage& message) {
            output.warning(fmt::format("{}: tracker: {}", name, message.message));
          },
          [&](const PeerLeft& left) {
            if (!output.json()) return;
            boost::json::object fields = peer_fields(left.peer);
            fields["name"] = name;
            fields["connected"] = false;
            fields["reason"] = to_string(left.reason);
            output.event("peer", std::move(fields));
          },
          [&](const FirstPeer& first) {
            output.event("first_peer", {{"name", name},
                                        {"address", to_string(first.endpoint)},
                                        {"source", to_string(first.source)}});
          },
          [&](const PieceVerified& verified) {
            output.event("first_piece", {{"name", name}, {"piece", to_number(verified.piece)}});
          },
          [](const WantedComplete&) {}, [](const MetadataComplete&) {}},
      notice);
}

}  // namespace

Inbox::Inbox() : wake_descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Inbox::~Inbox() {
  close(wake_descriptor_);
}

TorrentHandler Inbox::handler() {
  return [this](TorrentId id, const TorrentEvent& event) {
    const auto* notice = std::get_if<Notice>(&event);
    // Thousands a second, of which only the first is news: progress() tells the rest.
    if (notice != nullptr && std::holds_alternative<PieceVerified>(*notice) &&
        verified_one_.exchange(true))
      return;
    const std::lock_guard lock(mutex_);
    events_.emplace_back(id, event);
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_descriptor_, &one, sizeof one);
  };
}

void Inbox::wait(std::chrono::milliseconds timeout) {
  signals::wait(timeout, wake_descriptor_);
}

std::vector<std::pair<TorrentId, TorrentEvent>> Inbox::take() {
  const std::lock_guard lock(mutex_);
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = read(wake_descriptor_, &count, sizeof count);
  return std::exchange(events_, {});
}

void note_transfer_in_state(const std::string& state_folder, const Metainfo& metainfo,
                            const std::string& folder, Output& output) {
  const auto names = remembered_names(metainfo, folder, state_folder);
  if (!names || state_folder.empty()) return;
  if (auto noted = note_transfer(state_folder, metainfo, folder, *names); !noted) {
    output.warning(
        fmt::format("{}: where it is cannot be noted: {}", metainfo.name(), noted.error().message));
  }
}

void sweep_state_folder(const std::string& state_folder, Output& output) {
  for (const StateEntry& entry :
       sweep_state(state_folder, current_mounts(), std::chrono::system_clock::now())) {
    output.message(fmt::format("{}: forgotten, as it has been gone for 90 days", entry.path));
  }
}

void stop_client(Client& client, Duration grace, Output& output) {
  signals::ending();
  client.stop(grace);
  if (auto whole = client.trace_written(); !whole) output.fall_short(whole.error());
}

void add_explain_flag(CLI::App* command, bool& explain) {
  command->add_flag("--explain", explain,
                    "Show what limits the rates, of the whole and of each of the fastest peers");
}

void add_transfer_flags(CLI::App* command, TransferFlags& flags) {
  command->add_option("--dir", flags.folder, "Where the data is or goes; default: here")
      ->type_name("DIR");
  add_encoding_option(command, flags.encoding);
  command
      ->add_option("--port", flags.port, "Where peers reach us; default: 6881 or the next free one")
      ->check(CLI::Range(1, 65535))
      ->type_name("PORT");
  command
      ->add_option("--listen", flags.listen,
                   "Meet peers and trackers at this address of ours; default: all (repeatable)")
      ->allow_extra_args(false)
      ->type_name("ADDRESS");
  add_rate_option(command, "--down-limit", flags.down_limit,
                  "Bytes a second, as 500KiB or 1MB; or 100Mbit");
  add_rate_option(command, "--up-limit", flags.up_limit,
                  "Bytes a second, as 500KiB or 1MB; or 100Mbit");
  command->add_option("--max-peers", flags.max_peers, "Connections at a time")
      ->check(CLI::Range(1, 100'000))
      ->type_name("N");
  command
      ->add_option("--state-dir", flags.state_folder,
                   "Where barter remembers what it has; default: $XDG_STATE_HOME/barter")
      ->type_name("DIR");
  command
      ->add_option("--trace", flags.trace_file, "Write every event and decision of the swarm there")
      ->type_name("FILE");
  command->add_flag("--no-dht", flags.no_dht, "Do not take part in the DHT");
  command
      ->add_option("--dht-node", flags.dht_nodes,
                   "Enter the DHT here, not by the well-known routers (repeatable)")
      ->allow_extra_args(false)
      ->type_name("HOST:PORT");
  command->add_flag("--no-pex", flags.no_pex,
                    "Do not tell peers of each other, nor listen to that");
  command->add_flag("--no-lsd", flags.no_lsd, "Do not look for peers on the local network");
  add_explain_flag(command, flags.explain);
}

Result<ClientOptions> client_options(const TransferFlags& flags, Output& output) {
  ClientOptions options;
  options.port = flags.port;
  options.fixed_port = flags.port != 0;
  options.listen_addresses = options.connect_from = parse_addresses("--listen", flags.listen);
  options.download_limit = flags.down_limit;
  options.upload_limit = flags.up_limit;
  if (flags.max_peers != 0) {
    options.max_connections = flags.max_peers;
    options.swarm.max_connections = flags.max_peers;
  }
  options.trace_file = flags.trace_file;
  options.swarm.peer_exchange = !flags.no_pex;
  options.local_discovery = !flags.no_lsd;
  options.dht = !flags.no_dht;
  if (!flags.dht_nodes.empty()) options.dht_bootstrap = parse_peers(flags.dht_nodes, "--dht-node");
  auto folder = state_folder(flags.state_folder, &output);
  if (!folder) return folder.error();
  options.state_folder = std::move(*folder);
  return options;
}

std::string data_path(const Metainfo& metainfo, const std::string& folder) {
  std::string name = metainfo.name();
  if (!metainfo.multi_file()) {
    const auto& files = metainfo.files();
    const auto file =
        std::find_if(files.begin(), files.end(), [](const File& f) { return !f.pad; });
    if (file != files.end()) name = file->path;
  }
  if (folder.empty() || folder == ".") return name;
  return folder + (folder.ends_with('/') ? "" : "/") + name;
}

void tell(const TorrentEvent& event, Watched& watched, Output& output) {
  const std::string& name = watched.name();
  std::visit(
      Overloaded{[&](const CheckProgress& progress) { watched.check = progress; },
                 [&](const TransferBegan& began) {
                   watched.began = true;
                   if (!began.file.empty()) {
                     watched.data_path.replace(watched.data_path.rfind('/') + 1, std::string::npos,
                                               began.file);
                   }
                   watched.check.bytes_done = watched.check.bytes_total;
                   const auto have = std::min(began.have_bytes, watched.metainfo->content_size());
                   if (began.resumed && have > 0 && !watched.one_of_many) {
                     output.message(fmt::format("{}: resumed with {}", name, format_size(have)));
                   }
                 },
                 [&](const Completed&) { watched.complete = true; },
                 [&](const FilesChanged& changed) {
                   tell_paths(name, changed.paths, "changed by another program; checked again",
                              output);
                 },
                 [&](const FilesMissing& missing) {
                   tell_paths(name, missing.paths, "missing or too short", output);
                 },
                 [&](const FilesInTheWay& files) { tell_in_the_way(name, files.files, output); },
                 [&](const FilesKept& kept) {
                   watched.kept = kept.paths;
                   watched.kept_bytes = kept.bytes;
                   tell_kept(name, kept.paths, output);
                 },
                 [&](const StateTrouble& trouble) { tell_state(name, trouble, output); },
                 [&](const FilesLeftOut& left_out) {
                   watched.left_out = left_out.files;
                   tell_left_out(name, left_out.files, output);
                 },
                 [&](const FilesNamed& named) { tell_names(named.notes, watched, output); },
                 [&](const HostUnknown& unknown) { tell_unknown(name, unknown, output); },
                 [&](const RootMissing&) {
                   tell_paused(name, "its folder has gone; waiting for it", output);
                 },
                 [&](const RootReturned&) { tell_going_on(name, output); },
                 [&](const Failed& failed) {
                   watched.failed = failed.error;
                   watched.write_refused = failed.write_refused;
                 },
                 [&](const Notice& notice) { tell_notice(notice, name, output); }},
      event);
}

boost::json::object peer_fields(const PeerProgress& peer) {
  return {{"peer_id", to_hex(peer.peer_id)},   {"address", to_string(peer.remote)},
          {"client", valid_utf8(peer.client)}, {"source", to_string(peer.source)},
          {"outgoing", peer.outgoing},         {"downloaded", peer.downloaded},
          {"uploaded", peer.uploaded},         {"pieces", peer.pieces}};
}

void tell_peers(const Client& client, TorrentId torrent, const std::string& name, Output& output) {
  if (!output.json()) return;
  for (const PeerProgress& peer : client.peers(torrent)) {
    boost::json::object fields = peer_fields(peer);
    fields["name"] = name;
    fields["connected"] = true;
    output.event("peer", std::move(fields));
  }
}

void add_progress(const Progress& progress, TransferStatus& status) {
  if (!status.down_limit || progress.connections > status.limited_peers) {
    status.down_limit = progress.download_limit;
    status.up_limit = progress.upload_limit;
    status.limited_peers = progress.connections;
  }
  status.bytes_done += progress.verified_bytes;
  status.bytes_total += progress.wanted_bytes;
  status.bytes_received += progress.received_bytes;
  status.downloaded += progress.downloaded;
  status.uploaded += progress.uploaded;
  status.down_rate += progress.download_rate;
  status.up_rate += progress.upload_rate;
  status.peers += progress.connections;
  status.seeds += progress.seeds;
}

TransferStatus transfer_status(const Client& client, const std::vector<TorrentId>& torrents) {
  TransferStatus out;
  for (const TorrentId id : torrents) add_progress(client.progress(id), out);
  return out;
}

}  // namespace barter::cli
