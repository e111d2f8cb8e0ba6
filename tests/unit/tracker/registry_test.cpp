#include "tracker/registry.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <set>

#include "tracker/members.hpp"

using namespace barter;
using namespace barter::tracker;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint start{1000h};

WireInfoHash hash_of(std::uint64_t number) {
  WireInfoHash out;
  std::memcpy(out.bytes.data(), &number, sizeof number);
  return out;
}

Endpoint v4(std::uint32_t number, std::uint16_t port = 6881) {
  return {Address::v4({10, static_cast<std::uint8_t>(number >> 16),
                       static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)}),
          port};
}

Endpoint v6(std::uint8_t number, std::uint16_t port = 6881) {
  std::array<std::uint8_t, 16> bytes{0xfd};
  bytes[15] = number;
  return {Address::v6(bytes), port};
}

AnnounceRequest request(std::uint64_t hash, std::uint64_t left = 1, Event event = Event::none) {
  AnnounceRequest out;
  out.info_hash = hash_of(hash);
  out.left = left;
  out.event = event;
  out.uploaded = 1;
  return out;
}

// A registry with what each call needs.
struct Fixture {
  explicit Fixture(RegistryConfig config = {}) : registry(config, 42) {}

  Registry::Announced announce(const AnnounceRequest& what, const Endpoint& peer) {
    peers.clear();
    return registry.announce(what, peer, now, random, peers);
  }
  std::set<Endpoint> peer_set() const { return {peers.begin(), peers.end()}; }

  Registry registry;
  Random random{7};
  TimePoint now = start;
  std::vector<Endpoint> peers;
};

RegistryConfig short_config() {
  RegistryConfig config;
  config.expires_after = 100s;
  return config;
}

}  // namespace

TEST_CASE("members learn of each other but never of themselves", "[registry]") {
  Fixture f;
  f.announce(request(1), v4(1));
  CHECK(f.peers.empty());
  const auto answer = f.announce(request(1), v4(2));
  CHECK(f.peers == std::vector{v4(1)});
  CHECK(answer.complete == 0);
  CHECK(answer.incomplete == 2);
  f.announce(request(1), v4(1));
  CHECK(f.peers == std::vector{v4(2)});
  SECTION("another swarm is another world") {
    f.announce(request(2), v4(3));
    CHECK(f.peers.empty());
  }
  SECTION("one address with two ports is two members") {
    f.announce(request(1), v4(1, 7000));
    CHECK(f.peer_set() == std::set{v4(1), v4(2)});
  }
}

TEST_CASE("seeds get no seeds, and nobody who downloads nothing more", "[registry]") {
  Fixture f;
  f.announce(request(1, 0), v4(1));  // seed
  f.announce(request(1, 0), v4(2));  // seed
  CHECK(f.peers.empty());
  f.announce(request(1, 5, Event::paused), v4(3));  // partial seed
  CHECK(f.peers.empty());
  f.announce(request(1, 5), v4(4));  // downloader
  CHECK(f.peer_set() == std::set{v4(1), v4(2), v4(3)});
  f.announce(request(1, 0), v4(1));
  CHECK(f.peers == std::vector{v4(4)});
  f.announce(request(1, 5, Event::paused), v4(3));
  CHECK(f.peers == std::vector{v4(4)});
}

TEST_CASE("who does not know what is left is no seed", "[registry]") {
  Fixture f;
  f.announce(request(1, 0, Event::started), v4(1));
  auto magnet = request(1, 0);
  magnet.uploaded = 0;
  CHECK(f.announce(magnet, v4(2)).complete == 1);
  CHECK(f.peers == std::vector{v4(1)});
  CHECK(f.announce(magnet, v4(2)).incomplete == 1);  // nor the next time
  CHECK(f.peers == std::vector{v4(1)});
  SECTION("until it says so") {
    CHECK(f.announce(request(1, 0, Event::completed), v4(2)).newly_completed);
    CHECK(f.announce(magnet, v4(2)).complete == 2);
    CHECK(f.peers.empty());
  }
  SECTION("or has given something") {
    CHECK(f.announce(request(1, 0), v4(2)).complete == 2);
    CHECK(f.announce(magnet, v4(2)).complete == 2);
  }
  SECTION("a seed stays one without an event") {
    CHECK(f.announce(magnet, v4(1)).complete == 1);
    CHECK(f.peers == std::vector{v4(2)});
  }
}

