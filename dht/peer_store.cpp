#include "dht/peer_store.hpp"

#include <algorithm>
#include <utility>

namespace barter::dht {

void PeerStore::announce(const NodeId& info_hash, const Endpoint& peer, bool seed, TimePoint now,
                         Random& random) {
  if (!table_.contains(info_hash)) make_room(info_hash, random);
  auto& peers = table_[info_hash];
  const auto same = std::find_if(peers.begin(), peers.end(), [&](const Peer& known) {
    return known.endpoint.address == peer.address &&
           (known.endpoint.port == peer.port || !peer.address.is_local());
  });
  if (same != peers.end()) {
    *same = {peer, seed, now};
    return;
  }
  if (peers.size() >= limits_.peers_each) {
    const auto oldest =
        std::min_element(peers.begin(), peers.end(),
                         [](const Peer& a, const Peer& b) { return a.announced < b.announced; });
    *oldest = {peer, seed, now};
    return;
  }
  if (peers.size() == peers.capacity()) peers.reserve(peers.size() < 4 ? 4 : peers.size() * 3 / 2);
  peers.push_back({peer, seed, now});
  ++size_;
  if (size_ > limits_.peers) make_room(info_hash, random);
}

// Who fills the table with info-hashes of one peer each drives out others like that, not the
// torrents that many share.
void PeerStore::make_room(const NodeId& keep, Random& random) {
  while (table_.size() >= limits_.info_hashes || size_ > limits_.peers) {
    // Neighbours, from a place taken by chance on: they are different ones each.
    auto victim = table_.end();
    auto one = table_.lower_bound(random_id(random));
    for (int i = 0; i < 8; ++i, ++one) {
      if (one == table_.end()) one = table_.begin();
      if (one->first == keep) continue;
      if (victim == table_.end() || one->second.size() < victim->second.size()) victim = one;
    }
    if (victim == table_.end()) return;
    size_ -= victim->second.size();
    table_.erase(victim);
  }
}

void PeerStore::peers(const NodeId& info_hash, bool v4, bool no_seeds, std::size_t count,
                      TimePoint now, Random& random, std::vector<Endpoint>& out) const {
  const auto found = table_.find(info_hash);
  if (found == table_.end()) return;
  std::vector<const Peer*> some;
  for (const Peer& peer : found->second)
    if (alive(peer, now) && peer.endpoint.address.is_v4() == v4) some.push_back(&peer);
  random.shuffle(some);
  if (no_seeds)
    std::stable_partition(some.begin(), some.end(), [](const Peer* peer) { return !peer->seed; });
  for (std::size_t i = 0; i < std::min(count, some.size()); ++i) out.push_back(some[i]->endpoint);
}

bool PeerStore::has(const NodeId& info_hash, TimePoint now) const {
  const auto found = table_.find(info_hash);
  return found != table_.end() && std::any_of(found->second.begin(), found->second.end(),
                                              [&](const Peer& peer) { return alive(peer, now); });
}

bool PeerStore::full(const NodeId& info_hash) const {
  const auto found = table_.find(info_hash);
  return found != table_.end() && found->second.size() >= limits_.peers_each;
}

PeerStore::Filters PeerStore::filters(const NodeId& info_hash, TimePoint now) const {
  Filters out;
  const auto found = table_.find(info_hash);
  if (found == table_.end()) return out;
  for (const Peer& peer : found->second)
    if (alive(peer, now)) (peer.seed ? out.seeds : out.peers).insert(peer.endpoint.address);
  return out;
}

std::vector<WireInfoHash> PeerStore::sample(std::size_t count, Random& random) const {
  // Reservoir sampling: each is as likely as any other.
  std::vector<WireInfoHash> out;
  std::size_t seen = 0;
  for (const auto& [info_hash, peers] : table_) {
    ++seen;
    if (out.size() < count) {
      out.push_back({info_hash.bytes});
    } else if (const std::uint64_t at = random.below(seen); at < count) {
      out[at] = {info_hash.bytes};
    }
  }
  return out;
}

void PeerStore::expire(TimePoint now) {
  for (auto one = table_.begin(); one != table_.end();) {
    size_ -= std::erase_if(one->second, [&](const Peer& peer) { return !alive(peer, now); });
    one = one->second.empty() ? table_.erase(one) : std::next(one);
  }
}

std::size_t PeerStore::memory_bytes() const {
  constexpr std::size_t tree_node = sizeof(Table::value_type) + 4 * sizeof(void*);
  std::size_t out = table_.size() * tree_node;
  for (const auto& [info_hash, peers] : table_) out += peers.capacity() * sizeof(Peer);
  return out;
}

}  // namespace barter::dht
