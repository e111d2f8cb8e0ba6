#include "client/swarm/choker.hpp"

#include <algorithm>
#include <cmath>

namespace barter {

namespace {
// A seed's share for one peer before another that waits takes its place: both must be had.
constexpr std::uint64_t share_bytes = 8 << 20;
constexpr Duration share_time = std::chrono::seconds(20);
// Within this margin an unchoked partner keeps its slot: changing costs a round trip of idle line.
constexpr std::uint64_t keep_percent = 115;
// Of so many slots one goes by chance; and who has nothing of what we have is so much likelier to
// be tried than who has as much. Peers that fall behind have little to trade and would fall behind
// ever more: the last of a crowd came seconds after all others.
constexpr std::uint32_t slots_for_one_by_chance = 3;
constexpr double lag_weight = 15;
}  // namespace

std::uint32_t upload_slots(const SwarmConfig& config, std::uint64_t upload_limit, bool seeding,
                           std::span<const ChokeCandidate> peers) {
  if (upload_limit == 0) return 0;
  double slots = config.upload_slots_min;
  if (upload_limit != unlimited) {
    // The mainline client's rule: slots grow with the root of the
    // rate, so that each is worth having.
    slots = std::sqrt(static_cast<double>(upload_limit) / (seeding ? 2048 : 8192));
  } else {
    // One more than there are peers that take something worth while; each slot more must be worth
    // more, or the line would be cut into slices too thin to be reciprocated. Nobody reciprocates
    // with a seed, so its slices may be thinner.
    const std::uint64_t step = seeding ? 2048 : 32768;
    std::vector<std::uint64_t> rates;
    for (const ChokeCandidate& peer : peers)
      if (peer.unchoked && peer.interested) rates.push_back(peer.takes);
    std::sort(rates.rbegin(), rates.rend());
    std::size_t used = 0;
    while (used < rates.size() && rates[used] >= step * (used + 1)) ++used;
    slots = static_cast<double>(used + 1);
  }
  const double ceiling = config.upload_slots_max;
  const double floor = std::min<double>(config.upload_slots_min, ceiling);
  return static_cast<std::uint32_t>(std::clamp(slots, floor, ceiling));
}

void Choker::choose(std::span<const ChokeCandidate> peers, std::uint32_t slots, bool seeding,
                    bool rotate, TimePoint now, Random& random, std::vector<bool>& unchoke) {
  unchoke.assign(peers.size(), false);
  order_.clear();
  for (std::uint32_t i = 0; i < peers.size(); ++i)
    if (peers[i].interested) order_.push_back(i);
  const auto givers = std::stable_partition(order_.begin(), order_.end(),
                                            [&](std::uint32_t i) { return !peers[i].keeps; });
  if (givers != order_.begin()) order_.erase(givers, order_.end());
  if (order_.size() <= slots) {
    for (const std::uint32_t i : order_) unchoke[i] = true;
    optimistic_.clear();
    return unchoke_ahead(peers, slots - order_.size(), random, unchoke);
  }
  random.shuffle(order_);  // ties are broken by chance
  if (!seeding) slots -= unchoke_beginners(peers, slots, unchoke);
  if (slots == 0) return;
  if (seeding) {
    choose_rotation(peers, slots, now, unchoke);
  } else {
    choose_partners(peers, slots, rotate, random, unchoke);
  }
}

// Slots that nobody wants yet: with the first piece that we have for one of them it can ask at
// once, a round trip and a round of the choker earlier.
void Choker::unchoke_ahead(std::span<const ChokeCandidate> peers, std::size_t slots, Random& random,
                           std::vector<bool>& unchoke) {
  order_.clear();
  for (std::uint32_t i = 0; i < peers.size(); ++i)
    if (!peers[i].interested && peers[i].may_want && !peers[i].keeps) order_.push_back(i);
  random.shuffle(order_);
  std::stable_partition(order_.begin(), order_.end(),
                        [&](std::uint32_t i) { return peers[i].unchoked; });
  for (std::size_t i = 0; i < std::min(slots, order_.size()); ++i) unchoke[order_[i]] = true;
}

// A piece makes one that has nothing into one more that gives; to all others it is one more piece.
// How many got a slot.
std::uint32_t Choker::unchoke_beginners(std::span<const ChokeCandidate> peers, std::uint32_t slots,
                                        std::vector<bool>& unchoke) {
  const auto end = std::stable_partition(order_.begin(), order_.end(),
                                         [&](std::uint32_t i) { return peers[i].beginner; });
  std::stable_partition(order_.begin(), end, [&](std::uint32_t i) { return peers[i].unchoked; });
  const auto chosen = std::min<std::size_t>(slots, static_cast<std::size_t>(end - order_.begin()));
  for (std::size_t i = 0; i < chosen; ++i) unchoke[order_[i]] = true;
  order_.erase(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(chosen));
  return static_cast<std::uint32_t>(chosen);
}

void Choker::choose_partners(std::span<const ChokeCandidate> peers, std::uint32_t slots,
                             bool rotate, Random& random, std::vector<bool>& unchoke) {
  const std::uint32_t by_chance = std::max(1u, slots / slots_for_one_by_chance);
  const std::uint32_t by_merit = slots - std::min(slots, by_chance);
  const auto merit = [&](std::uint32_t i) {
    const ChokeCandidate& peer = peers[i];
    if (peer.snubbing) return std::uint64_t{0};
    return peer.unchoked ? peer.gives * keep_percent / 100 : peer.gives;
  };
  std::stable_sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (merit(a) != merit(b)) return merit(a) > merit(b);
    return peers[a].unchoked && !peers[b].unchoked;
  });
  for (std::uint32_t i = 0; i < by_merit; ++i) unchoke[order_[i]] = true;

  // The rest are candidates for the slots by chance; who holds one keeps it for the period.
  std::vector<std::uint32_t> rest(order_.begin() + by_merit, order_.end());
  if (rotate) optimistic_.clear();
  std::vector<ConnectionId> chosen;
  for (const ConnectionId connection : optimistic_) {
    const auto place = std::find_if(rest.begin(), rest.end(), [&](std::uint32_t i) {
      return peers[i].connection == connection;
    });
    if (place == rest.end() || chosen.size() == by_chance) continue;
    if (peers[*place].ungrateful) continue;  // it had its chance
    unchoke[*place] = true;
    chosen.push_back(connection);
    rest.erase(place);
  }
  while (chosen.size() < by_chance && !rest.empty()) {
    const auto weight = [&](std::uint32_t i) {
      if (peers[i].snubbing || peers[i].ungrateful) return 1u;
      const double usual = peers[i].newcomer ? 36 : 12;
      return static_cast<std::uint32_t>(usual * (1 + lag_weight * peers[i].lag));
    };
    std::uint64_t total = 0;
    for (const std::uint32_t i : rest) total += weight(i);
    std::uint64_t ticket = random.below(total);
    std::size_t winner = 0;
    while (ticket >= weight(rest[winner])) ticket -= weight(rest[winner++]);
    unchoke[rest[winner]] = true;
    chosen.push_back(peers[rest[winner]].connection);
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(winner));
  }
  optimistic_ = std::move(chosen);
}

void Choker::choose_rotation(std::span<const ChokeCandidate> peers, std::uint32_t slots,
                             TimePoint now, std::vector<bool>& unchoke) {
  enum Class { served, waiting, satisfied };
  const auto class_of = [&](const ChokeCandidate& peer) {
    if (!peer.unchoked) return waiting;
    return peer.taken >= share_bytes || now - peer.since >= 3 * share_time
               ? (now - peer.since >= share_time ? satisfied : served)
               : served;
  };
  std::stable_sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
    const Class class_a = class_of(peers[a]), class_b = class_of(peers[b]);
    if (class_a != class_b) return class_a < class_b;
    // Those furthest behind would be the last to finish.
    if (class_a == waiting && peers[a].lag != peers[b].lag) return peers[a].lag > peers[b].lag;
    if (class_a == waiting) return peers[a].since < peers[b].since;
    return peers[a].takes > peers[b].takes;
  });
  for (std::uint32_t i = 0; i < slots; ++i) unchoke[order_[i]] = true;
}

}  // namespace barter
