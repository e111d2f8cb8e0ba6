// Those that take and do not give, at a swarm that has all.
#include <catch2/catch.hpp>

#include "tests/unit/client/swarm_fixture.hpp"

namespace barter {
namespace {

using namespace swarm_test;

struct Giving : Fixture {
  ConnectionId interested(int n) {
    const ConnectionId peer = connect(n);
    receive(peer, wire::Interested{});
    pass(milliseconds(20));  // the next round
    return peer;
  }
  // The peer is sent a block of ours.
  void serve(ConnectionId peer, std::uint32_t piece, std::uint32_t begin) {
    receive(peer, wire::Request{piece, begin, 16'384});
    const auto blocks = all<SendBlock>();
    REQUIRE(blocks.size() == 1);
    swarm->block_sent(peer, blocks[0]->range, now);
    drain();
  }
  void serve_piece(ConnectionId peer, std::uint32_t piece) {
    for (std::uint32_t begin = 0; begin < piece_length; begin += 16'384) serve(peer, piece, begin);
  }
  template <class M>
  bool hears(ConnectionId peer, Duration within) {
    for (Duration passed{}; passed < within; passed += seconds(1)) {
      pass(seconds(1));
      if (!sent<M>(peer).empty()) return true;
    }
    return false;
  }
  // A seed gives us pieces until we have so many.
  void fetch(ConnectionId seed, std::vector<wire::Request>& wanted, std::size_t until) {
    for (std::size_t i = 0; swarm->have().count() < until; ++i) {
      REQUIRE(i < wanted.size());
      const auto more = [&] {
        for (const auto& request : sent<wire::Request>(seed)) wanted.push_back(request);
      };
      now += milliseconds(1);
      receive(seed, block(wanted[i].piece, wanted[i].begin, wanted[i].length));
      more();
      std::vector<PieceIndex> complete;
      for (const StorePiece* store : all<StorePiece>()) complete.push_back(store->piece);
      for (const PieceIndex piece : complete) {
        swarm->piece_stored(piece, {}, now);
        drain();
        more();
      }
      if (swarm->have().count() == until)
        wanted.erase(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(i + 1));
    }
  }
};

TEST_CASE("the only seed serves one that keeps what it gets when nobody else wants anything") {
  for (const bool keeps : {true, false}) {
    Giving f;
    f.start(true);
    const ConnectionId others[] = {f.interested(1), f.interested(2), f.interested(3)};
    const ConnectionId rider = f.interested(4);
    std::uint32_t piece = 0;
    for (int i = 0; i < 4; ++i) {
      for (std::size_t k = 0; k < 3; ++k, ++piece) {
        f.serve_piece(others[k], piece);
        f.receive(others[k], wire::Have{piece});
        f.receive(others[(k + 1) % 3], wire::Have{piece});
      }
      f.serve_piece(rider, piece);
      if (!keeps) f.receive(others[0], wire::Have{piece});
      ++piece;
    }
    CHECK(f.hears<wire::Choke>(rider, seconds(8)) == keeps);
    if (!keeps) continue;
    for (const ConnectionId other : others) f.receive(other, wire::NotInterested{});
    CHECK(f.hears<wire::Unchoke>(rider, seconds(2)));
  }
}

TEST_CASE("who only took while we fetched comes last for a minute once we have all") {
  Giving f;
  f.start();
  const ConnectionId seed = f.connect(1), other = f.interested(2), rider = f.interested(3);
  auto wanted = f.requests_to_seed(seed);
  f.fetch(seed, wanted, 6);
  std::vector<std::uint32_t> ours;
  for (std::uint32_t i = 0; i + 1 < pieces; ++i)
    if (f.swarm->have().test(i)) ours.push_back(i);
  REQUIRE(ours.size() >= 5);
  for (std::size_t i = 0; i < 5; ++i) f.serve_piece(rider, ours[i]);
  f.fetch(seed, wanted, pieces);
  f.pass(milliseconds(100));
  f.receive(rider, wire::Request{0, 0, 16'384});
  CHECK(f.sent<wire::Reject>(rider).size() == 1);
  f.serve(other, 0, 0);  // is served
  CHECK_FALSE(f.hears<wire::Unchoke>(rider, seconds(55)));
  CHECK(f.hears<wire::Unchoke>(rider, seconds(8)));
}

}  // namespace
}  // namespace barter
