#include "chunkstore/piece_hasher.hpp"

#include <algorithm>
#include <bit>

#include "torrent/sha.hpp"

namespace barter {

namespace {

// OpenSSL's context costs an allocation; each thread keeps one. A hasher begins and ends on one
// thread.
Sha1& thread_sha1() {
  thread_local Sha1 hash;
  return hash;
}

Sha256Digest parent(const Sha256Digest& left, const Sha256Digest& right) {
  thread_local Sha256 hash;
  hash.update(left.bytes);
  hash.update(right.bytes);
  return hash.finish();
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
    leaves_.push_back(sha256(block));
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

// Leaves beyond the end of the file are zero digests. A file that fits in one piece has a tree as
// wide as its own blocks ask for; in a larger one every piece's tree is as wide as a whole piece.
Sha256Digest PieceHasher::tree_root() {
  const auto& layout = metainfo_.layout();
  std::vector<FileRange> ranges;
  layout.file_ranges(layout.piece_offset(piece_), 1, ranges);
  const std::uint64_t length = layout.files()[ranges.front().file].length;
  const std::uint64_t bytes = std::min<std::uint64_t>(length, layout.piece_length());
  leaves_.resize(std::bit_ceil((bytes + block_length - 1) / block_length));
  while (leaves_.size() > 1) {
    for (std::size_t i = 0; i < leaves_.size() / 2; ++i) {
      leaves_[i] = parent(leaves_[2 * i], leaves_[2 * i + 1]);
    }
    leaves_.resize(leaves_.size() / 2);
  }
  return leaves_.front();
}

}  // namespace barter
