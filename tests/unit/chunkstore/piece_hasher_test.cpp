#include "chunkstore/piece_hasher.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/chunkstore/sample.hpp"

using namespace barter;

namespace {

bool right(const Sample& sample, PieceIndex piece, const std::string& bytes) {
  REQUIRE(PieceHasher::possible(*sample.metainfo, piece));
  PieceHasher hasher;
  hasher.begin(*sample.metainfo, {&piece, 1});
  // In blocks, as they come from peers, or all at once, as they come from a file.
  const std::size_t part = bytes.size() % 2 == 0 ? bytes.size() : block_length;
  for (std::size_t at = 0; at < bytes.size(); at += part) {
    const auto next = as_bytes(std::string_view(bytes).substr(at, part));
    hasher.update({&next, 1});
  }
  return hasher.finish().at(0);
}

void check_all(const Sample& sample) {
  for (std::uint32_t i = 0; i < sample.layout().piece_count(); ++i) {
    std::string bytes = sample.piece(PieceIndex{i});
    CHECK(right(sample, PieceIndex{i}, bytes));
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    CHECK_FALSE(right(sample, PieceIndex{i}, bytes));
  }
}

}  // namespace

TEST_CASE("Pieces of v1 are known by their SHA-1") {
  check_all(make_sample({{"", 100'001}}, 2 * block_length));
}

TEST_CASE("Pieces of v2 are known by the root of their tree") {
  // One block, a part of a piece, a whole one, several with a short last.
  for (const std::uint64_t length : {1, 16'384, 40'000, 65'536, 65'537, 300'001}) {
    INFO(length);
    check_all(make_v2_sample(length, 4 * block_length));
  }
}

TEST_CASE("Several pieces are told apart when they are hashed side by side") {
  const Sample sample = make_sample({{"", 40 * block_length + 5}}, 2 * block_length);
  PieceHasher hasher;
  for (int round = 0; round < 2; ++round) {  // what was given up before leaves nothing behind
    std::vector<PieceIndex> pieces;
    std::vector<std::string> bytes;
    for (std::uint32_t i = 0; i < max_sha_lanes; ++i) {
      pieces.push_back(PieceIndex{20 - i});  // the short one first
      bytes.push_back(sample.piece(pieces.back()));
    }
    bytes[3][100] = static_cast<char>(bytes[3][100] ^ 1);
    hasher.begin(*sample.metainfo, pieces);
    for (std::size_t at = 0; at < 2 * block_length; at += block_length) {
      std::vector<std::span<const std::byte>> parts;
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        const bool given_up = i == 7 && at > 0;
        const bool ended = at >= bytes[i].size();
        parts.push_back(given_up || ended
                            ? std::span<const std::byte>()
                            : as_bytes(std::string_view(bytes[i]).substr(at, block_length)));
      }
      hasher.update(parts);
      if (round == 0) break;
    }
    if (round == 0) continue;
    const std::vector<bool> found = hasher.finish();
    for (std::size_t i = 0; i < found.size(); ++i) {
      CAPTURE(i);
      CHECK(found[i] == (i != 3 && i != 7));
    }
  }
}
