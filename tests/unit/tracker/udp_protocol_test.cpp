#include "tracker/udp_protocol.hpp"

#include <catch2/catch.hpp>

#include "torrent/random.hpp"

using namespace barter;
using namespace barter::tracker;
using namespace std::string_literals;

namespace {

std::string hex(const Packet& packet) {
  return to_hex(std::span<const std::byte>(packet));
}

Packet bytes(std::string_view text) {
  Packet out(text.size() / 2);
  REQUIRE(from_hex(text, out));
  return out;
}

UdpAnnounce sample() {
  UdpAnnounce out;
  out.announce.info_hash = *WireInfoHash::from("01234567890123456789");
  out.announce.peer_id = *PeerId::from("-Ba0100-abcdefghijkl");
  out.announce.port = 6881;
  out.announce.downloaded = 1;
  out.announce.left = 2;
  out.announce.uploaded = 3;
  out.announce.event = Event::started;
  out.announce.peers_wanted = 50;
  out.key = 0xa1b2c3d4;
  return out;
}

Packet written(const UdpAnnounce& announce) {
  Packet out;
  REQUIRE(write_udp_announce(0x1122334455667788, 0xcafe0001, announce, out).has_value());
  return out;
}

template <class Body>
Body reply(const Packet& packet, std::uint32_t transaction, IpFamily family = IpFamily::v4) {
  const auto out = parse_udp_reply(packet, family);
  REQUIRE(out);
  CHECK(out->transaction == transaction);
  REQUIRE(std::holds_alternative<Body>(out->body));
  return std::get<Body>(out->body);
}

const Endpoint four{Address::v4({10, 0, 0, 1}), 6881};
const Endpoint six{*Address::parse("fd00::1"), 80};

}  // namespace

TEST_CASE("connect looks as BEP 15 has it", "[udp]") {
  Packet packet;
  write_udp_connect(0x01020304, packet);
  CHECK(hex(packet) == "00000417271019800000000001020304");
  const auto head = parse_udp_head(packet);
  REQUIRE(head);
  CHECK(head->action == UdpAction::connect);
  CHECK(head->transaction == 0x01020304);
  write_udp_connected(0x01020304, 0x1122334455667788, packet);
  CHECK(hex(packet) == "00000000010203041122334455667788");
  CHECK(reply<UdpConnected>(packet, 0x01020304).connection_id == 0x1122334455667788);
}

TEST_CASE("what is no request has no head", "[udp]") {
  Packet packet;
  write_udp_connect(7, packet);
  packet.back() = std::byte{9};
  CHECK(parse_udp_head(packet));
  packet[7] ^= std::byte{1};  // another magic number
  CHECK_FALSE(parse_udp_head(packet));
  packet[7] ^= std::byte{1};
  packet.resize(15);
  CHECK_FALSE(parse_udp_head(packet));
  packet = written(sample());
  packet[11] = std::byte{3};  // an error, and from a client
  CHECK_FALSE(parse_udp_head(packet));
  packet[11] = std::byte{1};
  packet.resize(max_udp_packet_bytes);
  CHECK(parse_udp_head(packet));
  packet.resize(max_udp_packet_bytes + 1);  // cut, or none of ours
  CHECK_FALSE(parse_udp_head(packet));
}

TEST_CASE("an announce looks as BEP 15 has it", "[udp]") {
  const Packet packet = written(sample());
  CHECK(hex(packet) ==
        "112233445566778800000001cafe0001"
        "3031323334353637383930313233343536373839"
        "2d4261303130302d6162636465666768696a6b6c"
        "000000000000000100000000000000020000000000000003"
        "0000000200000000a1b2c3d4000000321ae1");
  const auto head = parse_udp_head(packet);
  REQUIRE(head);
  CHECK(head->connection_id == 0x1122334455667788);
  CHECK(head->action == UdpAction::announce);
  CHECK(head->transaction == 0xcafe0001);
  const auto back = parse_udp_announce(packet);
  REQUIRE(back.has_value());
  CHECK(back->announce.info_hash == sample().announce.info_hash);
  CHECK(back->announce.peer_id == sample().announce.peer_id);
  CHECK(back->announce.downloaded == 1);
  CHECK(back->announce.left == 2);
  CHECK(back->announce.uploaded == 3);
  CHECK(back->announce.event == Event::started);
  CHECK(back->announce.peers_wanted == 50u);
  CHECK(back->announce.port == 6881);
  CHECK(back->key == 0xa1b2c3d4);
  CHECK(back->url_data.empty());
}

