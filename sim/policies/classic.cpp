// B. Cohen, "Incentives Build Robustness in BitTorrent" (2003): four slots, three of them for those
// who give most, thought over every ten seconds; one by chance, for thirty.
#include "sim/policies/policies.hpp"

namespace barter::sim {

namespace {
class Classic : public RankedPolicy {
 public:
  Classic() : RankedPolicy(std::chrono::seconds(10), std::chrono::seconds(30)) {}

 protected:
  double rank(const ChokeCandidate& peer) const override {
    return peer.snubbing ? 0 : static_cast<double>(peer.gives);
  }
  std::size_t slots(std::span<const ChokeCandidate>) const override { return 4; }
  std::size_t by_chance(std::size_t) const override { return 1; }
};
}  // namespace

std::unique_ptr<TradePolicy> classic_policy() {
  return std::make_unique<Classic>();
}

}  // namespace barter::sim
