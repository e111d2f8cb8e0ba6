// TradePolicy: another rule than our own for whom to unchoke, and who of them is served next. A
// seam for the simulator, which compares published rules with ours; the product has none of them
// (SwarmConfig::leech_policy and seed_policy are empty there). Owned by one Swarm.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "client/swarm/choker.hpp"
#include "torrent/layout.hpp"

namespace barter {

// A peer that waits for a block, and whose connection has room for it.
struct ServeCandidate {
  ConnectionId connection{};
  std::uint64_t uploaded = 0, downloaded = 0;  // bytes, since it is linked
  PieceIndex piece{};                          // of the block that it waits for
  std::uint32_t availability = 0;              // of this piece, among our peers
};

class TradePolicy {
 public:
  virtual ~TradePolicy() = default;

  // As Choker::choose(), but called whenever something may have changed: rounds are its own.
  virtual void choose(std::span<const ChokeCandidate> peers, TimePoint now, Random& random,
                      std::vector<bool>& unchoke) = 0;

  // Whether it says who is served next, block by block; else all are served at once, and their
  // connections share the line.
  virtual bool by_turns() const { return false; }
  // The place in `waiting`, which is not empty; it is then given its block.
  virtual std::size_t next(std::span<const ServeCandidate> waiting) { return waiting.size() - 1; }
};

}  // namespace barter
