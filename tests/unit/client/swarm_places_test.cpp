// Who gets in when all places are taken, or all those of its host.
#include <catch2/catch.hpp>

#include <array>

#include "client/swarm/own_address.hpp"
#include "client/swarm/places.hpp"
#include "tests/unit/client/swarm_fixture.hpp"

namespace barter::swarm_test {
namespace {

Address address(const char* text) {
  return *Address::parse(text);
}

struct Crowd : Fixture {
  int ids = 0;
  // Null: not taken.
  std::optional<ConnectionId> come(const Address& from, PeerSource source = PeerSource::incoming) {
    PeerInfo info;
    info.remote = {from, static_cast<std::uint16_t>(20'000 + ids)};
    info.peer_id.bytes[0] = static_cast<std::byte>(++ids);
    info.peer_id.bytes[1] = static_cast<std::byte>(ids >> 8);
    info.fast = info.extended = true;
    info.source = source;
    info.outgoing = source != PeerSource::incoming;
    const ConnectionId connection{next++};
    swarm->peer_connected(connection, info, now);
    drain();
    for (const Disconnect* one : all<Disconnect>())
      if (one->connection == connection) return std::nullopt;
    return connection;
  }
  int taken(const char* from, int tries) {
    int out = 0;
    for (int i = 0; i < tries; ++i) out += come(address(from)).has_value() ? 1 : 0;
    return out;
  }
  std::uint32_t links() { return swarm->progress(now).connections; }
};

TEST_CASE("one host gets so many places") {
  Crowd f;
  f.start(true);
  CHECK(f.taken("20.1.1.1", 20) == 2);
  CHECK(f.taken("192.168.1.1", 20) == 8);
  CHECK(f.taken("2600:1:2:3::1", 20) == 2);
  CHECK(f.taken("2600:1:2:3::2", 20) == 2);
  int more = 0;  // other addresses of that /64
  for (int i = 3; i < 40; ++i) more += f.taken(("2600:1:2:3::" + std::to_string(i)).c_str(), 1);
  CHECK(more == 4);
  CHECK(f.taken("2600:1:2:4::1", 1) == 1);
  CHECK(f.taken("fe80::1", 8) == 8);  // neighbours: each has an address of its own
  CHECK(f.taken("fe80::2", 8) == 8);
  for (int i = 0; i < 5; ++i)  // whom the user names is not counted
    CHECK(f.come(address("192.168.1.1"), PeerSource::user));
}

TEST_CASE("loopback may have most places, never all") {
  Crowd f;
  f.start(true);
  CHECK(f.taken("127.0.0.1", 40) == 40);
  CHECK(f.taken("127.0.0.2", 40) == 30);
  CHECK(f.taken("192.168.1.1", 1) == 1);
}

TEST_CASE("links that ask for nothing give way to newcomers, who are served") {
  for (const bool one_host : {true, false}) {
    INFO("of one host: " << one_host);
    Crowd f;
    f.start(true);
    std::vector<ConnectionId> idle;
    for (int i = 0; i < 80; ++i) {
      const auto from = one_host && i < 70 ? address("127.0.0.1")
                                           : Address::v4({20, 1, static_cast<std::uint8_t>(i), 1});
      const auto link = f.come(from);
      REQUIRE(link);
      f.receive(*link, wire::HaveNone{});
      f.receive(*link, wire::Interested{});
    }
    REQUIRE(f.links() == 80);
    for (int i = 0; i < 30; ++i) f.pass(seconds(1));
    REQUIRE(f.swarm->wants_connection({address("30.1.1.1"), 1}, f.now));
    REQUIRE(f.swarm->wants_connection({address("127.0.0.1"), 1}, f.now));
    const auto honest = f.come(address("127.0.0.1"));
    REQUIRE(honest);
    CHECK(f.links() == 80);
    f.receive(*honest, wire::HaveNone{});
    f.receive(*honest, wire::Interested{});
    int waited = 0;
    bool served = false;
    while (!served && ++waited < 60) {
      f.pass(seconds(1));
      served = !f.sent<wire::Unchoke>(honest).empty();
    }
    CHECK(waited <= 45);
  }
}

TEST_CASE("who renews his links all the time does not keep newcomers out") {
  Crowd f;
  f.start(true);
  struct Renewed {
    std::optional<ConnectionId> link;
    TimePoint since{};
  };
  std::array<Renewed, 80> renewed;
  const auto renew = [&] {
    for (std::uint8_t i = 0; i < 80; ++i) {
      Renewed& one = renewed[i];
      if (f.now - one.since < seconds(40)) continue;
      if (one.link) f.swarm->peer_disconnected(*one.link, DisconnectReason::closed_by_peer, f.now);
      f.drain();
      one = {f.come(Address::v4({20, 1, i, 1})), f.now};
      if (!one.link) continue;
      f.receive(*one.link, wire::HaveNone{});
      f.receive(*one.link, wire::Interested{});
    }
  };
  renew();
  REQUIRE(f.links() == 80);
  for (int newcomer = 1; newcomer <= 5; ++newcomer) {
    INFO("newcomer " << newcomer);
    const Address from = Address::v4({30, 1, static_cast<std::uint8_t>(newcomer), 1});
    int waited = 0;
    while (!f.come(from)) {
      REQUIRE(++waited < 60);
      f.pass(seconds(1));
      renew();
    }
    CHECK(waited <= 30);
  }
}

TEST_CASE("links that carry blocks, and the user's, keep their places") {
  Crowd f;
  f.config.max_connections = 2;
  f.start(true);
  const auto busy = f.come(address("20.1.1.1"));
  const auto named = f.come(address("20.1.2.1"), PeerSource::user);
  REQUIRE(busy);
  REQUIRE(named);
  f.receive(*busy, wire::HaveNone{});
  f.receive(*busy, wire::Interested{});
  for (int i = 0; i < 20; ++i) {
    f.receive(*busy, wire::Request{static_cast<std::uint32_t>(i % 18), 0, block_length});
    f.swarm->block_sent(*busy, {PieceIndex{static_cast<std::uint32_t>(i % 18)}, 0, block_length},
                        f.now);
    f.pass(seconds(3));
    CHECK_FALSE(f.swarm->wants_connection({address("30.1.1.1"), 1}, f.now));
  }
}

TEST_CASE("a place by chance is given now and then, not to everybody") {
  Crowd f;
  f.config.max_connections = 4;
  f.start();
  for (int i = 0; i < 4; ++i) f.come(Address::v4({20, 1, static_cast<std::uint8_t>(i), 1}));
  CHECK_FALSE(f.come(address("30.1.1.1")));  // the others have only just come
  f.pass(seconds(11));
  CHECK(f.come(address("30.1.2.1")));
  CHECK_FALSE(f.come(address("30.1.3.1")));
  f.pass(seconds(11));
  CHECK(f.come(address("30.1.4.1")));
}

TEST_CASE("how others see us is not for one of them to say") {
  OwnAddress own;
  const Address right = address("99.8.7.6"), wrong = address("99.1.1.1");
  for (int i = 0; i < 100; ++i)  // one network
    CHECK_FALSE(own.told_by_peer(wrong, Address::v4({6, 6, 6, static_cast<std::uint8_t>(i)})));
  CHECK_FALSE(own.known());
  CHECK_FALSE(own.told_by_peer(right, address("20.1.1.1")));
  CHECK(own.told_by_peer(right, address("20.1.2.1")));
  CHECK(own.known() == right);
  CHECK_FALSE(own.told_by_peer(wrong, address("7.7.7.7")));  // as many say so, no more
  CHECK(own.told_by_peer(wrong, address("8.8.8.8")));
  own.told_by_tracker(right);
  CHECK_FALSE(own.told_by_peer(wrong, address("9.9.9.9")));
  CHECK(own.known() == right);
}

TEST_CASE("We are no peer of ours, by whatever address") {
  Fixture f;
  f.start(false, {{"http://t"}});
  f.swarm->set_listen_port(5000);
  const Endpoint loopback = *Endpoint::parse("127.0.0.1:5000"),
                 six = *Endpoint::parse("[::1]:5000"),
                 external = *Endpoint::parse("198.51.100.7:5000");
  AnnounceOutcome answer;
  answer.ok = true;
  answer.external_ip = external.address;
  answer.peers = {loopback, six, external};
  f.swarm->announce_finished(TrackerId{0}, answer, f.now);
  f.drain();
  const auto first_peers = [&] {
    std::size_t out = 0;
    for (const Notify* notify : f.all<Notify>())
      out += std::holds_alternative<FirstPeer>(notify->notice) ? 1 : 0;
    return out;
  };
  CHECK(first_peers() == 0);
  for (const Endpoint& one : {loopback, six}) {  // they answer, under our peer id
    PeerInfo info;
    info.remote = one;
    info.peer_id = id(100);
    info.outgoing = true;
    f.swarm->peer_connected(ConnectionId{f.next++}, info, f.now);
    f.drain();
    CHECK(f.closed() == DisconnectReason::self);
    CHECK(first_peers() == 0);
  }
  f.swarm->connect_failed(external, ConnectFailure::timed_out, f.now);
  f.drain();
  const Progress progress = f.swarm->progress(f.now);
  CHECK(progress.known_peers == 0);
  CHECK(progress.download_limit.reason == Limit::no_others);
  CHECK(f.swarm->stall_reason(f.now).find("knows no others") != std::string::npos);

  SECTION("another one behind our address has another peer id") {
    PeerInfo info;
    info.remote = external;
    info.peer_id = id(3);
    info.outgoing = true;
    info.source = PeerSource::tracker;
    f.swarm->peer_connected(ConnectionId{f.next++}, info, f.now);
    f.drain();
    CHECK_FALSE(f.closed());
    CHECK(first_peers() == 1);
    CHECK(f.swarm->progress(f.now).known_peers == 1);
  }
}

}  // namespace
}  // namespace barter::swarm_test
