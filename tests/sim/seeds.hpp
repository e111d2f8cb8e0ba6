// Runs of a simulation with many seeds. A failure prints the seed; BARTER_SIM_SEED=n runs that one
// alone. BARTER_SHORT runs a tenth of them, and smaller crowds: for the builds with sanitizers.
#pragma once

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace barter::sim {

inline bool short_runs() {
  return std::getenv("BARTER_SHORT") != nullptr;
}

inline std::uint64_t seeds_to_run(std::uint64_t usual) {
  return short_runs() ? std::max<std::uint64_t>(1, usual / 10) : usual;
}

// `scenario` takes the seed, builds a world and runs it.
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

}  // namespace barter::sim
