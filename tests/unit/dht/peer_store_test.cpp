#include "dht/peer_store.hpp"

#include <catch2/catch.hpp>

#include <set>

namespace barter::dht {
namespace {

using std::chrono::minutes;
const TimePoint start{std::chrono::hours(10)};

Endpoint peer(unsigned i, std::uint16_t port = 6881) {
  return {Address::v4({30, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                       static_cast<std::uint8_t>(i)}),
          port};
}
std::vector<Endpoint> peers(const PeerStore& store, const NodeId& hash, std::size_t count,
                            TimePoint now, bool v4 = true, bool no_seeds = false) {
  Random random(9);
  std::vector<Endpoint> out;
  store.peers(hash, v4, no_seeds, count, now, random, out);
  return out;
}

TEST_CASE("an address once, with what it said last") {
  PeerStore store({});
  Random random(1);
  const NodeId hash = random_id(random);
  store.announce(hash, peer(1, 1000), false, start, random);
  store.announce(hash, peer(1, 2000), true, start, random);
  CHECK(peers(store, hash, 50, start) == std::vector{peer(1, 2000)});
  CHECK(store.size() == 1);
  CHECK(store.has(hash, start + minutes(44)));
  CHECK_FALSE(store.has(hash, start + minutes(46)));
  CHECK(peers(store, hash, 50, start + minutes(46)).empty());
  store.expire(start + minutes(46));
  CHECK(store.size() == 0);
  CHECK(store.info_hashes() == 0);
}

TEST_CASE("families apart, seeds last if not wanted") {
  PeerStore store({});
  Random random(1);
  const NodeId hash = random_id(random);
  for (unsigned i = 0; i < 10; ++i) store.announce(hash, peer(i), i < 5, start, random);
  store.announce(hash, Endpoint::parse("[2001:db8::1]:1").value(), false, start, random);
  CHECK(peers(store, hash, 50, start).size() == 10);
  CHECK(peers(store, hash, 50, start, false).size() == 1);
  for (const Endpoint& one : peers(store, hash, 5, start, true, true))
    CHECK(one.address.v4_bytes()[3] >= 5);
  const auto filters = store.filters(hash, start);
  CHECK(filters.seeds.estimate() == Approx(5).margin(0.5));
  CHECK(filters.peers.estimate() == Approx(6).margin(0.5));
}

TEST_CASE("each info-hash and the whole are bounded") {
  PeerStoreLimits limits;
  limits.info_hashes = 50;
  limits.peers_each = 20;
  limits.peers = 200;
  PeerStore store(limits);
  Random random(1);
  const NodeId popular = random_id(random);
  for (unsigned i = 0; i < 100; ++i)
    store.announce(popular, peer(i), false, start + minutes(i / 10), random);
  CHECK(peers(store, popular, 500, start + minutes(10)).size() == 20);
  CHECK(store.full(popular));
  // Junk drives out junk.
  for (unsigned i = 0; i < 5000; ++i)
    store.announce(random_id(random), peer(i), false, start + minutes(10), random);
  CHECK(store.info_hashes() <= 50);
  CHECK(store.size() <= 200);
  CHECK(store.has(popular, start + minutes(10)));
}

TEST_CASE("a sample is fair") {
  PeerStore store({});
  Random random(1);
  for (unsigned i = 0; i < 100; ++i)
    store.announce(random_id(random), peer(i), false, start, random);
  std::set<WireInfoHash> seen;
  for (int i = 0; i < 100; ++i)
    for (const WireInfoHash& one : store.sample(10, random)) seen.insert(one);
  CHECK(seen.size() > 95);
  CHECK(store.sample(1000, random).size() == 100);
}

}  // namespace
}  // namespace barter::dht
