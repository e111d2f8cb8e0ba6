#include "dht/routing_table.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace barter::dht {
namespace {

using std::chrono::minutes;
const TimePoint start{std::chrono::hours(10)};

Endpoint public_endpoint(Random& random) {
  return {Address::v4({static_cast<std::uint8_t>(20 + random.below(80)),
                       static_cast<std::uint8_t>(random.below(256)),
                       static_cast<std::uint8_t>(random.below(256)),
                       static_cast<std::uint8_t>(1 + random.below(250))}),
          6881};
}
NodeInfo fitting(Random& random, const NodeId* near = nullptr, unsigned bits = 0) {
  for (;;) {
    const Endpoint at = public_endpoint(random);
    const NodeInfo node{
        id_for_address(at.address, static_cast<std::uint8_t>(random.below(256)), random), at};
    if (near == nullptr || shared_bits(*near, node.id) == bits) return node;
  }
}
// A node on the local network: any id, any port.
NodeInfo local(const NodeId& id, std::uint16_t port) {
  return {id, {Address::v4({127, 0, 0, 1}), port}};
}

TEST_CASE("near buckets split, far ones are full with eight") {
  Random random(1);
  RoutingTable table(random_id(random));
  for (int i = 0; i < 5000; ++i) table.answered(fitting(random), start);
  CHECK(table.buckets() > 8);
  CHECK(table.buckets() < 16);
  CHECK(table.size() > 60);
  CHECK(table.good(start) == table.size());
  std::vector<NodeInfo> nodes;
  table.nearest(table.own(), 8, nodes);
  REQUIRE(nodes.size() == 8);
  CHECK(std::is_sorted(nodes.begin(), nodes.end(), [&](const NodeInfo& a, const NodeInfo& b) {
    return nearer(table.own(), a.id, b.id);
  }));
  // Of 5000 nodes the nearest share some 10 bits.
  CHECK(shared_bits(table.own(), nodes.front().id) >= 8);
}

TEST_CASE("a host is in it once, a neighbourhood once a bucket") {
  Random random(2);
  RoutingTable table(random_id(random));
  const Endpoint host = public_endpoint(random);
  REQUIRE(table.answered({random_id(random), host}, start));
  for (std::uint16_t port = 1; port < 100; ++port)
    CHECK_FALSE(table.answered({random_id(random), {host.address, port}}, start));
  CHECK(table.size() == 1);
  auto bytes = host.address.v4_bytes();
  bytes[3] ^= 1;
  const NodeId own = table.own();
  std::vector<NodeInfo> first;
  table.nearest(own, 1, first);
  const unsigned bits = shared_bits(own, first[0].id);
  CHECK_FALSE(
      table.answered({random_id_sharing(own, bits, random), {Address::v4(bytes), 1}}, start));
  CHECK_FALSE(table.queried({random_id(random), {host.address, 7}}, start));
}

TEST_CASE("who changes its id loses its place") {
  Random random(3);
  RoutingTable table(random_id(random));
  const Endpoint at = public_endpoint(random);
  REQUIRE(table.answered({random_id(random), at}, start));
  CHECK_FALSE(table.answered({random_id(random), at}, start));
  CHECK(table.size() == 0);
  CHECK(table.answered({random_id(random), at}, start));
}

TEST_CASE("ids that fit their address go before those that do not") {
  Random random(4);
  RoutingTable table(random_id(random));
  std::vector<NodeInfo> misfits;
  while (table.size() < 8) {
    const NodeInfo node{random_id_sharing(table.own(), 0, random), public_endpoint(random)};
    if (!conforms(node.id, node.endpoint.address)) table.answered(node, start);
  }
  // Near ones, so that the far bucket cannot split any more.
  for (int i = 0; i < 20; ++i)
    table.answered(
        local(random_id_sharing(table.own(), 3, random), static_cast<std::uint16_t>(100 + i)),
        start);
  const NodeInfo good = fitting(random, &table.own(), 0);
  CHECK(table.queried(good, start));
  CHECK(table.answered(good, start));
  std::vector<NodeInfo> nodes;
  table.nodes(nodes);
  CHECK(std::count(nodes.begin(), nodes.end(), good) == 1);
}

TEST_CASE("a bad node gives its place to one that waits") {
  Random random(5);
  RoutingTable table(random_id(random));
  std::vector<NodeInfo> far;
  for (std::uint16_t i = 0; i < 9; ++i)
    far.push_back(
        local(random_id_sharing(table.own(), 0, random), static_cast<std::uint16_t>(1000 + i)));
  for (std::uint16_t i = 0; i < 8; ++i) REQUIRE(table.answered(far[i], start));
  for (int i = 0; i < 9; ++i)
    table.answered(
        local(random_id_sharing(table.own(), 5, random), static_cast<std::uint16_t>(100 + i)),
        start);
  CHECK_FALSE(table.answered(far[8], start));
  const auto holds = [&](const NodeInfo& node) {
    std::vector<NodeInfo> nodes;
    table.nodes(nodes);
    return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
  };
  table.failed(far[0].endpoint);
  CHECK(holds(far[0]));
  table.failed(far[0].endpoint);
  CHECK_FALSE(holds(far[0]));
  CHECK(holds(far[8]));
}

TEST_CASE("without anybody to take its place a bad node stays, unnamed") {
  Random random(6);
  RoutingTable table(random_id(random));
  const NodeInfo node = fitting(random);
  table.answered(node, start);
  table.failed(node.endpoint);
  table.failed(node.endpoint);
  CHECK(table.size() == 1);
  std::vector<NodeInfo> nodes;
  table.nearest(node.id, 8, nodes);
  CHECK(nodes.empty());
  table.answered(node, start);
  table.nearest(node.id, 8, nodes);
  CHECK(nodes.size() == 1);
}

TEST_CASE("the silent are pinged, quiet buckets refreshed") {
  Random random(7);
  RoutingTable table(random_id(random));
  const NodeInfo a = fitting(random), b = fitting(random);
  table.answered(a, start);
  table.answered(b, start + minutes(5));
  CHECK_FALSE(table.take_questionable(start + minutes(6)));
  CHECK(table.take_questionable(start + minutes(16)) == a);
  CHECK_FALSE(table.take_questionable(start + minutes(16)));
  CHECK(table.take_questionable(start + minutes(18)) == a);
  table.queried(a, start + minutes(18));
  CHECK_FALSE(table.take_questionable(start + minutes(19)));

  CHECK(table.take_refresh(start, random));
  CHECK_FALSE(table.take_refresh(start, random));
  CHECK(table.take_refresh(start + minutes(20), random));
}

}  // namespace
}  // namespace barter::dht
