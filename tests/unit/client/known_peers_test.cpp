#include "client/swarm/known_peers.hpp"

#include <catch2/catch.hpp>

#include <array>

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
  REQUIRE(known.take(false, config, now));
  CHECK_FALSE(known.take(false, config, now));
  Duration last{};
  TimePoint time = now;
  for (int i = 0; i < 12; ++i) {
    known.failed(endpoint(1), ConnectFailure::refused, config, time, random);
    const Duration pause = known.next_attempt(false, config) - time;
    CHECK(pause >= config.reconnect_min);
    CHECK(pause <= config.reconnect_max + config.reconnect_max / 4);
    if (i < 6) CHECK(pause > last);
    last = pause;
    time += pause;
    REQUIRE(known.take(false, config, time));
  }
  known.connected(endpoint(1));
  known.disconnected(endpoint(1), true, seconds(0), config, time, random);
  CHECK(known.next_attempt(false, config) - time <= config.reconnect_min * 5 / 4);
}

TEST_CASE("whom the user names is called again within a minute, whatever came of it") {
  const SwarmConfig config;
  Random random(1);
  for (const ConnectFailure failure :
       {ConnectFailure::refused, ConnectFailure::timed_out, ConnectFailure::unreachable,
        ConnectFailure::handshake_failed, ConnectFailure::wrong_torrent}) {
    KnownPeers known;
    known.add(endpoint(1), PeerSource::user, config, now, random);
    TimePoint time = now;
    for (int i = 0; i < 20; ++i) {
      REQUIRE(known.take(false, config, time));
      if (i % 3 == 2) {
        known.connected(endpoint(1));
        known.disconnected(endpoint(1), false, config.reconnect_max, config, time, random);
      } else {
        known.failed(endpoint(1), failure, config, time, random);
      }
      CHECK(known.next_attempt(false, config) - time <= seconds(60));
      time = known.next_attempt(false, config);
    }
  }
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
  CHECK(known.take(false, config, now + seconds(1000))->endpoint ==
        endpoint(1));  // the user's comes first
}

TEST_CASE("all are tried again when there is a reason to, but for those that are shunned") {
  const SwarmConfig config;
  Random random(1);
  KnownPeers known;
  for (const std::uint32_t i : {1u, 2u}) {
    known.add(endpoint(i), PeerSource::tracker, config, now, random);
    known.take(false, config, now);
    known.failed(endpoint(i), ConnectFailure::handshake_failed, config, now, random);
  }
  known.shun(endpoint(2), never);
  CHECK_FALSE(known.take(false, config, now));
  known.retry_all(now);
  CHECK(known.take(false, config, now)->endpoint == endpoint(1));
  CHECK_FALSE(known.take(false, config, now));
}

TEST_CASE("seeds and shunned addresses are left out") {
  const SwarmConfig config;
  Random random(1);
  KnownPeers known;
  known.add(endpoint(1), PeerSource::tracker, config, now, random);
  known.add(endpoint(2), PeerSource::tracker, config, now, random);
  known.set_seed(endpoint(1), true);
  known.shun(endpoint(2), never);
  CHECK(known.next_attempt(true, config) == never);
  CHECK(known.take(false, config, now)->endpoint == endpoint(1));
  CHECK_FALSE(known.add(endpoint(2), PeerSource::user, config, now, random));
  CHECK_FALSE(known.take(false, config, now));
}

TEST_CASE("what peers name is answered for once, and forgotten if it never works") {
  const SwarmConfig config;
  Random random(1);
  KnownPeers known;
  CHECK(known.add_named(endpoint(1), 7, config, now, random));
  CHECK_FALSE(known.add_named(endpoint(1, 7000), 7, config, now, random));  // one port is enough
  CHECK(known.add_named(endpoint(2), 7, config, now, random));
  CHECK(known.untried_of(7) == 2);
  REQUIRE(known.take(false, config, now));
  REQUIRE(known.take(false, config, now));
  CHECK(known.failed(endpoint(1), ConnectFailure::timed_out, config, now, random) == 7);
  CHECK(known.connected(endpoint(2)) == 7);
  CHECK(known.connected(endpoint(2)) == 0);
  CHECK(known.untried_of(7) == 0);
  CHECK(known.next_attempt(false, config) >= now + config.hearsay_retry);
  known.retry_all(now);  // not those: they may be somebody's who has nothing to do with it
  CHECK(known.next_attempt(false, config) >= now + config.hearsay_retry);
  TimePoint time = now;
  for (std::uint32_t i = 1; i < config.hearsay_attempts; ++i) {
    time = known.next_attempt(false, config);
    REQUIRE(known.take(false, config, time));
    CHECK(known.failed(endpoint(1), ConnectFailure::timed_out, config, time, random) == 0);
  }
  CHECK(known.size() == 1);
}

