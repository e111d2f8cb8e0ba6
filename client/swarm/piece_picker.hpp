// PiecePicker: which piece to open next. Knows how many connected peers have each piece, and which
// pieces may be opened; knows no peer, block or clock. Owned by a Swarm.
//
// One array holds all piece numbers, grouped by key: group 0 are the pieces not to be picked (had,
// open, not wanted), group a + 1 the pickable ones that `a` peers have, seeds not counted.
// `bounds_` says where each group begins and `position_` where each piece stands, so a `have` is a
// swap across a boundary. Seeds are a number of their own: one that joins costs O(1). A piece that
// enters a group takes a random place in it; otherwise equal clients, who hear of the same haves,
// would all fetch the same piece next.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "torrent/bitfield.hpp"
#include "torrent/layout.hpp"
#include "torrent/random.hpp"

namespace barter {

class PiecePicker {
 public:
  PiecePicker(std::uint32_t pieces, Random& random);

  std::uint32_t pieces() const { return static_cast<std::uint32_t>(availability_.size()); }

  // Who has what: peers that have all are counted apart.
  void seed_joined() { ++seeds_; }
  void seed_left() { --seeds_; }
  void peer_joined(const Bitfield& has);
  void peer_left(const Bitfield& has);
  void peer_gained(PieceIndex piece);
  void peer_lost(PieceIndex piece);

  // Connected peers that have the piece, seeds included.
  std::uint32_t availability(PieceIndex piece) const {
    return seeds_ + availability_[to_number(piece)];
  }
  std::uint32_t seeds() const { return seeds_; }

  void set_pickable(PieceIndex piece, bool pickable);
  bool pickable(PieceIndex piece) const { return pickable_.test(to_number(piece)); }
  std::uint32_t pickable_count() const { return static_cast<std::uint32_t>(pickable_.count()); }
  // Changes whenever a piece becomes pickable: who found nothing need not look again before.
  std::uint64_t epoch() const { return epoch_; }

  enum class Order : std::uint8_t {
    rarest,
    random,     // the first piece of a newcomer: something to trade soon beats something rare
    commonest,  // for slow peers: they shall not sit on what only they could give
  };
  // A pickable piece of those in `has` (null: of all). It stays pickable until told otherwise.
  std::optional<PieceIndex> pick(const Bitfield* has, Order order, Random& random) const;

  // For the simulator and the fuzzer: a contradiction in the groups; empty if there is none.
  std::string broken_invariant() const;

 private:
  std::uint32_t key(std::uint32_t piece) const {
    return pickable_.test(piece) ? std::uint32_t{availability_[piece]} + 1 : 0;
  }
  void up(std::uint32_t piece, std::uint32_t group);    // from `group` into the next
  void down(std::uint32_t piece, std::uint32_t group);  // from `group` into the one before
  void place(std::uint32_t piece, std::uint32_t index);
  void scatter(std::uint32_t piece, std::uint32_t group);  // to a random place in its group
  std::optional<PieceIndex> rarest_of_few(const Bitfield& has) const;

  std::vector<std::uint32_t> order_;
  std::vector<std::uint32_t> position_;
  std::vector<std::uint16_t> availability_;  // seeds not counted
  std::vector<std::uint32_t> bounds_;        // group g is [bounds_[g], bounds_[g + 1])
  Bitfield pickable_;
  Random scatter_;
  std::uint32_t seeds_ = 0;
  std::uint64_t epoch_ = 0;
};

}  // namespace barter
