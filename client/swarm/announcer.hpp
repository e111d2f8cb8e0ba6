// Announcer: which tracker to tell, what and when (BEP 3, 12, 21, 31). Every tier is told by
// itself, all side by side; within a tier one tracker after the other, in an order shuffled once,
// the one that answered moved to the front. While none at all answers, a tier that waits asks more
// of its trackers, twice as many each time, so that hundreds of dead ones do not stand before the
// one that lives. A private torrent has one tracker at a time, of all tiers (BEP 27); one that does
// not answer is not waited for long if there is another. Honours intervals and "retry in" within
// our own bounds, backs off with jitter. Owned by a Swarm; sends nothing itself.
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

// Why trackers should be asked for peers before their interval is over.
enum class Need : std::uint8_t {
  nothing,
  newcomers,  // we have all, and nobody to give it to
  peers,      // we have none and know none to try, or none brings us forward
};

class Announcer {
 public:
  // `tiers`: the trackers of each; TrackerId counts through them.
  Announcer(const std::vector<std::vector<std::string>>& tiers, bool one_at_a_time, Random& random);

  void start(TimePoint now);
  // Once, when a download ends; never for what was complete at the start.
  void completed(TimePoint now);
  // The torrent has shown to be private: from now on one tracker at a time.
  void take_turns();
  // We want no more, though we lack pieces (BEP 21).
  void set_partial_seed(bool partial, TimePoint now);
  // We are reached elsewhere from now on: all are told as soon as they allow it, those that failed
  // too, since it may have been our network that did.
  void address_changed(TimePoint now);
  // `stopped` is due now, to the trackers that know us; nothing is due after it.
  void stop();
  bool finished() const;  // stopped, and nothing is under way
  bool any_in_flight() const;

  struct Due {
    TrackerId tracker{};
    AnnounceEvent event{};
    std::string tracker_id;
  };
  // One that is due; more may be, until it returns nothing. In need we announce as early as the
  // trackers allow, ever less often.
  std::optional<Due> take_due(Need need, TimePoint now, const SwarmConfig& config);
  TimePoint next_deadline(Need need, const SwarmConfig& config) const;
  // False if the peers of this answer are not to be used: another tracker is in use by now, and one
  // at a time is allowed.
  bool outcome(TrackerId tracker, const AnnounceOutcome& outcome, TimePoint now,
               const SwarmConfig& config, Random& random);

  // Blocks come: the next famine is another, though not quite a new one.
  void fed() {
    for (Group& group : groups_) group.early_rounds = std::min(group.early_rounds, 3u);
  }

  bool has_trackers() const { return !trackers_.empty(); }
  bool knows(TrackerId tracker) const {
    return static_cast<std::size_t>(tracker) < trackers_.size();
  }
  // The last failure, if no tracker works; empty after a success.
  const std::string& last_failure() const { return last_failure_; }
  bool answered() const { return answered_; }  // a tracker has answered, ever
  // Each has failed and has not answered since; so it is without trackers.
  bool all_failed() const;
  // True once for each change of a tracker's message.
  bool message_changed(TrackerId tracker, const std::string& message);

 private:
  struct Tracker {
    std::uint16_t tier = 0, group = 0;
    std::uint8_t failures = 0;
    bool never_again = false;
    bool knows_us = false;  // `started` was answered
    bool in_flight = false;
    bool overdue = false;        // what is under way is not waited for any more
    bool asked_to_wait = false;  // by "retry in"
    AnnounceEvent event{};       // of what is under way
    TimePoint asked_at{};
    TimePoint retry_at{};  // after a failure
    Duration min_interval{};
    std::string tracker_id;
    std::string message;

    bool works() const { return knows_us && failures == 0 && !never_again; }
  };
  // Trackers of which one is told: a tier, or all of them where it is one at a time.
  struct Group {
    std::vector<std::uint16_t> order;  // of trying
    TimePoint next_at = never;         // the regular announce
    TimePoint asked_at{};              // when the last wave of announces began
    TimePoint last_answer{};
    std::uint32_t wave = 0;          // how many of the present wave have still to begin
    std::uint32_t early_rounds = 0;  // early announces in a row: each waits twice as long
    bool completed_due = false;
  };

  AnnounceEvent event_for(const Tracker& tracker) const;
  // The first in order to be tried now, of those that are not under way.
  std::optional<std::size_t> current(const Group& group, TimePoint now) const;
  std::optional<std::size_t> working(const Group& group) const;  // the first that did not fail last
  std::uint32_t in_flight(const Group& group) const;
  bool any_works() const;
  bool farewell_due() const;
  bool impatient(Need need) const {
    return !one_at_a_time_ && (need == Need::peers || !any_works());
  }
  TimePoint due_at(const Group& group, Need need, const SwarmConfig& config) const;
  TimePoint next_wave_at(const Group& group, Duration patience) const;
  std::optional<std::size_t> choose(Group& group, Need need, TimePoint now,
                                    const SwarmConfig& config);
  std::optional<Due> take_farewell();
  Due begin(std::size_t index, AnnounceEvent event);
  void failed(Tracker& tracker, const AnnounceOutcome& outcome, TimePoint now,
              const SwarmConfig& config, Random& random);
  bool answered_by(std::size_t index, const AnnounceOutcome& outcome, TimePoint now,
                   const SwarmConfig& config);
  void bring_forward(TimePoint now);

  bool one_at_a_time_;
  std::vector<Tracker> trackers_;
  std::vector<Group> groups_;
  bool running_ = false, stopping_ = false, partial_ = false;
  bool answered_ = false;
  std::string last_failure_;
};

}  // namespace barter
