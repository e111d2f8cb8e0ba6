// The canonical peer priority of BEP 40: both ends of a link compute
// the same number, so that everybody agrees on whom to prefer and no
// one can buy places by having many addresses. A free function.
#pragma once

#include <cstdint>

#include "torrent/endpoint.hpp"

namespace barter {

// Higher is preferred. 0 where the two are of different families.
std::uint32_t peer_priority(const Endpoint& ours, const Endpoint& theirs);

}  // namespace barter
