// Super-seeding (BEP 16) without a bitfield that lies: of the requests that wait, the one for a
// piece that fewest have or were given goes out next. Eight slots.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "sim/policies/policies.hpp"

namespace barter::sim {

namespace {
constexpr std::size_t slots = 8;

class RarestUnsent : public TradePolicy {
 public:
  void choose(std::span<const ChokeCandidate> peers, TimePoint now, Random& random,
              std::vector<bool>& unchoke) override {
    rotation_->choose(peers, now, random, unchoke);
  }

  bool by_turns() const override { return true; }
  std::size_t next(std::span<const ServeCandidate> waiting) override {
    const auto copies = [this](const ServeCandidate& peer) {
      const auto found = given_.find(peer.piece);
      if (found == given_.end()) return peer.availability;
      // What it was already given of the piece itself does not count: it goes on.
      const auto to_others = found->second.size() - found->second.count(peer.connection);
      return std::max(peer.availability, static_cast<std::uint32_t>(to_others));
    };
    std::size_t best = 0;
    for (std::size_t i = 1; i < waiting.size(); ++i) {
      const std::uint32_t one = copies(waiting[i]), other = copies(waiting[best]);
      if (one < other || (one == other && waiting[i].uploaded < waiting[best].uploaded)) best = i;
    }
    given_[waiting[best].piece].insert(waiting[best].connection);
    return best;
  }

 private:
  std::unique_ptr<TradePolicy> rotation_ = rotation_policy();
  std::unordered_map<PieceIndex, std::unordered_set<ConnectionId>> given_;
};
}  // namespace

std::unique_ptr<TradePolicy> rarest_unsent_policy() {
  return std::make_unique<RarestUnsent>();
}

}  // namespace barter::sim
