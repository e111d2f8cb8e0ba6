#include "sim/policies/policies.hpp"

#include <algorithm>
#include <array>

namespace barter::sim {

namespace {
constexpr std::array all_policies{
    NamedPolicy{"ours", nullptr, nullptr},
    NamedPolicy{"classic, 3 + 1 slots", classic_policy, nullptr},
    NamedPolicy{"rate-adaptive slots", rate_adaptive_policy, nullptr},
    NamedPolicy{"PropShare", propshare_policy, nullptr},
    NamedPolicy{"FairTorrent", fairtorrent_policy, nullptr},
    NamedPolicy{"seeds: rotation", nullptr, rotation_policy},
    NamedPolicy{"seeds: fastest", nullptr, fastest_policy},
    NamedPolicy{"seeds: anti-leech", nullptr, anti_leech_policy},
    NamedPolicy{"seeds: rarest unsent", nullptr, rarest_unsent_policy},
    NamedPolicy{"seeds: credit", nullptr, credit_policy},
    NamedPolicy{"classic, seeds: fastest", classic_policy, fastest_policy},
};
}  // namespace

std::span<const NamedPolicy> named_policies() {
  return all_policies;
}

void unchoke_best(std::span<const ChokeCandidate> peers, std::size_t slots, const Rank& rank,
                  Random& random, std::vector<bool>& unchoke) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < peers.size(); ++i)
    if (peers[i].interested && !unchoke[i]) order.push_back(i);
  random.shuffle(order);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return rank(peers[a]) > rank(peers[b]); });
  for (std::size_t i = 0; i < std::min(slots, order.size()); ++i) unchoke[order[i]] = true;
}

void keep_unchoked(std::span<const ChokeCandidate> peers, std::size_t slots, Random& random,
                   std::vector<bool>& unchoke) {
  unchoke_best(
      peers, slots, [](const ChokeCandidate& peer) { return peer.unchoked ? 1 : 0; }, random,
      unchoke);
}

void RankedPolicy::choose(std::span<const ChokeCandidate> peers, TimePoint now, Random& random,
                          std::vector<bool>& unchoke) {
  unchoke.assign(peers.size(), false);
  if (!rounds_.begins(now)) return keep_unchoked(peers, slots_, random, unchoke);
  slots_ = slots(peers);
  const std::size_t chances = std::min(slots_, by_chance(slots_));
  unchoke_best(
      peers, slots_ - chances, [this](const ChokeCandidate& peer) { return rank(peer); }, random,
      unchoke);
  if (chance_.begins(now)) lucky_.clear();
  const auto luck = [this](const ChokeCandidate& peer) {
    return std::find(lucky_.begin(), lucky_.end(), peer.connection) != lucky_.end() ? 1 : 0;
  };
  const std::vector<bool> by_rank = unchoke;
  unchoke_best(peers, chances, luck, random, unchoke);
  lucky_.clear();
  for (std::size_t i = 0; i < peers.size(); ++i)
    if (unchoke[i] && !by_rank[i]) lucky_.push_back(peers[i].connection);
}

}  // namespace barter::sim
