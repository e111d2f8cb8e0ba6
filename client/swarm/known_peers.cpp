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
int rank_of(PeerSource source) {
  switch (source) {
    case PeerSource::user:
      return 0;
    case PeerSource::tracker:
      return 1;
    case PeerSource::incoming:
      return 2;
    case PeerSource::dht:
    case PeerSource::pex:
    case PeerSource::lsd:
      return 3;
  }
  return 3;
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

int KnownPeers::rank(const Known& known) {
  return known.reached ? std::min(rank_of(known.source), rank_of(PeerSource::tracker))
                       : rank_of(known.source);
}

// Of the newcomer's own source, or of one that has more than its share: from there if the
// newcomer's has less than its own, or is better.
bool KnownPeers::make_room(PeerSource source) {
  std::array<std::size_t, peer_sources> count{};
  for (const Known& known : peers_) ++count[static_cast<std::size_t>(known.source)];
  const auto share = [&](PeerSource of) {
    return std::max<std::size_t>(1, peers_.size() / (of == PeerSource::tracker ? 2 : 8));
  };
  const bool has_less = count[static_cast<std::size_t>(source)] < share(source);
  const auto may_go = [&](const Known& known) {
    if (known.busy) return false;
    if (known.source == source) return !has_less;
    if (known.source == PeerSource::user) return false;
    if (source == PeerSource::user) return true;
    const bool over = count[static_cast<std::size_t>(known.source)] > share(known.source);
    return over && (has_less || rank(known) > rank_of(source));
  };
  auto stalest = peers_.end();
  const auto goes_before = [](const Known& a, const Known& b) {
    if (rank(a) != rank(b)) return rank(a) > rank(b);
    if (a.failures != b.failures) return a.failures > b.failures;
    return a.heard < b.heard;
  };
  for (auto known = peers_.begin(); known != peers_.end(); ++known)
    if (may_go(*known) && (stalest == peers_.end() || goes_before(*known, *stalest)))
      stalest = known;
  if (stalest == peers_.end()) return false;
  peers_.erase(stalest);
  return true;
}

bool KnownPeers::add(const Endpoint& endpoint, PeerSource source, const SwarmConfig& config,
                     TimePoint now, Random& random) {
  if (endpoint.port == 0 || endpoint.address.is_unspecified() || endpoint.address.is_multicast())
    return false;
  if (Known* known = find(endpoint)) {
    known->heard = now;
    if (rank_of(source) < rank_of(known->source)) {  // somebody better has said so
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
    return known.named_by == contributor && !known.busy && known.shunned_until == TimePoint::min();
  });
}

bool KnownPeers::better(const Known& a, const Known& b) {
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  if (a.failures != b.failures) return a.failures < b.failures;
  return a.priority > b.priority;
}

KnownPeers::Calls KnownPeers::calls(bool skip_seeds) const {
  Calls out;
  for (const Known& known : peers_) {
    if (!known.busy && hearsay(known) && known.shunned_until == TimePoint::min() &&
        !(skip_seeds && known.seed))
      out.heard_wait = true;
    if (!known.calling || known.source == PeerSource::user) continue;
    if (!hearsay(known)) {
      ++out.named;
    } else {
      ++out.heard;
      ++out.of[static_cast<std::size_t>(known.source)];
    }
  }
  return out;
}

bool KnownPeers::may_call(const Known& known, const Calls& calls, const SwarmConfig& config) {
  if (known.source == PeerSource::user) return true;
  const std::uint32_t most = config.max_half_open - config.max_half_open / 4;
  if (!hearsay(known)) return calls.named < most || !calls.heard_wait;
  const std::uint32_t of_source = std::max(1u, config.max_half_open / 2);
  return calls.heard < most && calls.of[static_cast<std::size_t>(known.source)] < of_source;
}

std::optional<KnownPeers::Candidate> KnownPeers::take(bool skip_seeds, const SwarmConfig& config,
                                                      TimePoint now, TimePoint pardon) {
  const Calls under_way = calls(skip_seeds);
  Known* best = nullptr;
  for (Known& known : peers_) {
    if (known.busy || known.shunned_until > pardon || known.retry_at > now) continue;
    if ((skip_seeds && known.seed) || !may_call(known, under_way, config)) continue;
    if (best == nullptr || better(known, *best)) best = &known;
  }
  if (best == nullptr) return std::nullopt;
  best->busy = best->calling = true;
  return Candidate{best->endpoint, best->source};
}

TimePoint KnownPeers::next_attempt(bool skip_seeds, const SwarmConfig& config,
                                   TimePoint pardon) const {
  const Calls under_way = calls(skip_seeds);
  TimePoint next = never;
  for (const Known& known : peers_)
    if (!known.busy && known.shunned_until <= pardon && !(skip_seeds && known.seed) &&
        may_call(known, under_way, config))
      next = std::min(next, known.retry_at);
  return next;
}

ContributorId KnownPeers::failed(const Endpoint& endpoint, ConnectFailure failure,
                                 const SwarmConfig& config, TimePoint now, Random& random) {
  Known* known = find(endpoint);
  if (known == nullptr) return {};
  known->busy = known->calling = false;
  if (failure == ConnectFailure::no_room) {
    known->retry_at = now + config.reconnect_min;
    return {};
  }
  const ContributorId contributor = std::exchange(known->named_by, 0);
  known->hung_up = failure == ConnectFailure::handshake_failed;
  known->failures = static_cast<std::uint8_t>(std::min(known->failures + 1, 100));
  known->retry_at = now + back_off(known->failures, config, random);
  // Somebody is there, and does not know our torrent: that seldom changes.
  if (failure == ConnectFailure::wrong_torrent) known->retry_at = now + config.reconnect_max;
  user_insists(*known, config, now);
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
  known->calling = known->hung_up = false;
  return std::exchange(known->named_by, 0);
}

void KnownPeers::answered(const Endpoint& endpoint) {
  if (Known* known = find(endpoint)) known->calling = false;
}

void KnownPeers::disconnected(const Endpoint& endpoint, bool useful, Duration pause,
                              const SwarmConfig& config, TimePoint now, Random& random) {
  Known* known = find(endpoint);
  if (known == nullptr) return;
  known->busy = known->calling = false;
  known->heard = now;
  known->failures =
      useful ? std::uint8_t{0} : static_cast<std::uint8_t>(std::min(known->failures + 1, 100));
  known->retry_at =
      now + std::max(pause, back_off(std::max<std::uint8_t>(1, known->failures), config, random));
  user_insists(*known, config, now);
}

// Whom the user names is there, or will be: a machine that boots, say.
void KnownPeers::user_insists(Known& known, const SwarmConfig& config, TimePoint now) {
  if (known.source == PeerSource::user)
    known.retry_at = std::min(known.retry_at, now + config.user_retry_max);
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

void KnownPeers::shun(const Endpoint& endpoint, TimePoint until) {
  if (Known* known = find(endpoint)) known->shunned_until = until;
}

std::size_t KnownPeers::others() const {
  return static_cast<std::size_t>(
      std::count_if(peers_.begin(), peers_.end(), [&](const Known& known) {
        // Another one behind our address and port answers; nobody does where it is us.
        const bool ours = own_ == known.endpoint && !known.reached;
        return known.shunned_until != never && !ours;
      }));
}

std::size_t KnownPeers::hung_up() const {
  return static_cast<std::size_t>(std::count_if(peers_.begin(), peers_.end(),
                                                [](const Known& known) { return known.hung_up; }));
}

void KnownPeers::pardon(const Endpoint& endpoint) {
  Known* known = find(endpoint);
  if (known != nullptr && known->shunned_until != never) known->shunned_until = TimePoint::min();
}

TimePoint KnownPeers::next_pardon() const {
  TimePoint next = never;
  for (const Known& known : peers_)
    if (!known.busy && known.shunned_until != TimePoint::min() && known.shunned_until != never)
      next = std::min(next, std::max(known.shunned_until, known.retry_at));
  return next;
}

void KnownPeers::set_own(const Endpoint& own) {
  if (own_ == own) return;
  own_ = own;
  for (Known& known : peers_) known.priority = peer_priority(own, known.endpoint);
}

}  // namespace barter
