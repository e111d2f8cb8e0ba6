// Ours is the "random first piece" of B. Cohen, "Incentives Build Robustness in BitTorrent" (2003):
// something to trade soon. Rarest first from the start: what remains of it where A. Legout, G.
// Urvoy-Keller, P. Michiardi, "Rarest First and Choke Algorithms Are Enough" (IMC 2006), measured
// that rarity alone keeps pieces apart. The first four by chance: libtorrent's
// "initial_picker_threshold".
#include "sim/policies/picking.hpp"

namespace barter::sim {

namespace {
class FirstPieces : public PickPolicy {
 public:
  explicit FirstPieces(std::size_t by_chance) : by_chance_(by_chance) {}
  std::size_t first_by_chance() const override { return by_chance_; }

 private:
  std::size_t by_chance_;
};
}  // namespace

std::unique_ptr<PickPolicy> rarest_at_once() {
  return std::make_unique<FirstPieces>(0);
}

std::unique_ptr<PickPolicy> first_four_by_chance() {
  return std::make_unique<FirstPieces>(4);
}

}  // namespace barter::sim
