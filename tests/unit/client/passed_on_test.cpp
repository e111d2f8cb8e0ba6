#include "client/swarm/passed_on.hpp"

#include <catch2/catch.hpp>

namespace barter {
namespace {

using std::chrono::seconds;

const ConnectionId anna{1}, bert{2}, carl{3}, rita{4};
constexpr std::uint32_t start = PassedOn::start_pieces;

struct Seed {
  PassedOn passed_on;
  TimePoint now{seconds(100)};
  std::uint32_t next = 0;

  // Each of the honest is given `count` pieces that nobody has, and passes on every second one.
  void crowd(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      for (const ConnectionId peer : {anna, bert, carl}) {
        const PieceIndex piece = give(peer);
        if (i % 2 == 0) passed_on.gained(peer == anna ? bert : anna, piece);
      }
    }
  }
  PieceIndex give(ConnectionId peer) {
    const PieceIndex piece{next++};
    for (int block = 0; block < 16; ++block) passed_on.sent(peer, piece, true, now);
    passed_on.gained(peer, piece);
    return piece;
  }
  bool keeps(ConnectionId peer) const { return passed_on.keeps(peer, now); }
};

TEST_CASE("who passes nothing on while others do is known, some time after its start") {
  Seed seed;
  seed.crowd(8);
  for (std::uint32_t i = 0; i < start - 1; ++i) seed.give(rita);
  seed.now += PassedOn::time_to_pass_on;
  CHECK_FALSE(seed.keeps(rita));
  seed.give(rita);
  CHECK_FALSE(seed.keeps(rita));
  seed.now += PassedOn::time_to_pass_on;
  CHECK(seed.keeps(rita));
  for (const ConnectionId peer : {anna, bert, carl}) CHECK_FALSE(seed.keeps(peer));
  seed.passed_on.left(rita);
  CHECK_FALSE(seed.keeps(rita));
}

TEST_CASE("what another has of us was not passed on") {
  for (const bool of_us : {true, false}) {
    Seed seed;
    seed.crowd(8);
    for (std::uint32_t i = 0; i < start; ++i) {
      const PieceIndex piece = seed.give(rita);
      if (of_us) seed.passed_on.sent(anna, piece, false, seed.now);
      seed.passed_on.gained(anna, piece);
      seed.passed_on.gained(bert, piece);
    }
    seed.now += PassedOn::time_to_pass_on;
    CHECK(seed.keeps(rita) == of_us);
  }
}

TEST_CASE("a piece that goes to two by turns is no start for either") {
  Seed seed;
  seed.crowd(8);
  for (std::uint32_t i = 0; i < 16; ++i)
    for (const ConnectionId peer : {rita, ConnectionId{9}})
      seed.passed_on.sent(peer, PieceIndex{seed.next}, true, seed.now);
  seed.now += PassedOn::time_to_pass_on;
  CHECK_FALSE(seed.keeps(rita));
  CHECK_FALSE(seed.keeps(ConnectionId{9}));
}

TEST_CASE("what a peer says it has does not count, but what it was given") {
  Seed seed;
  seed.crowd(8);
  for (std::uint32_t i = 0; i < start; ++i)
    seed.passed_on.sent(rita, PieceIndex{seed.next++}, true, seed.now);  // and it tells nobody
  seed.now += PassedOn::time_to_pass_on;
  CHECK(seed.keeps(rita));
  // Where somebody has the piece already, all can have it without us.
  for (std::uint32_t i = 0; i < start; ++i)
    seed.passed_on.sent(ConnectionId{9}, PieceIndex{seed.next++}, false, seed.now);
  seed.now += PassedOn::time_to_pass_on;
  CHECK_FALSE(seed.keeps(ConnectionId{9}));
}

TEST_CASE("a fast peer among slow ones is not blamed for what they cannot take") {
  Seed seed;
  seed.crowd(8);  // four each
  for (int i = 0; i < 1000; ++i) {
    const PieceIndex piece = seed.give(rita);
    if (i % 500 == 0) seed.passed_on.gained(anna, piece);
  }
  seed.now += PassedOn::time_to_pass_on;
  CHECK_FALSE(seed.keeps(rita));
}

TEST_CASE("where nobody passes anything on nobody is blamed") {
  Seed seed;
  for (std::uint32_t i = 0; i < 2 * start; ++i)
    for (const ConnectionId peer : {anna, bert, carl, rita}) seed.give(peer);
  seed.now += PassedOn::time_to_pass_on;
  for (const ConnectionId peer : {anna, bert, carl, rita}) CHECK_FALSE(seed.keeps(peer));
}

TEST_CASE("half of it is forgotten each minute, so that it is given a little more") {
  Seed seed;
  seed.crowd(16);
  for (std::uint32_t i = 0; i < start; ++i) seed.give(rita);
  seed.now += PassedOn::time_to_pass_on;
  REQUIRE(seed.keeps(rita));
  seed.now += PassedOn::half_life;
  CHECK_FALSE(seed.keeps(rita));
  seed.crowd(1);
  CHECK_FALSE(seed.keeps(rita));
  for (std::uint32_t i = 0; i < start / 2; ++i) seed.give(rita);
  seed.now += PassedOn::time_to_pass_on;
  CHECK(seed.keeps(rita));
}

}  // namespace
}  // namespace barter
