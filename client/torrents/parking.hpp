// Parking: the torrents of a client that may be parked, so that ten thousand of them cost next to
// nothing. Checks them first, a few at a time; wakes one when somebody calls, or when a tracker
// knows of somebody who lacks something; parks it again when it comes to rest; looks at the files
// of those that rest, announces them, and remembers how they looked (chunkstore/seed_memory).
//
// A torrent is here from add() to remove(). While it is awake it has a SwarmDriver, which Torrents
// holds. Any thread; blocking calls are made on the disk pool.
//
// Invariants: (1) `standing` is there in all phases but waits (before the
// first check), awake and ended. (2) Who rests has `verified`. (3)
// awake_cost_ is the sum of the cost of those that are `counted`.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "client/net/swarm_driver.hpp"
#include "client/torrents/parked.hpp"
#include "client/torrents/parked_announces.hpp"

namespace barter {

struct ParkingOptions {
  std::string state_folder;  // "": nothing is remembered
  std::shared_ptr<const SwarmConfig> swarm;
  std::size_t awake_descriptors = 256;  // of stores of torrents that are awake
  std::size_t files = 8;                // that one of them keeps open
  std::uint64_t seed = 0;               // of randomness
};

// What parking asks of the rest of the client. Called with its lock.
struct ParkingHost {
  // On the disk pool, without the lock. `keeps_state`: as with StoreOptions::lazy_state; else none.
  std::function<Result<std::shared_ptr<Store>>(const AddTorrent&, std::size_t files,
                                               bool keeps_state)>
      open_store;
  std::function<std::shared_ptr<net::SwarmDriver>(TorrentId, AddTorrent, std::shared_ptr<Store>,
                                                  std::optional<Standing>)>
      wake;
  std::function<void(TorrentId)> parked;  // its driver has ended
  std::function<std::shared_ptr<net::SwarmDriver>(TorrentId)> find;
  std::function<void(TorrentId, TorrentEvent)> emit;
};

class Parking {
 public:
  Parking(ParkingOptions options, const net::DriverShared& shared, Files& files, ParkingHost host);
  ~Parking();

  void start();  // its rounds
  void stop();   // on the service thread

  void add(TorrentId id, AddTorrent torrent);
  // Those that rest say goodbye to their trackers, at most `grace` long.
  void remove(const std::vector<TorrentId>& torrents, Duration grace);
  void deliver(TorrentId id, std::unique_ptr<link::Stream> stream, Endpoint remote);
  void add_found(TorrentId id, PeerSource source, std::span<const Endpoint> peers);
  void network_changed();
  // Of torrents that have no driver; nothing of others.
  std::optional<Progress> progress(TorrentId id) const;
  void add_up(Progress& sum) const;

  // From drivers.
  void rested(TorrentId id, net::Rest rest);
  // False where the user has heard of it before.
  bool heard(TorrentId id, const TorrentEvent& event);

 private:
  struct Folder {  // the one that was used last: mostly all torrents lie in one
    std::string path, canonical;
    FileHandle handle;
    std::uint64_t file_system = 0;
  };

  Parked* find(TorrentId id);
  bool was_whole(Parked& parked);
  Folder* open_folder(const std::string& path);
  void park(TorrentId id, Parked& parked, Standing standing);
  void wake(TorrentId id, Parked& parked);
  void open_more();
  void open(TorrentId id, Parked& parked);
  Result<std::shared_ptr<Store>> open_store(const AddTorrent& torrent, bool rested);
  void opened(TorrentId id, AddTorrent torrent, Result<std::shared_ptr<Store>> store);
  void settled(Parked& parked);
  void release(Parked& parked);
  std::size_t cost(const Parked& parked) const;
  Standing first_standing(const AddTorrent& torrent);

  // Rounds, on the service thread.
  void arm();
  void round();
  void announce_soon();
  void announce_due();
  void announced(TorrentId id, TrackerId tracker, const AnnounceOutcome& outcome);
  void look_at_some();
  void looked(TorrentId id, const ParkedLooks& looks);
  void remember(const Parked& parked);
  void write_memory();
  void read_memory();

  const ParkingOptions options_;
  const net::DriverShared& shared_;
  Files& files_;
  const ParkingHost host_;
  boost::asio::steady_timer timer_;

  mutable std::mutex mutex_;  // of what follows
  std::map<TorrentId, Parked> torrents_;
  ParkedAnnounces announces_;
  Random random_;
  std::deque<TorrentId> waiting_;  // to be opened
  std::size_t starting_ = 0;       // opened, and not yet whole or otherwise
  std::size_t awake_cost_ = 0;     // descriptors
  bool looking_ = false, announcing_soon_ = false;
  TorrentId looked_last_{};
  std::optional<Folder> folder_;
  bool memory_read_ = false;
  std::multimap<WireInfoHash, SeedRecord> memory_;  // as it was found, and not used yet
  std::vector<SeedRecord> to_remember_;
  unsigned rounds_ = 0;
  bool stopped_ = false;
};

}  // namespace barter
