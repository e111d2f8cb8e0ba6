// Peer exchange (BEP 11) as the Swarm does it.
#include <catch2/catch.hpp>

#include "swarm_fixture.hpp"

namespace barter::swarm_test {
namespace {

struct Exchange : Fixture {
  // A peer that listens and speaks ut_pex under the number 9.
  ConnectionId meet(int n, bool outgoing = false) {
    const ConnectionId connection = connect(n, true, outgoing);
    wire::ExtensionHandshake handshake;
    handshake.ut_pex = 9;
    handshake.listen_port = 6881;
    receive(connection, handshake);
    receive(connection, wire::HaveNone{});
    return connection;
  }
  std::vector<wire::PeerExchange> told(ConnectionId connection) {
    return sent<wire::PeerExchange>(connection);
  }
  void name(ConnectionId from, std::vector<Endpoint> added) {
    wire::PeerExchange message;
    for (const Endpoint& endpoint : added) message.added.push_back({endpoint, false, true});
    receive(from, std::move(message));
  }
  std::size_t calls() { return all<Connect>().size(); }
};

TEST_CASE("peers are told of each other soon, then once a minute at most") {
  Exchange t;
  t.start(true);
  const ConnectionId a = t.meet(1, true), b = t.meet(2);
  t.pass(seconds(2));
  const auto to_a = t.told(a), to_b = t.told(b);
  REQUIRE(to_a.size() == 1);
  REQUIRE(to_b.size() == 1);
  CHECK(to_a[0].id == 9);
  CHECK(to_a[0].added == std::vector<wire::Contact>{{at(2), false, false}});
  CHECK(to_b[0].added == std::vector<wire::Contact>{{at(1), false, true}});

  const ConnectionId c = t.meet(3);
  t.pass(seconds(2));
  CHECK(t.told(c).size() == 1);
  CHECK(t.told(a).empty());
  t.swarm->peer_disconnected(b, DisconnectReason::closed_by_peer, t.now);
  t.drain();
  for (int i = 0; i < 50; ++i) {
    t.pass(seconds(1));
    CHECK(t.told(a).empty());
  }
  t.pass(seconds(10));
  const auto later = t.told(a);
  REQUIRE(later.size() == 1);
  CHECK(later[0].added == std::vector<wire::Contact>{{at(3), false, false}});
  CHECK(later[0].dropped == std::vector<Endpoint>{at(2)});
}

TEST_CASE("without news nothing is told and nothing wakes the swarm for it") {
  Exchange t;
  t.start(true);
  t.meet(1);
  t.pass(seconds(2));
  CHECK(t.sent<wire::PeerExchange>().empty());
  CHECK(t.swarm->next_deadline() > t.now + seconds(1));
}

TEST_CASE("a peer whose port nobody knows is not told of, one without ut_pex is not told") {
  Exchange t;
  t.start(true);
  const ConnectionId silent = t.connect(1);
  t.receive(silent, wire::HaveNone{});
  const ConnectionId a = t.meet(2);
  t.pass(seconds(2));
  CHECK(t.told(a).empty());
  CHECK(t.told(silent).empty());
}

TEST_CASE("who is named is called, and shows where it came from") {
  Exchange t;
  t.start();
  const ConnectionId a = t.meet(1);
  t.name(a, {at(5), at(6)});
  const auto calls = t.all<Connect>();
  REQUIRE(calls.size() == 2);
  CHECK(calls[0]->source == PeerSource::pex);
}

TEST_CASE("of a private torrent nothing is told, announced or believed") {
  Exchange t;
  t.metainfo = torrent(true);
  t.start();
  t.connect(1);
  const auto greetings = t.sent<wire::ExtensionHandshake>();
  REQUIRE(greetings.size() == 1);
  CHECK(greetings[0].ut_pex == 0);
  const ConnectionId a = t.meet(2);
  t.meet(3);
  t.pass(seconds(70));
  CHECK(t.sent<wire::PeerExchange>().empty());
  t.name(a, {at(5)});
  t.pass(seconds(2));
  CHECK(t.calls() == 0);
  CHECK(t.swarm->progress(t.now).known_peers == 0);
}

TEST_CASE("switched off it is as if the torrent were private") {
  Exchange t;
  t.config.peer_exchange = false;
  t.start();
  const ConnectionId a = t.meet(1);
  t.meet(2);
  t.pass(seconds(2));
  CHECK(t.sent<wire::PeerExchange>().empty());
  t.name(a, {at(5)});
  CHECK(t.calls() == 0);
}

TEST_CASE("one peer fills no table and makes us call few") {
  Exchange t;
  t.config.max_half_open = 0;  // nobody is called
  t.start();
  const ConnectionId a = t.meet(1);
  for (int i = 0; i < 10; ++i) {
    std::vector<Endpoint> many;
    for (int n = 0; n < 50; ++n)
      many.push_back(
          {Address::v4({30, static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(n), 1}), 6881});
    t.name(a, many);
    t.pass(seconds(60));
  }
  CHECK(t.swarm->progress(t.now).known_peers <= 51);
}

TEST_CASE("a flood of peer exchange ends the link") {
  Exchange t;
  t.start();
  const ConnectionId a = t.meet(1);
  for (int i = 0; i < 24; ++i) {
    t.name(a, {at(5)});
    REQUIRE_FALSE(t.closed());
  }
  t.name(a, {at(5)});
  CHECK(t.closed() == DisconnectReason::flooding);
}

TEST_CASE("a liar is found out, and what it had named is not called any more") {
  Exchange t;
  t.config.max_half_open = 4;
  t.start();
  const ConnectionId a = t.meet(1);
  std::vector<Endpoint> lies;
  for (int n = 100; n < 150; ++n) lies.push_back(at(n));
  t.name(a, lies);
  std::vector<Endpoint> calling;
  std::size_t called = 0;
  for (int round = 0; round < 40; ++round) {
    for (const Connect* call : t.all<Connect>()) {
      calling.push_back(call->endpoint);
      ++called;
    }
    if (!calling.empty()) {
      const Endpoint endpoint = calling.back();
      calling.pop_back();
      t.swarm->connect_failed(endpoint, ConnectFailure::timed_out, t.now);
      t.drain();
      continue;
    }
    t.pass(seconds(1));
  }
  CHECK(called <= 12);
  t.pass(seconds(60));
  t.name(a, {at(200)});
  CHECK(t.swarm->progress(t.now).known_peers < 20);
}

}  // namespace
}  // namespace barter::swarm_test
