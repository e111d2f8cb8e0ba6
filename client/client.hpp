// Client: the whole client behind one class; no Asio visible. Owns the network threads, the disk
// pool, the listener and the torrents. Methods may be called from any thread; handlers run on one
// thread of the client's own (never inside a call of yours) and must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/add_torrent.hpp"
#include "client/dht_client.hpp"
#include "client/swarm/config.hpp"
#include "client/swarm/swarm.hpp"
#include "client/torrent_event.hpp"
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
  Progress progress() const;  // of all; of what limits them, that of the one with most peers
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
