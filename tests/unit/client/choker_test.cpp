#include "client/swarm/choker.hpp"

#include <catch2/catch.hpp>

#include <map>

namespace barter {
namespace {

using std::chrono::seconds;

const TimePoint now{seconds(1000)};

ChokeCandidate candidate(std::uint32_t id, std::uint64_t gives) {
  ChokeCandidate peer;
  peer.connection = ConnectionId{id};
  peer.interested = true;
  peer.gives = gives;
  peer.since = now - seconds(100);
  return peer;
}

std::vector<bool> choose(Choker& choker, const std::vector<ChokeCandidate>& peers,
                         std::uint32_t slots, bool seeding, bool rotate, Random& random) {
  std::vector<bool> out;
  choker.choose(peers, slots, seeding, rotate, now, random, out);
  return out;
}

TEST_CASE("those who give most are served, and one by chance") {
  Random random(1);
  Choker choker;
  std::vector<ChokeCandidate> peers;
  for (std::uint32_t i = 0; i < 10; ++i) peers.push_back(candidate(i, i * 1000));
  const auto chosen = choose(choker, peers, 4, false, true, random);
  CHECK(chosen[9]);
  CHECK(chosen[8]);
  CHECK(chosen[7]);
  CHECK(std::count(chosen.begin(), chosen.end(), true) == 4);
}

TEST_CASE("the one by chance stays for its period, and every one has its turn") {
  Random random(1);
  Choker choker;
  std::vector<ChokeCandidate> peers;
  for (std::uint32_t i = 0; i < 8; ++i) peers.push_back(candidate(i, i >= 5 ? 9000 : 0));
  std::map<std::size_t, int> turns;
  for (int round = 0; round < 300; ++round) {
    const auto first = choose(choker, peers, 4, false, true, random);
    CHECK(choose(choker, peers, 4, false, false, random) == first);
    for (std::size_t i = 0; i < 5; ++i) turns[i] += first[i];
  }
  for (std::size_t i = 0; i < 5; ++i) CHECK(turns[i] > 20);
}

TEST_CASE("slots that nobody wants are kept ready for those who may") {
  Random random(1);
  Choker choker;
  std::vector<ChokeCandidate> peers;
  for (std::uint32_t i = 0; i < 6; ++i) peers.push_back(candidate(i, 0));
  for (std::uint32_t i = 1; i < 6; ++i) peers[i].interested = false;
  for (std::uint32_t i = 1; i < 5; ++i) peers[i].may_want = true;  // the last one is a seed
  peers[3].unchoked = true;
  const auto chosen = choose(choker, peers, 3, false, true, random);
  CHECK(chosen[0]);
  CHECK(chosen[3]);  // has the slot, and keeps it
  CHECK_FALSE(chosen[5]);
  CHECK(std::count(chosen.begin(), chosen.end(), true) == 3);
  // Who wants something goes first.
  for (std::uint32_t i = 1; i < 3; ++i) peers[i].interested = true;
  const auto later = choose(choker, peers, 3, false, true, random);
  CHECK(later == std::vector<bool>{true, true, true, false, false, false});
}

TEST_CASE("who has fallen behind is tried more often") {
  Random random(1);
  Choker choker;
  std::vector<ChokeCandidate> peers;
  for (std::uint32_t i = 0; i < 9; ++i) peers.push_back(candidate(i, i >= 7 ? 9000 : 0));
  peers[2].lag = 0.5;
  int behind = 0, others = 0;
  for (int round = 0; round < 1000; ++round) {
    const auto chosen = choose(choker, peers, 3, false, true, random);
    behind += chosen[2];
    for (const std::size_t i : {0u, 1u, 3u, 4u, 5u, 6u}) others += chosen[i];
  }
  // 8.5 of 14.5 tickets, once the two who give most have theirs.
  CHECK(behind > 500);
  CHECK(others > 250);
}

TEST_CASE("beginners go before those who give most, and keep their slots") {
  Random random(1);
  Choker choker;
  std::vector<ChokeCandidate> peers;
  for (std::uint32_t i = 0; i < 8; ++i) peers.push_back(candidate(i, i * 1000));
  for (const std::size_t i : {1u, 2u, 3u}) peers[i].beginner = true;
  peers[2].unchoked = true;
  for (int round = 0; round < 20; ++round) {
    const auto two = choose(choker, peers, 2, false, true, random);
    CHECK(two[2]);
    CHECK(two[1] + two[3] == 1);
    const auto five = choose(choker, peers, 5, false, true, random);
    CHECK((five[1] && five[2] && five[3] && five[7]));
    CHECK(std::count(five.begin(), five.end(), true) == 5);
  }
}

TEST_CASE("who took and did not give is served when nobody else wants anything") {
  Random random(1);
  Choker choker;
  std::vector<ChokeCandidate> peers{candidate(1, 0), candidate(2, 0), candidate(3, 0)};
  peers[0].keeps = true;
  for (const bool seeding : {false, true}) {
    peers[1].interested = peers[2].interested = true;
    CHECK(choose(choker, peers, 8, seeding, true, random) == std::vector<bool>{false, true, true});
    peers[1].interested = false;
    peers[1].may_want = true;
    CHECK(choose(choker, peers, 8, seeding, true, random) == std::vector<bool>{false, true, true});
    peers[2].interested = false;
    CHECK(choose(choker, peers, 8, seeding, true, random)[0]);
  }
}

TEST_CASE("newcomers are tried more often, the ungrateful seldom") {
  Random random(1);
  Choker choker;
  std::vector<ChokeCandidate> peers;
  for (std::uint32_t i = 0; i < 9; ++i) peers.push_back(candidate(i, i >= 6 ? 9000 : 0));
  peers[0].newcomer = true;
  peers[1].ungrateful = true;
  std::map<std::size_t, int> turns;
  for (int round = 0; round < 2000; ++round) {
    const auto chosen = choose(choker, peers, 4, false, true, random);
    for (std::size_t i = 0; i < 6; ++i) turns[i] += chosen[i];
  }
  CHECK(turns[0] > 2 * turns[2]);
  CHECK(turns[1] * 4 < turns[2]);
}

TEST_CASE("where there are slots for all, all are served; without slots nobody") {
  Random random(1);
  Choker choker;
  std::vector<ChokeCandidate> peers{candidate(1, 0), candidate(2, 0), candidate(3, 0)};
  peers[1].interested = false;
  for (const bool seeding : {false, true}) {
    CHECK(choose(choker, peers, 4, seeding, true, random) == std::vector<bool>{true, false, true});
    CHECK(choose(choker, peers, 0, seeding, true, random) ==
          std::vector<bool>{false, false, false});
  }
}

TEST_CASE("a seed passes its slots on when a peer had its share") {
  Random random(1);
  Choker choker;
  std::vector<ChokeCandidate> peers;
  for (std::uint32_t i = 0; i < 6; ++i) peers.push_back(candidate(i, 0));
  peers[0].unchoked = true;  // has been served for long
  peers[0].taken = 100 << 20;
  peers[1].unchoked = true;  // has only begun
  peers[1].since = now - seconds(5);
  peers[4].since = now - seconds(500);  // waits longest
  const auto chosen = choose(choker, peers, 2, true, false, random);
  CHECK_FALSE(chosen[0]);
  CHECK(chosen[1]);
  CHECK(chosen[4]);
}

TEST_CASE("of those who wait for a seed, the one that has least comes first") {
  Random random(1);
  Choker choker;
  std::vector<ChokeCandidate> peers;
  for (std::uint32_t i = 0; i < 4; ++i) peers.push_back(candidate(i, 0));
  peers[0].unchoked = true;  // it is being served, and goes on
  peers[0].since = now - seconds(5);
  peers[1].since = now - seconds(500);  // waits longest
  peers[1].lag = peers[2].lag = 0.1;
  peers[3].lag = 0.4;
  CHECK(choose(choker, peers, 2, true, false, random) ==
        std::vector<bool>{true, false, false, true});
  CHECK(choose(choker, peers, 3, true, false, random) ==
        std::vector<bool>{true, true, false, true});
}

TEST_CASE("slots follow the rate") {
  const SwarmConfig config;
  CHECK(upload_slots(config, 0, false, {}) == 0);
  CHECK(upload_slots(config, 10'000, false, {}) == config.upload_slots_min);
  CHECK(upload_slots(config, 1'000'000, false, {}) > config.upload_slots_min);
  CHECK(upload_slots(config, 1ull << 40, false, {}) == config.upload_slots_max);
  SwarmConfig few;
  few.upload_slots_max = 2;  // less than the minimum: it is meant
  CHECK(upload_slots(few, 1'000'000, false, {}) == 2);
  std::vector<ChokeCandidate> peers;
  for (std::uint32_t i = 0; i < 20; ++i) {
    peers.push_back(candidate(i, 0));
    peers.back().unchoked = true;
    peers.back().takes = 10 << 20;
  }
  CHECK(upload_slots(config, unlimited, false, peers) == 21);
  for (auto& peer : peers) peer.takes = 20 << 10;
  CHECK(upload_slots(config, unlimited, false, peers) == config.upload_slots_min);
  CHECK(upload_slots(config, unlimited, true, peers) > config.upload_slots_min);
}

}  // namespace
}  // namespace barter
