// Scenarios: named worlds, for the tests, the benches and predictions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "sim/world.hpp"

namespace barter::sim {

struct ScenarioOptions {
  std::uint32_t peers = 0;   // 0: as many as the scenario is named for
  std::uint32_t pieces = 0;  // 0: the scenario's own, 256 mostly; `lan` has its own in any case
  std::uint64_t seed = 1;
  bool checked = false;
  std::function<void(SwarmConfig&)> configure = {};  // of every node, after the scenario's own
};

struct Scenario {
  std::string_view name;
  std::string_view about;                                          // one line
  std::uint32_t peers = 0;                                         // that begin without all
  Duration limit{};                                                // of simulated time
  std::unique_ptr<World> (*make)(const ScenarioOptions& options);  // options.peers > 0
  // The same without what makes it special, where that can be compared: without the riders, say.
  std::unique_ptr<World> (*make_control)(const ScenarioOptions& options) = nullptr;
};

std::span<const Scenario> scenarios();
const Scenario* find_scenario(std::string_view name);  // null if there is none
// Builds it; peers of 0 become the scenario's.
std::unique_ptr<World> build(const Scenario& scenario, const ScenarioOptions& options);
// Null where there is nothing to compare with.
std::unique_ptr<World> build_control(const Scenario& scenario, const ScenarioOptions& options);

}  // namespace barter::sim
