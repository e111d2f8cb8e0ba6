// Who gets in when all places are taken (BEP 40).
#include <catch2/catch.hpp>

#include <algorithm>

#include "client/swarm/peer_priority.hpp"
#include "swarm_fixture.hpp"

namespace barter::swarm_test {
namespace {

struct Full : Fixture {
  const Endpoint own{*Address::parse("99.8.7.6"), 5000};
  std::vector<int> hosts;  // by priority, the lowest first

  // Links to the middle four of six hosts, none of which carries anything.
  void fill(bool seed = false) {
    config.max_connections = 4;
    config.chance_interval = std::chrono::hours(9);
    start(seed);
    for (int n = 1; n <= 6; ++n) hosts.push_back(n);
    std::sort(hosts.begin(), hosts.end(),
              [&](int a, int b) { return peer_priority(own, at(a)) < peer_priority(own, at(b)); });
    for (int i = 1; i <= 4; ++i) {
      const ConnectionId peer = connect(hosts[static_cast<std::size_t>(i)]);
      wire::ExtensionHandshake handshake;
      handshake.your_ip = own.address;
      receive(peer, handshake);
    }
  }
  bool welcome(int n) { return swarm->wants_connection(at(n), now); }
};

TEST_CASE("when all places are taken a higher priority gets the lowest one's") {
  Full t;
  t.fill();
  CHECK_FALSE(t.welcome(t.hosts[5]));  // they have only just come
  t.pass(seconds(61));
  CHECK_FALSE(t.welcome(t.hosts[0]));
  CHECK(t.welcome(t.hosts[5]));
  t.connect(t.hosts[5]);
  const auto closed = t.all<Disconnect>();
  REQUIRE(closed.size() == 1);
  CHECK(closed[0]->reason == DisconnectReason::unused);
  CHECK(closed[0]->connection == ConnectionId{1});  // the first was the lowest
  CHECK(t.swarm->progress(t.now).connections == 4);
  // The one that had to go does not come back in for anybody who stayed.
  t.pass(seconds(50));
  CHECK_FALSE(t.welcome(t.hosts[1]));
}

TEST_CASE("a link that carries something keeps its place") {
  Full t;
  t.fill(true);
  t.receive(ConnectionId{1}, wire::HaveNone{});
  t.receive(ConnectionId{1}, wire::Interested{});
  t.pass(seconds(1));
  t.receive(ConnectionId{1}, wire::Request{0, 0, block_length});
  for (int i = 0; i < 70; ++i) t.pass(seconds(1));
  REQUIRE(t.welcome(t.hosts[5]));
  t.connect(t.hosts[5]);
  REQUIRE(t.all<Disconnect>().size() == 1);
  CHECK(t.all<Disconnect>()[0]->connection == ConnectionId{2});
}

}  // namespace
}  // namespace barter::swarm_test
