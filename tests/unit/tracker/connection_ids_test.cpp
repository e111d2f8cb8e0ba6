#include "tracker/connection_ids.hpp"

#include <catch2/catch.hpp>

#include "torrent/random.hpp"

using namespace barter;
using namespace barter::tracker;
using namespace std::chrono_literals;

namespace {

const TimePoint now{1000h};
const ConnectionIds ids(SipKey{1, 2});

Address any_address(Random& random) {
  if (random.chance(1, 2)) {
    const std::uint64_t bits = random.next();
    return Address::v4({static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(bits >> 8),
                        static_cast<std::uint8_t>(bits >> 16),
                        static_cast<std::uint8_t>(bits >> 24)});
  }
  std::array<std::uint8_t, 16> bytes{};
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
  return Address::v6(bytes);
}

}  // namespace

TEST_CASE("an id is good for its address, two minutes at least, three at most", "[udp]") {
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const Address address = any_address(random);
    const TimePoint then = now + std::chrono::milliseconds(random.below(1'000'000));
    const std::uint64_t id = ids.make(address, then);
    CHECK(ids.valid(id, address, then));
    CHECK(ids.valid(id, address, then + 2min));
    CHECK_FALSE(ids.valid(id, address, then + 3min));
    CHECK_FALSE(ids.valid(id, address, then - 1min));
    CHECK_FALSE(ids.valid(id, any_address(random), then));
    CHECK_FALSE(ids.valid(id ^ std::uint64_t{1} << random.below(64), address, then));
  }
}

TEST_CASE("another key, other ids", "[udp]") {
  const Address address = Address::v4({10, 0, 0, 1});
  CHECK_FALSE(ConnectionIds(SipKey{1, 3}).valid(ids.make(address, now), address, now));
  CHECK_FALSE(ConnectionIds(SipKey{3, 2}).valid(ids.make(address, now), address, now));
}
