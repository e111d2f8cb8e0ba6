#include "torrent/merkle.hpp"

#include <catch2/catch.hpp>

#include <bit>
#include <vector>

#include "torrent/layout.hpp"

using namespace barter;

namespace {

std::vector<Sha256Digest> leaves_of(const std::vector<std::byte>& content) {
  std::vector<Sha256Digest> out;
  for (std::size_t at = 0; at < content.size(); at += block_length) {
    out.push_back(merkle_leaf(
        std::span(content).subspan(at, std::min<std::size_t>(block_length, content.size() - at))));
  }
  return out;
}

// The definition, written down as it stands in BEP 52.
Sha256Digest plain_root(std::vector<Sha256Digest> nodes) {
  nodes.resize(std::bit_ceil(nodes.size()));
  while (nodes.size() > 1) {
    for (std::size_t i = 0; i < nodes.size() / 2; ++i)
      nodes[i] = merkle_parent(nodes[2 * i], nodes[2 * i + 1]);
    nodes.resize(nodes.size() / 2);
  }
  return nodes[0];
}

std::vector<std::byte> content(std::size_t size) {
  std::vector<std::byte> out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(i * 7 + i / 251);
  return out;
}

}  // namespace

TEST_CASE("the root of a small file is that of its leaves") {
  CHECK(small_file_root(leaves_of(content(20))) == merkle_leaf(content(20)));
  // What libtorrent 2.0.8 writes for a file of twenty 'a'.
  const std::vector<std::byte> a(20, std::byte{'a'});
  CHECK(to_hex(small_file_root(leaves_of(a))) ==
        "42492da06234ad0ac76f5d5debdb6d1ae027cffbe746a1c13b89bb8bc0139137");
}

TEST_CASE("pieces and layers give the root that the leaves give") {
  for (const std::uint32_t piece_length : {block_length, 2 * block_length, 8 * block_length}) {
    for (std::size_t blocks = 1; blocks <= 40; ++blocks) {
      const auto leaves = leaves_of(content(blocks * block_length - 5));
      const Sha256Digest root = plain_root(leaves);
      CHECK(small_file_root(leaves) == root);
      if (blocks * block_length <= piece_length) continue;
      std::vector<Sha256Digest> layer;
      const std::size_t per_piece = piece_length / block_length;
      for (std::size_t at = 0; at < leaves.size(); at += per_piece) {
        layer.push_back(piece_root(
            std::span(leaves).subspan(at, std::min(per_piece, leaves.size() - at)), piece_length));
      }
      CHECK(layer_root(layer, piece_length) == root);
    }
  }
}

TEST_CASE("padding is the tree over zero leaves") {
  CHECK(merkle_padding(0).is_zero());
  CHECK(merkle_padding(3) == plain_root(std::vector<Sha256Digest>(8)));
  const Sha256Digest leaf = merkle_leaf(content(1));
  CHECK(merkle_root(std::vector{leaf}, 2, 4) ==
        merkle_parent(merkle_parent(leaf, merkle_padding(2)), merkle_padding(3)));
}
