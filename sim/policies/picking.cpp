#include "sim/policies/picking.hpp"

#include <array>

namespace barter::sim {

namespace {
constexpr std::array all_pickings{
    NamedPicking{"ours", nullptr},
    NamedPicking{"speed classes", speed_classes},
    NamedPicking{"rarest first at once", rarest_at_once},
    NamedPicking{"first four by chance", first_four_by_chance},
    NamedPicking{"strict priority", strict_priority},
    NamedPicking{"half done: 1 a source", one_partial_a_source},
    NamedPicking{"half done: 1.5 a source", three_halves_a_source},
    NamedPicking{"half done: no cap", no_cap},
    NamedPicking{"end game", classic_end_game},
    NamedPicking{"end game, one busy block", one_busy_block},
    NamedPicking{"no second holder", no_second_holder},
};
}  // namespace

std::unique_ptr<PickPolicy> our_picking() {
  return std::make_unique<PickPolicy>();
}

std::span<const NamedPicking> named_pickings() {
  return all_pickings;
}

}  // namespace barter::sim
