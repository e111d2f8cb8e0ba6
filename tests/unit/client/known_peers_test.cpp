#include "client/swarm/known_peers.hpp"

#include <catch2/catch.hpp>

namespace barter {
namespace {

using std::chrono::seconds;

const TimePoint now{seconds(1000)};

Endpoint endpoint(std::uint32_t n, std::uint16_t port = 6881) {
  return {Address::v4({20, static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n), 1}),
          port};
}

TEST_CASE("an address is tried once at a time, and again after a pause that doubles") {
  const SwarmConfig config;
  Random random(1);
  KnownPeers known;
  CHECK(known.add(endpoint(1), PeerSource::tracker, config, now, random));
  CHECK_FALSE(known.add(endpoint(1), PeerSource::tracker, config, now, random));
  REQUIRE(known.take(false, now));
  CHECK_FALSE(known.take(false, now));
  Duration last{};
  TimePoint time = now;
  for (int i = 0; i < 12; ++i) {
    known.failed(endpoint(1), ConnectFailure::refused, config, time, random);
    const Duration pause = known.next_attempt(false) - time;
    CHECK(pause >= config.reconnect_min);
    CHECK(pause <= config.reconnect_max + config.reconnect_max / 4);
    if (i < 6) CHECK(pause > last);
    last = pause;
    time += pause;
    REQUIRE(known.take(false, time));
  }
  known.connected(endpoint(1));
  known.disconnected(endpoint(1), true, seconds(0), config, time, random);
  CHECK(known.next_attempt(false) - time <= config.reconnect_min * 5 / 4);
}

TEST_CASE("what cannot be called is not remembered") {
  const SwarmConfig config;
  Random random(1);
  KnownPeers known;
  CHECK_FALSE(known.add(endpoint(1, 0), PeerSource::tracker, config, now, random));
  CHECK_FALSE(
      known.add({Address::v4({224, 0, 0, 1}), 5}, PeerSource::tracker, config, now, random));
  CHECK_FALSE(known.add({Address(), 5}, PeerSource::tracker, config, now, random));
  CHECK(known.size() == 0);
}

TEST_CASE("the table is bounded and keeps the user's own and the live ones") {
  SwarmConfig config;
  config.max_known_peers = 10;
  Random random(1);
  KnownPeers known;
  known.add(endpoint(1), PeerSource::user, config, now, random);
  known.add(endpoint(2), PeerSource::tracker, config, now, random);
  known.connected(endpoint(2));
  for (std::uint32_t i = 10; i < 500; ++i)
    known.add(endpoint(i), PeerSource::tracker, config, now + seconds(i), random);
  CHECK(known.size() == 10);
  CHECK_FALSE(known.add(endpoint(1), PeerSource::tracker, config, now, random));
  CHECK_FALSE(known.add(endpoint(2), PeerSource::tracker, config, now, random));
  CHECK(known.take(false, now + seconds(1000))->endpoint == endpoint(1));  // the user's comes first
}

TEST_CASE("all are tried again when there is a reason to, but for those that are shunned") {
  const SwarmConfig config;
  Random random(1);
  KnownPeers known;
  for (const std::uint32_t i : {1u, 2u}) {
    known.add(endpoint(i), PeerSource::tracker, config, now, random);
    known.take(false, now);
    known.failed(endpoint(i), ConnectFailure::handshake_failed, config, now, random);
  }
  known.shun(endpoint(2));
  CHECK_FALSE(known.take(false, now));
  known.retry_all(now);
  CHECK(known.take(false, now)->endpoint == endpoint(1));
  CHECK_FALSE(known.take(false, now));
}

TEST_CASE("seeds and shunned addresses are left out") {
  const SwarmConfig config;
  Random random(1);
  KnownPeers known;
  known.add(endpoint(1), PeerSource::tracker, config, now, random);
  known.add(endpoint(2), PeerSource::tracker, config, now, random);
  known.set_seed(endpoint(1), true);
  known.shun(endpoint(2));
  CHECK(known.next_attempt(true) == never);
  CHECK(known.take(false, now)->endpoint == endpoint(1));
  CHECK_FALSE(known.add(endpoint(2), PeerSource::user, config, now, random));
  CHECK_FALSE(known.take(false, now));
}

TEST_CASE("what peers name is answered for once, and forgotten if it never works") {
  const SwarmConfig config;
  Random random(1);
  KnownPeers known;
  CHECK(known.add_named(endpoint(1), 7, config, now, random));
  CHECK_FALSE(known.add_named(endpoint(1, 7000), 7, config, now, random));  // one port is enough
  CHECK(known.add_named(endpoint(2), 7, config, now, random));
  CHECK(known.untried_of(7) == 2);
  REQUIRE(known.take(false, now));
  REQUIRE(known.take(false, now));
  CHECK(known.failed(endpoint(1), ConnectFailure::timed_out, config, now, random) == 7);
  CHECK(known.connected(endpoint(2)) == 7);
  CHECK(known.connected(endpoint(2)) == 0);
  CHECK(known.untried_of(7) == 0);
  CHECK(known.next_attempt(false) >= now + config.hearsay_retry);
  known.retry_all(now);  // not those: they may be somebody's who has nothing to do with it
  CHECK(known.next_attempt(false) >= now + config.hearsay_retry);
  TimePoint time = now;
  for (std::uint32_t i = 1; i < config.hearsay_attempts; ++i) {
    time = known.next_attempt(false);
    REQUIRE(known.take(false, time));
    CHECK(known.failed(endpoint(1), ConnectFailure::timed_out, config, time, random) == 0);
  }
  CHECK(known.size() == 1);
}

TEST_CASE("what peers name takes no better one's place, and goes first") {
  SwarmConfig config;
  config.max_known_peers = 10;
  Random random(1);
  KnownPeers known;
  for (std::uint32_t i = 0; i < 5; ++i)
    known.add(endpoint(i), PeerSource::tracker, config, now, random);
  for (std::uint32_t i = 10; i < 30; ++i) known.add_named(endpoint(i), 7, config, now, random);
  CHECK(known.size() == 10);
  for (std::uint32_t i = 100; i < 105; ++i)
    CHECK(known.add(endpoint(i), PeerSource::tracker, config, now, random));
  CHECK(known.size() == 10);
  CHECK(known.untried_of(7) == 0);
  CHECK_FALSE(known.add_named(endpoint(200), 7, config, now, random));
  CHECK_FALSE(known.add(endpoint(0), PeerSource::tracker, config, now, random));  // still there
}

TEST_CASE("what a liar has named is forgotten, unless somebody better says the same") {
  const SwarmConfig config;
  Random random(1);
  KnownPeers known;
  for (std::uint32_t i = 0; i < 4; ++i) known.add_named(endpoint(i), 7, config, now, random);
  known.add(endpoint(2), PeerSource::tracker, config, now, random);
  known.forget_named_by(7);
  CHECK(known.size() == 1);
  const auto left = known.take(false, now);
  REQUIRE(left);
  CHECK(left->source == PeerSource::tracker);
}

}  // namespace
}  // namespace barter
