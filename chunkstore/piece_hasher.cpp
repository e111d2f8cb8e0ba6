#include "chunkstore/piece_hasher.hpp"

#include <algorithm>
#include <cassert>

#include "torrent/merkle.hpp"

namespace barter {

bool PieceHasher::possible(const Metainfo& metainfo, PieceIndex piece) {
  return metainfo.has_v1() || metainfo.piece_hash_v2(piece).has_value();
}

void PieceHasher::begin(const Metainfo& metainfo, std::span<const PieceIndex> pieces) {
  assert(pieces.size() <= max_sha_lanes);
  metainfo_ = &metainfo;
  pieces_.assign(pieces.begin(), pieces.end());
  if (metainfo_->has_v1()) sha1_.begin(pieces.size());
  for (auto& leaves : leaves_) leaves.clear();
}

void PieceHasher::update(std::span<const std::span<const std::byte>> parts) {
  assert(parts.size() == pieces_.size());
  if (metainfo_->has_v1()) return sha1_.update(parts);
  std::array<std::span<const std::byte>, max_sha_lanes> blocks;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    // Up to sixteen blocks at a time, whatever the caller brings.
    for (std::span<const std::byte> rest = parts[i]; !rest.empty();) {
      std::size_t count = 0;
      for (; count < blocks.size() && !rest.empty(); ++count) {
        blocks[count] = rest.first(std::min<std::size_t>(rest.size(), block_length));
        rest = rest.subspan(blocks[count].size());
      }
      auto& leaves = leaves_[i];
      leaves.resize(leaves.size() + count);
      merkle_leaves(std::span(blocks).first(count), std::span(leaves).last(count));
    }
  }
}

std::vector<bool> PieceHasher::finish() {
  std::vector<bool> out(pieces_.size());
  if (!metainfo_->has_v1()) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = tree_matches(i);
    return out;
  }
  std::array<Sha1Digest, max_sha_lanes> digests;
  sha1_.finish(std::span(digests).first(pieces_.size()));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = digests[i] == metainfo_->piece_hash_v1(pieces_[i]);
  }
  return out;
}

bool PieceHasher::tree_matches(std::size_t which) const {
  const PieceIndex piece = pieces_[which];
  const auto& leaves = leaves_[which];
  const auto expected = metainfo_->piece_hash_v2(piece);
  if (!expected || leaves.empty()) return false;
  const auto& layout = metainfo_->layout();
  std::vector<FileRange> ranges;
  layout.file_ranges(layout.piece_offset(piece), 1, ranges);
  const std::uint64_t length = layout.files()[ranges.front().file].length;
  return *expected == (length <= layout.piece_length() ? small_file_root(leaves)
                                                       : piece_root(leaves, layout.piece_length()));
}

}  // namespace barter
