#include "client/swarm/open_pieces.hpp"

#include <algorithm>
#include <cassert>

namespace barter {

OpenPiece* OpenPieces::look_up(PieceIndex piece) {
  const auto found = by_piece_.find(to_number(piece));
  if (found == by_piece_.end()) return nullptr;
  last_ = found->second;
  return last_;
}

OpenPiece& OpenPieces::open(PieceIndex piece) {
  assert(find(piece) == nullptr);
  all_.push_back(std::make_unique<OpenPiece>(piece, *layout_, next_sequence_++));
  OpenPiece& opened = *all_.back();
  by_piece_.emplace(to_number(piece), &opened);
  update(opened);
  return opened;
}

void OpenPieces::close(OpenPiece& piece) {
  piece.phase = OpenPiece::Phase::waiting;
  update(piece);
  if (last_ == &piece) last_ = nullptr;
  by_piece_.erase(to_number(piece.piece()));
  const auto place = std::lower_bound(
      all_.begin(), all_.end(), piece.sequence(),
      [](const auto& open, std::uint64_t sequence) { return open->sequence() < sequence; });
  assert(place != all_.end() && place->get() == &piece);
  all_.erase(place);
}

void OpenPieces::update(OpenPiece& piece) {
  const bool partial = piece.phase == OpenPiece::Phase::fetching && piece.requestable() > 0;
  std::size_t& index = piece.partial_index_;
  if (partial == (index != OpenPiece::no_index)) return;
  if (partial) {
    index = partial_.size();
    partial_.push_back(&piece);
    return;
  }
  partial_.back()->partial_index_ = index;
  partial_[index] = partial_.back();
  partial_.pop_back();
  index = OpenPiece::no_index;
}

}  // namespace barter
