// Torrents: the table of all torrents of a client, by id and by what is
// said on the wire; and how they share rates and memory. Those that may be
// parked are in Parking, too. Owned by the Client. Any thread.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "chunkstore/written_files.hpp"
#include "client/net/io_threads.hpp"
#include "client/net/rate_lease.hpp"
#include "client/net/swarm_driver.hpp"
#include "client/torrents/parking.hpp"

namespace barter {

struct TorrentsOptions {
  std::string state_folder;
  std::shared_ptr<const SwarmConfig> swarm;
  std::uint64_t download_limit = unlimited, upload_limit = unlimited;  // bytes a second
  std::uint64_t block_bytes_beyond = 0;                                // ClientHooks
  std::uint32_t max_connections = 0;
  std::size_t files = 64;               // that a torrent keeps open
  std::size_t awake_descriptors = 256;  // ParkingOptions
};

class Torrents {
 public:
  // What is given here outlives it; the disk pool ends before it is destroyed.
  Torrents(TorrentsOptions options, const net::DriverShared& shared, net::IoThreads& threads,
           Files& files, std::function<void(TorrentId, TorrentEvent)> emit);

  void start();  // its rounds
  void stop();   // the same; all torrents have been removed

  Result<TorrentId> add(AddTorrent torrent);
  Result<TorrentId> add(const AddMagnet& magnet);
  Result<void> begin(TorrentId id, AddTorrent torrent);
  // Returns when they have withdrawn. A disk that does not answer is given up after a while.
  void remove(const std::vector<TorrentId>& torrents, Duration grace);
  std::vector<TorrentId> all() const;
  bool gave_up() const { return gave_up_; }  // on a disk

  // Those that trade.
  std::shared_ptr<net::SwarmDriver> find(TorrentId id) const;
  // Somebody who calls, or is found; nothing happens where we do not have that torrent.
  void deliver(const WireInfoHash& info_hash, std::unique_ptr<link::Stream> stream,
               Endpoint remote);
  void add_found(const WireInfoHash& info_hash, PeerSource source, std::span<const Endpoint> peers);
  void introduce(const WireInfoHash& info_hash, const PeerId& peer_id, const Endpoint& at);
  void network_changed();
  void set_limits(std::uint64_t download, std::uint64_t upload);
  Progress progress(TorrentId id) const;
  Progress total() const;  // of all; summaries are those of the one with most connections

  // From drivers.
  void heard(TorrentId id, TorrentEvent event);
  void rested(TorrentId id, net::Rest rest) { parking_.rested(id, std::move(rest)); }

 private:
  struct Trading {
    std::shared_ptr<net::SwarmDriver> driver;
    net::LeaseUse download, upload;
    std::uint64_t open_piece_bytes = 0;
  };
  ParkingOptions parking_options() const;
  ParkingHost parking_host();
  std::shared_ptr<net::SwarmDriver> wake(TorrentId id, AddTorrent torrent,
                                         std::shared_ptr<Store> store,
                                         std::optional<Standing> standing);
  Result<std::shared_ptr<Store>> open_store(const AddTorrent& torrent, std::size_t files,
                                            bool lazy_state, bool keeps_state);
  std::optional<TorrentId> find(const WireInfoHash& info_hash) const;
  // With the lock.
  Result<TorrentId> claim(const WireInfoHash& info_hash);
  void trade(TorrentId id, const std::shared_ptr<net::SwarmDriver>& driver);
  void share_memory();
  void share_rates();
  static void lease(Trading& torrent, std::uint64_t download, std::uint64_t upload);
  void arm_leases();
  void renew_leases();

  const TorrentsOptions options_;
  const net::DriverShared& shared_;
  net::IoThreads& threads_;
  Files& files_;
  const std::function<void(TorrentId, TorrentEvent)> emit_;
  const std::shared_ptr<WrittenFiles> written_ = std::make_shared<WrittenFiles>();
  boost::asio::steady_timer lease_timer_;

  mutable std::mutex mutex_;               // of what follows; taken after that of parking_
  std::map<WireInfoHash, TorrentId> ids_;  // of all
  std::map<TorrentId, Trading> trading_;   // but those that are parked, or have not begun
  std::uint32_t next_id_ = 1;
  std::uint64_t download_limit_, upload_limit_;
  std::atomic<bool> gave_up_ = false;

  Parking parking_;
};

}  // namespace barter
