// Small worlds, each run with many seeds.
#include <catch2/catch.hpp>

#include <fmt/format.h>

#include "sim/checkers.hpp"
#include "sim/report.hpp"
#include "sim/world.hpp"
#include "tests/sim/seeds.hpp"

namespace barter::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string unfinished(World& world) {
  std::string text;
  for (const auto& node : world.nodes()) {
    if (node->finished_at || node->options.seed || !node->options.must_finish) continue;
    const Progress progress = node->swarm->progress(world.instant());
    text += fmt::format("node {}: {} of {} bytes, {} links, {}; ", node->number,
                        progress.verified_bytes, progress.wanted_bytes, progress.connections,
                        node->swarm->stall_reason(world.instant()));
  }
  return text;
}

void require_finish(World& world, Duration limit) {
  const bool finished = world.run(limit);
  INFO(unfinished(world));
  REQUIRE(finished);
}

void check_efficiency(World& world, double least) {
  const Report report = make_report(world);
  INFO(to_text(report));
  if (std::getenv("BARTER_SIM_PRINT") != nullptr) fmt::print("{}\n", to_text(report));
  CHECK(report.efficiency > least);
}

TimePoint after(Duration duration) {
  return TimePoint(duration);
}

TEST_CASE("one seed gives to one peer at the speed of the line", "[sim]") {
  for_seeds(20, [](std::uint64_t seed) {
    World world(seed);
    world.add({.seed = true});
    world.add({});
    require_finish(world, seconds(60));
    check_efficiency(world, 0.85);
  });
}

TEST_CASE("a long fat line is filled", "[sim]") {
  // 1 Gbit/s over a round trip of 100 ms: 12.5 MB in flight, to which TCP needs ten round trips.
  for (const bool slow_start : {false, true}) {
    World world(1, {.pieces = 512, .piece_length = 1 << 20, .slow_start = slow_start});
    world.add({.up = 125'000'000, .down = 125'000'000, .delay = milliseconds(25), .seed = true});
    world.add({.up = 125'000'000, .down = 125'000'000, .delay = milliseconds(25)});
    require_finish(world, seconds(60));
    check_efficiency(world, slow_start ? 0.72 : 0.8);
  }
}

TEST_CASE("a flash crowd shares what one seed gives once", "[sim]") {
  for_seeds(10, [](std::uint64_t seed) {
    World world(seed, {.pieces = 128});
    world.add({.seed = true});
    for (int i = 0; i < 20; ++i) world.add({});
    require_finish(world, seconds(300));
    check_efficiency(world, 0.4);
  });
}

TEST_CASE("fifty peers without the Fast extension all finish", "[sim]") {
  for_seeds(2, [](std::uint64_t seed) {
    World world(seed, {.pieces = 64, .fast = false});
    world.add({.seed = true});
    for (int i = 0; i < 49; ++i) world.add({.joins = after(milliseconds(100 * i))});
    require_finish(world, seconds(600));
  });
}

