// Announcer: which tracker to tell, what and when (BEP 3, 12, 21, 31). One tracker at a time: tiers
// in order, within a tier in an order shuffled once, the one that answered moved to its tier's
// front. Honours intervals and "retry in" within our own bounds, backs off with jitter. Owned by a
// Swarm; sends nothing itself.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/swarm/action.hpp"
#include "client/swarm/config.hpp"
#include "torrent/random.hpp"

namespace barter {

struct AnnounceOutcome;

class Announcer {
 public:
  // `tiers`: the number of trackers in each; TrackerId counts through them.
  Announcer(const std::vector<std::vector<std::string>>& tiers, Random& random);

  void start(TimePoint now);
  // Once, when a download ends; never for what was complete at the start.
  void completed(TimePoint now);
  // We want no more, though we lack pieces (BEP 21).
  void set_partial_seed(bool partial, TimePoint now);
  // `stopped` is due now, to the tracker that knows us; nothing is due after it.
  void stop();
  bool finished() const;  // stopped, and nothing is under way

  struct Due {
    TrackerId tracker{};
    AnnounceEvent event{};
    std::string tracker_id;
  };
  // `starving`: we have no peers and know none to try, or none brings us forward; announce as early
  // as the tracker allows, ever less often.
  std::optional<Due> take_due(bool starving, TimePoint now, const SwarmConfig& config);
  TimePoint next_deadline(bool starving, const SwarmConfig& config) const;
  void outcome(TrackerId tracker, const AnnounceOutcome& outcome, TimePoint now,
               const SwarmConfig& config, Random& random);

  // Blocks come: the next famine is another, though not quite a new one.
  void fed() { early_rounds_ = std::min(early_rounds_, 3u); }

  bool has_trackers() const { return !trackers_.empty(); }
  bool knows(TrackerId tracker) const {
    return static_cast<std::size_t>(tracker) < trackers_.size();
  }
  // The failure of the tracker tried last; empty after a success.
  const std::string& last_failure() const { return last_failure_; }
  bool answered() const { return answered_; }  // a tracker has answered, ever
  // True once for each change of a tracker's message.
  bool message_changed(TrackerId tracker, const std::string& message);

 private:
  struct Tracker {
    std::uint16_t tier = 0;
    std::uint8_t failures = 0;
    bool never_again = false;
    bool knows_us = false;  // `started` was answered
    TimePoint retry_at{};   // after a failure
    TimePoint answered_at{};
    Duration min_interval{};
    std::string tracker_id;
    std::string message;
  };
  AnnounceEvent event_for(const Tracker& tracker) const;
  std::optional<std::size_t> current(TimePoint now) const;  // the first in order to be tried now
  std::optional<std::size_t> working() const;               // the first that did not fail last
  bool farewell_due() const;
  TimePoint due_at(bool starving, const SwarmConfig& config) const;

  std::vector<Tracker> trackers_;
  std::vector<std::uint16_t> order_;  // of trying
  std::optional<std::size_t> in_flight_;
  AnnounceEvent in_flight_event_{};
  bool running_ = false, stopping_ = false, completed_ = false, partial_ = false;
  bool answered_ = false;
  TimePoint next_at_ = never;       // the regular one
  std::uint32_t early_rounds_ = 0;  // early announces in a row: each waits twice as long
  TimePoint last_answer_{};
  std::string last_failure_;
};

}  // namespace barter
