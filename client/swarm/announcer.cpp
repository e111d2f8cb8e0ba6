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

Announcer::Announcer(const std::vector<std::vector<std::string>>& tiers, Random& random) {
  for (std::size_t tier = 0; tier < tiers.size(); ++tier) {
    std::vector<std::uint16_t> members;
    for (std::size_t i = 0; i < tiers[tier].size() && trackers_.size() < 0xffff; ++i) {
      members.push_back(static_cast<std::uint16_t>(trackers_.size()));
      trackers_.emplace_back();
      trackers_.back().tier = static_cast<std::uint16_t>(tier);
    }
    random.shuffle(members);
    order_.insert(order_.end(), members.begin(), members.end());
  }
}

void Announcer::start(TimePoint now) {
  running_ = true;
  next_at_ = now;
}

void Announcer::completed(TimePoint now) {
  if (!running_ || stopping_) return;
  completed_ = true;
  next_at_ = std::min(next_at_, now);
}

void Announcer::set_partial_seed(bool partial, TimePoint now) {
  if (partial == partial_) return;
  partial_ = partial;
  if (partial && running_ && !stopping_) next_at_ = std::min(next_at_, now);
}

void Announcer::stop() {
  stopping_ = true;
  // What is under way is let go: only the farewell is waited for.
  in_flight_.reset();
}

bool Announcer::finished() const {
  if (!stopping_) return !running_;
  return !in_flight_ && !farewell_due();
}

bool Announcer::farewell_due() const {
  return std::any_of(trackers_.begin(), trackers_.end(),
                     [](const Tracker& tracker) { return tracker.knows_us; });
}

std::optional<std::size_t> Announcer::working() const {
  for (const std::uint16_t index : order_)
    if (trackers_[index].failures == 0 && !trackers_[index].never_again) return index;
  return std::nullopt;
}

std::optional<std::size_t> Announcer::current(TimePoint now) const {
  // BEP 12: each announce begins at the front again, with those whose back-off is over.
  for (const std::uint16_t index : order_) {
    const Tracker& tracker = trackers_[index];
    if (!tracker.never_again && (tracker.failures == 0 || tracker.retry_at <= now)) return index;
  }
  return std::nullopt;
}

AnnounceEvent Announcer::event_for(const Tracker& tracker) const {
  // BEP 21: `paused` belongs in every announce of a partial seed, even the first.
  if (partial_) return AnnounceEvent::paused;
  if (!tracker.knows_us) return AnnounceEvent::started;
  if (completed_) return AnnounceEvent::completed;
  return AnnounceEvent::none;
}

TimePoint Announcer::due_at(bool starving, const SwarmConfig& config) const {
  if (!running_ || in_flight_) return never;
  const auto index = working();
  if (!index) {
    TimePoint due = never;
    for (const Tracker& tracker : trackers_)
      if (!tracker.never_again) due = std::min(due, tracker.retry_at);
    return due;
  }
  const Tracker& tracker = trackers_[*index];
  if (!starving || !tracker.knows_us) return next_at_;
  const Duration early = config.announce_interval_min * (1 << std::min(early_rounds_, 12u));
  return std::min(next_at_, last_answer_ + std::max(early, tracker.min_interval));
}

TimePoint Announcer::next_deadline(bool starving, const SwarmConfig& config) const {
  if (!stopping_) return due_at(starving, config);
  return !in_flight_ && farewell_due() ? TimePoint{} : never;
}

std::optional<Announcer::Due> Announcer::take_due(bool starving, TimePoint now,
                                                  const SwarmConfig& config) {
  if (in_flight_) return std::nullopt;
  if (stopping_) {
    for (std::size_t i = 0; i < trackers_.size(); ++i) {
      if (!trackers_[i].knows_us) continue;
      trackers_[i].knows_us = false;
      in_flight_ = i;
      in_flight_event_ = AnnounceEvent::stopped;
      return Due{TrackerId{static_cast<std::uint16_t>(i)}, AnnounceEvent::stopped,
                 trackers_[i].tracker_id};
    }
    return std::nullopt;
  }
  const TimePoint due = due_at(starving, config);
  if (due == never || due > now) return std::nullopt;
  const auto found = current(now);
  if (!found) return std::nullopt;
  const std::size_t index = *found;
  if (starving && due < next_at_ && trackers_[index].knows_us) ++early_rounds_;
  if (!starving) early_rounds_ = 0;
  in_flight_ = index;
  in_flight_event_ = event_for(trackers_[index]);
  return Due{TrackerId{static_cast<std::uint16_t>(index)}, in_flight_event_,
             trackers_[index].tracker_id};
}

void Announcer::outcome(TrackerId id, const AnnounceOutcome& outcome, TimePoint now,
                        const SwarmConfig& config, Random& random) {
  const auto index = static_cast<std::size_t>(id);
  if (in_flight_ != index) return;  // of an announce that was let go
  in_flight_.reset();
  if (stopping_) return;
  Tracker& tracker = trackers_[index];
  if (!outcome.ok) {
    last_failure_ = outcome.failure;
    tracker.failures = static_cast<std::uint8_t>(std::min(tracker.failures + 1, 100));
    tracker.never_again = !outcome.retryable;
    Duration pause = config.announce_retry_min;
    for (int i = 1; i < tracker.failures && pause < config.announce_retry_max; ++i) pause *= 2;
    pause = std::min(pause, config.announce_retry_max);
    if (outcome.retry_in) pause = std::max(pause, *outcome.retry_in);
    tracker.retry_at = now + with_jitter(std::clamp(pause, config.announce_retry_min,
                                                    config.announce_interval_max),
                                         random);
    next_at_ = std::min(next_at_, now);  // of the next tracker in order
    return;
  }
  answered_ = true;
  last_failure_.clear();
  last_answer_ = now;
  tracker.failures = 0;
  tracker.knows_us = true;
  if (in_flight_event_ == AnnounceEvent::completed) completed_ = false;
  if (!outcome.tracker_id.empty()) tracker.tracker_id = outcome.tracker_id;
  tracker.min_interval = std::clamp(outcome.min_interval.value_or(Duration::zero()),
                                    Duration::zero(), config.announce_interval_max);
  const Duration interval =
      std::clamp(std::max(outcome.interval.value_or(default_interval), tracker.min_interval),
                 config.announce_interval_min, config.announce_interval_max);
  next_at_ = completed_ && !partial_ ? now : now + interval;
  // BEP 12: to the front of its tier.
  const auto first_of_tier = std::find_if(order_.begin(), order_.end(), [&](std::uint16_t other) {
    return trackers_[other].tier == tracker.tier;
  });
  const auto place = std::find(order_.begin(), order_.end(), index);
  std::rotate(first_of_tier, place, place + 1);
}

bool Announcer::message_changed(TrackerId tracker, const std::string& message) {
  std::string& last = trackers_[static_cast<std::size_t>(tracker)].message;
  if (last == message) return false;
  last = message;
  return true;
}

}  // namespace barter