TEST_CASE("every event has its number, and an unknown one is none", "[udp]") {
  UdpAnnounce announce = sample();
  for (const Event event :
       {Event::none, Event::started, Event::completed, Event::stopped, Event::paused}) {
    announce.announce.event = event;
    CHECK(parse_udp_announce(written(announce))->announce.event == event);
  }
  Packet packet = written(announce);
  packet[83] = std::byte{77};
  CHECK(parse_udp_announce(packet)->announce.event == Event::none);
}

TEST_CASE(
    "no number of peers is the default; an address is ignored; port 0 and short ones are refused",
    "[udp]") {
  UdpAnnounce announce = sample();
  announce.announce.peers_wanted.reset();
  Packet packet = written(announce);
  CHECK(hex(packet).substr(2 * 92, 8) == "ffffffff");
  CHECK_FALSE(parse_udp_announce(packet)->announce.peers_wanted);
  announce.announce.peers_wanted = 0xf0000000;  // would be negative
  CHECK(parse_udp_announce(written(announce))->announce.peers_wanted == 0x7fffffffU);
  packet[84] = std::byte{1};
  CHECK(parse_udp_announce(packet).has_value());
  packet[96] = packet[97] = std::byte{0};
  CHECK(parse_udp_announce(packet).error().message == "port must be a number from 1 to 65535");
  packet.resize(97);
  CHECK(parse_udp_announce(packet).error().code == Errc::protocol);
}

TEST_CASE("path and query travel as BEP 41 has it", "[udp]") {
  UdpAnnounce announce = sample();
  announce.url_data = "/dir?a=b&c=d";
  const Packet packet = written(announce);
  CHECK(hex(packet).substr(2 * 98) == "020c2f6469723f613d6226633d64");
  CHECK(parse_udp_announce(packet)->url_data == "/dir?a=b&c=d");
  // Longer than one option holds.
  announce.url_data = "/" + std::string(max_url_data_bytes - 1, 'x');
  const Packet parts = written(announce);
  CHECK(parts.size() == 98 + max_url_data_bytes + 2 * 4);
  CHECK(parse_udp_announce(parts)->url_data == announce.url_data);
  announce.url_data += 'x';
  Packet out;
  CHECK(write_udp_announce(1, 1, announce, out).error().code == Errc::invalid_url);
}

TEST_CASE("options: padding, an end, unknown ones, none, and cut ones", "[udp]") {
  const Packet plain = written(sample());
  const auto with = [&](std::string_view options) {
    Packet packet = plain;
    const Packet more = bytes(options);
    packet.insert(packet.end(), more.begin(), more.end());
    const auto out = parse_udp_announce(packet);
    REQUIRE(out.has_value());
    return out->url_data;
  };
  CHECK(with("0200") == "");
  CHECK(with("02022f610101020162") == "/ab");
  CHECK(with("02012f00020161") == "/");    // nothing after the end
  CHECK(with("7703aabbcc02012f") == "/");  // an option of a later BEP
  CHECK(with("02012f02056162") == "/");    // says 5, holds 2
  CHECK(with("02") == "");
}

TEST_CASE("replies to an announce hold peers of the packet's family", "[udp]") {
  AnnounceReply head;
  head.interval = 1800;
  head.complete = 3;
  head.incomplete = 4;
  Packet packet;
  write_udp_announced(9, head, std::vector{four, six, four}, IpFamily::v4, packet);
  CHECK(hex(packet) == "00000001000000090000070800000004000000030a0000011ae10a0000011ae1");
  const auto back = reply<UdpAnnounced>(packet, 9);
  CHECK(back.interval == 1800);
  CHECK(back.complete == 3);
  CHECK(back.incomplete == 4);
  CHECK(back.peers == std::vector{four, four});
  write_udp_announced(9, head, std::vector{four, six}, IpFamily::v6, packet);
  CHECK(packet.size() == 20 + 18);
  CHECK(reply<UdpAnnounced>(packet, 9, IpFamily::v6).peers == std::vector{six});
}

