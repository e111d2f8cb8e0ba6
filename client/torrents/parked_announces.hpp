// ParkedAnnounces: the one announce schedule of all torrents that are parked. Each keeps what its
// trackers know in its Standing; here is when the next is due, and how many are under way. Owned by
// Parking, under whose lock everything but the answers happens; on the service thread.
#pragma once

#include <functional>
#include <map>

#include "client/net/swarm_driver.hpp"
#include "client/torrents/parked.hpp"

namespace barter {

class ParkedAnnounces {
 public:
  // A tracker has answered; on the service thread, without the lock.
  using Answered = std::function<void(TorrentId, TrackerId, const AnnounceOutcome&)>;

  ParkedAnnounces(const net::DriverShared& shared, std::shared_ptr<const SwarmConfig> config,
                  std::uint64_t seed, Answered answered);

  // Whenever what a torrent's announcer knows has changed. Torrents without trackers take no place.
  void schedule(TorrentId id, Parked& parked, TimePoint not_before = {});
  // The next that is due; nothing while enough are under way.
  std::optional<TorrentId> first_due(TimePoint now) const;
  TimePoint next_deadline() const;
  // Asks what is due, then schedules it again.
  void announce(TorrentId id, Parked& parked, TimePoint now);
  // Whether the peers of this answer are to be used.
  bool heard(TorrentId id, Parked& parked, TrackerId tracker, const AnnounceOutcome& outcome,
             TimePoint now);
  void answered() { --under_way_; }
  // Says goodbye to the trackers that know us, once; how many were asked.
  std::size_t say_goodbye(Parked& parked, TimePoint now, const std::function<void()>& done);

 private:
  static constexpr std::size_t most_under_way = 256;
  // With more torrents than that trackers are asked at their intervals only, not early.
  static constexpr std::size_t most_eager = 1000;

  Need need() const { return due_.size() <= most_eager ? Need::newcomers : Need::nothing; }
  Announce to_announce(const Parked& parked, const Announcer::Due& due) const;

  const net::DriverShared& shared_;
  const std::shared_ptr<const SwarmConfig> config_;
  Random random_;
  const Answered answered_;
  std::multimap<TimePoint, TorrentId> due_;
  std::size_t under_way_ = 0;
};

}  // namespace barter
