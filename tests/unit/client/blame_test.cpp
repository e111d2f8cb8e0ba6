#include "client/swarm/blame.hpp"

#include <catch2/catch.hpp>

namespace barter {
namespace {

const TimePoint now{std::chrono::seconds(1)};

Contributor peer(std::uint32_t n) {
  Contributor contributor;
  contributor.connection = ConnectionId{n};
  contributor.peer_id.bytes[0] = static_cast<std::byte>(n);
  return contributor;
}

// A piece whose blocks came from these peers.
OpenPiece piece_from(BlockPool& pool, std::initializer_list<std::uint32_t> senders) {
  const auto count = static_cast<std::uint32_t>(senders.size());
  OpenPiece open(
      PieceIndex{0},
      Layout(count * block_length, {{0, std::uint64_t{count} * block_length, false}}, false), 0);
  std::uint32_t block = 0;
  for (const std::uint32_t sender : senders) {
    open.take(ConnectionId{sender});
    open.receive(block++, pool.take(), peer(sender), now);
  }
  return open;
}

TEST_CASE("exactly those whose blocks differ from the good ones are guilty") {
  BlockPool pool(16, 8);
  Blame blame;
  CHECK_FALSE(blame.wants_digests(PieceIndex{0}));
  const auto bad = piece_from(pool, {1, 2, 3, 2});
  CHECK(blame.failed(bad, std::vector<std::uint64_t>{10, 66, 12, 66}).empty());
  CHECK(blame.wants_digests(PieceIndex{0}));
  for (const std::uint32_t sender : {1u, 2u, 3u}) CHECK(blame.accused(ConnectionId{sender}));
  CHECK_FALSE(blame.accused(ConnectionId{4}));
  const auto guilty = blame.stored(PieceIndex{0}, std::vector<std::uint64_t>{10, 11, 12, 13});
  REQUIRE(guilty.size() == 1);
  CHECK(guilty[0].contributor.peer_id == peer(2).peer_id);
  CHECK(guilty[0].blocks == 2);
  CHECK_FALSE(blame.wants_digests(PieceIndex{0}));
  CHECK(blame.records() == 0);
  CHECK_FALSE(blame.accused(ConnectionId{2}));
}

TEST_CASE("who sent a whole wrong piece is guilty at once") {
  BlockPool pool(16, 8);
  Blame blame;
  const auto guilty =
      blame.failed(piece_from(pool, {5, 5, 5}), std::vector<std::uint64_t>{1, 2, 3});
  REQUIRE(guilty.size() == 1);
  CHECK(guilty[0].connection == ConnectionId{5});
}

TEST_CASE("blocks of an earlier run prove nothing") {
  BlockPool pool(16, 8);
  Blame blame;
  OpenPiece open(PieceIndex{0}, Layout(2 * block_length, {{0, 2 * block_length, false}}, false), 0);
  open.restore_spilled(0);
  open.take(ConnectionId{4});
  open.receive(1, pool.take(), peer(4), now);
  CHECK(blame.failed(open, std::vector<std::uint64_t>{1, 2}).empty());
  CHECK(blame.stored(PieceIndex{0}, std::vector<std::uint64_t>{9, 2}).empty());
}

TEST_CASE("several failures are remembered together") {
  BlockPool pool(16, 8);
  Blame blame;
  blame.failed(piece_from(pool, {1, 2}), std::vector<std::uint64_t>{66, 2});
  blame.failed(piece_from(pool, {2, 3}), std::vector<std::uint64_t>{1, 77});
  const auto guilty = blame.stored(PieceIndex{0}, std::vector<std::uint64_t>{1, 2});
  REQUIRE(guilty.size() == 2);
  CHECK(guilty[0].contributor.connection == ConnectionId{1});
  CHECK(guilty[1].contributor.connection == ConnectionId{3});
}

}  // namespace
}  // namespace barter
