#include "torrent/merkle.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <vector>

#include "torrent/layout.hpp"
#include "torrent/sha_lanes.hpp"

namespace barter {
namespace {

// Making one costs more than hashing 64 bytes.
Sha256Lanes& thread_lanes() {
  thread_local Sha256Lanes lanes;
  return lanes;
}

// The level above `level`, in its place. An odd node at its end has `padding` beside it.
void climb(std::vector<Sha256Digest>& level, const Sha256Digest& padding) {
  if (level.size() % 2 != 0) level.push_back(padding);
  const std::size_t count = level.size() / 2;
  std::array<std::span<const std::byte>, max_sha_lanes> pairs;
  std::array<Sha256Digest, max_sha_lanes> above;
  for (std::size_t done = 0; done < count;) {
    const std::size_t some = std::min(count - done, pairs.size());
    for (std::size_t i = 0; i < some; ++i) {
      pairs[i] = std::as_bytes(std::span(level).subspan(2 * (done + i), 2));
    }
    thread_lanes().hash(std::span(pairs).first(some), std::span(above).first(some));
    std::copy_n(above.begin(), some, level.begin() + static_cast<std::ptrdiff_t>(done));
    done += some;
  }
  level.resize(count);
}

static_assert(sizeof(Sha256Digest) == Sha256Digest::size);  // two in a row are a message

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

void merkle_leaves(std::span<const std::span<const std::byte>> blocks,
                   std::span<Sha256Digest> out) {
  thread_lanes().hash(blocks, out);
}

Sha256Digest merkle_parent(const Sha256Digest& left, const Sha256Digest& right) {
  const std::array<Sha256Digest, 2> pair{left, right};
  return sha256(std::as_bytes(std::span(pair)));
}

Sha256Digest merkle_padding(unsigned height) {
  Sha256Digest out;
  for (unsigned i = 0; i < height; ++i) out = merkle_parent(out, out);
  return out;
}

Sha256Digest merkle_root(std::span<const Sha256Digest> nodes, unsigned height, std::size_t width) {
  assert(!nodes.empty() && std::has_single_bit(width) && nodes.size() <= width);
  if (width == 1) return nodes[0];
  Sha256Digest padding = merkle_padding(height);
  std::vector<Sha256Digest> level(nodes.begin(), nodes.end());
  for (; width > 1; width /= 2) {
    climb(level, padding);
    padding = merkle_parent(padding, padding);
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
