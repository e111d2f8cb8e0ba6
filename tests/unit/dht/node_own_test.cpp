// A node and what it announces itself.
#include <catch2/catch.hpp>

#include "tests/unit/dht/network_fixture.hpp"

namespace barter::dht {
namespace {

using std::chrono::seconds;

WireInfoHash some_hash() {
  WireInfoHash out;
  out.bytes.fill(std::byte{0x5a});
  return out;
}
const AnnounceOptions at_7000{7000, false, true};

Endpoint peer_at(unsigned host, bool v4 = true) {
  return {TestNetwork::endpoint(host, v4).address, 7000};
}

std::vector<Endpoint> both_of(unsigned host) {
  std::vector<Endpoint> out{peer_at(host), peer_at(host, false)};
  std::sort(out.begin(), out.end());
  return out;
}

// The peers that this node names to a stranger at `from`.
std::vector<Endpoint> named(TestNetwork& net, unsigned host, const Endpoint& from,
                            bool no_seed = false) {
  Query query;
  query.method = Method::get_peers;
  query.transaction = "t";
  query.target = key_of(some_hash());
  query.no_seed = no_seed;
  query.read_only = true;
  net.outside.clear();
  net.inject(from, host, encode(query));
  net.run(seconds(1));
  for (const SendDatagram& sent : net.outside) {
    const auto message = parse(sent.bytes);
    if (!message) continue;
    if (const auto* answer = std::get_if<Response>(&*message)) return answer->values;
  }
  return {};
}

const Endpoint stranger = *Endpoint::parse("70.1.1.1:99");

TEST_CASE("of two nodes each tells the other, whoever was there first") {
  TestNetwork net;
  net.add(1).start(net.now);
  const RequestId lonely = net[1].announce(some_hash(), at_7000, net.now);
  net.run(seconds(20));
  CHECK_FALSE(net.done(1, lonely).ok);
  CHECK(net.told<NodesKnown>(1).empty());

  net.add(2).start(net.now);
  net.join(2);
  const RequestId found = net[2].announce(some_hash(), {7001, false, false}, net.now);
  net.run(seconds(1));
  // It was asked first, and has itself to name.
  CHECK(net.peers(2, found) == both_of(1));
  // The second came to it with an announce of the same, and is a node to announce to.
  CHECK(net.told<PeersFound>(1).at(0).request == RequestId{});
  CHECK(net.told<PeersFound>(1).at(0).peers.at(0).port == 7001);
  CHECK(net.told<NodesKnown>(1).size() == 2);  // a family each
}

TEST_CASE("a node names itself among the peers of what it announces, and while it does") {
  TestNetwork net;
  net.build(3);
  (void)net[2].announce(some_hash(), at_7000, net.now);
  net.run(seconds(5));
  CHECK(named(net, 2, stranger) == std::vector{peer_at(2)});
  CHECK(named(net, 2, stranger, true).empty());  // BEP 33: it is a seed
  net[2].withdraw(some_hash());
  CHECK(named(net, 2, stranger).empty());

  (void)net[2].announce(some_hash(), at_7000, net.now);
  net.run(std::chrono::hours(1));
  CHECK(named(net, 2, stranger).empty());
}

TEST_CASE("in a local network a node is where it was asked") {
  const Endpoint neighbour = *Endpoint::parse("192.168.1.9:99");
  Config config;
  config.address_toward = [](const Address& host) -> std::optional<Address> {
    CHECK(host.is_local());
    return Address::v4({192, 168, 1, 2});
  };
  TestNetwork net;
  net.build(2, config);
  (void)net[2].announce(some_hash(), at_7000, net.now);
  net.run(seconds(5));
  CHECK(named(net, 2, neighbour) == std::vector{*Endpoint::parse("192.168.1.2:7000")});
  CHECK(named(net, 2, stranger) == std::vector{peer_at(2)});
}

TEST_CASE("a search begins with what was announced to the node itself") {
  TestNetwork net;
  net.build(2);
  (void)net[2].announce(some_hash(), at_7000, net.now);
  net.run(seconds(5));
  net.remove(2);
  const RequestId search = net[1].find_peers(some_hash(), net.now);
  CHECK(net.told<PeersFound>(1).empty());
  net.run(seconds(30));
  CHECK(net.peers(1, search) == both_of(2));
}

}  // namespace
}  // namespace barter::dht
