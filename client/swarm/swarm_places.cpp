// Whom to take when all places are taken, and whose place that is.
#include <algorithm>

#include "client/swarm/peer_priority.hpp"
#include "client/swarm/places.hpp"
#include "client/swarm/swarm_core.hpp"

namespace barter {

namespace {
// What a new link is given to show what it is good for, by whoever wants its place.
constexpr Duration unproven_for = std::chrono::seconds(10);
}  // namespace

// A link that may come in: whose place does it take? Nobody's while there is room.
Swarm::Core::Place Swarm::Core::place_for(const Endpoint& newcomer, PeerSource source,
                                          TimePoint now) const {
  std::uint32_t live = 0, of_host = 0, of_address = 0;
  const Address host = host_of(newcomer.address);
  for (const auto& peer : peers_) {
    if (peer->closing) continue;
    ++live;
    if (host_of(peer->remote.address) != host) continue;
    ++of_host;
    if (peer->remote.address == newcomer.address) ++of_address;
  }
  // A host that has all its places may change one of its own for another.
  enum Whose : std::uint8_t { anybody, of_the_host, of_the_address } whose = anybody;
  if (source != PeerSource::user) {
    if (of_host >= places_of_host(newcomer.address, *config_)) whose = of_the_host;
    if (of_address >= places_of_address(newcomer.address, *config_)) whose = of_the_address;
  }
  if (whose == anybody && live < config_->max_connections) return {true, nullptr};
  Peer* out = least_useful(newcomer, now, [&](const Peer& peer) {
    if (peer.closing || peer.source == PeerSource::user) return false;
    if (whose == of_the_address) return peer.remote.address == newcomer.address;
    return whose == anybody || host_of(peer.remote.address) == host;
  });
  return {out != nullptr, out};
}

// The least useful link, if it is of less use than somebody new may be.
template <class Eligible>
Peer* Swarm::Core::least_useful(const Endpoint& newcomer, TimePoint now,
                                const Eligible& eligible) const {
  if (Peer* peer = unused(eligible, now)) return peer;
  if (Peer* peer = wasteful(eligible, now)) return peer;
  if (Peer* peer = outranked(newcomer, eligible, now)) return peer;
  return unproven(newcomer, eligible, now);
}

// Neither end has wanted anything for long.
template <class Eligible>
Peer* Swarm::Core::unused(const Eligible& eligible, TimePoint now) const {
  Peer* worst = nullptr;
  for (const auto& peer : peers_) {
    if (!eligible(*peer) || peer->am_interested || peer->peer_interested) continue;
    const TimePoint last_use = std::max(peer->connected_at, peer->choke_changed);
    if (now - last_use < config_->unused_after) continue;
    if (worst == nullptr || peer->connected_at < worst->connected_at) worst = peer.get();
  }
  return worst;
}

// It says that it is interested, and asks for nothing when it may; nor has it given anything.
template <class Eligible>
Peer* Swarm::Core::wasteful(const Eligible& eligible, TimePoint now) const {
  Peer* worst = nullptr;
  for (const auto& peer : peers_) {
    if (!eligible(*peer) || !lets_slots_lapse(*peer, now) || carries(*peer)) continue;
    if (now - peer->last_block < config_->wasteful_after) continue;
    if (worst == nullptr || peer->last_block < worst->last_block) worst = peer.get();
  }
  return worst;
}

// No block has ever come or gone. Of those a host that has more of them than the newcomer's has to
// give one up; else, now and then, the one that has nothing for us and has been there longest, so
// that a full table never stays shut, however its links are kept or renewed.
template <class Eligible>
Peer* Swarm::Core::unproven(const Endpoint& newcomer, const Eligible& eligible,
                            TimePoint now) const {
  const auto links_of = [&](const Address& address) {
    const Address host = host_of(address);
    return std::count_if(peers_.begin(), peers_.end(), [&](const auto& peer) {
      return !peer->closing && host_of(peer->remote.address) == host;
    });
  };
  const Address host = host_of(newcomer.address);
  const auto newcomers = links_of(newcomer.address);
  const bool by_chance = next_chance_ <= now;
  Peer* worst = nullptr;
  std::ptrdiff_t most = 0;
  for (const auto& peer : peers_) {
    if (!eligible(*peer) || peer->downloaded > 0 || peer->uploaded > 0 || carries(*peer)) continue;
    if (now - peer->connected_at < unproven_for) continue;
    const auto links = links_of(peer->remote.address);
    const bool in_turn = links > newcomers || host_of(peer->remote.address) == host;
    if (links <= newcomers + 1 && !(by_chance && in_turn)) continue;
    const bool less_wanted = worst != nullptr && worst->am_interested && !peer->am_interested;
    if (worst != nullptr && links < most) continue;
    if (worst != nullptr && links == most && !less_wanted) continue;
    most = links;
    worst = peer.get();
  }
  return worst;
}

bool Swarm::Core::carries(const Peer& peer) {
  return !peer.requests.empty() || peer.uploads.size() > 0;
}

// BEP 40: of the links that carry nothing, that of the lowest priority, if the newcomer's is
// higher. Both ends of every link compute the same, so a full swarm settles, newcomers get in, and
// who has many addresses gets no more places than their share.
template <class Eligible>
Peer* Swarm::Core::outranked(const Endpoint& newcomer, const Eligible& eligible,
                             TimePoint now) const {
  const auto& external = own_address_.known();
  if (!external || external->is_v4() != newcomer.address.is_v4()) return nullptr;
  const Endpoint own{*external, listen_port_};
  std::uint32_t lowest = peer_priority(own, newcomer);
  Peer* out = nullptr;
  for (const auto& peer : peers_) {
    if (!eligible(*peer) || peer->remote.address.is_v4() != newcomer.address.is_v4()) continue;
    const bool served = !peer->am_choking && peer->peer_interested && !lets_slots_lapse(*peer, now);
    if (carries(*peer) || served) continue;
    if (now - peer->connected_at < config_->settled_after) continue;
    const std::uint32_t priority = peer_priority(own, peer->remote);
    if (priority >= lowest) continue;
    lowest = priority;
    out = peer.get();
  }
  return out;
}

// Before its handshake is answered.
bool Swarm::Core::wants_connection(const Endpoint& from, TimePoint now) const {
  return trading() && !bans_.banned(from, pardon_until(now)) &&
         place_for(from, PeerSource::incoming, now).free;
}

}  // namespace barter
