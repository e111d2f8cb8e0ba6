#include "client/swarm/request_queue.hpp"

#include <catch2/catch.hpp>

#include <vector>

namespace barter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

BlockRef block(std::uint32_t number) {
  return {PieceIndex{number / 64}, number % 64};
}

// A peer that answers in order at `rate` over a line of `delay`; how many requests are out after
// `duration`, and how many blocks came.
struct Line {
  double rate;
  Duration delay;
  SwarmConfig config;
  RequestQueue queue;
  std::uint32_t peer_limit = 1'000'000;
  std::uint64_t delivered = 0;

  void run(Duration duration) {
    TimePoint now{seconds(100)};
    const TimePoint end = now + duration;
    const auto block_time =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(block_length / rate));
    std::vector<std::pair<std::uint32_t, TimePoint>> due;
    std::size_t next_due = 0;
    std::uint32_t next = 0;
    TimePoint line_free = now;
    while (now < end) {
      while (queue.size() < queue.window(config, peer_limit)) {
        queue.add(block(next), now);
        line_free = std::max(line_free, now + delay) + block_time;
        due.emplace_back(next++, line_free);
      }
      now = due[next_due].second;
      REQUIRE(queue.delivered(block(due[next_due].first), block_length, now, config));
      ++next_due;
      ++delivered;
    }
  }
};

TEST_CASE("the window fills a gigabit over a tenth of a second within a second") {
  Line line{125e6, milliseconds(100), {}, {}};
  line.run(seconds(1));
  CHECK(line.queue.window(line.config, 10'000) >= 763);
  CHECK(static_cast<double>(line.delivered) * block_length > 0.4 * 125e6);
}

TEST_CASE("a far and fast peer is asked for several times what is in flight") {
  Line line{125e6, milliseconds(100), {}, {}};
  line.run(seconds(5));
  CHECK(line.queue.window(line.config, 10'000) >= 3 * 763);
  CHECK(line.queue.window(line.config, 10'000) <= line.config.max_requests);
}

TEST_CASE("on a local line the window is large at once") {
  Line line{1e9, std::chrono::microseconds(100), {}, {}};
  line.run(milliseconds(100));
  CHECK(line.queue.window(line.config, 10'000) == line.config.usual_requests);
  CHECK(static_cast<double>(line.delivered) * block_length > 0.8 * 1e8);
}

TEST_CASE("a slow peer is asked for little") {
  Line line{20'000, milliseconds(80), {}, {}};
  line.run(seconds(60));
  CHECK(line.queue.window(line.config, 2000) == line.config.min_requests);
  CHECK(line.queue.rate() == Approx(20'000).epsilon(0.1));
}

TEST_CASE("the peer's limit is kept, be it as small as one") {
  Line line{1e8, milliseconds(10), {}, {}};
  line.peer_limit = 1;
  line.run(seconds(1));
  CHECK(line.queue.window(line.config, 1) == 1);
  CHECK(line.queue.window(line.config, 50) == 50);
}

TEST_CASE("a peer is asked for no more than it has shown it can hold") {
  const SwarmConfig config;
  RequestQueue queue;
  TimePoint now{seconds(1)};
  for (std::uint32_t i = 0; i < 200; ++i) {
    CHECK(queue.window(config, 1024) <= 16 + 2 * i);
    queue.add(block(i), now);
    now += std::chrono::microseconds(30);
    queue.delivered(block(i), block_length, now, config);
  }
  CHECK(queue.window(config, 1024) > 300);
}

TEST_CASE("one that stood still is asked for few, and then for less than was too many") {
  const SwarmConfig config;
  RequestQueue queue;
  TimePoint now{seconds(1)};
  std::uint32_t next = 0;
  const auto deliver = [&](std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      queue.add(block(next), now);
      now += std::chrono::microseconds(30);
      queue.delivered(block(next++), block_length, now, config);
    }
  };
  deliver(100);
  for (std::uint32_t i = 0; i < 200; ++i) queue.add(block(10'000 + i), now);
  queue.stalled();
  queue.clear();
  CHECK(queue.window(config, 1024) == RequestQueue::few);
  deliver(1);
  CHECK(queue.window(config, 1024) == 4);
  deliver(24);
  CHECK(queue.window(config, 1024) >= 50);  // a quarter
  CHECK(queue.window(config, 1024) <= 52);
  deliver(1000);
  CHECK(queue.window(config, 1024) >= 54);
  CHECK(queue.window(config, 1024) <= 58);  // one more with every four windows
}

TEST_CASE("requests that stay out become late, oldest first") {
  const SwarmConfig config;
  RequestQueue queue;
  const TimePoint now{seconds(100)};
  CHECK(queue.next_late(config) == never);
  queue.add(block(0), now);
  queue.add(block(1), now + seconds(1));
  const TimePoint late = queue.next_late(config);
  CHECK(late > now + config.block_timeout_min);
  CHECK(late <= now + config.block_timeout_max);
  CHECK_FALSE(queue.take_late(late - Duration(1), config));
  CHECK(queue.take_late(late, config) == block(0));
  CHECK_FALSE(queue.take_late(late, config));
  CHECK(queue.late_count() == 1);
  CHECK(queue.take_late(late + seconds(1), config) == block(1));
  CHECK(queue.next_late(config) == never);
  CHECK(queue.remove(block(0)));
  CHECK(queue.late_count() == 1);
}

TEST_CASE("the slower a peer, the longer may nothing come") {
  const SwarmConfig config;
  const TimePoint now{seconds(1)};
  RequestQueue unheard, fast, slow;
  CHECK(unheard.patience(config) == 3 * config.block_timeout_min);
  fast.add(block(0), now);
  fast.delivered(block(0), block_length, now + milliseconds(10), config);
  CHECK(fast.patience(config) == 3 * config.block_timeout_min);
  slow.add(block(0), now);
  slow.delivered(block(0), block_length, now + seconds(2), config);
  // A delay of two seconds and a transfer of two, four times.
  CHECK(slow.patience(config) > seconds(15));
  CHECK(slow.patience(config) < seconds(17));
}

TEST_CASE("what was not asked for is told apart") {
  const SwarmConfig config;
  RequestQueue queue;
  const TimePoint now{seconds(1)};
  queue.add(block(7), now);
  CHECK_FALSE(queue.delivered(block(8), block_length, now + milliseconds(5), config));
  CHECK(queue.delivered(block(7), block_length, now + milliseconds(9), config));
  CHECK_FALSE(queue.delivered(block(7), block_length, now + milliseconds(9), config));
  CHECK_FALSE(queue.remove(block(7)));
}

}  // namespace
}  // namespace barter
