#include "client/swarm/allowed_fast.hpp"

#include <catch2/catch.hpp>

namespace barter {
namespace {

std::vector<std::uint32_t> set_for(const char* address, std::uint32_t pieces, std::uint32_t count) {
  WireInfoHash hash;
  hash.bytes.fill(std::byte{0xaa});
  std::vector<std::uint32_t> out;
  for (const PieceIndex piece : allowed_fast_set(*Address::parse(address), hash, pieces, count))
    out.push_back(to_number(piece));
  return out;
}

TEST_CASE("the set is that of BEP 6's example") {
  CHECK(set_for("80.4.4.200", 1313, 7) ==
        std::vector<std::uint32_t>{1059, 431, 808, 1217, 287, 376, 1188});
  CHECK(set_for("80.4.4.200", 1313, 9) ==
        std::vector<std::uint32_t>{1059, 431, 808, 1217, 287, 376, 1188, 353, 508});
  CHECK(set_for("80.4.4.7", 1313, 9) == set_for("80.4.4.200", 1313, 9));
  CHECK(set_for("80.4.5.200", 1313, 9) != set_for("80.4.4.200", 1313, 9));
}

TEST_CASE("small torrents give what they have, IPv6 nothing") {
  CHECK(set_for("80.4.4.200", 3, 10).size() == 3);
  CHECK(set_for("80.4.4.200", 1, 10) == std::vector<std::uint32_t>{0});
  CHECK(set_for("2001:db8::1", 1313, 7).empty());
}

}  // namespace
}  // namespace barter