TEST_CASE("a seed that begins is told of seeds, this once", "[registry]") {
  // aria2 with a magnet link says the same as a seed when it begins.
  Fixture f;
  auto fresh = request(1, 0, Event::started);
  fresh.uploaded = 0;
  f.announce(fresh, v4(1));
  CHECK(f.announce(fresh, v4(2)).complete == 2);
  CHECK(f.peers == std::vector{v4(1)});
  f.announce(request(1, 0), v4(2));
  CHECK(f.peers.empty());
  SECTION("and is a downloader once it knows what it lacks") {
    CHECK(f.announce(request(1, 100, Event::started), v4(2)).incomplete == 1);
    f.announce(request(1, 0), v4(1));
    CHECK(f.peers == std::vector{v4(2)});
  }
}

TEST_CASE("partial seeds are incomplete but no downloaders (BEP 21)", "[registry]") {
  Fixture f;
  f.announce(request(1, 0), v4(1));
  f.announce(request(1, 9), v4(2));
  // Whatever is left: some clients count the wanted bytes only.
  const auto answer = f.announce(request(1, 0, Event::paused), v4(3));
  CHECK(answer.complete == 1);
  CHECK(answer.incomplete == 2);
  const ScrapeEntry scraped = f.registry.scrape(hash_of(1), f.now);
  CHECK(scraped.complete == 1);
  CHECK(scraped.incomplete == 2);
  CHECK(scraped.downloaders == 1);
  SECTION("it may want more later") {
    f.announce(request(1, 9), v4(3));
    CHECK(f.registry.scrape(hash_of(1), f.now).downloaders == 2);
  }
  SECTION("or become a seed") {
    f.announce(request(1, 0), v4(3));
    CHECK(f.registry.scrape(hash_of(1), f.now).complete == 2);
  }
}

TEST_CASE("a completion counts once for each member", "[registry]") {
  Fixture f;
  f.announce(request(1, 5), v4(1));
  CHECK(f.announce(request(1, 0, Event::completed), v4(1)).newly_completed);
  CHECK_FALSE(f.announce(request(1, 0, Event::completed), v4(1)).newly_completed);
  SECTION("not again when it falls back and completes again") {
    f.announce(request(1, 5), v4(1));
    CHECK_FALSE(f.announce(request(1, 0, Event::completed), v4(1)).newly_completed);
  }
  SECTION("not for who was a seed already") {
    f.announce(request(1, 0), v4(2));
    CHECK_FALSE(f.announce(request(1, 0, Event::completed), v4(2)).newly_completed);
    CHECK(f.registry.scrape(hash_of(1), f.now).downloaded == 1);
  }
  SECTION("not with bytes left") {
    CHECK_FALSE(f.announce(request(1, 7, Event::completed), v4(2)).newly_completed);
  }
  SECTION("for a member that the tracker did not know, as after its restart") {
    CHECK(f.announce(request(1, 0, Event::completed), v4(2)).newly_completed);
  }
  CHECK(f.registry.stats().completed == f.registry.scrape(hash_of(1), f.now).downloaded);
}

TEST_CASE("stopped removes, and creates nothing", "[registry]") {
  Fixture f;
  const auto gone = f.announce(request(1, 5, Event::stopped), v4(1));
  CHECK(gone.incomplete == 0);
  CHECK(f.registry.stats().swarms == 0);
  f.announce(request(1, 5), v4(1));
  f.announce(request(1, 0), v4(2));
  const auto answer = f.announce(request(1, 0, Event::stopped), v4(2));
  CHECK(f.peers.empty());
  CHECK(answer.complete == 0);
  CHECK(answer.incomplete == 1);
  f.announce(request(1, 5, Event::stopped), v4(1));
  CHECK(f.registry.stats().swarms == 0);
  CHECK(f.registry.stats().members == 0);
  CHECK(f.registry.stats().seeds == 0);
}

TEST_CASE("silent members are forgotten", "[registry]") {
  Fixture f(short_config());
  f.announce(request(1, 5), v4(1));
  f.now += 60s;
  f.announce(request(1, 0), v4(2));
  f.now += 40s;
  SECTION("not before their time") {
    f.announce(request(1, 5), v4(3));
    CHECK(f.peers.size() == 2);
  }
  SECTION("when the swarm is touched") {
    f.now += 2s;
    const auto answer = f.announce(request(1, 5), v4(3));
    CHECK(f.peers == std::vector{v4(2)});
    CHECK(answer.incomplete == 1);
    CHECK(f.registry.stats().expired == 1);
  }
  SECTION("by the round, with their swarm") {
    f.now += 200s;
    CHECK(f.registry.expire(f.now, 10));
    CHECK(f.registry.stats().swarms == 0);
    CHECK(f.registry.stats().members == 0);
    CHECK(f.registry.stats().expired == 2);
  }
  SECTION("an announce renews") {
    f.announce(request(1, 5), v4(1));
    f.now += 61s;
    CHECK(f.registry.scrape(hash_of(1), f.now).incomplete == 1);
    CHECK(f.registry.scrape(hash_of(1), f.now).complete == 0);
  }
}

