// The named scenarios, smaller than the benches run them, with every checker on.
#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "sim/report.hpp"
#include "sim/scenarios.hpp"
#include "tests/sim/seeds.hpp"

namespace barter::sim {
namespace {

// Pieces where runs are short.
constexpr std::uint32_t few_pieces = 64, half_the_pieces = 128, all_pieces = 0;

// Runs it to its end; whoever must finish has.
Report run(std::string_view name, std::uint64_t seed, std::uint32_t peers, std::uint32_t pieces,
           bool control = false) {
  const Scenario* scenario = find_scenario(name);
  REQUIRE(scenario != nullptr);
  const ScenarioOptions options{
      .peers = peers, .pieces = short_runs() ? pieces : 0, .seed = seed, .checked = true};
  const auto world = control ? build_control(*scenario, options) : build(*scenario, options);
  REQUIRE(world != nullptr);
  const bool finished = world->run(scenario->limit);
  Report report = make_report(*world);
  INFO(name << ", seed " << seed << '\n' << to_text(report));
  REQUIRE(finished);
  if (std::getenv("BARTER_SIM_PRINT") != nullptr)
    fmt::print("{}, seed {}: {:.3f}\n", name, seed, report.efficiency);
  return report;
}

struct Floor {
  const char* name;
  std::uint32_t peers, short_peers;
  std::uint64_t seeds;
  double efficiency;
};

TEST_CASE("each scenario stays near its bound", "[sim][scenarios]") {
  const Floor floors[] = {
      {"pair", 1, 1, 2, 0.95},       {"flash", 8, 8, 5, 0.85},
      {"flash-24", 24, 12, 2, 0.85}, {"crowd-100", 40, 20, 1, 0.80},
      {"staggered", 30, 12, 2, 0.8}, {"classes", 30, 12, 2, 0.35},
      {"late", 9, 9, 2, 0.95},       {"seed-leaves", 24, 12, 2, 0.8},
      {"one-piece", 24, 12, 2, 0.8},
  };
  // Of a short torrent more of the time is its beginning.
  const double less = short_runs() ? 0.7 : 1;
  for (const Floor& floor : floors)
    for_seeds(floor.seeds, [&](std::uint64_t seed) {
      const Report report =
          run(floor.name, seed, short_runs() ? floor.short_peers : floor.peers, few_pieces);
      INFO(floor.name << '\n' << to_text(report));
      CHECK(report.efficiency > less * floor.efficiency);
      CHECK(report.efficiency <= 1.0);
    });
}

TEST_CASE("all who stay finish while others come and go", "[sim][scenarios]") {
  for_seeds(3, [](std::uint64_t seed) {
    const Report report = run("churn", seed, short_runs() ? 20 : 0, half_the_pieces);
    INFO(to_text(report));
    CHECK(report.last_seconds < 600);  // the tracker's interval is 1800
  });
}

TEST_CASE("a peer that stands still delays nobody by two seconds", "[sim][scenarios]") {
  for_seeds(5, [](std::uint64_t seed) {
    const Report report = run("frozen", seed, 0, half_the_pieces);
    const Report control = run("frozen", seed, 0, half_the_pieces, true);
    INFO(to_text(report) << "\nwhere it has gone instead\n" << to_text(control));
    CHECK(report.last_seconds < control.last_seconds + 2);
  });
}

TEST_CASE("liars waste less than a tenth and are banned", "[sim][scenarios]") {
  for_seeds(5, [](std::uint64_t seed) {
    const Report report = run("liars", seed, 0, all_pieces);
    INFO(to_text(report));
    CHECK(report.wasted < 0.10);
    CHECK(report.liars_banned == report.liars);
    CHECK(report.failed_most <= 20);  // of four liars; 8 in the median
    // Each once at a peer, or the flooder; again where there was nobody else for a while.
    CHECK(report.bans <= (report.peers + 1) * report.liars + report.peers);
    CHECK(report.efficiency > 0.8);
  });
}

TEST_CASE("who costs time only delays a crowd by the time to get a place", "[sim][scenarios]") {
  for_seeds(3, [](std::uint64_t seed) {
    const Report report = run("time-wasters", seed, 0, half_the_pieces);
    const Report control = run("time-wasters", seed, 0, half_the_pieces, true);
    INFO(to_text(report) << "\nwithout them\n" << to_text(control));
    // They come five seconds later, and wait up to twenty for a place at the seed.
    CHECK(report.last_seconds < control.last_seconds + 25);
    CHECK(report.efficiency > 0.6);
  });
}

TEST_CASE("free-riders hold up nobody for long, and get little", "[sim][scenarios]") {
  for_seeds(3, [](std::uint64_t seed) {
    const Report report = run("free-riders", seed, 0, half_the_pieces);
    const Report control = run("free-riders", seed, 0, half_the_pieces, true);
    INFO(to_text(report) << "\nwithout it\n" << to_text(control));
    CHECK(report.efficiency > 0.85);
    CHECK(report.riders == 1);
    CHECK(report.rider_share < 0.25);
    CHECK(report.mean_seconds < 1.05 * control.mean_seconds);
  });
}

TEST_CASE("a fast peer among slow ones is not taken for a free-rider", "[sim][scenarios]") {
  for_seeds(3, [](std::uint64_t seed) {
    World world(seed, {.pieces = 512, .piece_length = 256 << 10});
    world.add({.up = 6'250'000, .seed = true});
    world.add({.up = 6'250'000, .down = 6'250'000, .group = "fast"});
    for (int i = 0; i < 3; ++i)
      world.add({.up = 62'500, .down = 250'000, .must_finish = false, .group = "slow"});
    REQUIRE(world.run(std::chrono::minutes(5)));
    const Report report = make_report(world);
    INFO(to_text(report));
    const auto fast = std::find_if(report.groups.begin(), report.groups.end(),
                                   [](const GroupReport& group) { return group.name == "fast"; });
    REQUIRE(fast != report.groups.end());
    REQUIRE(fast->finished == 1);
    CHECK(fast->last_seconds < 30);  // its line needs 22
  });
}

TEST_CASE("alone with a seed a free-rider runs at full speed", "[sim][scenarios]") {
  for_seeds(3, [](std::uint64_t seed) {
    World world(seed, {.pieces = 128, .piece_length = 256 << 10});
    world.add({.up = 2'500'000, .seed = true});
    world.add({.configure = [](SwarmConfig& config) { config.upload_limit = 0; }});
    REQUIRE(world.run(std::chrono::minutes(5)));
    CHECK(make_report(world).efficiency > 0.93);
  });
}

TEST_CASE("what an uplink did adds up to its capacity", "[sim][scenarios]") {
  for_seeds(1, [](std::uint64_t seed) {
    for (const char* name : {"flash", "churn", "classes"}) {
      const Report report = run(name, seed, short_runs() ? 9 : 0, half_the_pieces);
      for (const UplinkReport* one : {&report.seeds, &report.peers_before, &report.peers_after}) {
        if (one->capacity_bytes == 0) continue;
        const double idle = std::accumulate(one->idle.begin(), one->idle.end(), 0.0);
        // Bytes count when they enter the line's queue, time when they leave it: so the first
        // tenth of a second and a half of what peers send when they are done counts as before.
        const double both = report.peers_before.capacity_bytes + report.peers_after.capacity_bytes;
        const double queued = 0.15 * both / report.last_seconds;
        const double edge =
            one == &report.peers_after ? 0.02 + queued / report.peers_after.capacity_bytes : 0.02;
        INFO(name << '\n' << to_text(report));
        CHECK(one->blocks + one->control + one->headers + idle == Approx(1).margin(edge));
      }
    }
  });
}

TEST_CASE("a scenario checked and unchecked is the same run", "[sim][scenarios]") {
  const Report checked = run("flash", 3, 6, few_pieces);
  const auto world = build(*find_scenario("flash"),
                           {.peers = 6, .pieces = short_runs() ? few_pieces : 0, .seed = 3});
  REQUIRE(world->run(std::chrono::minutes(10)));
  CHECK(make_report(*world).finish_times == checked.finish_times);
  CHECK(world->events() == checked.events);
}

}  // namespace
}  // namespace barter::sim
