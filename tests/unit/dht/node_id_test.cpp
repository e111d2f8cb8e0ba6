#include "dht/node_id.hpp"

#include <catch2/catch.hpp>

namespace barter::dht {
namespace {

NodeId id(std::string_view hex) {
  NodeId out;
  REQUIRE(from_hex(hex, out.bytes));
  return out;
}
Address address(std::string_view text) {
  return Address::parse(text).value();
}

TEST_CASE("nearness is XOR") {
  const NodeId zero = id("0000000000000000000000000000000000000000");
  const NodeId one = id("0000000000000000000000000000000000000001");
  const NodeId high = id("8000000000000000000000000000000000000000");
  CHECK(distance(one, high) == id("8000000000000000000000000000000000000001"));
  CHECK(nearer(zero, one, high));
  CHECK_FALSE(nearer(zero, high, one));
  CHECK(nearer(high, high, one));
  CHECK_FALSE(nearer(zero, one, one));
  CHECK(shared_bits(zero, high) == 0);
  CHECK(shared_bits(zero, one) == 159);
  CHECK(shared_bits(one, one) == 160);
}

TEST_CASE("an id of a bucket shares so many bits and no more") {
  Random random(7);
  for (unsigned bits = 0; bits < 160; ++bits) {
    const NodeId own = random_id(random);
    REQUIRE(shared_bits(own, random_id_sharing(own, bits, random)) == bits);
  }
}

// BEP 42's own.
TEST_CASE("ids follow from addresses") {
  struct Vector {
    const char* address;
    std::uint8_t choice;
    const char* id;
  };
  const Vector vectors[] = {
      {"124.31.75.21", 1, "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"},
      {"21.75.31.124", 86, "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"},
      {"65.23.51.170", 22, "a5d43220bc8f112a3d426c84764f8c2a1150e616"},
      {"84.124.73.14", 65, "1b0321dd1bb1fe518101ceef99462b947a01ff41"},
      {"43.213.53.83", 90, "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"},
  };
  Random random(3);
  for (const Vector& vector : vectors) {
    INFO(vector.address);
    CHECK(conforms(id(vector.id), address(vector.address)));
    CHECK_FALSE(conforms(id(vector.id), address("1.2.3.4")));
    const NodeId made = id_for_address(address(vector.address), vector.choice, random);
    CHECK(shared_bits(made, id(vector.id)) >= 21);
    CHECK(made.bytes[19] == std::byte{vector.choice});
    CHECK(conforms(made, address(vector.address)));
    NodeId other = id(vector.id);
    other.bytes[2] ^= std::byte{8};  // the last of the 21 bits
    CHECK_FALSE(conforms(other, address(vector.address)));
  }
}

TEST_CASE("an IPv6 id depends on the upper half of the address") {
  Random random(3);
  const NodeId made = id_for_address(address("2001:db8:1:2::5"), 9, random);
  CHECK(conforms(made, address("2001:db8:1:2:ffff::1")));
  CHECK_FALSE(conforms(made, address("2001:db8:1:3::5")));
}

TEST_CASE("in local networks any id will do") {
  const NodeId any = id("5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee4ff");
  for (const char* text :
       {"10.1.2.3", "172.16.0.1", "192.168.3.4", "169.254.1.1", "127.0.0.1", "::1", "fe80::1"})
    CHECK(conforms(any, address(text)));
  CHECK_FALSE(conforms(any, address("8.8.8.8")));
}

TEST_CASE("hosts and neighbourhoods") {
  const auto at = [](std::string_view text) { return Endpoint::parse(text).value(); };
  CHECK(host_of(at("8.8.8.8:1")) == host_of(at("8.8.8.8:2")));
  CHECK(host_of(at("8.8.8.8:1")) != host_of(at("8.8.8.9:1")));
  CHECK(neighbourhood_of(at("8.8.8.8:1")) == neighbourhood_of(at("8.8.8.9:1")));
  CHECK(neighbourhood_of(at("8.8.8.8:1")) != neighbourhood_of(at("8.8.9.8:1")));
  CHECK(host_of(at("[2001:db8::1]:1")) == host_of(at("[2001:db8::2]:9")));
  CHECK(neighbourhood_of(at("[2001:db8:0:1::1]:1")) == neighbourhood_of(at("[2001:db8:0:2::1]:1")));
  CHECK(host_of(at("127.0.0.1:1")) != host_of(at("127.0.0.1:2")));
}

}  // namespace
}  // namespace barter::dht
