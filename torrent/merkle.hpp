// The hash trees of v2 torrents (BEP 52): binary, SHA-256, one leaf for each 16 KiB of a file. What
// lies beyond the end of a file is a zero leaf hash, and the parents of such leaves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "torrent/digest.hpp"

namespace barter {

// The leaf of a block: 1 to 16384 bytes, never filled up.
Sha256Digest merkle_leaf(std::span<const std::byte> block);
// The leaves of several blocks, hashed side by side (sha_lanes).
void merkle_leaves(std::span<const std::span<const std::byte>> blocks, std::span<Sha256Digest> out);
// The node above two others.
Sha256Digest merkle_parent(const Sha256Digest& left, const Sha256Digest& right);
// The root of 2^height zero leaves: what stands at that height beyond the end of a file.
Sha256Digest merkle_padding(unsigned height);

// The root above `nodes`, all of the same height (0: leaves), filled up on the right to `width`
// nodes. `width` is a power of two and at least nodes.size(), which is at least one.
Sha256Digest merkle_root(std::span<const Sha256Digest> nodes, unsigned height, std::size_t width);

// The hash of a piece in a file of several pieces: its leaves, filled up to a whole piece.
Sha256Digest piece_root(std::span<const Sha256Digest> leaves, std::uint32_t piece_length);
// The `pieces root` of a file that fits in one piece, from its leaves.
Sha256Digest small_file_root(std::span<const Sha256Digest> leaves);
// The `pieces root` of a file of several pieces, from its piece layer.
Sha256Digest layer_root(std::span<const Sha256Digest> layer, std::uint32_t piece_length);

}  // namespace barter
