#include "chunkstore/piece_hasher.hpp"

#include <algorithm>

#include "torrent/merkle.hpp"
#include "torrent/sha.hpp"

namespace barter {

namespace {

// OpenSSL's context costs an allocation; each thread keeps one. A hasher begins and ends on one
// thread.
Sha1& thread_sha1() {
  thread_local Sha1 hash;
  return hash;
}

}  // namespace

PieceHasher::~PieceHasher() {
  if (begun_) (void)thread_sha1().finish();  // given up half-way: the next one starts afresh
}

bool PieceHasher::possible() const {
  return metainfo_.has_v1() || metainfo_.piece_hash_v2(piece_).has_value();
}

void PieceHasher::update(std::span<const std::byte> blocks) {
  if (metainfo_.has_v1()) {
    begun_ = true;
    thread_sha1().update(blocks);
    return;
  }
  while (!blocks.empty()) {
    const auto block = blocks.first(std::min<std::size_t>(blocks.size(), block_length));
    leaves_.push_back(merkle_leaf(block));
    blocks = blocks.subspan(block.size());
  }
}

bool PieceHasher::matches() {
  if (metainfo_.has_v1()) {
    begun_ = false;
    return thread_sha1().finish() == metainfo_.piece_hash_v1(piece_);
  }
  const auto expected = metainfo_.piece_hash_v2(piece_);
  return expected && tree_root() == *expected;
}

Sha256Digest PieceHasher::tree_root() const {
  const auto& layout = metainfo_.layout();
  std::vector<FileRange> ranges;
  layout.file_ranges(layout.piece_offset(piece_), 1, ranges);
  const std::uint64_t length = layout.files()[ranges.front().file].length;
  if (length <= layout.piece_length()) return small_file_root(leaves_);
  return piece_root(leaves_, layout.piece_length());
}

}  // namespace barter
