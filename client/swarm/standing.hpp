// What of a swarm lasts while there is none: a parked torrent keeps it, and a new swarm goes on
// from it. A value.
#pragma once

#include <cstdint>

#include "client/swarm/announcer.hpp"

namespace barter {

struct Standing {
  Announcer announcer;                         // what trackers know of us; nothing is under way
  std::uint64_t downloaded = 0, uploaded = 0;  // payload of this run
};

}  // namespace barter
