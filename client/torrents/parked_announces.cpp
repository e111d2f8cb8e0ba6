#include "client/torrents/parked_announces.hpp"

#include <algorithm>
#include <utility>

#include "client/net/announcing.hpp"
#include "tracker/announce.hpp"

namespace barter {
namespace {

std::vector<std::string> trackers_of(const Parked& parked) {
  std::vector<std::string> skipped;
  return net::flat(net::usable_trackers(parked.torrent, skipped));
}

}  // namespace

ParkedAnnounces::ParkedAnnounces(const net::DriverShared& shared,
                                 std::shared_ptr<const SwarmConfig> config, std::uint64_t seed,
                                 Answered answered)
    : shared_(shared), config_(std::move(config)), random_(seed), answered_(std::move(answered)) {}

void ParkedAnnounces::schedule(TorrentId id, Parked& parked, TimePoint not_before) {
  if (parked.announce_at != never) {
    const auto [first, last] = due_.equal_range(parked.announce_at);
    for (auto it = first; it != last; ++it) {
      if (it->second != id) continue;
      due_.erase(it);
      break;
    }
  }
  const bool rests = parked.phase == Parked::Phase::rests && parked.standing;
  parked.announce_at =
      rests && parked.standing->announcer.has_trackers()
          ? std::max(not_before, parked.standing->announcer.next_deadline(need(), *config_))
          : never;
  if (parked.announce_at != never) due_.emplace(parked.announce_at, id);
}

std::optional<TorrentId> ParkedAnnounces::first_due(TimePoint now) const {
  if (due_.empty() || due_.begin()->first > now || under_way_ >= most_under_way) {
    return std::nullopt;
  }
  return due_.begin()->second;
}

TimePoint ParkedAnnounces::next_deadline() const {
  return due_.empty() || under_way_ >= most_under_way ? never : due_.begin()->first;
}

Announce ParkedAnnounces::to_announce(const Parked& parked, const Announcer::Due& due) const {
  Announce out;
  out.tracker = due.tracker;
  out.event = due.event;
  out.uploaded = parked.standing->uploaded;
  out.downloaded = parked.standing->downloaded;
  out.peers_wanted = config_->peers_wanted;
  out.tracker_id = due.tracker_id;
  return out;
}

void ParkedAnnounces::announce(TorrentId id, Parked& parked, TimePoint now) {
  const auto trackers = trackers_of(parked);
  while (const auto due = parked.standing->announcer.take_due(need(), now, *config_)) {
    ++under_way_;
    shared_.trackers.announce(
        trackers.at(static_cast<std::size_t>(due->tracker)),
        net::announce_request(shared_, parked.torrent.metainfo->info_hash().wire(),
                              to_announce(parked, *due)),
        [answered = answered_, id, tracker = due->tracker](const AnnounceOutcome& outcome) {
          answered(id, tracker, outcome);
        });
  }
  schedule(id, parked, now + std::chrono::seconds(1));
}

bool ParkedAnnounces::heard(TorrentId id, Parked& parked, TrackerId tracker,
                            const AnnounceOutcome& outcome, TimePoint now) {
  Announcer& announcer = parked.standing->announcer;
  const bool heeded = announcer.outcome(tracker, outcome, now, *config_, random_);
  const std::string& message = outcome.ok ? outcome.warning : outcome.failure;
  if (announcer.message_changed(tracker, message) && !message.empty()) {
    shared_.emit(id, Notice(TrackerMessage{tracker, !outcome.ok, message}));
  }
  schedule(id, parked);
  return heeded && outcome.ok;
}

std::size_t ParkedAnnounces::say_goodbye(Parked& parked, TimePoint now,
                                         const std::function<void()>& done) {
  if (!parked.standing) return 0;
  Announcer& announcer = parked.standing->announcer;
  announcer.stop();
  if (announcer.finished()) return 0;
  std::size_t asked = 0;
  const auto trackers = trackers_of(parked);
  while (const auto due = announcer.take_due(Need::nothing, now, *config_)) {
    ++asked;
    Announce farewell = to_announce(parked, *due);
    farewell.peers_wanted = 0;
    shared_.trackers.announce(
        trackers.at(static_cast<std::size_t>(due->tracker)),
        net::announce_request(shared_, parked.torrent.metainfo->info_hash().wire(), farewell),
        [done](const AnnounceOutcome&) { done(); });
  }
  return asked;
}

}  // namespace barter
