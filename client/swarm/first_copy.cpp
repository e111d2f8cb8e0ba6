#include "client/swarm/first_copy.hpp"

#include <algorithm>

namespace barter {

void FirstCopy::update(bool we_have_all, const PiecePicker& picker, Random& random) {
  const std::uint32_t pieces = picker.pieces();
  bool alone = false;
  if (we_have_all && pieces > 0 && picker.seeds() == 0)
    for (std::uint32_t i = 0; i < pieces && !alone; ++i)
      alone = picker.availability(PieceIndex{(cursor_ + i) % pieces}) == 0;
  if (alone == active()) return;
  offered_.clear();
  exhausted_ = false;
  taken_ = alone ? Bitfield(pieces) : Bitfield();
  // Two such seeds that do not know of each other shall not begin with the same.
  if (alone) cursor_ = static_cast<std::uint32_t>(random.below(std::uint64_t{pieces}));
}

std::optional<PieceIndex> FirstCopy::offer(ConnectionId to, const PiecePicker& picker) {
  if (!active() || exhausted_) return std::nullopt;
  const auto open = std::count_if(offered_.begin(), offered_.end(),
                                  [to](const Offer& one) { return one.to == to; });
  if (static_cast<std::size_t>(open) >= ahead) return std::nullopt;
  for (std::uint32_t i = 0; i < picker.pieces(); ++i) {
    const PieceIndex piece{cursor_};
    cursor_ = (cursor_ + 1) % picker.pieces();
    if (picker.availability(piece) > 0 || !taken_.set(to_number(piece))) continue;
    offered_.push_back({to, piece});
    return piece;
  }
  exhausted_ = true;
  return std::nullopt;
}

void FirstCopy::asked(PieceIndex piece) {
  if (!active() || taken_.set(to_number(piece))) return;
  std::erase_if(offered_, [piece](const Offer& one) { return one.piece == piece; });
}

void FirstCopy::dropped(ConnectionId peer) {
  std::erase_if(offered_, [&](const Offer& one) {
    if (one.to != peer) return false;
    taken_.clear(to_number(one.piece));
    exhausted_ = false;
    return true;
  });
}

}  // namespace barter
