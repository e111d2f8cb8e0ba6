// Wrong pieces of several peers: what else they sent, and what becomes of it.
#include <catch2/catch.hpp>

#include <algorithm>
#include <map>

#include "tests/unit/client/swarm_fixture.hpp"

namespace barter {
namespace {

using namespace swarm_test;

// Two peers with the first two pieces, asked for two blocks each at a time, have sent half of each.
struct Mixed : Fixture {
  std::map<ConnectionId, std::vector<wire::Request>> wanted;
  ConnectionId a{}, b{};

  Mixed() {
    start();
    a = unchoked(1);
    b = unchoked(2);
    for (const std::uint32_t piece : {0u, 1u}) {
      for (int i = 0; i < 2; ++i) deliver(a, piece);
      for (int i = 0; i < 2; ++i) deliver(b, piece);
      if (piece == 0) fail(0);
    }
  }
  ConnectionId unchoked(int n) {
    const ConnectionId peer = connect(n);
    wire::ExtensionHandshake two;
    two.reqq = 2;
    receive(peer, two);
    receive(peer, wire::BitfieldMessage{{std::byte{0xc0}, std::byte{0}, std::byte{0}}});
    receive(peer, wire::Unchoke{});
    note();
    return peer;
  }
  void note() {
    for (const Send* send : all<Send>())
      if (const auto* request = std::get_if<wire::Request>(&send->message))
        wanted[send->connection].push_back(*request);
  }
  // The next block of the piece that the peer was asked for.
  void deliver(ConnectionId peer, std::uint32_t piece) {
    auto& open = wanted[peer];
    const auto next = std::find_if(open.begin(), open.end(), [&](const wire::Request& request) {
      return request.piece == piece;
    });
    REQUIRE(next != open.end());
    const wire::Request request = *next;
    open.erase(next);
    now += milliseconds(1);
    receive(peer, block(request.piece, request.begin, request.length));
    note();
  }
  bool stores(std::uint32_t piece) {
    for (const StorePiece* store : all<StorePiece>())
      if (to_number(store->piece) == piece) return true;
    return false;
  }
  // What the store says, with the digests of the four blocks.
  void stored(std::uint32_t piece, StoreResult result, std::vector<std::uint64_t> digests) {
    swarm->piece_stored(PieceIndex{piece}, {result, std::move(digests), {}}, now);
    drain();
    note();
  }
  void fail(std::uint32_t piece) {
    REQUIRE(stores(piece));
    stored(piece, StoreResult::hash_mismatch, {1, 2, 66, 66});
  }
};

TEST_CASE("a piece that shares senders with a wrong one waits until the guilty are known") {
  Mixed f;
  REQUIRE_FALSE(f.stores(1));
  CHECK(f.swarm->progress(f.now).wasted == piece_length);
  for (int i = 0; i < 4; ++i) f.deliver(f.a, 0);  // asked for it again, alone
  REQUIRE(f.stores(0));
  SECTION("one of them lied: what it sent is fetched again") {
    f.stored(0, StoreResult::stored, {1, 2, 3, 4});
    CHECK(f.closed() == DisconnectReason::banned);
    CHECK_FALSE(f.stores(1));
    for (int i = 0; i < 2; ++i) f.deliver(f.a, 1);
    CHECK(f.stores(1));
  }
  SECTION("none of them did, as far as this piece tells") {
    f.stored(0, StoreResult::stored, {1, 2, 66, 66});
    CHECK_FALSE(f.closed());
    CHECK(f.stores(1));
  }
}

TEST_CASE("a piece that shares senders with a wrong one waits two seconds at most") {
  Mixed f;
  f.pass(milliseconds(1900));
  CHECK_FALSE(f.stores(1));
  f.pass(milliseconds(100));
  CHECK(f.stores(1));
}

}  // namespace
}  // namespace barter
