#include "tracker/udp_service.hpp"

#include <catch2/catch.hpp>

#include "torrent/random.hpp"

using namespace barter;
using namespace barter::tracker;
using namespace std::chrono_literals;

namespace {

const TimePoint now{1000h};
const Address here = Address::v4({192, 0, 2, 1});
const WireInfoHash hash = *WireInfoHash::from("01234567890123456789");

Endpoint host(std::uint8_t number, std::uint16_t port = 4000) {
  return {Address::v4({198, 51, 100, number}), port};
}

struct Fixture {
  explicit Fixture(IntroducerOptions options = {}) : introducer(std::move(options), 7) {}

  Packet ask(const Packet& packet, const Endpoint& remote, TimePoint at = now) {
    Packet reply{std::byte{1}};  // what was there before is gone
    service.answer(packet, remote, here, at, reply);
    return reply;
  }
  std::uint64_t connect(const Endpoint& remote, TimePoint at = now) {
    Packet packet;
    write_udp_connect(1, packet);
    const auto reply = parse_udp_reply(ask(packet, remote, at), family_of(remote.address));
    REQUIRE(reply);
    CHECK(reply->transaction == 1);
    return std::get<UdpConnected>(reply->body).connection_id;
  }
  static UdpAnnounce announcement(std::uint16_t port, std::uint64_t left = 5) {
    UdpAnnounce out;
    out.announce.info_hash = hash;
    out.announce.port = port;
    out.announce.left = left;
    out.announce.event = Event::started;
    return out;
  }
  static Packet written(std::uint64_t id, const UdpAnnounce& announce) {
    Packet packet;
    REQUIRE(write_udp_announce(id, 2, announce, packet).has_value());
    return packet;
  }
  UdpReply announce(const Endpoint& remote, const UdpAnnounce& what) {
    const Packet packet = ask(written(connect(remote), what), remote);
    const auto reply = parse_udp_reply(packet, family_of(remote.address));
    REQUIRE(reply);
    CHECK(reply->transaction == 2);
    return *reply;
  }
  std::string refusal(const Endpoint& remote, const UdpAnnounce& what) {
    return std::get<UdpError>(announce(remote, what).body).message;
  }

  Introducer introducer;
  UdpService service{introducer, SipKey{1, 2}};
};

}  // namespace

TEST_CASE("those who announce over UDP learn of each other", "[udp]") {
  Fixture f;
  f.announce(host(1), Fixture::announcement(6881, 0));
  const auto reply = std::get<UdpAnnounced>(f.announce(host(2), Fixture::announcement(6882)).body);
  CHECK(reply.complete == 1);
  CHECK(reply.incomplete == 1);
  CHECK(reply.interval >= 1800);
  CHECK(reply.peers == std::vector{host(1, 6881)});  // with the port that it announced
  CHECK(f.introducer.udp().connects == 2);
  CHECK(f.introducer.udp().announces == 2);
  CHECK(f.introducer.udp().dropped == 0);
}

TEST_CASE("each family learns of its own", "[udp]") {
  Fixture f;
  const Endpoint six{*Address::parse("2001:db8::1"), 4000};
  f.announce(host(1), Fixture::announcement(6881, 0));
  f.announce(six, Fixture::announcement(6883, 0));
  const auto four = std::get<UdpAnnounced>(f.announce(host(2), Fixture::announcement(1)).body);
  CHECK(four.peers == std::vector{host(1, 6881)});
  const Endpoint other{*Address::parse("2001:db8::2"), 4000};
  const auto reply = std::get<UdpAnnounced>(f.announce(other, Fixture::announcement(1)).body);
  REQUIRE(reply.peers.size() == 1);
  CHECK(to_string(reply.peers[0]) == "[2001:db8::1]:6883");
}

TEST_CASE("a member behind our own address is shown where the asker reached us", "[udp]") {
  Fixture f;
  const Endpoint local{Address::v4({127, 0, 0, 1}), 4000};
  f.announce(local, Fixture::announcement(6881, 0));
  const auto reply = std::get<UdpAnnounced>(f.announce(host(2), Fixture::announcement(1)).body);
  CHECK(reply.peers == std::vector{Endpoint{here, 6881}});
}

