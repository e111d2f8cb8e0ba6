// What `get` and `seed` have in common: their flags, the way of a Client's events to the command's
// own thread, and how those events are told.
#pragma once

#include "cli/command.hpp"
#include "client/client.hpp"

#include <boost/json/object.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace barter::cli {

struct TransferFlags {
  std::string folder = ".";
  std::vector<std::string> listen;
  std::uint16_t port = 0;  // 0: 6881 or the next free one
  std::uint64_t down_limit = unlimited, up_limit = unlimited;
  std::uint32_t max_peers = 0;  // 0: the client's own idea
  std::string state_folder, trace_file;
  std::string encoding;  // of names that are not UTF-8; empty: what the torrent says
  bool explain = false;
  bool no_pex = false, no_lsd = false, no_dht = false;
  std::vector<std::string> dht_nodes;
};
void add_explain_flag(CLI::App* command, bool& explain);
void add_transfer_flags(CLI::App* command, TransferFlags& flags);
// What is to be said of the state folder goes to `output`.
Result<ClientOptions> client_options(const TransferFlags& flags, Output& output);

// Events of a Client, handed from its thread to the one that waits here.
class Inbox {
 public:
  Inbox();
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // For Client::start; the Inbox outlives the Client. Of all PieceVerified only the first is kept.
  TorrentHandler handler();
  // Sleeps until there are events, a signal asks us to stop, or the time is over.
  void wait(std::chrono::milliseconds timeout);
  std::vector<std::pair<TorrentId, TorrentEvent>> take();

 private:
  const int wake_descriptor_;
  std::mutex mutex_;
  std::vector<std::pair<TorrentId, TorrentEvent>> events_;
  std::atomic<bool> verified_one_ = false;
};

// A torrent that a command looks after.
struct Watched {
  std::shared_ptr<const Metainfo> metainfo;  // null: a magnet link's that has not come yet
  std::string link_name;                     // shown until then
  std::string data_path;                     // where its file or folder is
  CheckProgress check;                       // of the hashing at the start
  bool one_of_many = false;                  // that all is well with it is not said
  bool began = false;                        // it trades
  bool complete = false;
  std::vector<std::string> kept;     // paths of files that were left alone
  std::uint64_t kept_bytes = 0;      // what the torrent has there
  std::vector<std::string> unnamed;  // whole, but something else has their names
  std::optional<Error> failed;
  bool write_refused = false;                // why it failed: what Failed says of it
  std::vector<FilesLeftOut::File> left_out;  // they cannot be written
  const std::string& name() const { return metainfo ? metainfo->name() : link_name; }
};

// The file or the folder that the torrent describes, below `folder`.
std::string data_path(const Metainfo& metainfo, const std::string& folder);

// Tells what needs no decision of the command: everything but
// Completed and Failed, which only change `watched`.
void tell(const TorrentEvent& event, Watched& watched, Output& output);

// {peer_id, address, client, downloaded, uploaded, ...} of one connection, as in the event `peer`.
boost::json::object peer_fields(const PeerProgress& peer);
// An event `peer` for each connection that is still there.
void tell_peers(const Client& client, TorrentId torrent, const std::string& name, Output& output);

// What begins, for `barter state`; trouble is told. And, once a day, what belongs to data that has
// long been gone is dropped.
void note_transfer_in_state(const std::string& state_folder, const Metainfo& metainfo,
                            const std::string& folder, Output& output);
void sweep_state_folder(const std::string& state_folder, Output& output);

// Client::stop, and the end of its trace, which may have found no room.
void stop_client(Client& client, Duration grace, Output& output);

// The sum over torrents, for the progress line.
void add_progress(const Progress& progress, TransferStatus& status);
TransferStatus transfer_status(const Client& client, const std::vector<TorrentId>& torrents);

}  // namespace barter::cli
