// Whatever paused a download: when it is over each idle peer is asked again, at once.
#include <catch2/catch.hpp>

#include "tests/unit/client/swarm_fixture.hpp"

namespace barter::swarm_test {
namespace {

Limit reason(Fixture& f) {
  std::vector<PeerProgress> rows;
  f.swarm->peers(rows, f.now);
  REQUIRE(rows.size() == 1);
  return rows[0].download_limit;
}

TEST_CASE("a peer that stands idle while the disk is in trouble goes on when that is over") {
  Fixture f;
  f.start();
  const ConnectionId peer = f.connect(1);
  wire::ExtensionHandshake few;
  few.reqq = 6;  // so that there is something left to ask for
  f.receive(peer, few);
  std::vector<wire::Request> asked = f.requests_to_seed(peer);
  std::optional<StorePiece> store;
  while (!asked.empty()) {
    const wire::Request one = asked.front();
    asked.erase(asked.begin());
    f.now += milliseconds(1);
    f.receive(peer, f.block(one.piece, one.begin, one.length));
    for (auto& more : f.sent<wire::Request>(peer)) asked.push_back(more);
    if (auto stores = f.all<StorePiece>(); !stores.empty() && !store) {
      store = std::move(*stores[0]);
      f.swarm->piece_stored(store->piece, {StoreResult::no_space, {}, "no room"}, f.now,
                            std::move(store->blocks));
      f.drain();
      CHECK(f.sent<wire::Request>().empty());
    }
  }
  REQUIRE(store);
  CHECK(reason(f) == Limit::disk);
  f.pass(seconds(3));
  CHECK(f.sent<wire::Request>(peer).empty());
  f.swarm->disk_recovered(f.now);
  f.drain();
  CHECK_FALSE(f.sent<wire::Request>(peer).empty());
  CHECK(reason(f) != Limit::disk);
}

TEST_CASE("files that are selected later are asked for at once") {
  Fixture f;
  f.start();
  const ConnectionId peer = f.connect(1);
  f.receive(peer, wire::BitfieldMessage{{std::byte{0x80}, std::byte{0}, std::byte{0}}});
  f.receive(peer, wire::Unchoke{});
  REQUIRE(f.sent<wire::Request>(peer).size() == 4);
  f.swarm->select({false}, f.now);
  f.drain();
  f.pass(seconds(1));
  f.swarm->select({true}, f.now);
  f.drain();
  CHECK(f.sent<wire::Request>(peer).size() == 4);
}

TEST_CASE("a piece that is lost on the disk is asked for at once") {
  Fixture f;
  f.start();
  const ConnectionId peer = f.connect(1);
  wire::ExtensionHandshake donthave;
  donthave.lt_donthave = 7;
  f.receive(peer, donthave);
  f.receive(peer, wire::BitfieldMessage{{std::byte{0x80}, std::byte{0}, std::byte{0}}});
  f.receive(peer, wire::Unchoke{});
  StorePiece store = f.finish_piece(peer, f.sent<wire::Request>(peer));
  f.swarm->piece_stored(store.piece, {StoreResult::stored, {}, {}}, f.now);
  f.drain();
  f.pass(seconds(1));
  const PieceIndex lost[] = {store.piece};
  f.swarm->pieces_lost(lost, f.now);
  f.drain();
  CHECK(f.sent<wire::Request>(peer).size() == 4);
}

TEST_CASE("when a limit of 0 is lifted all peers are asked") {
  Fixture f;
  f.config.download_limit = 0;
  f.start();
  const ConnectionId peer = f.connect(1);
  CHECK(f.requests_to_seed(peer).empty());
  CHECK(reason(f) == Limit::own_limit);
  f.swarm->set_limits(unlimited, unlimited, f.now);
  f.drain();
  CHECK_FALSE(f.sent<wire::Request>(peer).empty());
}

TEST_CASE("memory that becomes free elsewhere is used at once") {
  Fixture f;
  f.config.spill_after = seconds(1000);
  f.start();
  f.swarm->set_open_piece_bytes(0, f.now);  // two pieces
  f.drain();
  // The first peer gave a part of two pieces, and left them unfinished.
  const ConnectionId first = f.connect(1);
  f.receive(first, wire::BitfieldMessage{{std::byte{0xc0}, std::byte{0}, std::byte{0}}});
  f.receive(first, wire::Unchoke{});
  const auto asked = f.sent<wire::Request>(first);
  REQUIRE(asked.size() == 8);
  for (const std::size_t i : {0u, 1u, 2u, 4u, 5u, 6u})
    f.receive(first, f.block(asked[i].piece, asked[i].begin, asked[i].length));
  const ConnectionId second = f.connect(2);
  f.receive(second, wire::BitfieldMessage{{std::byte{0x3f}, std::byte{0xff}, std::byte{0xe0}}});
  f.receive(second, wire::Unchoke{});
  f.swarm->set_open_piece_bytes(64 << 20, f.now);
  f.drain();
  std::vector<PeerProgress> rows;
  f.swarm->peers(rows, f.now);
  CHECK(rows[1].requests_out > 0);
}

}  // namespace
}  // namespace barter::swarm_test
