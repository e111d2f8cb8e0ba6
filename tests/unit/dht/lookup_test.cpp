#include "dht/lookup.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>

namespace barter::dht {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
const TimePoint start{std::chrono::hours(10)};

// A network in which everybody knows some nodes of every distance.
struct Network {
  explicit Network(std::uint64_t seed, int count) : random(seed) {
    for (int i = 0; i < count; ++i) {
      const Endpoint at{Address::v4({static_cast<std::uint8_t>(20 + i / 60'000),
                                     static_cast<std::uint8_t>(i / 250 % 240),
                                     static_cast<std::uint8_t>(random.below(256)),
                                     static_cast<std::uint8_t>(1 + i % 250)}),
                        6881};
      nodes.push_back(
          {id_for_address(at.address, static_cast<std::uint8_t>(random.below(256)), random), at});
    }
  }
  std::vector<NodeInfo> nearest(const NodeId& target, std::size_t count,
                                unsigned at_most_bits = 160) {
    std::vector<NodeInfo> out;
    for (const NodeInfo& node : nodes)
      if (shared_bits(node.id, target) <= at_most_bits) out.push_back(node);
    std::sort(out.begin(), out.end(),
              [&](const NodeInfo& a, const NodeInfo& b) { return nearer(target, a.id, b.id); });
    if (out.size() > count) out.resize(count);
    return out;
  }
  Random random;
  std::vector<NodeInfo> nodes;
};

TEST_CASE("it comes step by step to the nearest of all") {
  Network network(1, 1000);
  const NodeId target = random_id(network.random);
  Lookup lookup(target, true);
  lookup.begin(network.nearest(target, 8, 1));
  TimePoint now = start;
  int rounds = 0;
  while (!lookup.done(now) && ++rounds < 200) {
    while (const auto ask = lookup.next(now)) {
      const auto node =
          std::find_if(network.nodes.begin(), network.nodes.end(),
                       [&](const NodeInfo& n) { return n.endpoint == ask->endpoint; });
      REQUIRE(node != network.nodes.end());
      // Knows the way three bits further.
      const auto nodes = network.nearest(target, 8, shared_bits(node->id, target) + 3);
      lookup.answered(ask->candidate, node->id, "t", nodes);
    }
    now += milliseconds(50);
  }
  const auto right = network.nearest(target, 8);
  CHECK(lookup.nearest(8) == right);
  CHECK(lookup.asked() < 40);
  CHECK(lookup.hops() <= 5);
  const auto targets = lookup.targets();
  REQUIRE(targets.size() >= 8);
  CHECK(targets.size() <= 8 + Lookup::paths * (Lookup::k_path - 1));
  for (std::size_t i = 0; i < 8; ++i) CHECK(targets[i].node == right[i]);
}

TEST_CASE("four at a time, more while some are slow") {
  Network network(2, 50);
  Lookup lookup(random_id(network.random), true);
  lookup.begin(network.nodes);
  std::size_t asked = 0;
  while (lookup.next(start)) ++asked;
  CHECK(asked == Lookup::parallel);
  CHECK(lookup.next_deadline(start) == start + Lookup::slow_after);
  while (lookup.next(start + Lookup::slow_after)) ++asked;
  CHECK(asked == 2 * Lookup::parallel);
  CHECK_FALSE(lookup.done(start + Lookup::slow_after));
}

TEST_CASE("it ends when nobody answers") {
  Network network(3, 30);
  Lookup lookup(random_id(network.random), true);
  lookup.begin(network.nodes);
  TimePoint now = start;
  for (int i = 0; i < 200 && !lookup.done(now); ++i) {
    while (const auto ask = lookup.next(now)) lookup.failed(ask->candidate);
    now += seconds(1);
  }
  CHECK(lookup.done(now));
  CHECK(lookup.answers() == 0);
  CHECK(lookup.targets().empty());
}

TEST_CASE("made-up ids next to the target do not hide the neighbours whose ids fit") {
  Network network(4, 300);
  const NodeId target = random_id(network.random);
  const auto right = network.nearest(target, 8);
  Lookup lookup(target, true);
  lookup.begin(network.nearest(target, 8, 1));
  // Each liar names eight others, all of them nearer to the target than anybody honest.
  std::uint32_t made_up = 0;
  std::map<Endpoint, NodeId> liars;
  const auto lie = [&] {
    std::vector<NodeInfo> out;
    for (int i = 0; i < 8; ++i) {
      ++made_up;
      const Endpoint at{Address::v4({99, static_cast<std::uint8_t>(made_up >> 8),
                                     static_cast<std::uint8_t>(made_up), 9}),
                        1};
      out.push_back({random_id_sharing(target, 40 + made_up % 100, network.random), at});
      liars[at] = out.back().id;
    }
    return out;
  };
  TimePoint now = start;
  for (int i = 0; i < 500 && !lookup.done(now); ++i) {
    while (const auto ask = lookup.next(now)) {
      if (const auto liar = liars.find(ask->endpoint); liar != liars.end()) {
        lookup.answered(ask->candidate, liar->second, "t", lie());
        continue;
      }
      const auto node =
          std::find_if(network.nodes.begin(), network.nodes.end(),
                       [&](const NodeInfo& n) { return n.endpoint == ask->endpoint; });
      auto nodes = network.nearest(target, 8, shared_bits(node->id, target) + 3);
      if (i == 0) nodes = lie();  // the first ones that we ask know liars, too
      const auto more = network.nearest(target, 8, shared_bits(node->id, target) + 3);
      nodes.insert(nodes.end(), more.begin(), more.end());
      lookup.answered(ask->candidate, node->id, "t", nodes);
    }
    now += milliseconds(100);
  }
  REQUIRE(lookup.done(now));
  CHECK(lookup.asked() <= Lookup::max_queries);
  const auto targets = lookup.targets();
  for (const NodeInfo& node : right) {
    CHECK(std::any_of(targets.begin(), targets.end(),
                      [&](const Lookup::Target& t) { return t.node == node; }));
  }
}

// The ids of these liars fit, and they are nearer than anybody whom we know at first. Who names
// only friends keeps what it is asked on one path.
TEST_CASE("liars who name only each other do not end the search for the others") {
  Network network(8, 1000);
  const NodeId target = random_id(network.random);
  std::map<Endpoint, NodeId> liars;
  std::vector<NodeInfo> friends;
  while (friends.size() < 8) {
    const Endpoint at{Address::v4({static_cast<std::uint8_t>(100 + friends.size()),
                                   static_cast<std::uint8_t>(network.random.below(256)),
                                   static_cast<std::uint8_t>(network.random.below(256)), 1}),
                      1};
    const NodeId id = id_for_address(
        at.address, static_cast<std::uint8_t>(network.random.below(256)), network.random);
    if (shared_bits(id, target) < 5 || shared_bits(id, target) > 6) continue;
    friends.push_back({id, at});
    liars[at] = id;
  }
  auto begin = network.nearest(target, 15, 2);
  begin.push_back(friends[0]);
  Lookup lookup(target, true);
  lookup.begin(begin);
  TimePoint now = start;
  for (int i = 0; i < 500 && !lookup.done(now); ++i) {
    while (const auto ask = lookup.next(now)) {
      if (const auto liar = liars.find(ask->endpoint); liar != liars.end()) {
        lookup.answered(ask->candidate, liar->second, "t", friends);
        continue;
      }
      const auto node =
          std::find_if(network.nodes.begin(), network.nodes.end(),
                       [&](const NodeInfo& n) { return n.endpoint == ask->endpoint; });
      lookup.answered(ask->candidate, node->id, "t",
                      network.nearest(target, 8, shared_bits(node->id, target) + 1));
    }
    now += milliseconds(100);
  }
  REQUIRE(lookup.done(now));
  const auto right = network.nearest(target, 8);
  const auto targets = lookup.targets();
  const auto found = std::count_if(right.begin(), right.end(), [&](const NodeInfo& node) {
    return std::any_of(targets.begin(), targets.end(),
                       [&](const Lookup::Target& t) { return t.node == node; });
  });
  CHECK(found >= 5);
}

TEST_CASE("advice of one who leads nowhere is left to the last") {
  Network network(5, 40);
  const NodeId target = random_id(network.random);
  Lookup lookup(target, true);
  const NodeInfo liar{random_id_sharing(target, 1, network.random),
                      {Address::v4({98, 1, 1, 1}), 1}};
  lookup.begin(std::span(&liar, 1));
  const auto first = lookup.next(start);
  REQUIRE(first);
  std::vector<NodeInfo> nowhere;
  for (std::uint8_t i = 0; i < 8; ++i) {
    const Address at = Address::v4({97, i, 1, 1});
    nowhere.push_back({id_for_address(at, 1, network.random), {at, 1}});
  }
  lookup.answered(first->candidate, liar.id, "", nowhere);
  for (int i = 0; i < 3; ++i) lookup.failed(lookup.next(start)->candidate);
  lookup.begin(network.nodes);
  std::size_t of_the_liar = 0;
  for (std::size_t i = 0; i < Lookup::parallel; ++i) {
    const auto ask = lookup.next(start);
    REQUIRE(ask);
    of_the_liar += ask->endpoint.address.v4_bytes()[0] == 97;
  }
  CHECK(of_the_liar == 0);
}

TEST_CASE("strangers have nothing to say about our own network") {
  Random random(6);
  Lookup lookup(random_id(random), true);
  const NodeInfo stranger{random_id(random), {Address::v4({8, 8, 8, 8}), 1}};
  lookup.begin(std::span(&stranger, 1));
  const auto ask = lookup.next(start);
  const std::vector<NodeInfo> nodes{{random_id(random), {Address::v4({127, 0, 0, 1}), 80}},
                                    {random_id(random), {Address::v4({192, 168, 1, 1}), 80}},
                                    {random_id(random), {Address::v4({9, 9, 9, 9}), 80}}};
  lookup.answered(ask->candidate, stranger.id, "", nodes);
  const auto next = lookup.next(start);
  REQUIRE(next);
  CHECK(next->endpoint == nodes[2].endpoint);
  CHECK_FALSE(lookup.next(start));
}

TEST_CASE("it may begin where no id is known, and takes the id that answers") {
  Random random(7);
  Lookup lookup(random_id(random), true);
  lookup.begin_at({Address::v4({127, 0, 0, 1}), 4000});
  lookup.begin_at({Address::v4({127, 0, 0, 1}), 4000});
  const auto ask = lookup.next(start);
  REQUIRE(ask);
  CHECK_FALSE(lookup.next(start));
  const NodeId id = random_id(random);
  lookup.answered(ask->candidate, id, "token", {});
  CHECK(lookup.done(start));
  REQUIRE(lookup.targets().size() == 1);
  CHECK(lookup.targets()[0].node.id == id);
}

TEST_CASE("every router is asked, however many there are") {
  Random random(8);
  Lookup lookup(random_id(random), true);
  for (std::uint16_t port = 1; port <= 30; ++port)
    lookup.begin_at({Address::v4({127, 0, 0, 1}), port});
  TimePoint now = start;
  for (int i = 0; i < 100 && !lookup.done(now); ++i) {
    while (const auto ask = lookup.next(now))
      lookup.answered(ask->candidate, random_id(random), "token", {});
    now += milliseconds(100);
  }
  CHECK(lookup.done(now));
  CHECK(lookup.answers() == 30);
}

}  // namespace
}  // namespace barter::dht
