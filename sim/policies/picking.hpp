// Published rules for which piece to ask for, for comparison with our own over the scenarios
// (bench/swarm-sim --picking). Each family is in a file of its own, with its source.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "client/swarm/pick_policy.hpp"

namespace barter::sim {

// Our own, said by the seam.
std::unique_ptr<PickPolicy> our_picking();
// Pieces are gone on with by peers of the speed class that opened them.
std::unique_ptr<PickPolicy> speed_classes();
// The first pieces.
std::unique_ptr<PickPolicy> rarest_at_once();
std::unique_ptr<PickPolicy> first_four_by_chance();
// How many pieces may be half done.
std::unique_ptr<PickPolicy> strict_priority();
std::unique_ptr<PickPolicy> one_partial_a_source();
std::unique_ptr<PickPolicy> three_halves_a_source();
std::unique_ptr<PickPolicy> no_cap();
// The last blocks.
std::unique_ptr<PickPolicy> classic_end_game();
std::unique_ptr<PickPolicy> one_busy_block();
std::unique_ptr<PickPolicy> no_second_holder();

struct NamedPicking {
  std::string_view name;
  std::unique_ptr<PickPolicy> (*make)();  // null: our own, without the seam
};
std::span<const NamedPicking> named_pickings();  // the first is our own

}  // namespace barter::sim
