#include "client/swarm/open_piece.hpp"

#include <catch2/catch.hpp>

#include "client/swarm/open_pieces.hpp"

namespace barter {
namespace {

constexpr ConnectionId a{1}, b{2}, c{3};
const TimePoint now{std::chrono::seconds(9)};

Layout four_blocks() {
  return Layout(4 * block_length, {{0, 8 * block_length, false}}, false);
}

BlockBuffer block(BlockPool& pool) {
  BlockBuffer buffer = pool.take();
  buffer.set_size(block_length);
  return buffer;
}

Contributor from(ConnectionId connection) {
  return {connection, {}, {}};
}

TEST_CASE("each block is asked of one peer, in order") {
  OpenPiece open(PieceIndex{0}, four_blocks(), 0);
  for (std::uint32_t i = 0; i < 4; ++i) CHECK(open.take(a) == i);
  CHECK(open.requestable() == 0);
  CHECK(open.take(b) == std::nullopt);
  open.release(2, a);
  CHECK(open.take(b) == 2);
}

TEST_CASE("a late block gets one more holder, never a third, never the same") {
  OpenPiece open(PieceIndex{0}, four_blocks(), 0);
  for (int i = 0; i < 4; ++i) open.take(a);
  open.mark_late(1);
  CHECK_FALSE(open.has_for(a));
  CHECK(open.has_for(b));
  CHECK_FALSE(open.has_for(b, {false, false}));
  CHECK(open.take(b, {false, false}) == std::nullopt);
  CHECK(open.take(a) == std::nullopt);
  CHECK(open.other_holder(1, a) == no_connection);
  CHECK(open.take(b) == 1);
  CHECK(open.other_holder(1, a) == b);
  CHECK(open.other_holder(1, b) == a);
  CHECK(open.take(c) == std::nullopt);
  open.mark_late(1);
  CHECK(open.requestable() == 0);
  open.release(1, a);  // b still holds it
  CHECK(open.requestable() == 0);
  open.release(1, b);
  CHECK(open.requestable() == 1);
}

TEST_CASE("a late block whose second holder gives up may be shared again") {
  OpenPiece open(PieceIndex{0}, four_blocks(), 0);
  for (int i = 0; i < 4; ++i) open.take(a);
  open.mark_late(1);
  CHECK(open.take(b) == 1);
  open.release(1, b);
  CHECK_FALSE(open.has_for(a));
  CHECK(open.take(c) == 1);
  CHECK(open.requestable() == 0);
}

TEST_CASE("a block that comes tells who else was asked") {
  BlockPool pool(8, 8);
  OpenPiece open(PieceIndex{0}, four_blocks(), 0);
  for (int i = 0; i < 4; ++i) open.take(a);
  CHECK(open.share(0, b));
  CHECK_FALSE(open.share(0, c));
  CHECK(open.receive(0, block(pool), from(b), now) == OpenPiece::Holders{a, b});
  CHECK_FALSE(open.is_missing(0));
  CHECK(open.sender(0)->connection == b);
  CHECK_FALSE(open.complete());
  for (std::uint32_t i = 1; i < 4; ++i) open.receive(i, block(pool), from(a), now);
  CHECK(open.complete());
  CHECK(open.take_buffers().size() == 4);
}

TEST_CASE("spilled blocks are not missing, and lost ones are again") {
  BlockPool pool(8, 8);
  OpenPiece open(PieceIndex{0}, four_blocks(), 0);
  for (std::uint32_t i = 0; i < 4; ++i) {
    open.take(a);
    open.receive(i, block(pool), from(a), now);
  }
  open.spill(0);
  open.spill(1);
  CHECK_FALSE(open.complete());
  CHECK(open.spilled(0, true));
  CHECK_FALSE(open.spilled(0, true));
  CHECK(open.spilled(1, false));
  CHECK(open.missing() == 1);
  CHECK(open.take(b) == 1);
  open.receive(1, block(pool), from(b), now);
  CHECK(open.complete());
  const auto buffers = open.take_buffers();
  CHECK_FALSE(buffers[0]);
  CHECK(buffers[1]);
}

TEST_CASE("buffers that do not come back from a failing disk are fetched again") {
  BlockPool pool(8, 8);
  OpenPiece open(PieceIndex{0}, four_blocks(), 0);
  for (std::uint32_t i = 0; i < 4; ++i) {
    open.take(a);
    open.receive(i, block(pool), from(a), now);
  }
  auto buffers = open.take_buffers();
  buffers[3] = {};
  open.give_back(std::move(buffers), now);
  CHECK(open.missing() == 1);
  CHECK(open.in_memory() == 3);
}

TEST_CASE("a piece on trial is asked of one peer alone") {
  BlockPool pool(8, 8);
  OpenPiece open(PieceIndex{0}, four_blocks(), 0);
  open.on_trial();
  CHECK(open.take(a) == 0);
  CHECK_FALSE(open.has_for(b));
  CHECK(open.take(b) == std::nullopt);
  CHECK_FALSE(open.share(0, b));
  CHECK(open.take(a) == 1);
  open.mark_late(0);  // it does not answer: another takes its place
  CHECK(open.take(b) == 2);
  CHECK(open.take(a) == std::nullopt);
  CHECK(open.take(b) == 3);
  CHECK(open.take(b) == 0);
  for (std::uint32_t i : {0, 2, 3}) open.release(i, b);
  open.release(1, a);
  open.release(0, a);
  CHECK(open.take(a) == 0);  // nobody is asked any more: whoever comes first goes on
}

TEST_CASE("on trial, one that is asked for no more leaves the rest to others") {
  BlockPool pool(8, 8);
  OpenPiece open(PieceIndex{0}, four_blocks(), 0);
  open.on_trial();
  CHECK(open.take(a) == 0);
  CHECK(open.take(a) == 1);
  open.receive(0, block(pool), from(a), now);
  CHECK_FALSE(open.has_for(b));
  open.receive(1, block(pool), from(a), now);
  CHECK(open.take(b) == 2);
  CHECK_FALSE(open.has_for(a));
}

TEST_CASE("a piece knows whether one peer alone has a part in it") {
  BlockPool pool(8, 8);
  OpenPiece open(PieceIndex{0}, four_blocks(), 0);
  CHECK(open.only_of(a));
  open.take(a);
  CHECK(open.only_of(a));
  CHECK_FALSE(open.only_of(b));
  open.receive(0, block(pool), from(a), now);
  CHECK(open.only_of(a));
  open.take(b);
  CHECK_FALSE(open.only_of(a));
  open.release(1, b);
  CHECK(open.only_of(a));
}

TEST_CASE("what a liar sent is asked for again") {
  BlockPool pool(8, 8);
  OpenPiece open(PieceIndex{0}, four_blocks(), 0);
  for (std::uint32_t i = 0; i < 4; ++i) {
    open.take(i % 2 == 0 ? a : b);
    open.receive(i, block(pool), from(i % 2 == 0 ? a : b), now);
  }
  CHECK(open.complete());
  CHECK(open.forget(a) == 2);
  CHECK(open.forget(a) == 0);
  CHECK(open.in_memory() == 2);
  CHECK(open.missing() == 2);
  CHECK(open.sender(0) == nullptr);
  CHECK(open.only_of(b));
  CHECK(open.take(b) == 0);
  CHECK(open.take(b) == 2);
}

TEST_CASE("pads are never asked for") {
  const Layout layout(
      2 * block_length,
      {{0, 100, false}, {100, 2 * block_length - 100, true}, {2 * block_length, 50, false}}, false);
  OpenPiece open(PieceIndex{0}, layout, 0);
  CHECK(open.take(a) == 0);
  CHECK(open.take(a) == std::nullopt);
  CHECK(open.missing() == 1);
}

TEST_CASE("the open pieces know which have something to ask for") {
  const Layout layout(4 * block_length, {{0, 40 * block_length, false}}, false);
  OpenPieces pieces(layout);
  OpenPiece& first = pieces.open(PieceIndex{3});
  OpenPiece& second = pieces.open(PieceIndex{5});
  CHECK(pieces.partial().size() == 2);
  for (int i = 0; i < 4; ++i) first.take(a);
  pieces.update(first);
  REQUIRE(pieces.partial().size() == 1);
  CHECK(pieces.partial()[0] == &second);
  first.release(0, a);
  pieces.update(first);
  CHECK(pieces.partial().size() == 2);
  CHECK(pieces.find(PieceIndex{3}) == &first);
  pieces.close(first);
  CHECK(pieces.find(PieceIndex{3}) == nullptr);
  CHECK(pieces.find(PieceIndex{5}) == &second);
  CHECK(pieces.all().size() == 1);
}

}  // namespace
}  // namespace barter
