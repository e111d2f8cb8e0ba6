// Unserved: how often in a row a peer let us ask and gave nothing: every request came back, by a
// reject, a choke, a piece that it has no longer, or because we gave up waiting. The pause before
// it is asked again grows with that, whatever the peer says meanwhile, so that nobody keeps us busy
// with requests that lead nowhere. One that chokes us in its turn, as trading peers do, has given
// something before and is never made to wait. A value type.
#pragma once

#include <algorithm>
#include <cstdint>

#include "client/swarm/config.hpp"

namespace barter {

class Unserved {
 public:
  void asked() { asked_ = true; }
  void served() { turns_ = 0; }
  // A request came back: how long the peer shall not be asked. All
  // that were asked together count once.
  Duration came_back(const SwarmConfig& config) {
    if (asked_) turns_ = std::min(turns_ + 1, most_turns);
    asked_ = false;
    if (turns_ <= config.unserved_turns) return {};
    Duration pause = config.unserved_pause_min;
    for (std::uint32_t i = config.unserved_turns + 1; i < turns_; ++i) pause *= 2;
    return std::min(pause, config.unserved_pause_max);
  }

 private:
  static constexpr std::uint32_t most_turns = 24;  // the pause is at its longest long before
  std::uint32_t turns_ = 0;
  bool asked_ = false;  // since the last one that came back
};

}  // namespace barter
