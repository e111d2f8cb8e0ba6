// libtorrent's rate based choker (its manual, "choking_algorithm"): of the peers by what they take,
// as many slots as take at least 1 KiB/s and 2 KiB/s more for each before it, and one more. Rounds
// of fifteen seconds; a fifth of the slots by chance, for thirty.
#include <algorithm>

#include "sim/policies/policies.hpp"

namespace barter::sim {

namespace {
constexpr std::uint64_t first_threshold = 1024, step = 2048;

class RateAdaptive : public RankedPolicy {
 public:
  RateAdaptive() : RankedPolicy(std::chrono::seconds(15), std::chrono::seconds(30)) {}

 protected:
  double rank(const ChokeCandidate& peer) const override {
    return peer.snubbing ? 0 : static_cast<double>(peer.gives);
  }
  std::size_t slots(std::span<const ChokeCandidate> peers) const override {
    std::vector<std::uint64_t> rates;
    for (const ChokeCandidate& peer : peers) rates.push_back(peer.takes);
    std::sort(rates.rbegin(), rates.rend());
    std::size_t count = 0;
    while (count < rates.size() && rates[count] >= first_threshold + step * count) ++count;
    return count + 1;
  }
  std::size_t by_chance(std::size_t slots) const override {
    return std::max<std::size_t>(1, slots / 5);
  }
};
}  // namespace

std::unique_ptr<TradePolicy> rate_adaptive_policy() {
  return std::make_unique<RateAdaptive>();
}

}  // namespace barter::sim
