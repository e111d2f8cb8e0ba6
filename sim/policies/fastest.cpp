// Seeds serve those that take most: B. Cohen, "Incentives Build Robustness in BitTorrent" (2003),
// and libtorrent's "fastest_upload". Eight slots, one of them by chance.
#include "sim/policies/policies.hpp"

namespace barter::sim {

namespace {
class Fastest : public RankedPolicy {
 public:
  Fastest() : RankedPolicy(std::chrono::seconds(15), std::chrono::seconds(30)) {}

 protected:
  double rank(const ChokeCandidate& peer) const override { return static_cast<double>(peer.takes); }
};
}  // namespace

std::unique_ptr<TradePolicy> fastest_policy() {
  return std::make_unique<Fastest>();
}

}  // namespace barter::sim
