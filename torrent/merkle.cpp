#include "torrent/merkle.hpp"

#include <bit>
#include <cassert>
#include <vector>

#include "torrent/layout.hpp"
#include "torrent/sha.hpp"

namespace barter {
namespace {

// One hasher for many nodes: making one costs more than hashing 64 bytes.
class ParentHasher {
 public:
  Sha256Digest operator()(const Sha256Digest& left, const Sha256Digest& right) {
    sha_.update(left.bytes);
    sha_.update(right.bytes);
    return sha_.finish();
  }

 private:
  Sha256 sha_;
};

// Tree height of a whole piece.
unsigned piece_height(std::uint32_t piece_length) {
  assert(std::has_single_bit(piece_length) && piece_length >= block_length);
  return static_cast<unsigned>(std::countr_zero(piece_length / block_length));
}

}  // namespace

Sha256Digest merkle_leaf(std::span<const std::byte> block) {
  assert(!block.empty() && block.size() <= block_length);
  return sha256(block);
}

Sha256Digest merkle_parent(const Sha256Digest& left, const Sha256Digest& right) {
  return ParentHasher()(left, right);
}

Sha256Digest merkle_padding(unsigned height) {
  ParentHasher parent;
  Sha256Digest out;
  for (unsigned i = 0; i < height; ++i) out = parent(out, out);
  return out;
}

Sha256Digest merkle_root(std::span<const Sha256Digest> nodes, unsigned height, std::size_t width) {
  assert(!nodes.empty() && std::has_single_bit(width) && nodes.size() <= width);
  if (width == 1) return nodes[0];
  ParentHasher parent;
  Sha256Digest padding = merkle_padding(height);
  std::vector<Sha256Digest> level(nodes.begin(), nodes.end());
  for (; width > 1; width /= 2) {
    const std::size_t count = (level.size() + 1) / 2;
    for (std::size_t i = 0; i < count; ++i) {
      const bool lonely = 2 * i + 1 == level.size();
      level[i] = parent(level[2 * i], lonely ? padding : level[2 * i + 1]);
    }
    level.resize(count);
    padding = parent(padding, padding);
  }
  return level[0];
}

Sha256Digest piece_root(std::span<const Sha256Digest> leaves, std::uint32_t piece_length) {
  return merkle_root(leaves, 0, std::size_t{1} << piece_height(piece_length));
}

Sha256Digest small_file_root(std::span<const Sha256Digest> leaves) {
  return merkle_root(leaves, 0, std::bit_ceil(leaves.size()));
}

Sha256Digest layer_root(std::span<const Sha256Digest> layer, std::uint32_t piece_length) {
  return merkle_root(layer, piece_height(piece_length), std::bit_ceil(layer.size()));
}

}  // namespace barter
