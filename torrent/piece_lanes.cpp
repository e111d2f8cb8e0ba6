#include "torrent/piece_lanes.hpp"

#include <algorithm>
#include <cassert>

#include "torrent/layout.hpp"
#include "torrent/merkle.hpp"

namespace barter {

// v2 alone has its lanes within a piece, but small files are pieces of their own.
PieceLanes::PieceLanes(bool v1, bool v2, std::uint32_t piece_length, const ShaKernel* kernel)
    : v1_(v1),
      v2_(v2),
      piece_length_(piece_length),
      sha1_(kernel),
      width_(v1 ? sha1_.width() : Sha256Lanes(kernel).width()),
      buffer_(width_) {}

void PieceLanes::begin(std::size_t pieces) {
  assert(pieces <= width_);
  pieces_ = pieces;
  finished_ = false;
  if (v1_) sha1_.begin(pieces);
  for (std::size_t i = 0; i < pieces; ++i) leaves_[i].clear();
  filled_ = {};
}

void PieceLanes::advance() {
  if (v1_) {
    std::array<std::span<const std::byte>, max_sha_lanes> parts;
    for (std::size_t i = 0; i < pieces_; ++i) parts[i] = room(i).first(filled_[i].bytes);
    sha1_.update(std::span(parts).first(pieces_));
  }
  if (v2_) advance_leaves();
  filled_ = {};
}

void PieceLanes::advance_leaves() {
  blocks_.clear();
  for (std::size_t i = 0; i < pieces_; ++i) {
    std::span<const std::byte> bytes = room(i).first(filled_[i].in_file);
    while (!bytes.empty()) {
      blocks_.push_back(bytes.first(std::min<std::size_t>(bytes.size(), block_length)));
      bytes = bytes.subspan(blocks_.back().size());
    }
  }
  block_leaves_.resize(blocks_.size());
  merkle_leaves(blocks_, block_leaves_);
  auto next = block_leaves_.begin();
  for (std::size_t i = 0; i < pieces_; ++i) {
    const auto count = (filled_[i].in_file + block_length - 1) / block_length;
    const auto end = next + static_cast<std::ptrdiff_t>(count);
    leaves_[i].insert(leaves_[i].end(), next, end);
    next = end;
  }
}

PieceDigests PieceLanes::digests(std::size_t piece, bool only_piece) {
  assert(piece < pieces_);
  if (v1_ && !finished_) sha1_.finish(std::span(sha1_digests_).first(pieces_));
  finished_ = true;
  PieceDigests out;
  if (v1_) out.v1 = sha1_digests_[piece];
  // No leaf: the file could not be read, or all is pad.
  if (v2_ && !leaves_[piece].empty()) {
    out.v2 =
        only_piece ? small_file_root(leaves_[piece]) : piece_root(leaves_[piece], piece_length_);
  }
  return out;
}

}  // namespace barter
