#include "client/swarm/ring.hpp"

#include <catch2/catch.hpp>

#include <deque>

#include "torrent/random.hpp"

namespace barter {
namespace {

TEST_CASE("a ring does what a deque does") {
  Random random(1);
  Ring<int> ring;
  std::deque<int> model;
  for (int step = 0; step < 20'000; ++step) {
    const auto choice = random.below(5);
    if (choice < 2 || model.empty()) {
      ring.push_back(step);
      model.push_back(step);
    } else if (choice < 4) {
      ring.pop_front();
      model.pop_front();
    } else {
      const std::size_t index = random.below(model.size());
      ring.erase(index);
      model.erase(model.begin() + static_cast<std::ptrdiff_t>(index));
    }
    REQUIRE(ring.size() == model.size());
    for (std::size_t i = 0; i < model.size(); ++i) REQUIRE(ring[i] == model[i]);
  }
  ring.clear();
  CHECK(ring.empty());
}

}  // namespace
}  // namespace barter
