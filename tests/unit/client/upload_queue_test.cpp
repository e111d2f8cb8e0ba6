#include "client/swarm/upload_queue.hpp"

#include <catch2/catch.hpp>

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

}  // namespace
}  // namespace barter
