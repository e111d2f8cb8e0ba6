// How many pieces may be half done before one of them is finished first. None: "strict priority" of
// B. Cohen, "Incentives Build Robustness in BitTorrent" (2003). One and a half for each peer that
// serves us: libtorrent's rule (its picker prefers partial pieces from there on). No cap: rarity
// always comes before completion.
#include <limits>

#include "sim/policies/picking.hpp"

namespace barter::sim {

namespace {
class HalfDone : public PickPolicy {
 public:
  HalfDone(std::size_t least, std::size_t halves) : least_(least), halves_(halves) {}
  std::size_t most_partial(std::size_t sources) const override {
    return least_ + halves_ * sources / 2;
  }

 private:
  std::size_t least_, halves_;  // half a piece for each source
};
}  // namespace

std::unique_ptr<PickPolicy> strict_priority() {
  return std::make_unique<HalfDone>(0, 0);
}

std::unique_ptr<PickPolicy> one_partial_a_source() {
  return std::make_unique<HalfDone>(0, 2);
}

std::unique_ptr<PickPolicy> three_halves_a_source() {
  return std::make_unique<HalfDone>(0, 3);
}

std::unique_ptr<PickPolicy> no_cap() {
  return std::make_unique<HalfDone>(std::numeric_limits<std::uint32_t>::max(), 0);
}

}  // namespace barter::sim
