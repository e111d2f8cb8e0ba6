// PassedOn: who passes on what it got from us, as the only seed can tell: of a piece that nobody
// has it gave the blocks to one peer, and when another has the piece without us, the first gave it
// on. Whom we give to is what counts, not what a peer says it has. Each minute half of it is
// forgotten, so nobody waits for ever. Knows connections as numbers, no messages. Owned by a Swarm.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "client/swarm/open_piece.hpp"

namespace barter {

class PassedOn {
 public:
  // We sent a block. `nobody_has_it`: the piece is at no peer yet.
  void sent(ConnectionId to, PieceIndex piece, bool nobody_has_it, TimePoint now);
  // A peer tells that it has the piece.
  void gained(ConnectionId peer, PieceIndex piece);
  void left(ConnectionId peer);

  // It was given several pieces a while ago and passed on next to nothing, while others did.
  bool keeps(ConnectionId peer, TimePoint now) const;

  static constexpr std::uint32_t start_pieces = 4;  // before anything is expected of a peer
  static constexpr Duration time_to_pass_on = std::chrono::seconds(5);
  static constexpr Duration half_life = std::chrono::minutes(1);

 private:
  struct Record {
    std::uint32_t given = 0, passed = 0;  // pieces
    TimePoint started = never;            // when it had its start
  };
  void forget_half(TimePoint now);

  std::unordered_map<ConnectionId, Record> records_;
  std::vector<ConnectionId> given_to_;  // by piece; no_connection: to nobody yet
  TimePoint forget_at_ = never;
};

}  // namespace barter
