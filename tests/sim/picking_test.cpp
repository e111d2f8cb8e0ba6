// What each of the compared picking rules decides; that whole swarms finish with it.
#include "sim/policies/picking.hpp"

#include <catch2/catch.hpp>

#include "sim/report.hpp"
#include "sim/scenarios.hpp"

namespace barter::sim {
namespace {

Report run(const char* name, std::uint32_t peers, std::unique_ptr<PickPolicy> (*make)(),
           bool checked) {
  const Scenario& scenario = *find_scenario(name);
  ScenarioOptions options{.peers = peers, .pieces = 64, .seed = 1, .checked = checked};
  if (make != nullptr)
    options.configure = [make](SwarmConfig& config) { config.pick_policy = make; };
  const auto world = build(scenario, options);
  CHECK(world->run(scenario.limit));
  return make_report(*world);
}

TEST_CASE("speed classes: pieces are gone on with by those as fast", "[sim][picking]") {
  const auto policy = speed_classes();
  const PickingPeer fast{ConnectionId{1}, 500'000, 1'000'000};
  const PickingPeer medium{ConnectionId{2}, 20'000, 1'000'000};
  const PickingPeer slow{ConnectionId{3}, 3'000, 1'000'000};
  policy->opened(fast, PieceIndex{7});
  policy->opened(medium, PieceIndex{8});
  CHECK(policy->suits(fast, PieceIndex{7}));
  CHECK_FALSE(policy->suits(medium, PieceIndex{7}));
  CHECK_FALSE(policy->suits(slow, PieceIndex{7}));
  CHECK(policy->suits(medium, PieceIndex{8}));
  CHECK(policy->suits(slow, PieceIndex{9}));  // nobody has opened it
  // A fast one stays fast while it is a little slower, then it is medium.
  CHECK(policy->suits({ConnectionId{1}, 65'000, 1'000'000}, PieceIndex{7}));
  CHECK(policy->suits({ConnectionId{1}, 30'000, 1'000'000}, PieceIndex{8}));
}

TEST_CASE("how many pieces may be half done", "[sim][picking]") {
  CHECK(our_picking()->most_partial(3) == 10);
  CHECK(strict_priority()->most_partial(3) == 0);
  CHECK(one_partial_a_source()->most_partial(3) == 3);
  CHECK(three_halves_a_source()->most_partial(3) == 4);
  CHECK(no_cap()->most_partial(0) > 1'000'000);
}

TEST_CASE("our own rules, said by the seam, are the same run", "[sim][picking]") {
  CHECK(run("flash", 4, our_picking, true).finish_times ==
        run("flash", 4, nullptr, true).finish_times);
}

TEST_CASE("an end game asks twice, and where nobody may be asked twice little is wasted",
          "[sim][picking]") {
  // More than two holders of a block are what the checkers forbid.
  const Report never = run("flash", 4, no_second_holder, true);
  const Report all = run("flash", 4, classic_end_game, false);
  CHECK(all.wasted > never.wasted);
}

TEST_CASE("a swarm finishes by each rule", "[sim][picking]") {
  for (const NamedPicking& picking : named_pickings()) {
    INFO(picking.name);
    CHECK(run("flash", 4, picking.make, false).efficiency > 0.5);
  }
}

}  // namespace
}  // namespace barter::sim