TEST_CASE("the count of completions outlives the members for a while", "[registry]") {
  Fixture f(short_config());
  f.announce(request(1, 0, Event::completed), v4(1));
  f.announce(request(1, 0, Event::stopped), v4(1));
  f.registry.expire(f.now, 10);
  CHECK(f.registry.scrape(hash_of(1), f.now).downloaded == 1);
  f.now += 102s;
  f.registry.expire(f.now, 10);
  CHECK(f.registry.stats().swarms == 0);
}

TEST_CASE("expiry works in slices", "[registry]") {
  Fixture f(short_config());
  for (std::uint64_t i = 0; i < 1000; ++i) f.announce(request(i), v4(1));
  f.now += 500s;
  int calls = 1;
  while (!f.registry.expire(f.now, 64)) {
    ++calls;
    REQUIRE(calls < 100);
  }
  CHECK(calls >= 15);
  CHECK(f.registry.stats().swarms == 0);
}

TEST_CASE("numbers of peers are the asker's, within limits", "[registry]") {
  Fixture f;
  for (std::uint32_t i = 0; i < 500; ++i) f.announce(request(1), v4(i));
  auto asked = request(1);
  const auto count = [&](std::optional<std::uint32_t> wanted) {
    asked.peers_wanted = wanted;
    f.announce(asked, v4(1));
    CHECK(f.peer_set().size() == f.peers.size());  // nobody twice
    CHECK(f.peer_set().count(v4(1)) == 0);
    return f.peers.size();
  };
  CHECK(count(std::nullopt) == 50);
  CHECK(count(0) == 0);
  CHECK(count(1) == 1);
  CHECK(count(120) == 120);
  CHECK(count(4'000'000'000) == 200);
}

TEST_CASE("the choice is uniform", "[registry]") {
  Fixture f;
  constexpr int members = 100, rounds = 20000, each = 10;
  for (std::uint32_t i = 0; i <= members; ++i) f.announce(request(1), v4(i));
  auto asked = request(1);
  asked.peers_wanted = each;
  std::map<Endpoint, int> seen;
  std::map<Endpoint, int> first;
  for (int round = 0; round < rounds; ++round) {
    f.announce(asked, v4(0));
    REQUIRE(f.peers.size() == each);
    for (const auto& peer : f.peers) ++seen[peer];
    ++first[f.peers[0]];
  }
  REQUIRE(seen.size() == members);
  // 2000 expected with a deviation of 42; 200 with one of 14: five deviations and some.
  for (const auto& [peer, count] : seen) CHECK(std::abs(count - 2000) < 230);
  for (const auto& [peer, count] : first) CHECK(std::abs(count - 200) < 85);
}

TEST_CASE("own family first, the other where that is not enough", "[registry]") {
  Fixture f;
  for (std::uint8_t i = 0; i < 10; ++i) {
    f.announce(request(1), v4(i));
    f.announce(request(1), v6(i));
  }
  auto asked = request(1);
  asked.peers_wanted = 9;
  f.announce(asked, v4(0));
  CHECK(std::all_of(f.peers.begin(), f.peers.end(), [](auto& p) { return p.address.is_v4(); }));
  f.announce(asked, v6(0));
  CHECK(std::none_of(f.peers.begin(), f.peers.end(), [](auto& p) { return p.address.is_v4(); }));
  asked.peers_wanted = 15;
  f.announce(asked, v6(0));
  REQUIRE(f.peers.size() == 15);
  CHECK(std::count_if(f.peers.begin(), f.peers.end(), [](auto& p) { return p.address.is_v4(); }) ==
        6);
}

TEST_CASE("caps refuse what is new and spare what is known", "[registry]") {
  RegistryConfig config = short_config();
  config.max_swarms = 2;
  config.max_members = 3;
  Fixture f(config);
  f.announce(request(1), v4(1));
  f.announce(request(2), v4(1));
  CHECK(f.announce(request(3), v4(1)).refused == Refusal::full);
  CHECK_FALSE(f.announce(request(2), v4(2)).refused);
  const auto refused = f.announce(request(2), v4(3));
  CHECK(refused.refused == Refusal::full);
  CHECK(f.peers.empty());
  CHECK_FALSE(f.announce(request(2), v4(2)).refused);
  CHECK(f.registry.stats().members == 3);
  CHECK(f.registry.stats().refused == 2);
  f.announce(request(2, 1, Event::stopped), v4(2));
  CHECK_FALSE(f.announce(request(2), v4(3)).refused);
}

TEST_CASE("a list restricts", "[registry]") {
  Fixture f;
  f.announce(request(1), v4(1));
  f.announce(request(2, 0), v4(1));
  f.registry.set_allowed({hash_of(1), hash_of(7)});
  CHECK(f.registry.stats().swarms == 1);
  CHECK(f.registry.stats().members == 1);
  CHECK(f.registry.stats().seeds == 0);
  CHECK(f.announce(request(2), v4(1)).refused == Refusal::not_listed);
  CHECK_FALSE(f.announce(request(1), v4(2)).refused);
  CHECK(f.peers.size() == 1);
  f.registry.set_allowed({});
  CHECK(f.announce(request(1), v4(2)).refused == Refusal::not_listed);
  CHECK(f.registry.stats().members == 0);
}

TEST_CASE("who begins alone may soon ask whether somebody else has begun", "[registry]") {
  Fixture f;
  auto begins = request(1);
  begins.event = Event::started;
  CHECK(f.announce(begins, v4(1)).min_interval == 5);
  CHECK(f.announce(request(1), v4(1)).min_interval == 60);  // once
  CHECK(f.announce(begins, v4(2)).min_interval == 60);      // it is told of the first
  CHECK(f.peers.size() == 1);
}

TEST_CASE("intervals spread a crowd", "[registry]") {
  RegistryConfig config;
  config.interval = 100;
  config.interval_jitter = 20;
  config.min_interval = 7;
  Fixture f(config);
  std::set<std::uint32_t> seen;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const auto answer = f.announce(request(1), v4(1));
    CHECK(answer.min_interval == 7);
    seen.insert(answer.interval);
  }
  CHECK(*seen.begin() == 100);
  CHECK(*seen.rbegin() == 120);
  CHECK(seen.size() == 21);
}

TEST_CASE("scrape creates nothing", "[registry]") {
  Fixture f;
  CHECK(f.registry.scrape(hash_of(1), f.now).incomplete == 0);
  CHECK(f.registry.stats().swarms == 0);
}

namespace {

// The registry as one would write it without a thought for speed.
struct Model {
  struct Member {
    Role role = Role::downloader;
    bool counted = false, unsure = false;
    TimePoint last_seen{};
  };
  struct Swarm {
    std::map<Endpoint, Member> members;
    std::uint32_t downloaded = 0;
  };
  std::map<WireInfoHash, Swarm> swarms;

  void expire(TimePoint now, Duration after) {
    for (auto& [hash, swarm] : swarms) {
      std::erase_if(swarm.members, [&](const auto& m) { return now - m.second.last_seen > after; });
    }
  }
  bool announce(const AnnounceRequest& what, const Endpoint& peer, TimePoint now) {
    Swarm& swarm = swarms[what.info_hash];
    if (what.event == Event::stopped) {
      swarm.members.erase(peer);
      return false;
    }
    const bool known = swarm.members.count(peer) != 0;
    Member& member = swarm.members[peer];
    const bool was_seed = known && member.role == Role::seed;
    member.last_seen = now;
    member.unsure = what.event == Event::none && what.left == 0 && what.uploaded == 0 &&
                    (!known || member.unsure);
    member.role = member.unsure                 ? Role::downloader
                  : what.event == Event::paused ? Role::partial_seed
                  : what.left == 0              ? Role::seed
                                                : Role::downloader;
    const bool completes =
        what.event == Event::completed && member.role == Role::seed && !was_seed && !member.counted;
    if (completes) member.counted = true, ++swarm.downloaded;
    return completes;
  }
  std::uint32_t count(const WireInfoHash& hash, Role role) {
    const auto& members = swarms[hash].members;
    return static_cast<std::uint32_t>(std::count_if(
        members.begin(), members.end(), [&](const auto& m) { return m.second.role == role; }));
  }
};

// Who may be handed out: a superset of every answer, and all of it where the number allows.
std::set<Endpoint> candidates(Model& model, const AnnounceRequest& what, const Endpoint& asker) {
  std::set<Endpoint> out;
  const auto& members = model.swarms[what.info_hash].members;
  const auto own = members.find(asker);
  if (own == members.end()) return out;  // it has stopped
  const bool begins = what.event == Event::started && what.left == 0 && what.uploaded == 0;
  const bool downloads = begins || own->second.role == Role::downloader;
  for (const auto& [peer, member] : members) {
    if (peer != asker && (downloads || member.role == Role::downloader)) out.insert(peer);
  }
  return out;
}

void run_against_model(std::uint64_t seed, int steps, std::uint64_t swarms,
                       std::uint32_t addresses) {
  RegistryConfig config = short_config();
  config.max_peers = 30;
  Registry registry(config, seed);
  Model model;
  Random random(seed), choices(seed + 1);
  TimePoint now = start;
  std::vector<Endpoint> peers;
  for (int step = 0; step < steps; ++step) {
    if (choices.chance(1, 20)) now += std::chrono::seconds(choices.below(30));
    auto what = request(choices.below(swarms), choices.below(2));
    const Event events[] = {Event::none, Event::started, Event::completed, Event::stopped,
                            Event::paused};
    what.event = events[choices.below(5)];
    what.peers_wanted = static_cast<std::uint32_t>(choices.below(40));
    what.uploaded = choices.below(2);
    const auto number = static_cast<std::uint32_t>(choices.below(addresses));
    const Endpoint peer = choices.chance(1, 3) ? v6(static_cast<std::uint8_t>(number)) : v4(number);

    model.expire(now, config.expires_after);
    const bool completes = model.announce(what, peer, now);
    peers.clear();
    const auto answer = registry.announce(what, peer, now, random, peers);
    CHECK(answer.newly_completed == completes);
    REQUIRE(answer.complete == model.count(what.info_hash, Role::seed));
    REQUIRE(answer.complete + answer.incomplete == model.swarms[what.info_hash].members.size());

    const auto expected = candidates(model, what, peer);
    const std::set<Endpoint> got(peers.begin(), peers.end());
    REQUIRE(got.size() == peers.size());
    REQUIRE(std::includes(expected.begin(), expected.end(), got.begin(), got.end()));
    const std::size_t wanted = what.event == Event::stopped ? 0 : std::min(*what.peers_wanted, 30u);
    REQUIRE(got.size() == std::min(wanted, expected.size()));

    if (choices.chance(1, 50)) registry.expire(now, choices.below(5));
    if (choices.chance(1, 10)) {
      const auto scraped = registry.scrape(what.info_hash, now);
      REQUIRE(scraped.downloaders == model.count(what.info_hash, Role::downloader));
      REQUIRE(scraped.complete == model.count(what.info_hash, Role::seed));
    }
  }
  for (int round = 0; round < 2; ++round) {  // the one under way may have passed some already
    while (!registry.expire(now, 100)) {
    }
  }
  std::size_t members = 0, seeds = 0;
  for (auto& [hash, swarm] : model.swarms) {
    members += swarm.members.size();
    seeds += model.count(hash, Role::seed);
  }
  CHECK(registry.stats().members == members);
  CHECK(registry.stats().seeds == seeds);
}

}  // namespace

TEST_CASE("the registry does what the naive model does", "[registry][property]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    run_against_model(seed, 3000, 3, 12);    // inline and back
    run_against_model(seed, 3000, 1, 200);   // with an index, shrinking and growing
    run_against_model(seed, 3000, 400, 20);  // many swarms, pages and their holes
  }
}

TEST_CASE("equal seeds give equal answers", "[registry]") {
  const auto run = [] {
    Fixture f;
    std::vector<Endpoint> all;
    for (std::uint32_t i = 0; i < 300; ++i) {
      f.announce(request(i % 3, i % 2), v4(i * 7919 % 1000));
      all.insert(all.end(), f.peers.begin(), f.peers.end());
    }
    return all;
  };
  CHECK(run() == run());
}

TEST_CASE("many members are compact", "[registry]") {
  const SipKey secret{1, 2};
  Members<4, 3> members;
  constexpr std::uint32_t count = 200'000;
  for (std::uint32_t i = 0; i < count; ++i) {
    MemberRecord<4> record;
    record.key = MemberRecord<4>::key_of(v4(i));
    members.insert(record, static_cast<Role>(i % 3), secret);
  }
  CHECK(sizeof(MemberRecord<4>) <= 24);
  CHECK(members.heap_bytes() / count <= 40);  // with the slack of the array and the index
  for (std::uint32_t i = 0; i < count; i += 17) {
    const auto at = members.find(MemberRecord<4>::key_of(v4(i)), secret);
    REQUIRE(at);
    CHECK(members.role_at(*at) == static_cast<Role>(i % 3));
  }
}
