// Small DHTs of real nodes; bench/dht-sim runs the large one.
#include <catch2/catch.hpp>

#include "sim/dht_world.hpp"
#include "tests/sim/seeds.hpp"

namespace barter::sim {
namespace {

DhtOptions small(std::uint64_t seed) {
  DhtOptions options;
  options.nodes = short_runs() ? 150 : 300;
  options.torrents = 20;
  options.lookups = short_runs() ? 100 : 200;
  options.joining = std::chrono::minutes(3);
  options.settling = std::chrono::minutes(5);
  options.seed = seed;
  return options;
}

TEST_CASE("lookups succeed among silent and hostile nodes") {
  for_seeds(2, [](std::uint64_t seed) {
    const DhtOptions options = small(seed);
    const DhtReport report = run_dht(options);
    CHECK(report.lookups == options.lookups);
    CHECK(report.finished == report.lookups);
    CHECK(report.succeeded * 100 >= report.lookups * 95);
    CHECK(report.announced == report.announces);
    CHECK(report.hops[report.hops.size() / 2] <= 4);
    CHECK(report.memory.back() <= 64 << 10);
  });
}

TEST_CASE("in an honest network every peer is found") {
  for_seeds(1, [](std::uint64_t seed) {
    DhtOptions options = small(seed);
    options.silent = options.hostile = options.loss = 0;
    const DhtReport report = run_dht(options);
    CHECK(report.succeeded == report.lookups);
    CHECK(report.peers_found > 0.99);
    CHECK(report.false_peers == 0);
    CHECK(report.stored > 7);
  });
}

TEST_CASE("equal seeds give equal DHTs") {
  DhtOptions options = small(5);
  options.nodes = 100;
  options.lookups = 50;
  const DhtReport a = run_dht(options), b = run_dht(options);
  CHECK(a.datagrams == b.datagrams);
  CHECK(a.bytes == b.bytes);
  CHECK(a.asked == b.asked);
}

}  // namespace
}  // namespace barter::sim
