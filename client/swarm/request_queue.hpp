// RequestQueue: the blocks asked of one peer and not yet come, oldest
// first, and how many there should be.
//
// The window follows the measured rate: rate x (shortest delay seen + horizon), but no
// more than the usual most, or four times rate x delay where the peer is far away. The
// rate is sampled as in BBR: each request remembers how much had come when it went out, so
// a sample spans one round trip. A sample above the estimate is believed at once, one
// below pulls it down over a second. Until the queue begins to build up at the peer the
// window also grows by one a block, which doubles it each round trip.
//
// Whatever the rate says, no more is asked at once than the peer has shown it can hold: sixteen,
// and two more with each block. Peers advertise more than they have room for, and then keep
// silent (anacrolix/torrent: 1024 requests, and 1 MiB). Once one has, with that many requests
// out, it is asked for few, then soon for a quarter of what was too many, and from there on for
// one more with every four windows. A value type; time is an argument.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "client/swarm/config.hpp"
#include "client/swarm/ring.hpp"
#include "torrent/layout.hpp"
#include "torrent/time.hpp"

namespace barter {

class RequestQueue {
 public:
  struct Entry {
    BlockRef block;
    TimePoint sent{};
    std::uint64_t delivered = 0;  // bytes that had come by then
  };

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  const Entry& operator[](std::size_t index) const { return entries_[index]; }

  void add(BlockRef block, TimePoint now);
  // It has come: true if it was asked for. Updates the estimates.
  bool delivered(BlockRef block, std::uint32_t bytes, TimePoint now, const SwarmConfig& config);
  // Given up, by us or by the peer: true if it was there.
  bool remove(BlockRef block);
  void clear();

  // Nothing has come for long of what is out: the peer is asked for less at once from now on.
  void stalled();
  static constexpr std::size_t few = 2;

  // How many requests should be out. `peer_limit` is the peer's reqq.
  std::uint32_t window(const SwarmConfig& config, std::uint32_t peer_limit) const;

  // Bytes a second; 0 before the first sample.
  std::uint64_t rate() const { return static_cast<std::uint64_t>(rate_); }
  // From a request to its block, the shortest seen; Duration::max() before the first.
  Duration shortest_delay() const { return shortest_delay_; }
  // When the entry should have come, seen from now; `unknown` before the first sample.
  std::optional<Duration> expected(std::size_t index) const;

  // Late entries are a prefix of the queue: late_count() of them were seen to be overdue.
  std::size_t late_count() const { return late_; }
  bool is_late(BlockRef block) const;
  // When the next entry becomes overdue; `never` if none can.
  TimePoint next_late(const SwarmConfig& config) const;
  // The next overdue entry, now counted as late.
  std::optional<BlockRef> take_late(TimePoint now, const SwarmConfig& config);
  // How long nothing may come before the peer counts as silent.
  Duration patience(const SwarmConfig& config) const;

 private:
  Duration timeout(const SwarmConfig& config) const;
  double most(const SwarmConfig& config) const;
  void sample(const Entry& entry, TimePoint now, const SwarmConfig& config);
  std::optional<std::size_t> find(BlockRef block) const;
  void erase(std::size_t index);

  Ring<Entry> entries_;
  std::size_t late_ = 0;
  std::uint64_t delivered_ = 0;  // bytes
  double rate_ = 0;              // bytes a second
  Duration shortest_delay_ = Duration::max();
  TimePoint last_delivery_{};
  std::uint32_t slow_start_ = 8;  // the window while it is still doubling
  bool ramping_ = true;
  // What the peer is known to hold: `few` once it has stalled, else
  // first_requests, and what was added since.
  bool stalled_ = false;
  double grown_ = 0;
  double steady_ = std::numeric_limits<double>::infinity();  // from where on slowly
};

}  // namespace barter
