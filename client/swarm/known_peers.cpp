#include "client/swarm/known_peers.hpp"

#include <algorithm>
#include <utility>

#include "client/swarm/peer_priority.hpp"

namespace barter {

namespace {
// Doubles with each failure; a quarter of it by chance, so that a crowd does not come back as one.
Duration back_off(std::uint8_t failures, const SwarmConfig& config, Random& random) {
  Duration pause = config.reconnect_min;
  for (int i = 1; i < failures && pause < config.reconnect_max; ++i) pause *= 2;
  pause = std::min(pause, config.reconnect_max);
  return pause + Duration(static_cast<Duration::rep>(
                     random.below(static_cast<std::uint64_t>(pause.count()) / 4 + 1)));
}
}  // namespace

KnownPeers::Known* KnownPeers::find(const Endpoint& endpoint) {
  const auto place = std::lower_bound(
      peers_.begin(), peers_.end(), endpoint,
      [](const Known& known, const Endpoint& wanted) { return known.endpoint < wanted; });
  return place != peers_.end() && place->endpoint == endpoint ? &*place : nullptr;
}

bool KnownPeers::hearsay(const Known& known) {
  return is_gossip(known.source) && !known.reached;
}

bool KnownPeers::make_room(PeerSource source) {
  const auto rank = [](const Known& known) {
    return known.busy ? 3 : known.source == PeerSource::user ? 2 : hearsay(known) ? 0 : 1;
  };
  const auto stalest =
      std::min_element(peers_.begin(), peers_.end(), [&](const Known& a, const Known& b) {
        if (rank(a) != rank(b)) return rank(a) < rank(b);
        if (a.failures != b.failures) return a.failures > b.failures;
        return a.heard < b.heard;
      });
  if (stalest == peers_.end() || stalest->busy) return false;
  if (is_gossip(source) && rank(*stalest) > 0) return false;
  peers_.erase(stalest);
  return true;
}

bool KnownPeers::add(const Endpoint& endpoint, PeerSource source, const SwarmConfig& config,
                     TimePoint now, Random& random) {
  if (endpoint.port == 0 || endpoint.address.is_unspecified() || endpoint.address.is_multicast())
    return false;
  if (Known* known = find(endpoint)) {
    known->heard = now;
    if (!is_gossip(source) && hearsay(*known)) {  // somebody better has said so
      known->source = source;
      known->named_by = 0;
    }
    if (source == PeerSource::user) {  // the user insists
      known->source = source;
      known->retry_at = std::min(known->retry_at, now);
    }
    return false;
  }
  if (peers_.size() >= config.max_known_peers && !make_room(source)) return false;
  Known known;
  known.endpoint = endpoint;
  known.source = source;
  known.retry_at = known.heard = now;
  known.priority = own_ ? peer_priority(*own_, endpoint)
                        : static_cast<std::uint32_t>(random.below(std::uint64_t{1} << 32));
  const auto place =
      std::lower_bound(peers_.begin(), peers_.end(), endpoint,
                       [](const Known& a, const Endpoint& b) { return a.endpoint < b; });
  peers_.insert(place, known);
  return true;
}

bool KnownPeers::add_named(const Endpoint& endpoint, ContributorId contributor,
                           const SwarmConfig& config, TimePoint now, Random& random) {
  if (!endpoint.address.is_local()) {
    const auto same = std::lower_bound(
        peers_.begin(), peers_.end(), Endpoint{endpoint.address, 0},
        [](const Known& known, const Endpoint& wanted) { return known.endpoint < wanted; });
    if (same != peers_.end() && same->endpoint.address == endpoint.address) return false;
  }
  if (!add(endpoint, PeerSource::pex, config, now, random)) return false;
  find(endpoint)->named_by = contributor;
  return true;
}

std::size_t KnownPeers::untried_of(ContributorId contributor) const {
  return static_cast<std::size_t>(
      std::count_if(peers_.begin(), peers_.end(),
                    [&](const Known& known) { return known.named_by == contributor; }));
}

void KnownPeers::forget_named_by(ContributorId contributor) {
  std::erase_if(peers_, [&](const Known& known) {
    return known.named_by == contributor && !known.busy && !known.shunned;
  });
}

bool KnownPeers::better(const Known& a, const Known& b) {
  const auto by_user = [](const Known& known) { return known.source == PeerSource::user; };
  if (by_user(a) != by_user(b)) return by_user(a);
  if (a.failures != b.failures) return a.failures < b.failures;
  return a.priority > b.priority;
}

std::optional<KnownPeers::Candidate> KnownPeers::take(bool skip_seeds, TimePoint now) {
  Known* best = nullptr;
  for (Known& known : peers_) {
    if (known.busy || known.shunned || known.retry_at > now) continue;
    if (skip_seeds && known.seed) continue;
    if (best == nullptr || better(known, *best)) best = &known;
  }
  if (best == nullptr) return std::nullopt;
  best->busy = true;
  return Candidate{best->endpoint, best->source};
}

TimePoint KnownPeers::next_attempt(bool skip_seeds) const {
  TimePoint next = never;
  for (const Known& known : peers_)
    if (!known.busy && !known.shunned && !(skip_seeds && known.seed))
      next = std::min(next, known.retry_at);
  return next;
}

ContributorId KnownPeers::failed(const Endpoint& endpoint, ConnectFailure failure,
                                 const SwarmConfig& config, TimePoint now, Random& random) {
  Known* known = find(endpoint);
  if (known == nullptr) return {};
  const ContributorId contributor = std::exchange(known->named_by, 0);
  known->busy = false;
  known->failures = static_cast<std::uint8_t>(std::min(known->failures + 1, 100));
  known->retry_at = now + back_off(known->failures, config, random);
  // Somebody is there, and does not know our torrent: that seldom changes.
  if (failure == ConnectFailure::wrong_torrent) known->retry_at = now + config.reconnect_max;
  if (hearsay(*known)) {  // it may be somebody who has nothing to do with all this
    known->retry_at = std::max(known->retry_at, now + config.hearsay_retry);
    if (known->failures >= config.hearsay_attempts)
      peers_.erase(peers_.begin() + (known - peers_.data()));
  }
  return contributor;
}

ContributorId KnownPeers::connected(const Endpoint& endpoint) {
  Known* known = find(endpoint);
  if (known == nullptr) return {};
  known->busy = known->reached = true;
  return std::exchange(known->named_by, 0);
}

void KnownPeers::disconnected(const Endpoint& endpoint, bool useful, Duration pause,
                              const SwarmConfig& config, TimePoint now, Random& random) {
  Known* known = find(endpoint);
  if (known == nullptr) return;
  known->busy = false;
  known->heard = now;
  known->failures =
      useful ? std::uint8_t{0} : static_cast<std::uint8_t>(std::min(known->failures + 1, 100));
  known->retry_at =
      now + std::max(pause, back_off(std::max<std::uint8_t>(1, known->failures), config, random));
}

void KnownPeers::retry_all(TimePoint now) {
  for (Known& known : peers_)
    if (!hearsay(known)) known.retry_at = std::min(known.retry_at, now);
}

void KnownPeers::set_seed(const Endpoint& endpoint, bool seed) {
  if (Known* known = find(endpoint)) known->seed = seed;
}

void KnownPeers::forget_gossip() {
  std::erase_if(peers_, [](const Known& known) { return !known.busy && is_gossip(known.source); });
}

void KnownPeers::shun(const Endpoint& endpoint) {
  if (Known* known = find(endpoint)) known->shunned = true;
}

void KnownPeers::set_own(const Endpoint& own) {
  if (own_ == own) return;
  own_ = own;
  for (Known& known : peers_) known.priority = peer_priority(own, known.endpoint);
}

}  // namespace barter
