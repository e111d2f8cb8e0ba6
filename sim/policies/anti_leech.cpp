// libtorrent's "anti_leech" for seeds (its manual, "seed_choking_algorithm"): those that have just
// begun, or are almost done, before those in the middle, who have most to trade. Eight slots, one
// of them by chance.
#include <cmath>

#include "sim/policies/policies.hpp"

namespace barter::sim {

namespace {
class AntiLeech : public RankedPolicy {
 public:
  AntiLeech() : RankedPolicy(std::chrono::seconds(15), std::chrono::seconds(30)) {}

 protected:
  double rank(const ChokeCandidate& peer) const override { return std::abs(0.5 - peer.lag); }
};
}  // namespace

std::unique_ptr<TradePolicy> anti_leech_policy() {
  return std::make_unique<AntiLeech>();
}

}  // namespace barter::sim
