// Policies side by side: one table over several scenarios.
#pragma once

#include <cstdint>
#include <string>

namespace barter::sim {

// Runs and prints them, one row a policy; each scenario that takes seconds once, the others `runs`
// times from `seed` on. Returns a drawing: the completion of crowd-100 under each unchoking policy,
// our own thick.
std::string compare_policies(std::uint32_t runs, std::uint64_t seed);

// The same for what is asked of whom.
void compare_pickings(std::uint32_t runs, std::uint64_t seed);

}  // namespace barter::sim
