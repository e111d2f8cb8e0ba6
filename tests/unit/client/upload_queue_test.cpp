#include "client/swarm/upload_queue.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "torrent/random.hpp"

namespace barter {
namespace {

BlockRange range(std::uint32_t begin) {
  return {PieceIndex{1}, begin, 100};
}

TEST_CASE("ranges are handed on in order and counted until they are sent") {
  UploadQueue queue;
  for (std::uint32_t i = 0; i < 4; ++i) queue.add(range(i));
  CHECK(queue.waiting() == 4);
  CHECK(queue.hand() == range(0));
  CHECK(queue.hand() == range(1));
  CHECK(queue.unsent_bytes() == 200);
  CHECK(queue.waiting() == 2);
  CHECK_FALSE(queue.done(range(2)));  // not handed yet
  CHECK(queue.done(range(1)));
  CHECK(queue.done(range(0)));
  CHECK_FALSE(queue.done(range(0)));
  CHECK(queue.unsent_bytes() == 0);
  CHECK(queue.next() == range(2));
}

TEST_CASE("a cancel takes out what waits and reports what is handed") {
  UploadQueue queue;
  for (std::uint32_t i = 0; i < 3; ++i) queue.add(range(i));
  queue.hand();
  CHECK(queue.cancel(range(0)) == UploadQueue::Found::handed);
  CHECK(queue.cancel(range(2)) == UploadQueue::Found::waiting);
  CHECK(queue.cancel(range(2)) == UploadQueue::Found::nowhere);
  CHECK(queue.size() == 2);
}

TEST_CASE("equal ranges are separate requests") {
  UploadQueue queue;
  queue.add(range(5));
  queue.add(range(5));
  queue.hand();
  CHECK(queue.cancel(range(5)) == UploadQueue::Found::waiting);
  CHECK(queue.done(range(5)));
  CHECK(queue.size() == 0);
}

// What an UploadQueue must do, in the plainest way.
struct PlainQueue {
  std::vector<BlockRange> ranges;
  std::size_t handed = 0;

  UploadQueue::Found cancel(const BlockRange& range) {
    const auto waiting = ranges.begin() + static_cast<std::ptrdiff_t>(handed);
    if (const auto found = std::find(waiting, ranges.end(), range); found != ranges.end()) {
      ranges.erase(found);
      return UploadQueue::Found::waiting;
    }
    const bool there = std::find(ranges.begin(), waiting, range) != waiting;
    return there ? UploadQueue::Found::handed : UploadQueue::Found::nowhere;
  }
  bool done(const BlockRange& range) {
    const auto waiting = ranges.begin() + static_cast<std::ptrdiff_t>(handed);
    const auto found = std::find(ranges.begin(), waiting, range);
    if (found == waiting) return false;
    ranges.erase(found);
    --handed;
    return true;
  }
};

TEST_CASE("whatever is asked for, cancelled and sent, a queue keeps its order and its counts") {
  const std::uint32_t different = GENERATE(3u, 40u, 3000u);
  Random random(different);
  UploadQueue queue;
  PlainQueue plain;
  for (int i = 0; i < 20'000; ++i) {
    const BlockRange one = range(static_cast<std::uint32_t>(random.next() % different));
    switch (random.next() % 10) {
      case 0:
      case 1:
      case 2:
      case 3:
        queue.add(one);
        plain.ranges.push_back(one);
        break;
      case 4:
      case 5:
        // Long stretches without a cancel, in which the index goes.
        if (i / 2000 % 2 == 0) REQUIRE(queue.cancel(one) == plain.cancel(one));
        break;
      case 6:
      case 7:
        REQUIRE(queue.done(one) == plain.done(one));
        break;
      default:
        if (queue.waiting() == 0 || queue.handed() > 20) break;
        REQUIRE(queue.next() == plain.ranges[plain.handed]);
        REQUIRE(queue.hand() == plain.ranges[plain.handed++]);
    }
    if (i % 5000 == 4999) {
      const auto odd = [](const BlockRange& range) { return range.begin % 2 == 1; };
      queue.remove_waiting(odd);
      plain.ranges.erase(
          std::remove_if(plain.ranges.begin() + static_cast<std::ptrdiff_t>(plain.handed),
                         plain.ranges.end(), odd),
          plain.ranges.end());
    }
    REQUIRE(queue.size() == plain.ranges.size());
    REQUIRE(queue.handed() == plain.handed);
    REQUIRE(queue.unsent_bytes() == 100 * plain.handed);
  }
  while (queue.waiting() > 0) REQUIRE(queue.hand() == plain.ranges[plain.handed++]);
}

TEST_CASE("a queue that is cancelled over and over does not grow") {
  UploadQueue queue;
  for (std::uint32_t i = 0; i < 100; ++i) queue.add(range(i));
  for (std::uint32_t i = 100; i < 100'000; ++i) {
    queue.add(range(i));
    REQUIRE(queue.cancel(range(i - 50)) == UploadQueue::Found::waiting);
  }
  CHECK(queue.size() == 100);
  CHECK(queue.next() == range(0));
  std::size_t left = 0;
  queue.remove_waiting([&](const BlockRange&) { return ++left > 0; });
  CHECK(left == 100);
}

}  // namespace
}  // namespace barter
