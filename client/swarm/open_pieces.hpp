// OpenPieces: the set of open pieces of a swarm: look-up by number, a list of those with something
// to ask for, and how much memory they hold. Owned by a Swarm; decides nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "client/swarm/open_piece.hpp"

namespace barter {

class OpenPieces {
 public:
  explicit OpenPieces(const Layout& layout) : layout_(&layout) {}

  OpenPiece* find(PieceIndex piece) {
    if (last_ != nullptr && last_->piece() == piece) return last_;
    return look_up(piece);
  }
  OpenPiece& open(PieceIndex piece);
  void close(OpenPiece& piece);
  std::size_t size() const { return all_.size(); }

  // In the order of opening.
  std::span<const std::unique_ptr<OpenPiece>> all() const { return all_; }
  // Those with requestable blocks, in no telling order.
  std::span<OpenPiece* const> partial() const { return partial_; }
  // To be called after anything that changed requestable() or the phase.
  void update(OpenPiece& piece);

 private:
  OpenPiece* look_up(PieceIndex piece);

  const Layout* layout_;
  std::vector<std::unique_ptr<OpenPiece>> all_;
  std::vector<OpenPiece*> partial_;
  std::unordered_map<std::uint32_t, OpenPiece*> by_piece_;  // looked up, never walked
  OpenPiece* last_ = nullptr;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace barter
