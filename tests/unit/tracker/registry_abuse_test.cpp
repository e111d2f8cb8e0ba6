// What a few addresses can do to a tracker's tables, and to those who use it honestly.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "tracker/registry.hpp"
#include "tracker/source_counts.hpp"

using namespace barter;
using namespace barter::tracker;
using namespace std::chrono_literals;

namespace {

WireInfoHash hash_of(std::uint64_t number) {
  WireInfoHash out;
  std::memcpy(out.bytes.data(), &number, sizeof number);
  return out;
}

// Public addresses, each another host.
Address host(std::uint32_t number) {
  return Address::v4({45, static_cast<std::uint8_t>(number >> 16),
                      static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)});
}

Address v6(std::uint8_t network, std::uint8_t interface, std::uint8_t prefix = 0x20) {
  std::array<std::uint8_t, 16> bytes{prefix, 1};
  bytes[7] = network;
  bytes[15] = interface;
  return Address::v6(bytes);
}

struct Fixture {
  explicit Fixture(RegistryConfig config = {}) : registry(config, 42) {}

  Registry::Announced announce(std::uint64_t swarm, const Endpoint& peer, std::uint64_t left = 1,
                               std::uint32_t wanted = 50, Event event = Event::started) {
    AnnounceRequest request;
    request.info_hash = hash_of(swarm);
    request.left = left;
    request.uploaded = 1;
    request.event = event;
    request.peers_wanted = wanted;
    peers.clear();
    return registry.announce(request, peer, now, random, peers);
  }
  bool told_of(const Endpoint& peer) const {
    return std::find(peers.begin(), peers.end(), peer) != peers.end();
  }
  std::size_t told_of(const Address& address) const {
    return static_cast<std::size_t>(std::count_if(
        peers.begin(), peers.end(), [&](const Endpoint& one) { return one.address == address; }));
  }

  Registry registry;
  Random random{7};
  TimePoint now{1000h};
  std::vector<Endpoint> peers;
};

}  // namespace

TEST_CASE("forged announces of one address do not drown a swarm", "[registry][abuse]") {
  Fixture f;
  const Endpoint seed{host(1), 6881};
  f.announce(1, seed, 0);
  const Address liar = host(66);
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    f.announce(1, {liar, static_cast<std::uint16_t>(1024 + i)}, i % 2);
  }
  CHECK(f.registry.stats().members == 11);
  CHECK(f.registry.stats().displaced == 19'990);
  const auto answer = f.announce(1, {host(2), 6881});
  CHECK(answer.complete + answer.incomplete == 12);
  CHECK(f.told_of(seed));
  CHECK(f.told_of(liar) == 10);  // nobody else was left
  // Those that fill up come behind all others.
  CHECK(std::find(f.peers.begin(), f.peers.end(), seed) - f.peers.begin() < 3);
}

TEST_CASE("one address has two places in an answer while there are others", "[registry][abuse]") {
  Fixture f;
  const Address liar = host(1'000'000);
  const std::uint32_t others = GENERATE(40u, 1000u);
  for (std::uint32_t i = 0; i < 10; ++i) {
    f.announce(1, {liar, static_cast<std::uint16_t>(7000 + i)});
  }
  for (std::uint32_t i = 0; i < others; ++i) f.announce(1, {host(i), 6881});
  for (int i = 0; i < 100; ++i) {
    f.announce(1, {host(0), 6881}, 1, 30);
    REQUIRE(f.peers.size() == 30);
    REQUIRE(std::set<Endpoint>(f.peers.begin(), f.peers.end()).size() == 30);
    REQUIRE(f.told_of(liar) <= 2);
  }
}

