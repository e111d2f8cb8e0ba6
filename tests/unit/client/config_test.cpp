#include "client/swarm/config.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

namespace barter {

TEST_CASE("the limits of a swarm fit each other, and a fault is named") {
  const SwarmConfig good;
  CHECK(fault(good).empty());
  const std::vector<std::pair<std::string, void (*)(SwarmConfig&)>> faults{
      {"keep-alive", [](SwarmConfig& c) { c.closed_after = c.keep_alive_after; }},
      {"reconnect_min", [](SwarmConfig& c) { c.reconnect_min = c.reconnect_max * 2; }},
      {"min_requests", [](SwarmConfig& c) { c.min_requests = 0; }},
      {"first_requests", [](SwarmConfig& c) { c.first_requests = c.min_requests - 1; }},
      {"usual_requests", [](SwarmConfig& c) { c.usual_requests = c.max_requests + 1; }},
      {"spilled later", [](SwarmConfig& c) { c.spill_large_after = c.spill_after * 2; }},
      {"upload_slots_max", [](SwarmConfig& c) { c.upload_slots_max = 0; }},
      {"ban_min", [](SwarmConfig& c) { c.ban_min = c.ban_max * 2; }},
      {"announce_interval_min",
       [](SwarmConfig& c) { c.announce_interval_min = c.announce_interval_max * 2; }},
      {"lonely_interval_min",
       [](SwarmConfig& c) { c.lonely_interval_min = c.lonely_interval_max * 2; }},
  };
  for (const auto& [word, spoil] : faults) {
    SwarmConfig bad;
    spoil(bad);
    INFO(word);
    CHECK(fault(bad).find(word) != std::string::npos);
  }
}

}  // namespace barter
