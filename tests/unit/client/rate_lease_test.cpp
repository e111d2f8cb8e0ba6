#include "client/net/rate_lease.hpp"

#include <catch2/catch.hpp>
#include <numeric>

#include "torrent/random.hpp"

using namespace barter::net;

namespace {
std::uint64_t sum(const std::vector<std::uint64_t>& all) {
  return std::accumulate(all.begin(), all.end(), std::uint64_t{0});
}
}  // namespace

TEST_CASE("one torrent has all, none has none") {
  CHECK(share_out(1000, {}).empty());
  const LeaseUse one[] = {{0, 0}};
  CHECK(share_out(1000, one) == std::vector<std::uint64_t>{1000});
}

TEST_CASE("who would use more shares evenly what the modest leave") {
  const LeaseUse uses[] = {{1000, 1000}, {1000, 990}, {1000, 10}};
  const auto out = share_out(3000, uses);
  CHECK(out[0] == out[1]);
  CHECK(out[0] > 1200);
  CHECK(out[2] >= 10);
  CHECK(sum(out) <= 3000);
}

TEST_CASE("the leases never add up to more than the limit, and nobody who wants gets nothing") {
  barter::Random random(3);
  for (int round = 0; round < 2000; ++round) {
    std::vector<LeaseUse> uses(1 + random.below(20));
    const std::uint64_t limit = random.below(1 << 20);
    for (auto& use : uses) use = {random.below(limit + 1), random.below(limit + 1)};
    const auto out = share_out(limit, uses);
    CHECK(sum(out) <= limit);
  }
}
