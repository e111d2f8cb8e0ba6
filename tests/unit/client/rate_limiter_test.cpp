#include "client/swarm/rate_limiter.hpp"

#include <catch2/catch.hpp>

namespace barter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Takes blocks whenever it may, waking up `lateness` too late; the bytes of ten seconds.
std::uint64_t take_for_ten_seconds(RateLimiter& limiter, Duration lateness) {
  TimePoint now{seconds(1000)};
  const TimePoint end = now + seconds(10);
  std::uint64_t taken = 0;
  while (now < end) {
    while (limiter.ready(now)) {
      limiter.take(16'384, now);
      taken += 16'384;
    }
    now = std::max(now, limiter.ready_at()) + lateness;
  }
  return taken;
}

TEST_CASE("a limit is used up and kept, whatever the timers") {
  for (const std::uint64_t limit :
       {std::uint64_t{20'000}, std::uint64_t{512'000}, std::uint64_t{1} << 30}) {
    for (const Duration lateness :
         {Duration(0), Duration(milliseconds(1)), Duration(milliseconds(40))}) {
      RateLimiter limiter(limit);
      const auto taken = static_cast<double>(take_for_ten_seconds(limiter, lateness));
      const double share = (taken - 16'384) / (static_cast<double>(limit) * 10);
      INFO("limit " << limit << ", lateness " << lateness.count());
      CHECK(share <= 1.011);
      CHECK(share >= 0.9);
    }
  }
}

TEST_CASE("a limit of 0 is nothing, and none is no limit") {
  RateLimiter nothing(0);
  CHECK_FALSE(nothing.ready(TimePoint(seconds(99))));
  CHECK(nothing.ready_at() == never);
  RateLimiter none;
  for (int i = 0; i < 1000; ++i) {
    CHECK(none.ready(TimePoint{}));
    none.take(1 << 30, TimePoint{});
  }
}

TEST_CASE("what comes to nothing is given back") {
  const TimePoint now{seconds(50)};
  RateLimiter limiter(16'384);
  limiter.take(16'384 * 4, now);
  CHECK_FALSE(limiter.ready(now + seconds(3)));
  limiter.give_back(16'384 * 4);
  CHECK(limiter.ready(now));
}

TEST_CASE("a new limit does not inherit the debt of the old one") {
  const TimePoint now{seconds(50)};
  RateLimiter limiter(1);
  limiter.take(16'384, now);
  limiter.set_limit(1 << 20, now);
  CHECK(limiter.ready(now));
}

}  // namespace
}  // namespace barter
