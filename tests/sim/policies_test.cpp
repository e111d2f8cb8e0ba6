// What each of the compared policies decides; that whole swarms finish with it.
#include "sim/policies/policies.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

#include "sim/report.hpp"
#include "sim/scenarios.hpp"

namespace barter::sim {
namespace {

using std::chrono::seconds;

struct Table {
  std::vector<ChokeCandidate> peers;
  Random random{1};
  TimePoint now{seconds(1000)};
  std::vector<bool> unchoke;

  explicit Table(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      ChokeCandidate peer;
      peer.connection = ConnectionId{i};
      peer.interested = true;
      peer.since = now;
      peers.push_back(peer);
    }
  }
  // The peers know of it by the next call.
  long choose(TradePolicy& policy) {
    policy.choose(peers, now, random, unchoke);
    for (std::size_t i = 0; i < peers.size(); ++i) {
      if (peers[i].unchoked != unchoke[i]) peers[i].since = now;
      peers[i].unchoked = unchoke[i];
    }
    return std::count(unchoke.begin(), unchoke.end(), true);
  }
};

ServeCandidate waits(std::uint32_t id, std::uint64_t uploaded, std::uint64_t downloaded,
                     std::uint32_t piece = 0, std::uint32_t availability = 0) {
  return {ConnectionId{id}, uploaded, downloaded, PieceIndex{piece}, availability};
}

TEST_CASE("classic: three who give most, one by chance, every ten seconds", "[sim][policies]") {
  Table table(10);
  for (std::uint32_t i = 0; i < 10; ++i) table.peers[i].gives = 1000 * i;
  const auto policy = classic_policy();
  CHECK(table.choose(*policy) == 4);
  CHECK((table.unchoke[9] && table.unchoke[8] && table.unchoke[7]));
  const auto first = table.unchoke;
  table.peers[0].gives = 100'000;
  table.now += seconds(9);
  table.choose(*policy);
  CHECK(table.unchoke == first);
  table.now += seconds(1);
  CHECK(table.choose(*policy) == 4);
  CHECK(table.unchoke[0]);
}

TEST_CASE("classic: the one by chance stays for thirty seconds", "[sim][policies]") {
  Table table(40);
  for (std::uint32_t i = 0; i < 3; ++i) table.peers[i].gives = 1000;
  const auto policy = classic_policy();
  std::vector<std::vector<bool>> rounds;
  for (int i = 0; i < 13; ++i) {
    table.choose(*policy);
    rounds.push_back(table.unchoke);
    table.now += seconds(10);
  }
  for (std::size_t i = 0; i + 2 < rounds.size(); i += 3) {
    CHECK(rounds[i] == rounds[i + 1]);
    CHECK(rounds[i] == rounds[i + 2]);
  }
  CHECK(rounds[0] != rounds[12]);
}

TEST_CASE("rate-adaptive: slots as long as each takes more than the one before",
          "[sim][policies]") {
  Table table(20);
  const auto policy = rate_adaptive_policy();
  CHECK(table.choose(*policy) == 1);
  table.now += seconds(15);
  for (auto& peer : table.peers) peer.takes = 10 << 10;  // 1, 3, 5, 7, 9 KiB/s: five, and one
  CHECK(table.choose(*policy) == 6);
}

TEST_CASE("PropShare: turns in proportion to what was given", "[sim][policies]") {
  Table table(8);
  const auto policy = propshare_policy();
  CHECK(table.choose(*policy) == 4);
  table.peers[6].downloaded = 3 << 20;
  table.peers[7].downloaded = 1 << 20;
  table.now += seconds(10);
  table.choose(*policy);
  CHECK((table.unchoke[6] && table.unchoke[7]));
  const std::vector<ServeCandidate> waiting{waits(6, 0, 0), waits(7, 0, 0), waits(1, 0, 0)};
  std::vector<int> turns(3);
  for (int i = 0; i < 1300; ++i) ++turns[policy->next(waiting)];
  CHECK(turns[0] == Approx(3 * turns[1]).epsilon(0.02));
  CHECK(turns[2] == Approx(turns[1] / 4.0).epsilon(0.05));  // a quarter of the fifth of all
}

TEST_CASE("FairTorrent: the lowest deficit first, nobody choked", "[sim][policies]") {
  Table table(30);
  const auto policy = fairtorrent_policy();
  CHECK(table.choose(*policy) == 30);
  const std::vector<ServeCandidate> waiting{waits(0, 100, 0), waits(1, 900, 950), waits(2, 5, 5)};
  for (int i = 0; i < 5; ++i) CHECK(policy->next(waiting) == 1);
}

TEST_CASE("rotation: who had its share makes room", "[sim][policies]") {
  Table table(12);
  const auto policy = rotation_policy();
  CHECK(table.choose(*policy) == 8);
  const auto first = table.unchoke;
  for (std::size_t i = 0; i < 12; ++i) table.peers[i].taken = first[i] ? 6 << 20 : 0;
  table.now += seconds(45);
  table.choose(*policy);
  CHECK(table.unchoke == first);  // not yet a minute
  table.now += seconds(15);
  CHECK(table.choose(*policy) == 8);
  for (std::size_t i = 0; i < 12; ++i)
    if (!first[i]) CHECK(table.unchoke[i]);
}

TEST_CASE("seeds by rank: fastest, least in the middle, most credit", "[sim][policies]") {
  Table table(20);
  for (std::uint32_t i = 0; i < 20; ++i) {
    table.peers[i].takes = 1000 * (i % 10);
    table.peers[i].lag = i < 4 ? 0.02 : i < 8 ? 0.98 : 0.5;
    table.peers[i].downloaded = i >= 8 && i < 15 ? 1 << 20 : 0;
  }
  const auto ranked = [&](std::unique_ptr<TradePolicy> policy, auto wanted) {
    CHECK(table.choose(*policy) == 8);
    long best = 0;
    for (std::uint32_t i = 0; i < 20; ++i) best += table.unchoke[i] && wanted(i);
    return best;
  };
  CHECK(ranked(fastest_policy(), [](std::uint32_t i) { return i % 10 >= 6; }) >= 7);
  CHECK(ranked(anti_leech_policy(), [](std::uint32_t i) { return i < 8; }) >= 7);
  CHECK(ranked(credit_policy(), [](std::uint32_t i) { return i >= 8 && i < 15; }) == 7);
}

TEST_CASE("rarest unsent: what fewest have or were given goes first", "[sim][policies]") {
  const auto policy = rarest_unsent_policy();
  const std::vector<ServeCandidate> waiting{waits(0, 0, 0, 5, 2), waits(1, 0, 0, 6, 0),
                                            waits(2, 10, 0, 6, 0)};
  CHECK(policy->next(waiting) == 1);
  CHECK(policy->next(waiting) == 1);  // it goes on with its piece
  const std::vector<ServeCandidate> later{waits(0, 0, 0, 5, 2), waits(2, 10, 0, 6, 0),
                                          waits(3, 50, 0, 7, 0)};
  CHECK(policy->next(later) == 2);
}

TEST_CASE("a swarm finishes with each of them", "[sim][policies]") {
  for (const NamedPolicy& policy : named_policies()) {
    ScenarioOptions options{.peers = 6, .pieces = 64, .seed = 1, .checked = true};
    options.configure = [&](SwarmConfig& config) {
      if (policy.leech != nullptr) config.leech_policy = policy.leech;
      if (policy.seed != nullptr) config.seed_policy = policy.seed;
    };
    const Scenario& scenario = *find_scenario("flash");
    const auto world = build(scenario, options);
    INFO(policy.name);
    CHECK(world->run(scenario.limit));
    CHECK(make_report(*world).efficiency > 0.5);
  }
}

}  // namespace
}  // namespace barter::sim
