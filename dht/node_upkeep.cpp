#include <algorithm>
#include <cmath>

#include "dht/node_core.hpp"

namespace barter::dht {

namespace {
constexpr std::size_t votes_kept = 32;
constexpr Duration bootstrap_least = std::chrono::seconds(2);
constexpr Duration bootstrap_most = std::chrono::minutes(5);
}  // namespace

void Node::Core::bootstrap(Family& family, TimePoint now) {
  family.bootstrap_at = never;
  if (!family.enabled || family.bootstrapping) return;
  family.bootstrapping = true;
  begin_search(Aim::bootstrap, family.v4, family.table.own(), RequestId{});
  start_waiting(now);
}

void Node::Core::bootstrap_over(Family& family, TimePoint now) {
  family.bootstrapping = false;
  family.bootstrapped = !family.table.empty();
  if (family.bootstrapped) {
    family.attempts = 0;
    family.remembered.clear();
    family.remembered.shrink_to_fit();
    return;
  }
  // Twice as long each time, and a part by chance, so that a crowd does not come back as one.
  Duration pause =
      std::min(bootstrap_most, bootstrap_least * (1 << std::min<int>(family.attempts, 10)));
  if (family.attempts < 255) ++family.attempts;
  pause += Duration(
      static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(pause.count() / 4))));
  family.bootstrap_at = now + pause;
}

void Node::Core::upkeep(TimePoint now) {
  const Duration every = config_->upkeep_every;
  next_upkeep_ = now + every +
                 Duration(static_cast<std::int64_t>(
                     random_.below(static_cast<std::uint64_t>(every.count() / 8 + 1))));
  const bool busy = std::any_of(searches_.begin(), searches_.end(), [](const auto& search) {
    return search->aim == Aim::refresh && search->phase != Phase::over;
  });
  for (Family& family : families_) {
    if (!family.enabled) continue;
    if (family.table.empty()) {
      family.bootstrapped = false;
      if (!family.bootstrapping && family.bootstrap_at == never) bootstrap_over(family, now);
      continue;
    }
    if (const auto node = family.table.take_questionable(now))
      send_ping(node->endpoint, Purpose::upkeep, 0, now);
    if (busy) continue;
    if (const auto target = family.table.take_refresh(now, random_))
      begin_search(Aim::refresh, family.v4, *target, RequestId{});
  }
  if (now < next_expiry_) return;
  next_expiry_ = now + std::chrono::minutes(1);
  peer_store_.expire(now);
  expire_own(now);
  item_store_.expire(now);
}

// BEP 42: who answers tells as whom it sees us. A neighbourhood has one vote, the last it gave.
void Node::Core::vote(const Endpoint& voter, const Endpoint& seen_as, TimePoint now) {
  Family& ours = family_of(voter);
  if (seen_as.address.is_v4() != ours.v4 || seen_as.address.is_local() ||
      seen_as.address.is_unspecified() || seen_as.address.is_multicast())
    return;
  if (ours.external == seen_as.address && ours.votes.empty()) return;
  const Endpoint neighbourhood = neighbourhood_of(voter);
  std::erase_if(ours.votes, [&](const Vote& vote) { return vote.voter == neighbourhood; });
  if (ours.votes.size() >= votes_kept) ours.votes.erase(ours.votes.begin());
  ours.votes.push_back({neighbourhood, seen_as.address});
  const auto agree = static_cast<std::size_t>(
      std::count_if(ours.votes.begin(), ours.votes.end(),
                    [&](const Vote& vote) { return vote.address == seen_as.address; }));
  if (agree < config_->votes_needed || 2 * agree <= ours.votes.size()) return;
  adopt_address(ours, seen_as.address, now);
}

void Node::Core::adopt_address(Family& family, const Address& address, TimePoint now) {
  family.votes.clear();
  family.votes.shrink_to_fit();
  if (family.external == address) return;
  family.external = address;
  if (conforms(family.table.own(), address)) return;
  change_id(family, id_for_address(address, static_cast<std::uint8_t>(random_.below(256)), random_),
            now);
}

void Node::Core::change_id(Family& family, const NodeId& id, TimePoint now) {
  std::vector<NodeInfo> nodes;
  family.table.nodes(nodes);
  family.table = RoutingTable(id);
  for (const NodeInfo& node : nodes) family.table.answered(node, now);
  if (!started_) return;
  actions_.emplace_back(IdChanged{id, *family.external});
  bootstrap(family, now);
}

// From how near the eighth of our neighbours is.
double Node::Core::network_estimate(const Family& family) const {
  std::vector<NodeInfo> nodes;
  family.table.nearest(family.table.own(), RoutingTable::k, nodes);
  if (nodes.size() < RoutingTable::k) return static_cast<double>(nodes.size() + 1);
  const NodeId far = distance(family.table.own(), nodes.back().id);
  double share = 0;
  for (std::size_t i = 0; i < 8; ++i)
    share += std::ldexp(std::to_integer<int>(far.bytes[i]), -8 * static_cast<int>(i + 1));
  return share > 0 ? static_cast<double>(RoutingTable::k) / share : 0;
}

}  // namespace barter::dht
