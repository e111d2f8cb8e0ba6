#include "torrent/siphash.hpp"

#include <array>
#include <catch2/catch.hpp>

using namespace barter;

TEST_CASE("SipHash-2-4 gives the values of its authors' reference code") {
  std::array<std::byte, 64> input;
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<std::byte>(i);
  const SipKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  const std::span<const std::byte> bytes(input);
  CHECK(siphash(key, bytes.first(0)) == 0x726fdb47dd0e0e31);
  CHECK(siphash(key, bytes.first(1)) == 0x74f839c593dc67fd);
  CHECK(siphash(key, bytes.first(8)) == 0x93f5f5799a932462);
  CHECK(siphash(key, bytes.first(15)) == 0xa129ca6149be45e5);
  CHECK(siphash(key, bytes.first(63)) == 0x958a324ceb064572);
  CHECK(siphash({}, bytes.first(15)) != siphash(key, bytes.first(15)));
}
