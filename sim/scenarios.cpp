#include "sim/scenarios.hpp"

#include <algorithm>
#include <array>

namespace barter::sim {

namespace {
using std::chrono::hours;
using std::chrono::microseconds;
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

constexpr std::uint32_t usual_pieces = 256;
// 64 MiB in 256 pieces over shaped lines with packets, as the benches of real clients have it.
WorldOptions shaped(const ScenarioOptions& options) {
  WorldOptions world;
  world.pieces = options.pieces == 0 ? usual_pieces : options.pieces;
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

std::unique_ptr<World> pair(const ScenarioOptions& options) {
  auto world = std::make_unique<World>(options.seed, shaped(options));
  world->add(first_seed());
  add_crowd(*world, options.peers, home());
  return world;
}

// A data centre: 3 GB to many hosts behind switches.
std::unique_ptr<World> lan(const ScenarioOptions& options) {
  WorldOptions shape = shaped(options);
  constexpr std::uint64_t size = 3'000'000'000;
  shape.piece_length = 4 << 20;
  shape.pieces = static_cast<std::uint32_t>((size + shape.piece_length - 1) / shape.piece_length);
  shape.last_piece =
      static_cast<std::uint32_t>(size - std::uint64_t{shape.pieces - 1} * shape.piece_length);
  shape.queue = milliseconds(2);
  shape.unsent_low_water = 128 << 10;
  shape.one_network = true;
  shape.config = config_of(options, SwarmConfig{}.max_connections);
  shape.buffers = 8192ull * (options.peers + 1);
  auto world = std::make_unique<World>(options.seed, std::move(shape));
  NodeOptions host{.up = mbit(1000), .down = mbit(1000), .delay = microseconds(500)};
  NodeOptions seed = host;
  seed.seed = true;
  world->add(seed);
  add_crowd(*world, options.peers, host);
  return world;
}

std::unique_ptr<World> staggered(const ScenarioOptions& options) {
  auto world = std::make_unique<World>(options.seed, shaped(options));
  world->add(first_seed());
  TimePoint joins{};
  for (std::uint32_t i = 0; i < options.peers; ++i) {
    NodeOptions one = home();
    one.joins = joins;
    joins += milliseconds(world->random().below(4000));
    world->add(one);
  }
  return world;
}

// Lines as people have them; mobile ones are behind the provider's address translation.
std::unique_ptr<World> classes(const ScenarioOptions& options) {
  auto world = std::make_unique<World>(options.seed, shaped(options));
  world->add(first_seed());
  const NodeOptions kinds[] = {
      {.up = mbit(100), .down = mbit(100), .delay = milliseconds(5), .group = "fibre"},
      {.up = mbit(10), .down = mbit(50), .delay = milliseconds(15), .group = "dsl"},
      {.up = mbit(3),
       .down = mbit(20),
       .delay = milliseconds(40),
       .connectable = false,
       .group = "mobile"},
  };
  for (std::uint32_t i = 0; i < options.peers; ++i) add_crowd(*world, 1, kinds[i % 3]);
  return world;
}

std::unique_ptr<World> seed_leaves(const ScenarioOptions& options) {
  auto world = std::make_unique<World>(options.seed, shaped(options));
  NodeOptions seed = first_seed();
  seed.leaves_when_copied = true;
  world->add(seed);
  add_crowd(*world, options.peers, home());
  return world;
}

// A third of those who come leave half way, and all when they have it.
std::unique_ptr<World> churn(const ScenarioOptions& options) {
  auto world = std::make_unique<World>(options.seed, shaped(options));
  world->add(first_seed());
  for (std::uint32_t i = 0; i < options.peers; ++i) {
    NodeOptions one = home();
    one.joins = TimePoint(milliseconds(world->random().below(120'000)));
    one.leaves_when_complete = true;
    if (i % 3 == 2) {
      one.must_finish = false;
      one.leaves = one.joins + milliseconds(5'000 + world->random().below(30'000));
      one.group = "deserter";
    }
    world->add(one);
  }
  return world;
}

// The flash crowd, and one that gives nothing for each eight peers.
std::unique_ptr<World> free_riders(const ScenarioOptions& options) {
  auto world = flash(options);
  NodeOptions rider = home();
  rider.rides = rider.watched = true;
  rider.must_finish = false;
  rider.group = "free-rider";
  rider.configure = [](SwarmConfig& config) { config.upload_limit = 0; };
  add_crowd(*world, std::max(1u, options.peers / 8), rider);
  return world;
}

// The seed is slower than those who pretend to be seeds.
std::unique_ptr<World> liars(const ScenarioOptions& options) {
  auto world = crowd(options);
  NodeOptions liar = first_seed();
  liar.honest = false;
  liar.corrupts = 0.05;
  for (int i = 0; i < 3; ++i) world->add(liar);
  liar.corrupts = 1;
  world->add(liar);
  liar.corrupts = 0;
  liar.stalls = 1;  // says it has all, and serves nothing
  for (int i = 0; i < 2; ++i) world->add(liar);
  liar.stalls = 0.5;
  world->add(liar);
  NodeOptions flooder = home();
  flooder.honest = flooder.must_finish = false;
  flooder.floods = true;
  world->add(flooder);
  return world;
}

// The flash crowd among those who cost time only: three for each eight peers that let everybody ask
// and send every request back; and links that ask for nothing, as many as the seed has places.
std::unique_ptr<World> wasters(const ScenarioOptions& options) {
  WorldOptions shape = shaped(options);
  shape.one_network = true;
  const std::uint32_t places = std::max(16u, 2 * options.peers);
  shape.config = config_of(options, places);
  auto world = std::make_unique<World>(options.seed, std::move(shape));
  world->add(first_seed());
  NodeOptions waster = home();
  waster.honest = waster.must_finish = false;
  waster.group = "waster";
  NodeOptions idle = waster;
  idle.idles = true;
  add_crowd(*world, places, idle);
  waster.seed = waster.sends_back = true;
  add_crowd(*world, std::max(1u, 3 * options.peers / 8), waster);
  NodeOptions one = home();
  one.joins = TimePoint(seconds(5));  // when they are all there
  add_crowd(*world, options.peers, one);
  return world;
}

// One of the flash crowd stands still, or is gone, when half of the time is over.
std::unique_ptr<World> one_stops(const ScenarioOptions& options, bool freezes) {
  ScenarioOptions others = options;
  others.peers = options.peers - 1;
  auto world = flash(others);
  NodeOptions one = home();
  one.must_finish = false;
  (freezes ? one.freezes : one.leaves) =
      TimePoint(seconds(22) * world->options().pieces / usual_pieces);
  one.group = freezes ? "frozen" : "gone";
  add_crowd(*world, 1, one);
  return world;
}
std::unique_ptr<World> frozen(const ScenarioOptions& options) {
  return one_stops(options, true);
}
std::unique_ptr<World> gone(const ScenarioOptions& options) {
  return one_stops(options, false);
}

std::unique_ptr<World> late_joiner(const ScenarioOptions& options) {
  ScenarioOptions others = options;
  others.peers = options.peers - 1;
  auto world = crowd(others);
  NodeOptions one = home();
  one.joins = TimePoint(seconds(120));
  one.group = "late";
  world->add(one);
  return world;
}

// No seed: each has half of the pieces, but the first is at one peer only.
std::unique_ptr<World> one_piece(const ScenarioOptions& options) {
  auto world = std::make_unique<World>(options.seed, shaped(options));
  for (std::uint32_t i = 0; i < options.peers; ++i) {
    NodeOptions one = home();
    one.has = 0.5;
    one.first_piece = i == 0;
    add_crowd(*world, 1, one);
  }
  return world;
}

constexpr std::array all_scenarios{
    Scenario{"pair", "1 seed (up 20 Mbit/s) and 1 peer (up 10, down 40), 64 MiB", 1, minutes(20),
             pair},
    Scenario{"flash", "flash crowd: 1 seed (up 20 Mbit/s) and 8 peers (up 10, down 40), 64 MiB", 8,
             minutes(20), flash},
    Scenario{"flash-24", "the same with 24 peers", 24, minutes(20), flash},
    Scenario{"crowd-100", "the same with 100 peers, spread over the world, 30 links each", 100,
             minutes(30), crowd},
    Scenario{"crowd-1000", "the same with 1,000 peers", 1'000, minutes(30), crowd},
    Scenario{"crowd-10000", "the same with 10,000 peers", 10'000, minutes(30), crowd},
    Scenario{"lan", "1 seed and 100 hosts at 1 Gbit/s, 1 ms from each other, 3 GB", 100,
             minutes(30), lan},
    Scenario{"staggered", "peers arrive over time, two seconds apart in the mean", 30, hours(1),
             staggered},
    Scenario{"classes", "fibre (100/100 Mbit/s), DSL (up 10, down 50), mobile (up 3, down 20)", 30,
             hours(1), classes},
    Scenario{"seed-leaves", "the seed goes as soon as one copy is out", 24, hours(1), seed_leaves},
    Scenario{"churn", "peers come during two minutes; a third leave early, all when complete", 60,
             hours(1), churn},
    Scenario{"free-riders", "the flash crowd, and for each eight peers one that gives nothing", 8,
             hours(1), free_riders, flash},
    Scenario{"liars", "with seven pretended seeds that corrupt, stall or serve nothing; a flooder",
             8, hours(1), liars, crowd},
    Scenario{"time-wasters",
             "the flash crowd with peers that send every request back, and many that ask nothing",
             8, hours(1), wasters, flash},
    Scenario{"frozen", "of the flash crowd one stands still after 22 s", 8, minutes(20), frozen,
             gone},
    Scenario{"late", "one more joins when the others have finished", 9, hours(1), late_joiner},
    Scenario{"one-piece", "no seed: each has half of it, and one piece is at one peer only", 24,
             hours(1), one_piece},
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

namespace {
ScenarioOptions filled(const Scenario& scenario, ScenarioOptions options) {
  if (options.peers == 0) options.peers = scenario.peers;
  return options;
}
}  // namespace

std::unique_ptr<World> build(const Scenario& scenario, const ScenarioOptions& options) {
  return scenario.make(filled(scenario, options));
}

std::unique_ptr<World> build_control(const Scenario& scenario, const ScenarioOptions& options) {
  return scenario.make_control == nullptr ? nullptr
                                          : scenario.make_control(filled(scenario, options));
}

}  // namespace barter::sim
