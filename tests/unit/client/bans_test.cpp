#include "client/swarm/bans.hpp"

#include <catch2/catch.hpp>

namespace barter {
namespace {

PeerId id(int n) {
  PeerId out;
  out.bytes[3] = static_cast<std::byte>(n);
  return out;
}

TEST_CASE("a public address is banned whole, a shared one by its port") {
  Bans bans;
  const Endpoint public_peer{Address::v4({8, 8, 8, 8}), 50'000};
  const Endpoint local_peer{Address::v4({127, 0, 0, 1}), 50'001},
      local_listen{local_peer.address, 6881};
  CHECK(bans.add(id(1), public_peer, {public_peer.address, 6881}));
  CHECK_FALSE(bans.add(id(1), public_peer, {public_peer.address, 6881}));
  CHECK(bans.add(id(1), {Address::v4({8, 8, 8, 9}), 50'000}, {}));
  bans.add(id(2), local_peer, local_listen);
  CHECK(bans.banned(id(1)));
  CHECK(bans.banned(id(2)));
  CHECK_FALSE(bans.banned(id(3)));
  CHECK(bans.banned(Endpoint{public_peer.address, 1}));
  CHECK(bans.banned(local_listen));
  CHECK_FALSE(bans.banned(Endpoint{local_peer.address, 6882}));
}

TEST_CASE("the list is bounded, the oldest goes first") {
  Bans bans;
  for (int i = 0; i < 1200; ++i) {
    PeerId peer;
    peer.bytes[0] = static_cast<std::byte>(i >> 8);
    peer.bytes[1] = static_cast<std::byte>(i & 255);
    bans.add(
        peer,
        {Address::v4({9, 9, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)}), 1},
        {});
  }
  CHECK_FALSE(bans.banned(PeerId{}));
  CHECK(bans.banned(Endpoint{Address::v4({9, 9, 4, 100}), 77}));
}

}  // namespace
}  // namespace barter