TEST_CASE("replies pass the network whole, and a reader takes no more than it wants", "[udp]") {
  Packet packet;
  write_udp_announced(9, {}, std::vector<Endpoint>(1000, six), IpFamily::v6, packet);
  CHECK(packet.size() == 20 + 67 * 18);
  write_udp_announced(9, {}, std::vector<Endpoint>(1000, four), IpFamily::v4, packet);
  CHECK(packet.size() == 20 + 242 * 6);
  const auto few = parse_udp_reply(packet, IpFamily::v4, 10);
  REQUIRE(few);
  CHECK(std::get<UdpAnnounced>(few->body).peers.size() == 10);
  packet.push_back(std::byte{1});  // a part of a record
  CHECK(reply<UdpAnnounced>(packet, 9).peers.size() == 242);
}

TEST_CASE("peers that nobody could be are left out", "[udp]") {
  const auto packet = bytes(
      "000000010000000900000000"
      "0000000000000000"
      "000000001ae1"
      "0a0000010000"
      "e00000011ae1"
      "0a0000011ae1");
  CHECK(reply<UdpAnnounced>(packet, 9).peers == std::vector{four});
}

TEST_CASE("a scrape asks for up to 74, and is answered in order", "[udp]") {
  std::vector<WireInfoHash> hashes;
  for (int i = 0; i < 80; ++i)
    hashes.push_back(*WireInfoHash::from(std::string(20, static_cast<char>(i))));
  Packet packet;
  write_udp_scrape(5, 6, hashes, packet);
  CHECK(packet.size() == 16 + 74 * 20);
  const auto back = parse_udp_scrape(packet);
  REQUIRE(back.has_value());
  CHECK(std::equal(back->begin(), back->end(), hashes.begin(), hashes.begin() + 74));
  packet.resize(16 + 75 * 20);
  CHECK(parse_udp_scrape(packet).error().message == "at most 74 info-hashes in one scrape");
  packet.resize(16 + 19);
  CHECK(parse_udp_scrape(packet).has_error());

  std::vector<ScrapeEntry> entries(2);
  entries[0].complete = 1;
  entries[0].downloaded = 2;
  entries[0].incomplete = 3;
  write_udp_scraped(6, entries, packet);
  CHECK(hex(packet) ==
        "0000000200000006"
        "000000010000000200000003"
        "000000000000000000000000");
  const auto counts = reply<UdpScraped>(packet, 6).counts;
  REQUIRE(counts.size() == 2);
  CHECK(counts[0].complete == 1);
  CHECK(counts[0].downloaded == 2);
  CHECK(counts[0].incomplete == 3);
}

TEST_CASE("an error has a text, and not a long one", "[udp]") {
  Packet packet;
  write_udp_error(8, "no", packet);
  CHECK(hex(packet) == "00000003000000086e6f");
  CHECK(reply<UdpError>(packet, 8).message == "no");
  packet.push_back(std::byte{0});
  CHECK(reply<UdpError>(packet, 8).message == "no");
  write_udp_error(8, "", packet);
  CHECK(reply<UdpError>(packet, 8).message == "no reason given");
  write_udp_error(8, std::string(5000, 'x'), packet);
  CHECK(packet.size() == 8 + max_udp_error_bytes);
}

TEST_CASE("what is no reply is none", "[udp]") {
  CHECK_FALSE(parse_udp_reply(bytes("00000000000000091122334455667"
                                    "7"),
                              IpFamily::v4));
  CHECK_FALSE(parse_udp_reply(bytes("000000010000000900000000000000000000"), IpFamily::v4));
  CHECK_FALSE(parse_udp_reply(bytes("0000000400000009"), IpFamily::v4));
  CHECK_FALSE(parse_udp_reply(bytes("00000003000000"), IpFamily::v4));
  CHECK_FALSE(parse_udp_reply({}, IpFamily::v4));
}

TEST_CASE("the same key is the same number", "[udp]") {
  CHECK(udp_key("a1b2c3d4") == 0xa1b2c3d4);
  CHECK(udp_key("A1B2C3D4") == 0xa1b2c3d4);
  CHECK(udp_key("anything else") == udp_key("anything else"));
  CHECK(udp_key("anything else") != udp_key("anything"));
}