TEST_CASE("peers behind one address find each other", "[registry][abuse]") {
  Fixture f;
  const Address nat = GENERATE(host(1), Address::v4({127, 0, 0, 1}), Address::v4({10, 0, 0, 1}));
  const std::uint16_t most = nat.is_loopback() ? 1000 : nat.is_local() ? 100 : 10;
  for (std::uint16_t i = 0; i < most; ++i) {
    f.announce(1, {nat, static_cast<std::uint16_t>(7000 + i)});
    REQUIRE(f.peers.size() == std::min<std::uint16_t>(i, 50));
  }
  CHECK(f.registry.stats().members == most);
  // One more takes the place of the one that has been silent for longest.
  f.now += 10s;
  f.announce(1, {nat, 6999});
  CHECK(f.registry.stats().members == most);
  CHECK(f.registry.stats().displaced == 1);
  f.announce(1, {nat, 6999}, 1, 1000);
  CHECK(f.peers.size() == std::min<std::size_t>(most - 1, 200));
  std::size_t kept = 0;
  for (std::uint16_t i = 0; i < most; ++i) {
    f.announce(1, {nat, static_cast<std::uint16_t>(7000 + i)}, 1, 0, Event::stopped);
    kept += f.registry.stats().members < most - kept;
  }
  CHECK(kept == most - 1u);  // all but the one that gave way
}

TEST_CASE("of one address those go first that never came back", "[registry][abuse]") {
  Fixture f;
  const Address address = host(1);
  f.announce(1, {address, 1000});
  f.now += 60s;
  f.announce(1, {address, 1000}, 1, 50, Event::none);
  for (std::uint16_t i = 0; i < 500; ++i) {
    f.announce(1, {address, static_cast<std::uint16_t>(2000 + i)});
    f.now += 1s;
  }
  f.announce(1, {host(2), 6881});
  CHECK(f.told_of({address, 1000}));
  CHECK(f.peers.size() == 10);
}

TEST_CASE("an IPv6 host is a /64, but in local networks an address", "[registry][abuse]") {
  Fixture f;
  for (std::uint8_t i = 1; i <= 100; ++i) f.announce(1, {v6(1, i), 6881});
  CHECK(f.registry.stats().members == 10);
  f.announce(1, {v6(2, 1), 6881});
  CHECK(f.registry.stats().members == 11);
  for (std::uint8_t i = 1; i <= 100; ++i) f.announce(2, {v6(1, i, 0xfd), 6881});
  CHECK(f.registry.stats().members == 111);
  for (std::uint8_t i = 0; i < 200; ++i) {
    f.announce(3, {v6(1, 7, 0xfd), static_cast<std::uint16_t>(1000 + i)});
  }
  CHECK(f.registry.stats().members == 211);
}

TEST_CASE("a swarm of many hosts keeps to its caps", "[registry][abuse]") {
  // Beside a model: with an index by host that grows and shrinks.
  RegistryConfig config;
  config.expires_after = 100h;
  Fixture f(config);
  Random choices(3);
  struct Known {
    bool returned = false;
    std::int64_t seen = 0;
  };
  std::map<Address, std::map<std::uint16_t, Known>> model;
  std::size_t members = 0;
  for (std::int64_t i = 0; i < 20'000; ++i) {
    f.now += 1s;
    const auto hosts = i % 5000 < 2500 ? 60u : 4u;
    const Endpoint peer{host(static_cast<std::uint32_t>(choices.below(hosts))),
                        static_cast<std::uint16_t>(1 + choices.below(14))};
    auto& ports = model[peer.address];
    if (choices.chance(hosts == 4 ? 3 : 1, 4)) {
      f.announce(1, peer, 1, 50, Event::stopped);
      members -= ports.erase(peer.port);
    } else {
      f.announce(1, peer, choices.below(2), 0, Event::none);
      if (!ports.contains(peer.port) && ports.size() == 10) {
        ports.erase(std::min_element(ports.begin(), ports.end(), [](auto& a, auto& b) {
          return std::pair(a.second.returned, a.second.seen) <
                 std::pair(b.second.returned, b.second.seen);
        }));
        --members;
      }
      members += !ports.contains(peer.port);
      Known& known = ports[peer.port];
      known.returned = known.returned || (known.seen != 0 && i + 1 - known.seen >= 60);
      known.seen = i + 1;
    }
    REQUIRE(f.registry.stats().members == members);
  }
}

