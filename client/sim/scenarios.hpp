// Scenarios: named worlds, for the tests, the benches and predictions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "client/sim/world.hpp"

namespace barter::sim {

struct ScenarioOptions {
  std::uint32_t peers = 0;  // 0: as many as the scenario is named for
  std::uint64_t seed = 1;
  bool checked = false;
  std::function<void(SwarmConfig&)> configure = {};  // of every node, after the scenario's own
};

struct Scenario {
  std::string_view name;
  std::string_view about;                                           // one line
  std::uint32_t peers = 0;                                          // that begin without all
  Duration limit{};                                                 // of simulated time
  std::unique_ptr<World> (*build)(const ScenarioOptions& options);  // options.peers > 0
};

std::span<const Scenario> scenarios();
const Scenario* find_scenario(std::string_view name);  // null if there is none
// Builds it; peers of 0 become the scenario's.
std::unique_ptr<World> build(const Scenario& scenario, ScenarioOptions options);

}  // namespace barter::sim
