// Scenarios: small worlds, each run with many seeds. A failure prints the seed; BARTER_SIM_SEED=n
// runs that one alone.
#include <catch2/catch.hpp>

#include <cstdlib>

#include <fmt/format.h>

#include "tests/sim/checkers.hpp"
#include "tests/sim/world.hpp"

namespace barter::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;


std::uint64_t seeds_to_run(std::uint64_t usual) {
  return std::getenv("BARTER_SHORT") != nullptr ? std::max<std::uint64_t>(1, usual / 10) : usual;
}

// Runs `scenario` with each seed; it builds and runs the world.
template <class Scenario>
void for_seeds(std::uint64_t count, Scenario scenario) {
  std::uint64_t first = 1, last = seeds_to_run(count);
  if (const char* one = std::getenv("BARTER_SIM_SEED"))
    first = last = std::strtoull(one, nullptr, 10);
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    INFO("seed " << seed);
    scenario(seed);
  }
}

std::string unfinished(World& world) {
  std::string text;
  for (const auto& node : world.nodes()) {
    if (node->finished_at || node->options.seed || !node->options.must_finish) continue;
    const Progress progress = node->swarm->progress(world.now());
    text += fmt::format("node {}: {} of {} bytes, {} links, {}; ", node->number,
                        progress.verified_bytes, progress.wanted_bytes, progress.connections,
                        node->swarm->stall_reason(world.now()));
  }
  return text;
}

void require_finish(World& world, Duration limit) {
  const bool finished = world.run(limit);
  INFO(unfinished(world));
  REQUIRE(finished);
}

TEST_CASE("one seed gives to one peer at the speed of the line", "[sim]") {
  for_seeds(20, [](std::uint64_t seed) {
    World world(seed);
    world.add({.seed = true});
    world.add({});
    require_finish(world, seconds(60));
    CHECK(world.efficiency() > 0.7);
  });
}

}  // namespace
}  // namespace barter::sim