TEST_CASE("silence for whoever has not proven his address", "[udp]") {
  Fixture f;
  const std::uint64_t id = f.connect(host(1));
  const Packet announce = Fixture::written(id, Fixture::announcement(6881));
  CHECK(f.ask(announce, host(2)).empty());              // another's
  CHECK(f.ask(announce, host(1), now + 4min).empty());  // stale
  CHECK(f.ask(Fixture::written(id + 1, Fixture::announcement(6881)), host(1)).empty());
  CHECK(f.ask(announce, host(1, 0)).empty());  // port 0 cannot be answered
  CHECK(f.introducer.stats().members == 0);
  CHECK(f.introducer.udp().dropped == 4);
  CHECK_FALSE(f.ask(announce, host(1, 5555)).empty());  // a translator changed the port
  CHECK(f.introducer.stats().members == 1);
}

TEST_CASE("nothing longer than the question goes to an address that is not proven", "[udp]") {
  Fixture f;
  Random random(3);
  Packet connect;
  write_udp_connect(1, connect);
  for (int i = 0; i < 20'000; ++i) {
    Packet packet(random.below(200));
    for (std::byte& byte : packet) byte = static_cast<std::byte>(random.next());
    // Half of them look like requests.
    if (i % 2 == 0)
      std::copy_n(connect.begin(), std::min(packet.size(), std::size_t{12}), packet.begin());
    if (i % 4 == 1 && packet.size() > 12) {
      packet[8] = packet[9] = packet[10] = std::byte{0};
      packet[11] = static_cast<std::byte>(random.below(4));
    }
    const Packet reply = f.ask(packet, host(9));
    REQUIRE(reply.size() <= packet.size());
  }
  CHECK(f.introducer.udp().connects > 1000);
  CHECK(f.introducer.udp().announces == 0);
}

TEST_CASE("what cannot be served is refused in words", "[udp]") {
  Fixture f({.registry = {}, .allowed = std::vector<WireInfoHash>{}, .completed = {}});
  CHECK(f.refusal(host(1), Fixture::announcement(6881)) ==
        "this tracker does not serve this torrent");
  f.introducer.allow({hash});
  CHECK(
      std::holds_alternative<UdpAnnounced>(f.announce(host(1), Fixture::announcement(6881)).body));
  UdpAnnounce elsewhere = Fixture::announcement(6881);
  elsewhere.url_data = "/other?x=1";
  CHECK(f.refusal(host(1), elsewhere) == "not found");
  for (const char* path : {"/announce", "/", "/announce?x=1", "?x=1"}) {
    elsewhere.url_data = path;
    CHECK(std::holds_alternative<UdpAnnounced>(f.announce(host(1), elsewhere).body));
  }
  CHECK(f.refusal(host(1), Fixture::announcement(0)) == "port must be a number from 1 to 65535");
  CHECK(f.introducer.udp().errors == 3);
}

TEST_CASE("a full tracker says so", "[udp]") {
  RegistryConfig config;
  config.max_members = 1;
  Fixture f({.registry = config, .completed = {}});
  f.announce(host(1), Fixture::announcement(6881));
  CHECK(f.refusal(host(2), Fixture::announcement(6881)) == "this tracker is full");
}

TEST_CASE("scrapes count, and create nothing", "[udp]") {
  Fixture f;
  f.announce(host(1), Fixture::announcement(6881, 0));
  f.announce(host(2), Fixture::announcement(6882));
  Packet packet;
  const WireInfoHash other;
  write_udp_scrape(f.connect(host(3)), 5, std::vector{other, hash}, packet);
  const auto reply = parse_udp_reply(f.ask(packet, host(3)), IpFamily::v4);
  REQUIRE(reply);
  const auto counts = std::get<UdpScraped>(reply->body).counts;
  REQUIRE(counts.size() == 2);
  CHECK(counts[0].complete + counts[0].incomplete == 0);
  CHECK(counts[1].complete == 1);
  CHECK(counts[1].incomplete == 1);
  CHECK(f.introducer.stats().swarms == 1);
  CHECK(f.introducer.udp().scrapes == 1);
}

TEST_CASE("who completes is counted once, and told of", "[udp]") {
  std::vector<Endpoint> completed;
  Fixture f({.registry = {}, .completed = [&](const AnnounceRequest&, const Endpoint& from) {
               completed.push_back(from);
             }});
  f.announce(host(1), Fixture::announcement(6881));
  UdpAnnounce done = Fixture::announcement(6881, 0);
  done.announce.event = Event::completed;
  f.announce(host(1), done);
  f.announce(host(1), done);
  CHECK(completed == std::vector{host(1, 6881)});
}
