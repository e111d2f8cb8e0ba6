// libtorrent's "speed_affinity" (its picker until 1.0): a peer goes on with pieces that peers of
// its own class opened, so that the slow do not hold up pieces of the fast. A peer is fast, medium
// or slow by its share of all that comes in.
#include <unordered_map>

#include "sim/policies/picking.hpp"

namespace barter::sim {

namespace {
enum class Speed : std::uint8_t { slow, medium, fast };

class SpeedClasses : public PickPolicy {
 public:
  bool suits(const PickingPeer& peer, PieceIndex piece) override {
    const auto found = opened_by_.find(piece);
    return found == opened_by_.end() || found->second == speed_of(peer);
  }
  void opened(const PickingPeer& peer, PieceIndex piece) override {
    opened_by_[piece] = speed_of(peer);
  }

 private:
  Speed speed_of(const PickingPeer& peer) {
    Speed& speed = speeds_[peer.connection];
    if (peer.gives > 512 && peer.gives > peer.all_give / 16) {
      speed = Speed::fast;
    } else if (peer.gives > 4096 && peer.gives > peer.all_give / 64) {
      speed = Speed::medium;
    } else if (speed == Speed::fast && peer.gives < peer.all_give / 15) {
      speed = Speed::medium;
    } else if (speed == Speed::medium && peer.gives < peer.all_give / 63) {
      speed = Speed::slow;
    }
    return speed;
  }

  std::unordered_map<ConnectionId, Speed> speeds_;
  std::unordered_map<PieceIndex, Speed> opened_by_;
};
}  // namespace

std::unique_ptr<PickPolicy> speed_classes() {
  return std::make_unique<SpeedClasses>();
}

}  // namespace barter::sim