TEST_CASE("what peers name takes no better one's place beyond its share, and goes first") {
  SwarmConfig config;
  config.max_known_peers = 16;
  Random random(1);
  KnownPeers known;
  for (std::uint32_t i = 0; i < 8; ++i)
    known.add(endpoint(i), PeerSource::tracker, config, now, random);
  for (std::uint32_t i = 10; i < 30; ++i)
    known.add_named(endpoint(i), 7, config, now + seconds(i), random);
  CHECK(known.size() == 16);
  CHECK(known.untried_of(7) == 8);
  for (std::uint32_t i = 100; i < 106; ++i)
    CHECK(known.add(endpoint(i), PeerSource::tracker, config, now, random));
  CHECK(known.size() == 16);
  CHECK(known.untried_of(7) == 2);       // an eighth
  for (std::uint32_t i = 0; i < 8; ++i)  // still there
    CHECK_FALSE(known.add(endpoint(i), PeerSource::tracker, config, now, random));
  CHECK(known.add_named(endpoint(200), 7, config, now + seconds(100), random));
  CHECK(known.untried_of(7) == 2);  // one of its own kind went
}

TEST_CASE("a flood of one source leaves the others their places in the table") {
  SwarmConfig config;
  config.max_known_peers = 80;
  for (const PeerSource flood : {PeerSource::tracker, PeerSource::lsd, PeerSource::incoming}) {
    Random random(1);
    KnownPeers known;
    std::uint32_t next = 0;
    const auto add = [&](PeerSource source, int count) {
      for (int i = 0; i < count; ++i)
        known.add(endpoint(next++), source, config, now + seconds(next), random);
    };
    add(PeerSource::user, 1);
    add(flood, 500);
    add(PeerSource::dht, 20);
    add(PeerSource::tracker, 20);
    add(flood, 500);
    CHECK(known.size() == 80);
    known.retry_all(now + seconds(10'000));
    config.max_half_open = 1000;
    std::array<int, peer_sources> found{};
    while (const auto one = known.take(false, config, now + seconds(10'000)))
      ++found[static_cast<std::size_t>(one->source)];
    CHECK(found[static_cast<std::size_t>(PeerSource::user)] == 1);
    CHECK(found[static_cast<std::size_t>(PeerSource::dht)] >= 10);
    CHECK(found[static_cast<std::size_t>(PeerSource::tracker)] >= 20);
  }
}

TEST_CASE("who names an address decides when it is called") {
  const SwarmConfig config;
  Random random(1);
  KnownPeers known;
  const PeerSource sources[] = {PeerSource::lsd, PeerSource::incoming, PeerSource::tracker,
                                PeerSource::user};
  for (std::uint32_t i = 0; i < 4; ++i) known.add(endpoint(i), sources[i], config, now, random);
  for (std::uint32_t i = 4; i > 0; --i)
    CHECK(known.take(false, config, now)->endpoint == endpoint(i - 1));
}

TEST_CASE("calls to addresses only heard of leave places for others, and the other way round") {
  const SwarmConfig config;
  Random random(1);
  KnownPeers known;
  const auto calls = [&] {
    int out = 0;
    while (known.take(false, config, now)) ++out;
    return out;
  };
  for (std::uint32_t i = 0; i < 500; ++i)
    known.add(endpoint(i), PeerSource::lsd, config, now, random);
  CHECK(calls() == 8);
  CHECK(known.next_attempt(false, config) == never);  // until one of the calls has ended
  for (std::uint32_t i = 500; i < 600; ++i)
    known.add(endpoint(i), PeerSource::dht, config, now, random);
  CHECK(calls() == 4);
  for (std::uint32_t i = 600; i < 700; ++i)
    known.add(endpoint(i), PeerSource::tracker, config, now, random);
  CHECK(calls() == 12);
  known.add(endpoint(700), PeerSource::user, config, now, random);
  CHECK(calls() == 1);
  known.failed(endpoint(700), ConnectFailure::refused, config, now, random);
  CHECK(calls() == 0);

  KnownPeers named;
  for (std::uint32_t i = 0; i < 50; ++i)
    named.add(endpoint(i), PeerSource::tracker, config, now, random);
  for (int i = 0; i < 50; ++i) CHECK(named.take(false, config, now));  // nobody else wants them
}

TEST_CASE("what a liar has named is forgotten, unless somebody better says the same") {
  const SwarmConfig config;
  Random random(1);
  KnownPeers known;
  for (std::uint32_t i = 0; i < 4; ++i) known.add_named(endpoint(i), 7, config, now, random);
  known.add(endpoint(2), PeerSource::tracker, config, now, random);
  known.forget_named_by(7);
  CHECK(known.size() == 1);
  const auto left = known.take(false, config, now);
  REQUIRE(left);
  CHECK(left->source == PeerSource::tracker);
}

TEST_CASE("a call for which we had no room says nothing of the peer") {
  const SwarmConfig config;
  Random random(1);
  KnownPeers known;
  known.add(endpoint(1), PeerSource::dht, config, now, random);
  TimePoint time = now;
  for (int i = 0; i < 20; ++i) {
    REQUIRE(known.take(false, config, time));
    CHECK(known.failed(endpoint(1), ConnectFailure::no_room, config, time, random) == 0);
    CHECK(known.next_attempt(false, config) == time + config.reconnect_min);
    time += config.reconnect_min;
  }
}

}  // namespace
}  // namespace barter
