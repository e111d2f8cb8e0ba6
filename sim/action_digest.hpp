// ActionDigest: a SHA-256 of all that the swarms of a simulated world have asked for, with who and
// when. A world is a function of its seed, so two programs whose digests are equal behave alike:
// what a change of shape must leave as it was. Owned by a World.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/swarm/action.hpp"
#include "torrent/digest.hpp"
#include "torrent/time.hpp"

namespace barter::sim {

class ActionDigest {
 public:
  void add(std::uint32_t node, TimePoint now, const std::vector<Action>& actions);
  std::string hex();  // of all so far

 private:
  void fold();

  Sha256Digest digest_;           // of what was folded
  std::vector<std::byte> bytes_;  // since then
};

}  // namespace barter::sim