TEST_CASE("peers of all speeds come and go", "[sim]") {
  for_seeds(10, [](std::uint64_t seed) {
    World world(seed, {.pieces = 96});
    world.add({.up = 2 << 20, .seed = true});
    Random random(seed);
    for (int i = 0; i < 24; ++i) {
      NodeOptions options;
      options.up = (32 << 10) << random.below(6);
      options.down = options.up * 4;
      options.delay = milliseconds(1 + random.below(150));
      options.joins = after(milliseconds(random.below(30'000)));
      if (i % 3 == 2) {  // leaves half way
        options.must_finish = false;
        options.leaves = options.joins + milliseconds(2'000 + random.below(20'000));
      }
      world.add(options);
    }
    require_finish(world, seconds(900));
  });
}

TEST_CASE("a late joiner is served by those who finished", "[sim]") {
  for_seeds(10, [](std::uint64_t seed) {
    World world(seed);
    world.add({.seed = true, .leaves = after(seconds(60))});
    for (int i = 0; i < 5; ++i) world.add({});
    world.add({.joins = after(seconds(90))});
    require_finish(world, seconds(400));
  });
}

TEST_CASE("the seed may leave when one copy is out", "[sim]") {
  for_seeds(10, [](std::uint64_t seed) {
    World world(seed);
    world.add({.seed = true, .leaves_when_copied = true});
    for (int i = 0; i < 12; ++i) world.add({});
    require_finish(world, seconds(400));
  });
}

TEST_CASE("a free rider comes last", "[sim]") {
  int runs = 0, before_all = 0;  // of 24
  for_seeds(10, [&](std::uint64_t seed) {
    // No seed: each has a random half, so all that is to be had must be traded for.
    World world(seed, {.pieces = 200});
    for (int i = 0; i < 24; ++i) world.add({.up = 256 << 10, .has = 0.5});
    Node& rider =
        world.add({.has = 0.5, .configure = [](SwarmConfig& config) { config.upload_limit = 0; }});
    require_finish(world, seconds(900));
    int before = 0;
    for (const auto& node : world.nodes())
      if (node.get() != &rider && *node->finished_at < *rider.finished_at) ++before;
    CHECK(before >= 20);  // 20 is the least in 60 runs, 24 the median
    before_all += before;
    ++runs;
  });
  if (runs >= 10) CHECK(before_all >= 23 * runs);
}

TEST_CASE("liars are banned and nobody else", "[sim]") {
  for_seeds(10, [](std::uint64_t seed) {
    World world(seed, {.pieces = 128});
    for (int i = 0; i < 4; ++i) world.add({.seed = true});
    for (int i = 0; i < 3; ++i) world.add({.seed = true, .honest = false, .corrupts = 0.05});
    world.add({.seed = true, .honest = false, .corrupts = 1});
    for (int i = 0; i < 6; ++i) world.add({});
    require_finish(world, seconds(600));
    std::uint64_t wasted = 0, downloaded = 0;
    std::size_t bans = 0;
    for (const auto& node : world.nodes()) {
      const Progress progress = node->swarm->progress(world.instant());
      wasted += progress.wasted;
      downloaded += progress.downloaded;
      bans += node->banned.size();
    }
    CHECK(wasted * 100 <= downloaded * 30);
    CHECK(bans > 0);
  });
}

// Forty of them, and whoever is banned is replaced by somebody new.
TEST_CASE("liars that come again waste little", "[sim]") {
  for (const bool one_host : {true, false}) {
    for_seeds(3, [&](std::uint64_t seed) {
      INFO("of one host: " << one_host);
      World world(seed, {.pieces = 512, .one_network = true});
      const auto allow = [](SwarmConfig& config) { config.max_connections_per_local_address = 60; };
      for (int i = 0; i < 3; ++i) world.add({.seed = true, .configure = allow});
      Node& victim = world.add({.down = 16 << 20, .configure = allow});
      for (int wave = 0; wave < 8; ++wave)
        for (int i = 0; i < 40; ++i) {
          NodeOptions liar{.seed = true, .honest = false, .corrupts = 1};
          liar.joins = after(seconds(wave) + milliseconds(10 * i));
          liar.configure = allow;
          if (one_host) liar.host = 0;  // with an honest one
          world.add(liar);
        }
      require_finish(world, seconds(120));
      const Progress progress = victim.swarm->progress(world.instant());
      CHECK(progress.wasted * 100 <= progress.wanted_bytes * 20);
      CHECK(victim.banned.size() >= 4);
    });
  }
}

TEST_CASE("peers that never answer requests hold nobody up", "[sim]") {
  for_seeds(10, [](std::uint64_t seed) {
    World world(seed);
    world.add({.seed = true});
    for (int i = 0; i < 3; ++i) world.add({.seed = true, .honest = false, .stalls = 0.5});
    for (int i = 0; i < 5; ++i) world.add({});
    require_finish(world, seconds(200));
  });
}

TEST_CASE("peers that send every request back hold nobody up", "[sim]") {
  for_seeds(10, [](std::uint64_t seed) {
    World world(seed);
    world.add({.seed = true});
    for (int i = 0; i < 3; ++i) world.add({.seed = true, .honest = false, .sends_back = true});
    for (int i = 0; i < 5; ++i) world.add({});
    require_finish(world, seconds(12));
    for (const auto& node : world.nodes())
      if (node->options.sends_back)  // all that it said
        CHECK(world.network().line(node->number).sums.control < 100'000);
  });
}

TEST_CASE("links that ask for nothing keep no newcomer from a seed", "[sim]") {
  for_seeds(10, [](std::uint64_t seed) {
    World world(seed);
    const auto places = [](SwarmConfig& config) { config.max_connections = 20; };
    world.add({.seed = true, .configure = places});
    for (int i = 0; i < 30; ++i)
      world.add({.honest = false, .must_finish = false, .idles = true, .configure = places});
    world.add({.joins = after(seconds(10))});
    require_finish(world, seconds(10 + 25));
  });
}

TEST_CASE("one frozen peer does not hold the last block", "[sim]") {
  for_seeds(20, [](std::uint64_t seed) {
    World world(seed, {.pieces = 200});
    world.add({.seed = true});
    world.add({.seed = true, .honest = false, .freezes = after(milliseconds(2'000 + seed * 100))});
    world.add({});
    require_finish(world, seconds(25));
  });
}

TEST_CASE("one slow peer does not hold the last block", "[sim]") {
  for_seeds(20, [](std::uint64_t seed) {
    World world(seed, {.pieces = 100});
    world.add({.up = 4 << 20, .seed = true});
    world.add({.up = 4 << 10, .seed = true});
    world.add({.down = 8 << 20});
    require_finish(world, seconds(20));
  });
}

TEST_CASE("a flood of requests does not starve the others", "[sim]") {
  for_seeds(10, [](std::uint64_t seed) {
    World world(seed);
    world.add({.seed = true});
    for (int i = 0; i < 5; ++i) world.add({});
    for (int i = 0; i < 2; ++i) world.add({.honest = false, .must_finish = false, .floods = true});
    require_finish(world, seconds(300));
  });
}

TEST_CASE("peers that cannot be called are reached by those that can", "[sim]") {
  for_seeds(10, [](std::uint64_t seed) {
    World world(seed);
    world.add({.seed = true});
    for (int i = 0; i < 10; ++i) world.add({.connectable = false});
    require_finish(world, seconds(300));
  });
}

TEST_CASE("a crowd whose tracker dies finds itself by peer exchange, and newcomers find it") {
  for_seeds(5, [](std::uint64_t seed) {
    const auto links = [&](bool exchange) {
      World world(seed, {.pieces = 128, .tracker_fails = after(seconds(1))});
      const auto configure = [&](SwarmConfig& config) {
        config.peer_exchange = exchange;
        config.peers_wanted = 2;  // all that the tracker could tell before it died
      };
      world.add({.up = 2 << 20, .seed = true, .configure = configure});
      for (int i = 0; i < 14; ++i)
        world.add({.joins = after(milliseconds(40 * i)), .configure = configure});
      for (int i = 0; i < 3; ++i)  // these never hear of the tracker's
        world.add({.joins = after(seconds(3)), .knows = {5}, .configure = configure});
      world.run_for(seconds(6));
      std::uint32_t sum = 0, newest = 0;
      for (const auto& node : world.nodes()) {
        sum += node->links;
        if (!node->options.knows.empty()) newest += node->links;
      }
      if (exchange) require_finish(world, seconds(300));
      return std::pair(sum, newest);
    };
    const auto alone = links(false);
    const auto told = links(true);
    CHECK(alone.second == 3);
    CHECK(told.second >= 3 * 8);
    CHECK(told.first > 2 * alone.first);
  });
}

TEST_CASE("nobody finishes without a full copy, and all do once it appears", "[sim]") {
  for_seeds(5, [](std::uint64_t seed) {
    World world(seed);
    world.add({.seed = true, .leaves = after(seconds(2))});
    for (int i = 0; i < 6; ++i) world.add({});
    CHECK_FALSE(world.run(seconds(120)));
    world.add({.seed = true});
    require_finish(world, seconds(1200));
  });
}

TEST_CASE("rate limits are kept and used", "[sim]") {
  for (const bool upload : {true, false}) {
    World world(7, {.pieces = 100});
    const auto limit = [](bool up) {
      return [up](SwarmConfig& config) {
        (up ? config.upload_limit : config.download_limit) = 500 << 10;
      };
    };
    NodeOptions seed{.up = 100 << 20, .seed = true};
    NodeOptions peer{.down = 100 << 20};
    (upload ? seed : peer).configure = limit(upload);
    world.add(seed);
    Node& node = world.add(peer);
    const TimePoint began = world.instant();
    require_finish(world, seconds(60));
    const double spent = std::chrono::duration<double>(*node.finished_at - began).count();
    const double share = static_cast<double>(world.layout().total_size()) / spent / (500 << 10);
    INFO("upload " << upload << ", share " << share);
    CHECK(share > 0.95);
    CHECK(share <= 1.01);
  }
}

TEST_CASE("a download limit is shared by those who give", "[sim]") {
  World world(7, {.pieces = 100});
  for (int i = 0; i < 4; ++i) world.add({.up = 4 << 20, .seed = true});
  Node& node = world.add({.down = 100 << 20, .configure = [](SwarmConfig& config) {
                            config.download_limit = 500 << 10;
                          }});
  require_finish(world, seconds(60));
  for (const auto& seed : world.nodes())
    if (seed.get() != &node)
      CHECK(seed->swarm->progress(world.instant()).uploaded > world.layout().total_size() / 10);
}

TEST_CASE("the same seed gives the same run", "[sim]") {
  const auto run = [] {
    World world(42, {.pieces = 80});
    world.add({.seed = true});
    for (int i = 0; i < 12; ++i) world.add({});
    require_finish(world, seconds(300));
    return std::pair(world.events(), world.instant());
  };
  CHECK(run() == run());
}

TEST_CASE("an idle swarm sleeps", "[sim]") {
  World world(3);
  world.add({.seed = true});
  for (int i = 0; i < 5; ++i) world.add({});
  require_finish(world, seconds(100));
  world.run_for(seconds(60));
  const std::uint64_t before = world.events();
  world.run_for(hours(1));
  // Six nodes announce each half minute in this world; nothing else may tick.
  CHECK(world.events() - before < 6 * 125 * 6);
}

}  // namespace
}  // namespace barter::sim
