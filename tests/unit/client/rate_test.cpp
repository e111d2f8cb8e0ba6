#include "client/swarm/rate.hpp"

#include <catch2/catch.hpp>

namespace barter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("a steady stream is measured from its first second on") {
  Rate rate;
  TimePoint now{seconds(100)};
  CHECK(rate.per_second(now) == 0);
  for (int i = 0; i < 40; ++i) {
    rate.add(25'000, now);
    now += milliseconds(25);  // a million bytes a second
  }
  CHECK(rate.per_second(now) == Approx(1e6).epsilon(0.1));
  for (int i = 0; i < 400; ++i) {
    rate.add(25'000, now);
    now += milliseconds(25);
  }
  CHECK(rate.per_second(now) == Approx(1e6).epsilon(0.05));
}

TEST_CASE("a stream that ends is forgotten") {
  Rate rate;
  const TimePoint began{seconds(1)};
  for (int i = 0; i < 100; ++i) rate.add(10'000, began + milliseconds(10 * i));
  CHECK(rate.per_second(began + seconds(60)) == 0);
  rate.add(100'000, began + seconds(100));
  CHECK(rate.per_second(began + seconds(101)) == Approx(1e5).epsilon(0.2));
}

TEST_CASE("a single block is no flood") {
  Rate rate;
  rate.add(16'384, TimePoint(seconds(5)));
  CHECK(rate.per_second(TimePoint(seconds(5))) < 80'000);
}

}  // namespace
}  // namespace barter
