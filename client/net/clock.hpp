// The clock of the shell: what the core is told as `now`.
#pragma once

#include "torrent/time.hpp"

namespace barter::net {

inline TimePoint current_time() {
  return std::chrono::steady_clock::now();
}

}  // namespace barter::net
