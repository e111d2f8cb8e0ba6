#include "client/swarm/peer_priority.hpp"

#include <catch2/catch.hpp>

namespace barter {
namespace {

Endpoint at(const char* address, std::uint16_t port = 0) {
  return {*Address::parse(address), port};
}

TEST_CASE("the priorities are those of BEP 40") {
  CHECK(peer_priority(at("123.213.32.10"), at("98.76.54.32")) == 0xec2d7224);
  CHECK(peer_priority(at("123.213.32.10"), at("123.213.32.234")) == 0x99568189);
}

TEST_CASE("both ends compute the same") {
  const Endpoint a = at("2001:db8::1", 5), b = at("2001:db8:0:99::2", 6);
  CHECK(peer_priority(a, b) == peer_priority(b, a));
  CHECK(peer_priority(at("1.2.3.4", 1), at("1.2.3.4", 2)) ==
        peer_priority(at("1.2.3.4", 2), at("1.2.3.4", 1)));
  CHECK(peer_priority(a, at("1.2.3.4")) == 0);
}

}  // namespace
}  // namespace barter
