// Seeds serve those that gave them most while they still lacked pieces: the
// credit of eMule (Y. Kulbak, D. Bickson, "The eMule Protocol
// Specification", 2005). Eight slots, one of them by chance.
#include "sim/policies/policies.hpp"

namespace barter::sim {

namespace {
class Credit : public RankedPolicy {
 public:
  Credit() : RankedPolicy(std::chrono::seconds(15), std::chrono::seconds(30)) {}

 protected:
  double rank(const ChokeCandidate& peer) const override {
    return static_cast<double>(peer.downloaded);
  }
};
}  // namespace

std::unique_ptr<TradePolicy> credit_policy() {
  return std::make_unique<Credit>();
}

}  // namespace barter::sim
