// How a global rate limit is shared out among torrents. Each swarm keeps to its lease by its own
// token buckets; leases are renewed now and then. A function, no state.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace barter::net {

struct LeaseUse {
  std::uint64_t lease = 0;  // bytes a second, as granted last; 0: none yet
  std::uint64_t rate = 0;   // bytes a second, as used
};

// New leases, in the same order; their sum is at most `limit`. Who uses little of its lease keeps a
// bit more than it uses, the rest is shared evenly by those who would use more (max-min fairness).
std::vector<std::uint64_t> share_out(std::uint64_t limit, std::span<const LeaseUse> uses);

}  // namespace barter::net
