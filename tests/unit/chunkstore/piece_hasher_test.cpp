#include "chunkstore/piece_hasher.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/chunkstore/sample.hpp"

using namespace barter;

namespace {

bool right(const Sample& sample, PieceIndex piece, const std::string& bytes) {
  PieceHasher hasher(*sample.metainfo, piece);
  REQUIRE(hasher.possible());
  // In blocks, as they come from peers, or all at once, as they come from a file.
  if (bytes.size() % 2 == 0) {
    hasher.update(as_bytes(bytes));
  } else {
    for (std::size_t at = 0; at < bytes.size(); at += block_length) {
      hasher.update(as_bytes(std::string_view(bytes).substr(at, block_length)));
    }
  }
  return hasher.matches();
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

TEST_CASE("A hasher given up half-way leaves nothing behind") {
  const Sample sample = make_sample({{"", 100'000}}, 2 * block_length);
  {
    PieceHasher hasher(*sample.metainfo, PieceIndex{0});
    hasher.update(as_bytes("left behind"));
  }
  CHECK(right(sample, PieceIndex{0}, sample.piece(PieceIndex{0})));
}
