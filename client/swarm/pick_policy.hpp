// PickPolicy: other rules than our own for which piece is opened, which is gone
// on with, and what is asked for twice. A seam for the simulator, as
// TradePolicy is: the product has none (SwarmConfig::pick_policy is empty
// there). What is not overridden is our own rule. Owned by one Swarm.
#pragma once

#include <cstddef>
#include <cstdint>

#include "client/swarm/action.hpp"
#include "torrent/layout.hpp"

namespace barter {

// A peer that is to be asked for a block.
struct PickingPeer {
  ConnectionId connection{};
  std::uint64_t gives = 0, all_give = 0;  // bytes a second: it, and all peers together
};

// A block that is asked of one peer already may be asked of another
enum class SecondHolder : std::uint8_t {
  when_late,      // when it is late, or when the other would bring it much earlier: our own
  end_game,       // of all peers, when all that is missing is asked for
  end_game_once,  // then, too, but only of a peer that nothing else is asked of
  never,          // only when the peer has left or is silent
};

class PickPolicy {
 public:
  virtual ~PickPolicy() = default;

  // Until we have so many pieces others are opened by chance, then the rarest first.
  virtual std::size_t first_by_chance() const { return 1; }
  // With so many pieces half done another is opened only for a peer that none of them will do for.
  // `sources`: peers that do not choke us.
  virtual std::size_t most_partial(std::size_t sources) const { return 2 * sources + 4; }
  // Whether the peer shall go on with this open piece, as long as there is another to open.
  virtual bool suits(const PickingPeer&, PieceIndex) { return true; }
  virtual void opened(const PickingPeer&, PieceIndex) {}
  virtual SecondHolder second_holder() const { return SecondHolder::when_late; }
};

}  // namespace barter