TEST_CASE("one address does not take the places of all new torrents", "[registry][abuse]") {
  RegistryConfig config;
  config.max_swarms = 1000;
  Fixture f(config);
  const Endpoint seed{host(1), 6881};
  for (std::uint64_t i = 0; i < 20; ++i) f.announce(i, seed, 0);
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    const auto port = static_cast<std::uint16_t>(1024 + i % 60'000);
    f.announce(1'000 + i, {host(66), port});
  }
  CHECK(f.registry.stats().swarms == 1000);
  CHECK(f.registry.stats().evicted == 0);  // the newest of the liar's were refused
  for (std::uint64_t i = 0; i < 20; ++i) {
    CHECK(f.registry.scrape(hash_of(i), f.now).complete == 1);
  }
  SECTION("whoever is new finds a place, and is found") {
    for (std::uint64_t i = 0; i < 50; ++i) {
      const Endpoint other{host(static_cast<std::uint32_t>(1000 + i)), 6881};
      REQUIRE_FALSE(f.announce(1'000'000 + i, other, 0).refused);
    }
    CHECK(f.registry.stats().evicted == 50);
    for (std::uint64_t i = 0; i < 50; ++i) {
      f.announce(1'000'000 + i, {host(2), 6881});
      REQUIRE(f.peers.size() == 1);
    }
    for (std::uint64_t i = 0; i < 20; ++i) {
      CHECK(f.registry.scrape(hash_of(i), f.now).complete == 1);
    }
  }
  SECTION("coming back to its swarms does not help the liar") {
    f.now += 60s;
    for (std::uint64_t i = 0; i < 980; ++i) {
      f.announce(1'000 + i, {host(66), 1024}, 1, 50, Event::none);
    }
    for (std::uint64_t i = 0; i < 50; ++i) {
      const Endpoint other{host(static_cast<std::uint32_t>(1000 + i)), 6881};
      REQUIRE_FALSE(f.announce(1'000'000 + i, other, 0).refused);
    }
    for (std::uint64_t i = 0; i < 20; ++i) {
      CHECK(f.registry.scrape(hash_of(i), f.now).complete == 1);
    }
  }
  SECTION("swarms of two addresses stay") {
    for (std::uint64_t i = 0; i < 980; ++i) f.announce(1'000 + i, {host(67), 6881});
    CHECK(f.announce(2'000'000, {host(3), 6881}).refused == Refusal::full);
    f.announce(1, {host(3), 6881}, 1, 50, Event::stopped);
    CHECK(f.registry.stats().swarms == 1000);
  }
}

TEST_CASE("nor the places of all new members", "[registry][abuse]") {
  RegistryConfig config;
  config.max_members = 1000;
  Fixture f(config);
  f.announce(1, {host(1), 6881}, 0);
  f.announce(1, {host(2), 6881});
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    f.announce(1'000 + i / 20, {host(66), static_cast<std::uint16_t>(1024 + i)});
  }
  CHECK(f.registry.stats().members <= 1000);
  CHECK_FALSE(f.announce(1, {host(3), 6881}).refused);
  CHECK(f.told_of({host(1), 6881}));
  CHECK_FALSE(f.announce(2, {host(4), 6881}).refused);
  CHECK(f.registry.stats().members <= 1000);
}

TEST_CASE("counts by source", "[registry]") {
  SourceCounts counts;
  std::map<std::uint64_t, std::uint32_t> model;
  Random random(1);
  CHECK(counts.of(1) == 0);
  for (int i = 0; i < 50'000; ++i) {
    const bool shrink = i > 30'000;
    const std::uint64_t source = 1 + random.below(500) * (random.chance(1, 2) ? 1 : 1 << 20);
    if (random.chance(shrink ? 3 : 1, 4)) {
      if (model[source] == 0) continue;
      counts.remove(source);
      --model[source];
    } else {
      counts.add(source);
      ++model[source];
    }
    REQUIRE(counts.of(source) == model[source]);
  }
  std::size_t sources = 0;
  for (const auto& [source, count] : model) {
    CHECK(counts.of(source) == count);
    sources += count != 0;
  }
  CHECK(counts.sources() == sources);
}
