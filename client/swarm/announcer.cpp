#include "client/swarm/announcer.hpp"

#include <algorithm>
#include <cassert>

#include "client/swarm/swarm.hpp"

namespace barter {

namespace {
constexpr Duration default_interval = std::chrono::minutes(30);

Duration with_jitter(Duration duration, Random& random) {  // up to a fifth more
  return duration + Duration(static_cast<Duration::rep>(
                        random.below(static_cast<std::uint64_t>(duration.count()) / 5 + 1)));
}
}  // namespace

Announcer::Announcer(const std::vector<std::vector<std::string>>& tiers, bool one_at_a_time,
                     Random& random)
    : one_at_a_time_(one_at_a_time) {
  for (std::size_t tier = 0; tier < tiers.size(); ++tier) {
    if (groups_.empty() || !one_at_a_time) groups_.emplace_back();
    std::vector<std::uint16_t> members;
    for (std::size_t i = 0; i < tiers[tier].size() && trackers_.size() < 0xffff; ++i) {
      members.push_back(static_cast<std::uint16_t>(trackers_.size()));
      trackers_.emplace_back();
      trackers_.back().tier = static_cast<std::uint16_t>(tier);
      trackers_.back().group = static_cast<std::uint16_t>(groups_.size() - 1);
    }
    random.shuffle(members);
    auto& order = groups_.back().order;
    order.insert(order.end(), members.begin(), members.end());
  }
}

void Announcer::start(TimePoint now) {
  if (running_) return;  // a magnet link's, whose metainfo has come
  running_ = true;
  for (Group& group : groups_) group.next_at = now;
}

void Announcer::bring_forward(TimePoint now) {
  for (Group& group : groups_) group.next_at = std::min(group.next_at, now);
}

void Announcer::completed(TimePoint now) {
  if (!running_ || stopping_) return;
  for (Group& group : groups_) group.completed_due = true;
  bring_forward(now);
}

void Announcer::take_turns() {
  one_at_a_time_ = true;
  while (groups_.size() > 1) {
    const Group last = std::move(groups_.back());
    groups_.pop_back();
    Group& into = groups_.front();
    into.next_at = std::min(into.next_at, last.next_at);
    into.last_answer = std::max(into.last_answer, last.last_answer);
    into.order.insert(into.order.end(), last.order.begin(), last.order.end());
  }
  for (Tracker& tracker : trackers_) tracker.group = 0;
  if (groups_.empty()) return;
  std::stable_sort(
      groups_.front().order.begin(), groups_.front().order.end(),
      [&](std::uint16_t a, std::uint16_t b) { return trackers_[a].tier < trackers_[b].tier; });
}

void Announcer::set_partial_seed(bool partial, TimePoint now) {
  if (partial == partial_) return;
  partial_ = partial;
  if (partial && running_ && !stopping_) bring_forward(now);
}

void Announcer::address_changed(TimePoint now) {
  if (!running_ || stopping_) return;
  for (Tracker& tracker : trackers_) {
    if (!tracker.asked_to_wait) tracker.retry_at = std::min(tracker.retry_at, now);
  }
  for (Group& group : groups_) {
    const auto index = working(group);
    if (!index) continue;
    const TimePoint allowed = group.last_answer + trackers_[*index].min_interval;
    group.next_at = std::min(group.next_at, std::max(now, allowed));
  }
}

void Announcer::stop() {
  stopping_ = true;
  // What is under way is let go: only the farewells are waited for.
  for (Tracker& tracker : trackers_) tracker.in_flight = tracker.overdue = false;
}

bool Announcer::finished() const {
  if (!stopping_) return !running_;
  return !any_in_flight() && !farewell_due();
}

bool Announcer::farewell_due() const {
  return std::any_of(trackers_.begin(), trackers_.end(),
                     [](const Tracker& tracker) { return tracker.knows_us; });
}

bool Announcer::any_in_flight() const {
  return std::any_of(trackers_.begin(), trackers_.end(),
                     [](const Tracker& tracker) { return tracker.in_flight; });
}

bool Announcer::any_works() const {
  return std::any_of(trackers_.begin(), trackers_.end(),
                     [](const Tracker& tracker) { return tracker.works(); });
}

bool Announcer::all_failed() const {
  return std::all_of(trackers_.begin(), trackers_.end(), [](const Tracker& tracker) {
    return tracker.failures > 0 || tracker.never_again;
  });
}

std::uint32_t Announcer::in_flight(const Group& group) const {
  return static_cast<std::uint32_t>(
      std::count_if(group.order.begin(), group.order.end(), [&](std::uint16_t index) {
        return trackers_[index].in_flight && !trackers_[index].overdue;
      }));
}

std::optional<std::size_t> Announcer::working(const Group& group) const {
  for (const std::uint16_t index : group.order) {
    const Tracker& tracker = trackers_[index];
    if (tracker.failures == 0 && !tracker.never_again && !tracker.overdue) return index;
  }
  return std::nullopt;
}

std::optional<std::size_t> Announcer::current(const Group& group, TimePoint now) const {
  // BEP 12: each announce begins at the front again, with those whose back-off is over.
  for (const std::uint16_t index : group.order) {
    const Tracker& tracker = trackers_[index];
    if (tracker.never_again || tracker.in_flight) continue;
    if (tracker.failures == 0 || tracker.retry_at <= now) return index;
  }
  return std::nullopt;
}

AnnounceEvent Announcer::event_for(const Tracker& tracker) const {
  // BEP 21: `paused` belongs in every announce of a partial seed, even the first.
  if (partial_) return AnnounceEvent::paused;
  if (!tracker.knows_us) return AnnounceEvent::started;
  if (groups_[tracker.group].completed_due) return AnnounceEvent::completed;
  return AnnounceEvent::none;
}

// While some are under way: when more of the group are asked, too, or instead.
TimePoint Announcer::next_wave_at(const Group& group, Duration patience) const {
  TimePoint ready = never;
  for (const std::uint16_t index : group.order) {
    const Tracker& tracker = trackers_[index];
    if (tracker.never_again || tracker.in_flight) continue;
    ready = std::min(ready, tracker.failures == 0 ? TimePoint{} : tracker.retry_at);
  }
  return ready == never ? never : std::max(ready, group.asked_at + patience);
}

TimePoint Announcer::due_at(const Group& group, Need need, const SwarmConfig& config) const {
  if (!running_) return never;
  if (in_flight(group) > 0) {
    if (one_at_a_time_) return next_wave_at(group, config.announce_overdue);
    return impatient(need) ? next_wave_at(group, config.announce_patience) : never;
  }
  const auto index = working(group);
  if (!index) {
    TimePoint due = never;
    for (const std::uint16_t at : group.order) {
      const Tracker& tracker = trackers_[at];
      if (!tracker.never_again && !tracker.overdue) due = std::min(due, tracker.retry_at);
    }
    return due;
  }
  const Tracker& tracker = trackers_[*index];
  if (need == Need::nothing || !tracker.knows_us) return group.next_at;
  // A tracker that lets us ask again at once has a reason: somebody may begin with us.
  const bool first = need == Need::newcomers && group.early_rounds == 0;
  if (first && tracker.min_interval > Duration::zero())
    return std::min(group.next_at, group.last_answer + std::max(config.announce_interval_min,
                                                                tracker.min_interval));
  const Duration early =
      need == Need::peers
          ? config.announce_interval_min * (1 << std::min(group.early_rounds, 12u))
          : std::min(config.lonely_interval_min * (1 + std::min(group.early_rounds, 100u) / 4),
                     config.lonely_interval_max);
  return std::min(group.next_at, group.last_answer + std::max(early, tracker.min_interval));
}

TimePoint Announcer::next_deadline(Need need, const SwarmConfig& config) const {
  if (stopping_) return farewell_due() ? TimePoint{} : never;
  TimePoint out = never;
  for (const Group& group : groups_) out = std::min(out, due_at(group, need, config));
  return out;
}

std::optional<std::size_t> Announcer::choose(Group& group, Need need, TimePoint now,
                                             const SwarmConfig& config) {
  const std::uint32_t under_way = in_flight(group);
  if (under_way == 0) group.wave = 0;
  if (group.wave == 0) {
    const TimePoint due = due_at(group, need, config);
    if (due == never || due > now) return std::nullopt;
    group.wave = std::max(under_way, 1u);
    group.asked_at = now;
    if (under_way == 0) {
      const auto first = current(group, now);
      if (first && need != Need::nothing && due < group.next_at && trackers_[*first].knows_us) {
        ++group.early_rounds;
      }
      if (need == Need::nothing) group.early_rounds = 0;
    }
  }
  --group.wave;
  const auto out = current(group, now);
  if (out && one_at_a_time_) {
    for (const std::uint16_t index : group.order)
      trackers_[index].overdue = trackers_[index].in_flight;
  }
  if (!out) group.wave = 0;
  return out;
}

Announcer::Due Announcer::begin(std::size_t index, AnnounceEvent event) {
  Tracker& tracker = trackers_[index];
  tracker.in_flight = true;
  tracker.event = event;
  return {TrackerId{static_cast<std::uint16_t>(index)}, event, tracker.tracker_id};
}

std::optional<Announcer::Due> Announcer::take_farewell() {
  for (std::size_t i = 0; i < trackers_.size(); ++i) {
    if (!trackers_[i].knows_us) continue;
    trackers_[i].knows_us = false;
    return begin(i, AnnounceEvent::stopped);
  }
  return std::nullopt;
}

std::optional<Announcer::Due> Announcer::take_due(Need need, TimePoint now,
                                                  const SwarmConfig& config) {
  if (stopping_) return take_farewell();
  for (Group& group : groups_) {
    const auto index = choose(group, need, now, config);
    if (!index) continue;
    trackers_[*index].asked_at = now;
    return begin(*index, event_for(trackers_[*index]));
  }
  return std::nullopt;
}

void Announcer::failed(Tracker& tracker, const AnnounceOutcome& outcome, TimePoint now,
                       const SwarmConfig& config, Random& random) {
  tracker.failures = static_cast<std::uint8_t>(std::min(tracker.failures + 1, 100));
  tracker.never_again = !outcome.retryable;
  tracker.asked_to_wait = outcome.retry_in.has_value();
  Duration pause = config.announce_retry_min;
  for (int i = 1; i < tracker.failures && pause < config.announce_retry_max; ++i) pause *= 2;
  pause = std::min(pause, config.announce_retry_max);
  if (outcome.retry_in) pause = std::max(pause, *outcome.retry_in);
  tracker.retry_at =
      now + with_jitter(std::clamp(pause, config.announce_retry_min, config.announce_interval_max),
                        random);
  Group& group = groups_[tracker.group];
  // Of the next tracker in order; another may have answered since.
  if (group.last_answer <= tracker.asked_at) group.next_at = std::min(group.next_at, now);
  if (!any_works()) last_failure_ = outcome.failure;
}

bool Announcer::answered_by(std::size_t index, const AnnounceOutcome& outcome, TimePoint now,
                            const SwarmConfig& config) {
  Tracker& tracker = trackers_[index];
  Group& group = groups_[tracker.group];
  answered_ = true;
  last_failure_.clear();
  tracker.failures = 0;
  tracker.knows_us = true;
  if (!outcome.tracker_id.empty()) tracker.tracker_id = outcome.tracker_id;
  tracker.min_interval = std::clamp(outcome.min_interval.value_or(Duration::zero()),
                                    Duration::zero(), config.announce_interval_max);
  // Several were asked, and another was faster: that one stays.
  if (group.last_answer > tracker.asked_at) return !one_at_a_time_;
  group.last_answer = now;
  if (tracker.event == AnnounceEvent::completed) group.completed_due = false;
  const Duration interval =
      std::clamp(std::max(outcome.interval.value_or(default_interval), tracker.min_interval),
                 config.announce_interval_min, config.announce_interval_max);
  group.next_at = group.completed_due && !partial_ ? now : now + interval;
  // BEP 12: to the front of its tier.
  const auto first_of_tier =
      std::find_if(group.order.begin(), group.order.end(),
                   [&](std::uint16_t other) { return trackers_[other].tier == tracker.tier; });
  const auto place = std::find(group.order.begin(), group.order.end(), index);
  std::rotate(first_of_tier, place, place + 1);
  return true;
}

bool Announcer::outcome(TrackerId id, const AnnounceOutcome& outcome, TimePoint now,
                        const SwarmConfig& config, Random& random) {
  const auto index = static_cast<std::size_t>(id);
  Tracker& tracker = trackers_[index];
  if (!tracker.in_flight) return true;  // of an announce that was let go
  tracker.in_flight = tracker.overdue = false;
  if (stopping_) return true;
  if (outcome.ok) return answered_by(index, outcome, now, config);
  failed(tracker, outcome, now, config, random);
  return true;
}

bool Announcer::message_changed(TrackerId tracker, const std::string& message) {
  std::string& last = trackers_[static_cast<std::size_t>(tracker)].message;
  if (last == message) return false;
  last = message;
  return true;
}

}  // namespace barter
