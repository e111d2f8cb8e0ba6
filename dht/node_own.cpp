// What we announce ourselves, as a node: named to those who ask us for its peers, and told of those
// who announce it to us. Two nodes are a DHT.
#include <algorithm>

#include "dht/node_core.hpp"

namespace barter::dht {

namespace {
constexpr std::size_t max_own = 20'000;  // beyond, others must tell of us
constexpr std::size_t max_found = 100;   // peers of our own store, a family
}  // namespace

void Node::Core::remember_own(const NodeId& target, const AnnounceOptions& options, TimePoint now) {
  if (own_.size() < max_own || own_.contains(target))
    own_[target] = {options, now + config_->peer_store.lives};
}

void Node::Core::withdraw(const WireInfoHash& info_hash) {
  own_.erase(key_of(info_hash));
}

const Node::Core::Own* Node::Core::find_own(const NodeId& target, TimePoint now) const {
  const auto found = own_.find(target);
  return found == own_.end() || found->second.until <= now ? nullptr : &found->second;
}

void Node::Core::expire_own(TimePoint now) {
  std::erase_if(own_, [&](const auto& entry) { return entry.second.until <= now; });
}

// Where `asker` reaches us. In a local network that is where it has asked; elsewhere we are what
// others have told.
std::optional<Endpoint> Node::Core::own_endpoint(const Own& own, const Endpoint& asker) const {
  if (own.options.implied_port) return std::nullopt;  // the port that others see, not we
  const bool v4 = asker.address.is_v4();
  std::optional<Address> address = asker.address.is_local() ? std::nullopt : family(v4).external;
  if (!address && config_->address_toward) address = config_->address_toward(asker.address);
  if (!address || address->is_unspecified() || address->is_v4() != v4) return std::nullopt;
  if (address->is_local() != asker.address.is_local() || own.options.port == 0) return std::nullopt;
  return Endpoint{*address, own.options.port};
}

// Somebody wants what we have, or has what we want, and is not in any search of ours.
void Node::Core::announced_to_us(const NodeId& target, const Endpoint& peer, TimePoint now) {
  if (find_own(target, now) == nullptr) return;
  actions_.emplace_back(PeersFound{RequestId{}, {target.bytes}, {peer}});
}

// The first that is asked is we ourselves.
void Node::Core::search_own_store(Job& job, TimePoint now) {
  PeersFound found{job.id, {job.target.bytes}, {}};
  for (const bool v4 : {true, false})
    peer_store_.peers(job.target, v4, false, max_found, now, random_, found.peers);
  if (found.peers.empty()) return;
  job.seen = found.peers;
  std::sort(job.seen.begin(), job.seen.end());
  job.result.peers += static_cast<std::uint32_t>(found.peers.size());
  actions_.emplace_back(std::move(found));
}

}  // namespace barter::dht
