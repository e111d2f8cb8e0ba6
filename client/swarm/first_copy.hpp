// FirstCopy: which piece to suggest to whom (BEP 6) while we are the only one that
// has all of them. Each piece is offered to one peer, so that the first copy leaves
// us once and not twice; no bitfield lies for it. Knows who has what by the
// picker's counts, no messages, no clock. Owned by a Swarm.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "client/swarm/action.hpp"
#include "client/swarm/piece_picker.hpp"
#include "torrent/bitfield.hpp"
#include "torrent/random.hpp"

namespace barter {

class FirstCopy {
 public:
  // To be told now and then: begins when there is a piece that no peer has, ends when there is none
  // or we do not have all.
  void update(bool we_have_all, const PiecePicker& picker, Random& random);
  bool active() const { return taken_.size() > 0; }

  // A piece that nobody has and nobody was offered, for a peer that has not yet asked for `ahead`
  // pieces offered to it; none if it has, or if there is no such piece.
  std::optional<PieceIndex> offer(ConnectionId to, const PiecePicker& picker);
  // Somebody asks for a block of it.
  void asked(PieceIndex piece);
  // Choked or gone: what it has not asked for is offered to others.
  void dropped(ConnectionId peer);

  static constexpr std::size_t ahead = 2;

 private:
  struct Offer {
    ConnectionId to;
    PieceIndex piece;
  };

  Bitfield taken_;              // offered, or asked for; no bits while not active
  std::vector<Offer> offered_;  // and not yet asked for
  std::uint32_t cursor_ = 0;    // where to look next
  bool exhausted_ = false;      // all are taken
};

}  // namespace barter
