#include "client/net/rate_lease.hpp"

#include <algorithm>

namespace barter::net {

std::vector<std::uint64_t> share_out(std::uint64_t limit, std::span<const LeaseUse> uses) {
  const std::size_t count = uses.size();
  std::vector<std::uint64_t> out(count, 0);
  if (count == 0) return out;
  // An idle torrent can begin at this rate without waiting for the next round.
  const std::uint64_t floor = limit / (8 * count);
  std::vector<std::size_t> hungry;
  std::uint64_t left = limit;
  for (std::size_t i = 0; i < count; ++i) {
    const bool wants_more = uses[i].lease == 0 || uses[i].rate >= uses[i].lease - uses[i].lease / 4;
    const std::uint64_t modest = uses[i].rate + uses[i].rate / 2 + floor;
    if (wants_more || modest >= limit / count) {
      hungry.push_back(i);
    } else {
      out[i] = modest;
      left -= modest;
    }
  }
  if (hungry.empty()) {  // nobody needs it: all may grow into it
    for (auto& lease : out) lease += left / count;
    return out;
  }
  for (const std::size_t i : hungry) out[i] = left / hungry.size();
  return out;
}

}  // namespace barter::net
