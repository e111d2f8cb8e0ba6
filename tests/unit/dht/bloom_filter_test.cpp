#include "dht/bloom_filter.hpp"

#include <catch2/catch.hpp>

#include "torrent/digest.hpp"

namespace barter::dht {
namespace {

// BEP 33's own: 256 IPv4 and 1000 IPv6 addresses.
TEST_CASE("the filter of the specification") {
  BloomFilter filter;
  for (unsigned i = 0; i < 256; ++i)
    filter.insert(Address::v4({192, 0, 2, static_cast<std::uint8_t>(i)}));
  for (unsigned i = 0; i < 1000; ++i)
    filter.insert(Address::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                               static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)}));
  CHECK(to_hex(as_bytes(filter.view())) ==
        "f6c3f5eaa07ffd91bde89f777f26fb2bff37bdb8fb2bbaa2fd3ddde7bacfff75ee7ccbae"
        "fe5eedb1fbfaff67f6abff5e43ddbca3fd9b9ffdf4ffd3e9dff12d1bdf59db53dbe9fa5b"
        "7ff3b8fdfcde1afb8bedd7be2f3ee71ebbbfe93bcdeefe148246c2bc5dbff7e7efdcf24f"
        "d8dc7adffd8fffdfddfff7a4bbeedf5cb95ce81fc7fcff1ff4ffffdfe5f7fdcbb7fd79b3"
        "fa1fc77bfe07fff905b7b7ffc7fefeffe0b8370bb0cd3f5b7f2bd93feb4386cfdd6f7fd5"
        "bfaf2e9ebffffeecd67adbf7c67f17efd5d75eba6ffeba7fff47a91eb1bfbb53e8abfb57"
        "62abe8ff237279bfefbfeef5ffc5febfdfe5adffadfee1fb737ffffbfd9f6aeffeee76b6"
        "fd8f72ef");
  CHECK(filter.estimate() == Approx(1224.9308).margin(0.0001));
  CHECK(filter.contains(Address::v4({192, 0, 2, 77})));
}

TEST_CASE("empty, full, united") {
  BloomFilter a, b;
  CHECK(a.estimate() == 0);
  a.insert(Address::v4({1, 2, 3, 4}));
  b.insert(Address::v4({4, 3, 2, 1}));
  CHECK_FALSE(a.contains(Address::v4({4, 3, 2, 1})));
  a.unite(b);
  CHECK(a.contains(Address::v4({4, 3, 2, 1})));
  CHECK(a.estimate() == Approx(2).margin(0.01));
  const auto full = BloomFilter::from(std::string(256, '\xff'));
  REQUIRE(full);
  CHECK(full->estimate() > 6000);
  CHECK(full->estimate() < 20'000);
  CHECK_FALSE(BloomFilter::from("short"));
}

}  // namespace
}  // namespace barter::dht
