// The last blocks. The end game of B. Cohen, "Incentives Build Robustness in BitTorrent" (2003):
// once all that is missing is asked for, it is asked of all peers, and asked back when it comes.
// libtorrent's: one busy block, only of a peer that nothing else is asked of. No second holder:
// Transmission since 4.1; a block is asked of another only when its peer has left or is silent.
#include "sim/policies/picking.hpp"

namespace barter::sim {

namespace {
class LastBlocks : public PickPolicy {
 public:
  explicit LastBlocks(SecondHolder rule) : rule_(rule) {}
  SecondHolder second_holder() const override { return rule_; }

 private:
  SecondHolder rule_;
};
}  // namespace

std::unique_ptr<PickPolicy> classic_end_game() {
  return std::make_unique<LastBlocks>(SecondHolder::end_game);
}

std::unique_ptr<PickPolicy> one_busy_block() {
  return std::make_unique<LastBlocks>(SecondHolder::end_game_once);
}

std::unique_ptr<PickPolicy> no_second_holder() {
  return std::make_unique<LastBlocks>(SecondHolder::never);
}

}  // namespace barter::sim
