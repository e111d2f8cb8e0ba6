#include "client/sim/scenarios.hpp"

#include <algorithm>
#include <array>

namespace barter::sim {

namespace {
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t mbit(std::uint64_t megabits) {
  return megabits * 1'000'000 / 8;
}

std::shared_ptr<const SwarmConfig> config_of(const ScenarioOptions& options,
                                             std::uint32_t max_connections) {
  auto config = std::make_shared<SwarmConfig>();
  config->max_connections = max_connections;
  config->peers_wanted = std::min(config->peers_wanted, max_connections);
  config->max_known_peers = std::min(config->max_known_peers, 4 * max_connections);
  if (options.configure) options.configure(*config);
  return config;
}

// 64 MiB in 256 pieces over shaped lines with packets, as the benches of real clients have it.
WorldOptions shaped(const ScenarioOptions& options) {
  WorldOptions world;
  world.pieces = 256;
  world.piece_length = world.last_piece = 256 << 10;
  world.frames = true;
  world.queue = milliseconds(100);
  world.announce_interval = 1800;
  world.announce_min_interval = 60;
  world.checked = options.checked;
  world.buffers = 4096 + 256ull * (options.peers + 16);
  world.config = config_of(options, 30);
  return world;
}

NodeOptions home() {
  return {.up = mbit(10), .down = mbit(40), .delay = milliseconds(10)};
}
NodeOptions first_seed() {
  return {.up = mbit(20), .down = mbit(40), .delay = milliseconds(10), .seed = true};
}
// A crowd begins within a moment of each other.
void add_crowd(World& world, std::uint32_t peers, NodeOptions one) {
  const TimePoint first = one.joins;
  for (std::uint32_t i = 0; i < peers; ++i) {
    one.joins = first + milliseconds(world.random().below(100));
    world.add(one);
  }
}

std::unique_ptr<World> flash(const ScenarioOptions& options) {
  WorldOptions shape = shaped(options);
  shape.one_network = true;
  shape.config = config_of(options, SwarmConfig{}.max_connections);
  auto world = std::make_unique<World>(options.seed, std::move(shape));
  world->add(first_seed());
  add_crowd(*world, options.peers, home());
  return world;
}

std::unique_ptr<World> crowd(const ScenarioOptions& options) {
  auto world = std::make_unique<World>(options.seed, shaped(options));
  world->add(first_seed());
  add_crowd(*world, options.peers, home());
  return world;
}

constexpr std::array all_scenarios{
    Scenario{"flash", "flash crowd: 1 seed (up 20 Mbit/s) and 8 peers (up 10, down 40), 64 MiB", 8,
             minutes(20), flash},
    Scenario{"flash-24", "the same with 24 peers", 24, minutes(20), flash},
    Scenario{"crowd-100", "the same with 100 peers, spread over the world, 30 links each", 100,
             minutes(30), crowd},
    Scenario{"crowd-1000", "the same with 1,000 peers", 1'000, minutes(30), crowd},
    Scenario{"crowd-10000", "the same with 10,000 peers", 10'000, minutes(30), crowd},
};
}  // namespace

std::span<const Scenario> scenarios() {
  return all_scenarios;
}

const Scenario* find_scenario(std::string_view name) {
  const auto found = std::find_if(all_scenarios.begin(), all_scenarios.end(),
                                  [&](const Scenario& one) { return one.name == name; });
  return found == all_scenarios.end() ? nullptr : &*found;
}

std::unique_ptr<World> build(const Scenario& scenario, ScenarioOptions options) {
  if (options.peers == 0) options.peers = scenario.peers;
  return scenario.build(options);
}

}  // namespace barter::sim
