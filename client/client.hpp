// Client: the whole client behind one class; no Asio visible. Owns the network threads, the disk
// pool, the listener and the torrents. Methods may be called from any thread; handlers run on one
// thread of the client's own (never inside a call of yours) and must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "chunkstore/store.hpp"
#include "client/dht_client.hpp"
#include "client/swarm/config.hpp"
#include "client/swarm/swarm.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/result.hpp"

namespace barter {

struct ClientOptions {
  // Where peers reach us. Port 0 with fixed_port false: 6881 or the next free one.
  std::uint16_t port = 0;
  bool fixed_port = false;                // `--port`: busy is an error
  std::vector<Address> listen_addresses;  // empty: all, IPv4 and IPv6 by two sockets
  // Addresses of ours from which peers and trackers are contacted, and
  // of their families only. Empty: as the system chooses.
  std::vector<Address> connect_from;
  // `share`: somebody else listens there and calls adopt_connection(); no listener of our own.
  std::optional<std::uint16_t> adopted_port;
  unsigned network_threads = 1;
  unsigned disk_threads = 2;
  std::string state_folder;  // "" keeps none
  std::uint64_t download_limit = unlimited,
                upload_limit = unlimited;  // bytes a second, all torrents
  std::uint32_t max_connections = 400;     // all torrents
  bool local_discovery = false;            // BEP 14: multicast on the local network
  bool dht = false;                        // BEP 5, 32: for all torrents that are not private
  // Whom to ask first of all; the table in the state folder, torrents and peers know others.
  std::vector<HostPort> dht_bootstrap = well_known_dht_routers();
  SwarmConfig swarm;
  std::string trace_file;  // every swarm event with its actions; "" for none
};

enum class TorrentId : std::uint32_t {};

struct AddTorrent {
  std::shared_ptr<const Metainfo> metainfo;
  std::string folder;
  bool read_only = false;                // `seed`
  Existing existing = Existing::refuse;  // files of somebody else at its places
  std::vector<bool> doubted;  // by piece: hashed again whatever the state says; empty: none
  std::vector<VerifiedFile> verified;  // read_only: what the caller has hashed (StoreOptions)
  bool part_names = false;             // a file is NAME.part until it is whole (StoreOptions)
  std::string output;                  // what the file of a torrent of one file is called
  Allocation allocation = Allocation::sparse;
  std::vector<bool> selected;                                     // by file; empty: all
  std::vector<HostPort> peers;                                    // given by the user
  std::optional<std::vector<std::vector<std::string>>> trackers;  // instead of the torrent's own
};

// A torrent of which only a magnet link is known.
struct AddMagnet {
  InfoHash info_hash;  // every hash that the link names; a v1 hash is needed
  std::vector<std::vector<std::string>> trackers;
  std::vector<HostPort> peers;  // of the link and of the user
};

// What happened to a torrent, for a person or a program.
struct CheckProgress {  // hashing what is on disk
  std::uint64_t bytes_done = 0, bytes_total = 0;
};
struct TransferBegan {
  bool resumed = false;
  std::uint64_t have_bytes = 0;
  std::string file;  // of a torrent of one file: what it is called once it is whole
};
struct Completed {};   // every wanted byte verified and synced
struct FilesChanged {  // pieces withdrawn
  std::vector<std::string> paths;
};
struct FilesMissing {
  std::vector<std::string> paths;
};
struct FilesInTheWay {  // nothing was touched; Failed follows
  std::vector<InTheWay> files;
};
struct FilesKept {  // left alone, as wished; they count as not selected
  std::vector<std::string> paths;
  std::uint64_t bytes = 0;  // what the torrent has there
};
// What is known of the download cannot be written down: it goes on, but if it is interrupted now
// more must be hashed, or fetched, again. Without an error: it can be again.
struct StateTrouble {
  std::optional<Error> error;
};
struct FilesLeftOut {  // they can never be written as they are; they count as not selected
  struct File {
    std::string path, reason;
    std::uint64_t bytes = 0;
  };
  std::vector<File> files;
};
struct FilesNamed {  // what is called otherwise than the torrent says, or could not be named
  std::vector<NameNote> notes;
};
// A host that the user, or a link, names cannot be found: tried again for as long as it takes.
// Without an error: it has been found since.
struct HostUnknown {
  HostPort host;
  bool dht_node = false;  // else a peer
  std::optional<Error> error;
};
struct RootMissing {};
struct RootReturned {};
struct Failed {  // this torrent cannot go on
  Error error;
  // A file cannot be written any more. All else is safe: where the torrent is removed and added
  // again, that file is found and left out.
  bool write_refused = false;
};
using TorrentEvent =
    std::variant<CheckProgress, TransferBegan, Completed, FilesChanged, FilesMissing, FilesInTheWay,
                 FilesKept, FilesNamed, StateTrouble, FilesLeftOut, HostUnknown, RootMissing,
                 RootReturned, Failed, Notice>;
using TorrentHandler = std::function<void(TorrentId, const TorrentEvent&)>;

namespace net {
struct ClientHooks;
}

class Client {
 public:
  // Opens the listening sockets. Errors: address_in_use, permission_denied.
  static Result<std::unique_ptr<Client>> start(ClientOptions options, TorrentHandler handler);
  // For tests: parts of the inside replaced (client/net/client_hooks.hpp).
  static Result<std::unique_ptr<Client>> start(ClientOptions options, TorrentHandler handler,
                                               const net::ClientHooks& hooks);
  ~Client();  // stops at once if stop() was not called

  std::uint16_t port() const;      // of the listener
  std::uint16_t dht_port() const;  // of our node of the DHT (UDP); 0: there is none
  const PeerId& peer_id() const;

  // Opens the store, checks what must be checked, then trades. Errors are those of Store::open.
  Result<TorrentId> add(AddTorrent torrent);
  // Looks for peers and fetches the metainfo from them; then the notice MetadataComplete comes, and
  // the torrent waits for begin(), its links held. Errors: unsupported (v2 only), already_exists.
  Result<TorrentId> add(const AddMagnet& magnet);
  // As add() of that metainfo, with what add(AddMagnet) has found and its trackers. Once. After an
  // error the torrent is as before.
  Result<void> begin(TorrentId torrent, AddTorrent with);
  // Withdraws from the swarm: spills, syncs, announces `stopped` (at most `grace`); returns when
  // done. A disk that does not answer is waited for a few seconds more, then given up with a
  // DiskTrouble; what hangs in it is left behind.
  void remove(TorrentId torrent, Duration grace);
  // remove() for all, side by side.
  void stop(Duration grace);

  Progress progress(TorrentId torrent) const;
  std::vector<PeerProgress> peers(TorrentId torrent) const;
  std::string stall_reason(TorrentId torrent) const;
  void add_peers(TorrentId torrent, std::vector<HostPort> peers);
  // Somebody has announced to a tracker in this process: called, unless there is a link to it.
  void introduce(const WireInfoHash& info_hash, const PeerId& peer_id, const Endpoint& at);
  void set_limits(std::uint64_t download, std::uint64_t upload);  // bytes a second, all torrents

  // After stop(): has the trace file everything? Nothing to say where there is none.
  Result<void> trace_written() const;

  // A connection accepted elsewhere (the port of `share` serves HTTP
  // too), with the bytes read so far. Takes the descriptor.
  void adopt_connection(int descriptor, Endpoint remote, std::string received);

 private:
  class Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace barter
