#include "dht/node.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <set>

#include "tests/unit/dht/network_fixture.hpp"

namespace barter::dht {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

WireInfoHash hash_of(std::uint8_t byte) {
  WireInfoHash out;
  out.bytes.fill(std::byte{byte});
  out.bytes[0] = std::byte{0x5a};
  return out;
}
Endpoint with_port(Endpoint endpoint, std::uint16_t port) {
  endpoint.port = port;
  return endpoint;
}

TEST_CASE("two nodes are a network") {
  TestNetwork net;
  net.build(2);
  CHECK(net[1].status(net.now).v4.nodes == 1);
  CHECK(net[2].status(net.now).v6.nodes == 1);
  const RequestId announce = net[2].announce(hash_of(1), {1234, false, false}, net.now);
  net.run(seconds(5));
  CHECK(net.done(2, announce).ok);
  CHECK(net[1].status(net.now).peers == 2);  // over both families
}

TEST_CASE("who announced is found, over both families") {
  TestNetwork net;
  net.build(40);
  for (unsigned host = 1; host <= 40; ++host) {
    const Status status = net[host].status(net.now);
    CHECK(status.v4.bootstrapped);
    CHECK(status.v6.bootstrapped);
    CHECK(status.v4.good_nodes >= 15);
    CHECK(status.v4.network_estimate > 10);
    CHECK(status.v4.network_estimate < 200);
  }
  std::vector<Endpoint> announced;
  for (unsigned host = 3; host < 13; ++host) {
    const RequestId id = net[host].announce(
        hash_of(1), {static_cast<std::uint16_t>(5000 + host), false, host % 2 == 0}, net.now);
    net.run(seconds(4));
    const RequestDone done = net.done(host, id);
    CHECK(done.ok);
    CHECK(done.stored >= 12);  // 8 nodes in each family, and some of each path
    CHECK(done.stored <= 28);
    for (const bool v4 : {true, false})
      announced.push_back(
          with_port(TestNetwork::endpoint(host, v4), static_cast<std::uint16_t>(5000 + host)));
  }
  std::sort(announced.begin(), announced.end());
  const RequestId find = net[30].find_peers(hash_of(1), net.now);
  net.run(seconds(4));
  CHECK(net.peers(30, find) == announced);
  CHECK(net.done(30, find).hops <= 3);
  const RequestId scrape = net[31].find_peers(hash_of(1), net.now, true);
  net.run(seconds(4));
  CHECK(net.done(31, scrape).seeds == Approx(10).margin(1));
  CHECK(net.done(31, scrape).leechers == Approx(10).margin(1));
  const RequestId nothing = net[32].find_peers(hash_of(2), net.now);
  net.run(seconds(4));
  CHECK(net.peers(32, nothing).empty());
  CHECK(net.done(32, nothing).ok);  // asked, answered: there is nobody
}

TEST_CASE("behind a NAT the port that others see is announced") {
  TestNetwork net;
  net.build(10);
  net[5].announce(hash_of(1), {1, true, false}, net.now);
  net.run(seconds(4));
  const RequestId find = net[6].find_peers(hash_of(1), net.now);
  net.run(seconds(4));
  const auto peers = net.peers(6, find);
  REQUIRE_FALSE(peers.empty());
  for (const Endpoint& peer : peers) CHECK(peer.port == 6881);
}

TEST_CASE("items are put and got") {
  TestNetwork net;
  net.build(20);
  Item large;  // does not fit in three times a query
  large.value = "990:" + std::string(990, 'x');
  const RequestId put = net[3].put_item(large, {}, net.now);
  net.run(seconds(5));
  CHECK(net.done(3, put).ok);
  const RequestId get = net[9].get_item(target_of(large), "", net.now);
  net.run(seconds(8));
  CHECK(net.done(9, get).ok);
  REQUIRE(net.told<ItemFound>(9).size() == 1);
  CHECK(net.told<ItemFound>(9)[0].item == large);

  KeySeed seed;
  seed.bytes.fill(std::byte{9});
  const Item first = sign_item(seed, "5:first", 1, "salt"),
             second = sign_item(seed, "6:second", 2, "salt");
  net[4].put_item(first, {}, net.now);
  net.run(seconds(5));
  const RequestId swap = net[5].put_item(second, 1, net.now);
  net.run(seconds(5));
  CHECK(net.done(5, swap).ok);
  const RequestId late = net[6].put_item(first, {}, net.now);
  net.run(seconds(5));
  CHECK(net.done(6, late).refused >= 12);  // by all who have the second
  net[10].get_item(target_of(second), "salt", net.now);
  net.run(seconds(5));
  REQUIRE_FALSE(net.told<ItemFound>(10).empty());
  CHECK(net.told<ItemFound>(10).back().item == second);
  Item broken = second;
  broken.value = "6:secon";
  const RequestId refused = net[7].put_item(broken, {}, net.now);
  net.run(seconds(1));
  CHECK(net.done(7, refused).failure == "the item is not valid");
  CHECK(net.done(7, refused).asked == 0);
  const RequestId none = net[11].get_item(target_of("1:-"), "", net.now);
  net.run(seconds(8));
  CHECK_FALSE(net.done(11, none).ok);
}

TEST_CASE("ping, sample, find_node") {
  TestNetwork net;
  net.build(10);
  net[2].announce(hash_of(1), {99, false, false}, net.now);
  net.run(seconds(4));
  const RequestId ping = net[3].ping(TestNetwork::endpoint(7), net.now);
  const RequestId nobody = net[3].ping(TestNetwork::endpoint(700), net.now);
  const RequestId sample = net[3].sample(TestNetwork::endpoint(7), NodeId{}, net.now);
  const RequestId find = net[3].find_node(net[7].status(net.now).v4.id, net.now);
  net.run(seconds(5));
  CHECK(net.done(3, ping).ok);
  REQUIRE(net.told<Pong>(3).size() == 1);
  CHECK(net.told<Pong>(3)[0].round_trip == std::chrono::milliseconds(40));
  CHECK(net.told<Pong>(3)[0].seen_as == TestNetwork::endpoint(3));
  CHECK_FALSE(net.done(3, nobody).ok);
  CHECK(net.done(3, sample).ok);
  REQUIRE(net.told<SamplesFound>(3).size() == 1);
  CHECK(net.told<SamplesFound>(3)[0].samples == std::vector{hash_of(1)});
  CHECK(net.done(3, find).ok);
  bool seventh = false;
  for (const NodesFound& found : net.told<NodesFound>(3))
    seventh |= found.nodes.at(0).endpoint == TestNetwork::endpoint(7);
  CHECK(seventh);
}

TEST_CASE("without a node it says so, and tries again when one is named") {
  TestNetwork net;
  net.add(1).start(net.now);
  net.add(2).start(net.now);
  const RequestId alone = net[2].find_peers(hash_of(1), net.now);
  net.run(seconds(20));
  CHECK_FALSE(net.done(2, alone).ok);
  CHECK(net.done(2, alone).failure == "no node is known");
  net.join(2);
  net.run(seconds(5));
  CHECK(net[2].status(net.now).v4.bootstrapped);
  // The other one has learnt of it from its query.
  CHECK(net[1].status(net.now).v4.nodes == 1);
}

TEST_CASE("a request that is asked before there is a node waits for one") {
  TestNetwork net;
  net.add(1).start(net.now);
  net[1].announce(hash_of(1), {1, false, false}, net.now);
  net.add(2).start(net.now);
  const RequestId find = net[2].find_peers(hash_of(1), net.now);
  net.run(seconds(2));
  net.join(2);
  net.run(seconds(10));
  CHECK(net.done(2, find).ok);
}

TEST_CASE("to an address that has proven nothing go three times its bytes at most") {
  TestNetwork net;
  net.build(60);
  for (unsigned host = 2; host < 40; ++host)
    net[host].announce(hash_of(1), {99, false, false}, net.now);
  Item large;
  large.value = "990:" + std::string(990, 'x');
  net[3].put_item(large, {}, net.now);
  net.run(seconds(20));
  std::uint8_t stranger = 1;
  for (const Method method :
       {Method::ping, Method::find_node, Method::get_peers, Method::announce_peer, Method::get,
        Method::put, Method::sample_infohashes})
    for (unsigned host = 1; host <= 60; ++host) {
      Query query;
      query.method = method;
      query.transaction = "t";
      query.id.bytes.fill(std::byte{stranger});
      query.target = method == Method::get ? target_of(large) : key_of(hash_of(1));
      query.want = Want{true, true};
      query.scrape = true;
      query.port = 1;
      query.token = "12345678";
      query.item.value = "1:x";
      const std::string bytes = encode(query);
      const Endpoint from{Address::v4({70, static_cast<std::uint8_t>(method),
                                       static_cast<std::uint8_t>(host), stranger}),
                          1000};
      net.outside.clear();
      net.inject(from, host, bytes);
      net.run(seconds(5));
      std::size_t sent = 0;
      for (const SendDatagram& datagram : net.outside)
        if (datagram.to == from) sent += datagram.bytes.size();
      INFO(to_string(method) << " to " << host << ": " << bytes.size() << " in, " << sent
                             << " out");
      CHECK(sent <= 3 * bytes.size());
      CHECK(sent > 0);
    }
}

TEST_CASE("a flood is not answered") {
  TestNetwork net;
  net.build(3);
  Query query;
  query.transaction = "t";
  net.outside.clear();
  for (int i = 0; i < 1000; ++i)
    net.inject(Endpoint::parse("70.1.1.1:99").value(), 1, encode(query));
  net.run(std::chrono::milliseconds(100));
  CHECK(net.outside.size() < 100);
  CHECK(net[1].status(net.now).dropped_in > 900);
}

TEST_CASE("a wrong token is refused") {
  TestNetwork net;
  net.build(3);
  Query query;
  query.method = Method::announce_peer;
  query.transaction = "t";
  query.port = 5;
  query.token = "01234567";
  net.outside.clear();
  net.inject(Endpoint::parse("70.1.1.1:99").value(), 1, encode(query));
  net.run(seconds(1));
  REQUIRE_FALSE(net.outside.empty());
  const auto answer = parse(net.outside[0].bytes);
  REQUIRE(answer.has_value());
  CHECK(std::get<ErrorMessage>(*answer).code == 203);
  CHECK(net[1].status(net.now).peers == 0);
}

TEST_CASE("a read-only node asks, is not answered for, and is in no table") {
  TestNetwork net;
  net.build(10);
  Config config;
  config.read_only = true;
  net.add(50, config).start(net.now);
  net.join(50);
  net.run(seconds(10));
  const RequestId find = net[50].find_peers(hash_of(1), net.now);
  net.run(seconds(5));
  CHECK(net.done(50, find).ok);
  for (unsigned host = 1; host <= 10; ++host)
    for (const NodeInfo& node : net[host].nodes(true))
      CHECK(node.endpoint != TestNetwork::endpoint(50));
  const RequestId ping = net[2].ping(TestNetwork::endpoint(50), net.now);
  net.run(seconds(5));
  CHECK_FALSE(net.done(2, ping).ok);
}

TEST_CASE("the address that others see decides about the id") {
  TestNetwork net;
  net.build(20);
  auto config = std::make_shared<const Config>();
  // Not told where it is.
  net.add(60);
  net[60] = Node(config, SipKey{60, 60});
  net[60].start(net.now);
  CHECK_FALSE(conforms(net[60].status(net.now).v4.id, TestNetwork::endpoint(60).address));
  net.join(60);
  net.run(seconds(30));
  const Status status = net[60].status(net.now);
  CHECK(status.v4.external == TestNetwork::endpoint(60).address);
  CHECK(conforms(status.v4.id, TestNetwork::endpoint(60).address));
  CHECK(conforms(status.v6.id, TestNetwork::endpoint(60, false).address));
  CHECK(net.told<IdChanged>(60).size() == 2);
  CHECK(status.v4.bootstrapped);
}

TEST_CASE("the table outlives the program, damaged state does no harm") {
  TestNetwork net;
  net.build(20);
  const std::string state = net[7].save();
  const NodeId id = net[7].status(net.now).v4.id;
  net.remove(7);
  net.add(7);
  auto fresh = std::make_unique<Node>(std::make_shared<const Config>(), SipKey{9, 9});
  REQUIRE(fresh->load(state).has_value());
  fresh->set_external_address(TestNetwork::endpoint(7).address, net.now);
  net[7] = std::move(*fresh);
  net[7].start(net.now);  // no bootstrap nodes
  net.run(seconds(10));
  CHECK(net[7].status(net.now).v4.id == id);
  CHECK(net[7].status(net.now).v4.bootstrapped);
  CHECK(net[7].status(net.now).v4.good_nodes > 5);
  for (std::size_t cut = 0; cut < state.size(); cut += 7) {
    Node node(std::make_shared<const Config>(), SipKey{1, 1});
    CHECK_FALSE(node.load(state.substr(0, cut)).has_value());
  }
  Node node(std::make_shared<const Config>(), SipKey{1, 1});
  const NodeId before = node.status(net.now).v4.id;
  const std::string half = state.substr(0, state.find("2:v6")) + "2:v6d2:id3:abc5:nodes0:ee";
  CHECK_FALSE(node.load(half).has_value());
  CHECK(node.status(net.now).v4.id == before);  // nothing of it was taken
  CHECK_FALSE(node.load("d2:v4d2:id3:abc5:nodes0:eee").has_value());
  CHECK_FALSE(node.load(std::string(100'000, 'l')).has_value());
}

TEST_CASE("the table of an earlier version is gone on with") {
  std::ifstream file(BARTER_SOURCE "/tests/state/0.1.0/dht", std::ios::binary);
  const std::string state{std::istreambuf_iterator<char>(file), {}};
  TestNetwork net;
  Node& node = net.add(1);
  REQUIRE(node.load(state).has_value());
  CHECK(node.status(net.now).v4.id == NodeId::from(state.substr(13, 20)));
  CHECK(node.status(net.now).v6.id == NodeId::from(state.substr(134, 20)));
  // Kept for the next version, even though nobody was met.
  CHECK(node.save() == state);
  node.start(net.now);
  net.run(seconds(5));
  std::set<std::string> asked;
  for (const SendDatagram& sent : net.outside) asked.insert(to_string(sent.to));
  CHECK(asked == std::set<std::string>{"127.77.1.1:7701", "127.77.2.1:7702", "127.77.3.1:7703"});
}

TEST_CASE("a cancelled request says nothing more") {
  TestNetwork net;
  net.build(10);
  const RequestId find = net[3].find_peers(hash_of(1), net.now);
  const RequestId ping = net[3].ping(TestNetwork::endpoint(700), net.now);
  net[3].cancel(find);
  net[3].cancel(ping);
  net.run(seconds(10));
  CHECK(net.told<RequestDone>(3).empty());
}

TEST_CASE("dead nodes leave the table, peers expire") {
  TestNetwork net;
  net.build(12);
  net[2].announce(hash_of(1), {99, false, false}, net.now);
  net.run(seconds(5));
  for (unsigned host = 7; host <= 12; ++host) net.remove(host);
  net.run(minutes(60));
  for (unsigned host = 1; host <= 6; ++host) {
    CHECK(net[host].nodes(true).size() == 5);
    CHECK(net[host].status(net.now).peers == 0);
  }
}

TEST_CASE("a table that earlier versions saved is read, and one of a newer version is not") {
  const std::string id(20, 'i');
  const std::string nodes = std::string(20, 'n') + std::string("\x7f\x00\x00\x01\x1a\xe1", 6);
  const std::string table = "2:v4d2:id20:" + id + "5:nodes26:" + nodes + "e";
  const auto config = std::make_shared<const Config>();
  Node node(config, SipKey{1, 2});
  CHECK(node.load("d" + table + "e").has_value());
  CHECK(node.load("d" + table + "7:versioni1ee").has_value());
  CHECK(node.load("d" + table + "7:versioni2ee").error().code == Errc::unsupported);
}

}  // namespace
}  // namespace barter::dht
