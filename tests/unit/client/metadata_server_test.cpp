#include "client/swarm/metadata_server.hpp"

#include <catch2/catch.hpp>

namespace barter {
namespace {

constexpr std::uint32_t block = 16'384;

TEST_CASE("pieces of the info dictionary are cut at 16 KiB") {
  std::string info(40'000, 'i');
  info[16'384] = 'j';
  MetadataServer server;
  const TimePoint now{std::chrono::seconds(1)};
  CHECK(server.ready_at() == never);
  for (const std::uint32_t piece : {0u, 1u, 2u}) CHECK(server.ask(piece, info.size()));
  for (const std::uint32_t beyond : {3u, 0x7fffffffu, 0xffffffffu})
    CHECK_FALSE(server.ask(beyond, info.size()));
  REQUIRE(server.ready_at() <= now);
  const auto first = server.next(info, 3, now);
  CHECK(first.piece == 0);
  CHECK(first.data.size() == 16'384);
  CHECK(first.total_size == 40'000);
  CHECK(first.id == 3);
  CHECK(server.next(info, 3, now).data[0] == 'j');
  CHECK(server.next(info, 3, now).data.size() == 40'000 - 2 * 16'384);
  CHECK(server.ready_at() == never);
}

// Seconds until a peer that has `window` requests outstanding, and reads at once, has `pieces` of
// them answered, each number in turn.
double seconds_for(const std::string& info, std::uint32_t pieces, std::uint32_t window) {
  MetadataServer server;
  const std::uint32_t count = static_cast<std::uint32_t>((info.size() - 1) / block + 1);
  const TimePoint begin{std::chrono::seconds(1)};
  TimePoint now = begin;
  std::uint32_t asked = 0;
  for (std::uint32_t answered = 0; answered < pieces; ++answered) {
    for (; asked < pieces && asked - answered < window; ++asked)
      REQUIRE(server.ask(asked % count, info.size()));
    now = std::max(now, server.ready_at());
    REQUIRE(server.next(info, 1, now).piece == answered % count);
    server.flushed();
  }
  return std::chrono::duration<double>(now - begin).count();
}

TEST_CASE("metadata of 16 MB is sent as fast as it is read, and none of it is refused") {
  const std::string info(16'300'000, 'i');
  const std::uint32_t count = 995;
  CHECK(seconds_for(info, count, 8) == 0);
  CHECK(seconds_for(info, count, count) == 0);
}

TEST_CASE("who does not read is not sent more than a megabyte") {
  const std::string info(16'300'000, 'i');
  MetadataServer server;
  const TimePoint now{std::chrono::seconds(1)};
  for (std::uint32_t i = 0; i < 995; ++i) REQUIRE(server.ask(i, info.size()));
  std::uint32_t sent = 0;
  for (; server.ready_at() <= now; ++sent) (void)server.next(info, 1, now);
  CHECK(sent == 64);
  server.flushed();
  CHECK(server.next(info, 1, now).piece == 64);
}

TEST_CASE("who asks for the same over and over is slowed down, and answered") {
  const std::string info(block, 'i');
  CHECK(seconds_for(info, 256, 1) == 0);
  // 4 MiB at once, then 1 MiB a second.
  const double seconds = seconds_for(info, 256 + 640, 1);
  CHECK(seconds > 9);
  CHECK(seconds < 11);
}

TEST_CASE("more requests than may wait are refused") {
  const std::string info(block, 'i');
  MetadataServer server;
  std::size_t taken = 0;
  while (taken < 10'000 && server.ask(0, info.size())) ++taken;
  CHECK(taken == MetadataServer::max_waiting);
  (void)server.next(info, 1, TimePoint{});
  CHECK(server.ask(0, info.size()));
}

}  // namespace
}  // namespace barter
