#include "tracker/announce.hpp"

#include <catch2/catch.hpp>

#include <limits>

#include "torrent/random.hpp"

using namespace barter;
using namespace barter::tracker;
using namespace std::string_literals;

namespace {

constexpr auto max64 = std::numeric_limits<std::uint64_t>::max();
constexpr auto max32 = std::numeric_limits<std::uint32_t>::max();

const std::string hash_text = "%00%01%02%03%04%05%06%07%08%09%0a%0B%0c%0D%26%3d%25%2B%2fz";
const std::string hash_bytes = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d&=%+/z"s;

AnnounceRequest parsed(const std::string& more) {
  const auto out = parse_announce_query("info_hash=" + hash_text + "&port=6881" + more);
  REQUIRE(out.has_value());
  return *out;
}

std::string refused(const std::string& query) {
  const auto out = parse_announce_query(query);
  REQUIRE(out.has_error());
  CHECK(out.error().code == Errc::protocol);
  return out.error().message;
}

AnnounceAnswer answer(const std::string& body, std::size_t max_peers = 2000) {
  const auto out = parse_announce_body(body, max_peers);
  INFO(body);
  REQUIRE(out.has_value());
  return *out;
}

void check_same(const AnnounceRequest& a, const AnnounceRequest& b) {
  CHECK(a.info_hash == b.info_hash);
  CHECK(a.peer_id == b.peer_id);
  CHECK(a.port == b.port);
  CHECK(a.uploaded == b.uploaded);
  CHECK(a.downloaded == b.downloaded);
  CHECK(a.left == b.left);
  CHECK(a.event == b.event);
  CHECK(a.peers_wanted == b.peers_wanted);
  CHECK(a.compact == b.compact);
  CHECK(a.key == b.key);
  CHECK(a.tracker_id == b.tracker_id);
}

}  // namespace

TEST_CASE("an announce survives its query", "[announce]") {
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    AnnounceRequest request;
    for (auto& byte : request.info_hash.bytes) byte = static_cast<std::byte>(random.below(256));
    for (auto& byte : request.peer_id.bytes) byte = static_cast<std::byte>(random.below(256));
    request.port = static_cast<std::uint16_t>(1 + random.below(65535));
    request.uploaded = random.next();
    request.downloaded = random.below(3);
    request.left = random.next() >> random.below(64);
    request.event = static_cast<Event>(random.below(5));
    if (random.chance(1, 2)) request.peers_wanted = static_cast<std::uint32_t>(random.below(300));
    request.compact = random.chance(1, 2);
    for (std::uint64_t n = random.below(64); n > 0; --n) {
      request.key += static_cast<char>(random.below(256));
      request.tracker_id += static_cast<char>(random.below(256));
    }
    const auto again = parse_announce_query(to_query(request));
    REQUIRE(again.has_value());
    check_same(request, *again);
  }
}

TEST_CASE("a query has the words of BEP 3", "[announce]") {
  AnnounceRequest request;
  request.info_hash = *WireInfoHash::from(hash_bytes);
  request.peer_id = *PeerId::from("-BA0100-abcdefghijkl");
  request.port = 6881;
  request.left = 7;
  request.event = Event::started;
  request.peers_wanted = 30;
  CHECK(to_query(request) ==
        "info_hash=%00%01%02%03%04%05%06%07%08%09%0A%0B%0C%0D%26%3D%25%2B%2Fz"
        "&peer_id=-BA0100-abcdefghijkl&port=6881&uploaded=0&downloaded=0&left=7&compact=1"
        "&event=started&numwant=30");
}

TEST_CASE("info-hashes arrive in every dress", "[announce]") {
  CHECK(parsed("").info_hash.view() == hash_bytes);
  // Raw bytes, a space written as '+', and a hash of zeros only.
  CHECK(parse_announce_query("port=1&info_hash=+b\xff" + std::string(17, 'x'))->info_hash.view() ==
        " b\xff" + std::string(17, 'x'));
  std::string zeros;
  for (int i = 0; i < 20; ++i) zeros += "%00";
  CHECK(parse_announce_query("port=1&info_hash=" + zeros)->info_hash.is_zero());

  CHECK(refused("port=1") == "info_hash is missing");
  CHECK(refused("port=1&info_hash=") == "info_hash must be 20 bytes, not 0");
  CHECK(refused("port=1&info_hash=" + zeros.substr(3)) == "info_hash must be 20 bytes, not 19");
  CHECK(refused("port=1&info_hash=" + zeros + "x") == "info_hash must be 20 bytes, not 21");
  CHECK(refused("port=1&info_hash=" + std::string(40, 'a')) ==
        "info_hash must be 20 bytes, not 40");
  for (const char* bad : {"%", "%0", "%zz", "%0g", "% 1"}) {
    CHECK(refused("port=1&info_hash="s + std::string(18, 'x') + bad).find("percent") !=
          std::string::npos);
  }
}

TEST_CASE("ports are from 1 to 65535", "[announce]") {
  const std::string hash = "info_hash=" + hash_text;
  CHECK(parse_announce_query(hash + "&port=65535")->port == 65535);
  CHECK(parse_announce_query(hash + "&port=1")->port == 1);
  CHECK(refused(hash) == "port is missing");
  for (const char* bad : {"0", "", "65536", "-1", "x", "80x", "99999999999999999999999", "+80"}) {
    CHECK(refused(hash + "&port=" + bad) == "port must be a number from 1 to 65535");
  }
}

TEST_CASE("numwant as clients write it", "[announce]") {
  CHECK(parsed("").peers_wanted == std::nullopt);
  CHECK(parsed("&numwant=0").peers_wanted == 0);
  CHECK(parsed("&numwant=-1").peers_wanted == std::nullopt);
  CHECK(parsed("&numwant=").peers_wanted == std::nullopt);
  CHECK(parsed("&numwant=many").peers_wanted == std::nullopt);
  CHECK(parsed("&numwant=200").peers_wanted == 200);
  CHECK(parsed("&numwant=99999999999999999999999").peers_wanted == max32);
}

TEST_CASE("events, known and not", "[announce]") {
  CHECK(parsed("&event=started").event == Event::started);
  CHECK(parsed("&event=completed").event == Event::completed);
  CHECK(parsed("&event=stopped").event == Event::stopped);
  CHECK(parsed("&event=paused").event == Event::paused);
  for (const char* plain : {"", "empty", "Started", "resumed", "%zz"}) {
    CHECK(parsed("&event="s + plain).event == Event::none);
  }
}

TEST_CASE("what is left", "[announce]") {
  CHECK(parsed("&left=0").left == 0);
  CHECK(parsed("&left=18446744073709551615").left == max64);
  CHECK(parsed("&left=99999999999999999999999").left == max64);
  // No seeds, as long as they do not say so.
  CHECK(parsed("").left == max64);
  CHECK(parsed("&left=-1").left == max64);
  CHECK(parsed("&left=").left == max64);
  CHECK(parsed("&event=completed").left == 0);
  CHECK(parsed("&event=completed&left=5").left == 5);
  CHECK(parsed("&uploaded=-5&downloaded=x").uploaded == 0);
}

TEST_CASE("odd queries are borne", "[announce]") {
  SECTION("of equal keys the first counts") {
    CHECK(parsed("&port=7").port == 6881);
    CHECK(parsed("&left=1&left=0").left == 1);
  }
  SECTION("keys without values, values with '=', empty pairs") {
    CHECK(parsed("&&&supportcrypto&no_peer_id=&=&=x&key=a=b&").key == "a=b");
  }
  SECTION("nobody can name another address (BEP 7)") {
    CHECK(parsed("&ip=192.0.2.1&ipv4=192.0.2.1:80&ipv6=2001:db8::1").port == 6881);
  }
  SECTION("peer ids of a wrong length are none") {
    CHECK(parsed("&peer_id=short").peer_id.is_zero());
    CHECK(parsed("&peer_id=-BA0100-abcdefghijkl").peer_id.view() == "-BA0100-abcdefghijkl");
    CHECK(parsed("&peer_id=%zz").peer_id.is_zero());
  }
  SECTION("keys are bounded") {
    CHECK(parsed("&key=" + std::string(64, 'k')).key.size() == 64);
    CHECK(parsed("&key=" + std::string(65, 'k')).key.empty());
    CHECK(parsed("&trackerid=%00%ff").tracker_id == "\0\xff"s);
  }
  SECTION("compact is the default, and 0 alone says no") {
    CHECK(parsed("").compact);
    CHECK(parsed("&compact=1").compact);
    CHECK(parsed("&compact=").compact);
    CHECK_FALSE(parsed("&compact=0").compact);
  }
}

TEST_CASE("scrapes name their torrents", "[announce]") {
  const std::string one = "info_hash=" + hash_text;
  CHECK(parse_scrape_query(one, 1)->size() == 1);
  CHECK(parse_scrape_query(one + "&x=y&" + one, 2)->size() == 2);
  CHECK(parse_scrape_query(one + "&" + one, 1).has_error());
  CHECK(parse_scrape_query("", 10).has_error());
  CHECK(parse_scrape_query("x=y", 10).has_error());
  CHECK(parse_scrape_query(one + "&info_hash=short", 10).has_error());
  const auto refused = parse_scrape_query("info_hash=%zz", 10);
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == Errc::protocol);
}

TEST_CASE("compact replies have both lists, always", "[announce]") {
  AnnounceReply reply;
  reply.interval = 1800;
  reply.min_interval = 60;
  reply.complete = 3;
  reply.incomplete = 4;
  CHECK(to_body(reply, true) ==
        "d8:completei3e10:incompletei4e8:intervali1800e12:min intervali60e5:peers0:6:peers60:e");
  reply.peers = {{"1.2.3.4", 258}, {"::1", 513}, {"a.name", 7}};
  reply.external_ip = Address::parse("9.8.7.6");
  reply.tracker_id = "t";
  reply.warning = "careful";
  CHECK(to_body(reply, true) ==
        "d8:completei3e11:external ip4:\x09\x08\x07\x06"
        "10:incompletei4e8:intervali1800e12:min intervali60e"
        "5:peers6:\x01\x02\x03\x04\x01\x02"
        "6:peers618:\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x02\x01"
        "10:tracker id1:t15:warning message7:carefule"s);
}

TEST_CASE("full replies have addresses as text, and names", "[announce]") {
  AnnounceReply reply;
  reply.peers = {{"1.2.3.4", 258}, {"2001:db8::1", 513}, {"a.name", 7}};
  const std::string body = to_body(reply, false);
  CHECK(body ==
        "d8:completei0e10:incompletei0e8:intervali0e5:peersl"
        "d2:ip7:1.2.3.44:porti258ee"
        "d2:ip11:2001:db8::14:porti513ee"
        "d2:ip6:a.name4:porti7eeee");
  CHECK(answer(body).reply.peers == reply.peers);
}

TEST_CASE("endpoints are written as their texts are", "[announce]") {
  AnnounceReply reply;
  reply.interval = 5;
  const std::vector<Endpoint> peers{*Endpoint::parse("1.2.3.4:80"),
                                    *Endpoint::parse("[fd00::2]:81")};
  AnnounceReply with_names = reply;
  with_names.peers = {{"1.2.3.4", 80}, {"fd00::2", 81}};
  CHECK(to_body(reply, peers, true) == to_body(with_names, true));
  CHECK(to_body(reply, peers, false) == to_body(with_names, false));
}

TEST_CASE("a reply survives its body", "[announce]") {
  AnnounceReply reply;
  reply.interval = 77;
  reply.min_interval = 5;
  reply.complete = 1;
  reply.incomplete = max32;
  reply.peers = {{"1.2.3.4", 1}, {"255.0.0.1", 65535}, {"2001:db8::ff", 80}};
  reply.tracker_id = "\0x"s;
  reply.warning = "hm";
  reply.external_ip = Address::parse("2001:db8::5");
  for (const bool compact : {true, false}) {
    const auto again = answer(to_body(reply, compact));
    CHECK_FALSE(again.failure);
    CHECK(again.reply.interval == 77);
    CHECK(again.reply.min_interval == 5);
    CHECK(again.reply.complete == 1);
    CHECK(again.reply.incomplete == max32);
    CHECK(again.reply.peers == reply.peers);
    CHECK(again.reply.tracker_id == reply.tracker_id);
    CHECK(again.reply.warning == reply.warning);
    CHECK(again.reply.external_ip == reply.external_ip);
  }
}

TEST_CASE("failures, and when to try again (BEP 31)", "[announce]") {
  CHECK(to_body(Failure{"no", {}}) == "d14:failure reason2:noe");
  CHECK(to_body(Failure{"no", 5}) == "d14:failure reason2:no8:retry ini5ee");
  CHECK(to_body(Failure{"no", max32}) == "d14:failure reason2:no8:retry in5:nevere");
  for (const Failure& failure : {Failure{"no", {}}, Failure{"no", 5}, Failure{"no", max32}}) {
    const auto again = answer(to_body(failure));
    REQUIRE(again.failure);
    CHECK(again.failure->reason == failure.reason);
    CHECK(again.failure->retry_in_minutes == failure.retry_in_minutes);
  }
  CHECK(answer("d14:failure reason2:no8:retry in1:5e").failure->retry_in_minutes == 5);
  CHECK(answer("d14:failure reason2:no8:retry ini0ee").failure->retry_in_minutes == std::nullopt);
  CHECK(answer("d14:failure reason2:no8:retry ini-3ee").failure->retry_in_minutes == std::nullopt);
  CHECK(answer("d14:failure reason2:no8:retry ini9999999999ee").failure->retry_in_minutes ==
        max32 - 1);
  CHECK(answer("d14:failure reason0:e").failure->reason == "no reason given");
  CHECK(answer("d14:failure reasoni5ee").failure->reason == "no reason given");
  CHECK(answer("d14:failure reason5000:" + std::string(5000, 'x') + "e").failure->reason.size() ==
        1024);
  CHECK(answer("d14:failure reason1:x8:intervali5e5:peers0:e").failure);
}

TEST_CASE("garbage from a tracker is an error", "[announce]") {
  for (const std::string body :
       {"", "<html>404</html>", "i5e", "le", "de", "d8:interval", "d3:foo3:bare", "0:"}) {
    const auto out = parse_announce_body(body);
    INFO(body);
    REQUIRE(out.has_error());
    CHECK(out.error().code == Errc::protocol);
  }
  CHECK(parse_announce_body(std::string(100'000, 'l')).has_error());
  CHECK(parse_announce_body("d5:peers" + std::string(3 << 20, 'x')).has_error());
}

TEST_CASE("odd replies are borne", "[announce]") {
  SECTION("trailing bytes") {
    CHECK(answer("d8:intervali5e5:peers0:e\r\n").reply.interval == 5);
  }
  SECTION("no interval, no peers") {
    CHECK(answer("d5:peers6:\x01\x02\x03\x04\x01\x02"
                 "e")
              .reply.peers.size() == 1);
    CHECK(answer("d8:intervali5ee").reply.peers.empty());
  }
  SECTION("negative and huge numbers") {
    CHECK(answer("d8:intervali-5ee").reply.interval == 0);
    CHECK(answer("d8:intervali99999999999ee").reply.interval == max32);
    CHECK(answer("d8:complete3:abc8:intervali1ee").reply.complete == 0);
  }
  SECTION("a list cut short keeps its whole records") {
    CHECK(answer("d5:peers8:\x01\x02\x03\x04\x01\x02\x05\x06"
                 "e")
              .reply.peers == std::vector<HostPort>{{"1.2.3.4", 258}});
  }
  SECTION("port 0, no address and multicast are nobody") {
    CHECK(answer("d5:peers24:\x01\x02\x03\x04\0\0\0\0\0\0\0\x01\xe0\0\0\1\0\1\x7f\0\0\1\0\1"
                 "e"s)
              .reply.peers == std::vector<HostPort>{{"127.0.0.1", 1}});
  }
  SECTION("bad entries of a full list are left out") {
    CHECK(answer("d5:peersl"
                 "d2:ip7:1.2.3.44:porti0ee"
                 "d2:ip7:1.2.3.44:porti65536ee"
                 "d4:porti7ee"
                 "d2:ipi5e4:porti7ee"
                 "d2:ip7:1.2.3.4e"
                 "i5e"
                 "5:peers"
                 "d2:ip9:bad\x1b[31m!4:porti7ee"
                 "d2:ip0:4:porti7ee"
                 "d2:ip7:0.0.0.04:porti7ee"
                 "d2:ip4:good7:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti7ee"
                 "ee")
              .reply.peers == std::vector<HostPort>{{"good", 7}});
  }
  SECTION("peers that are neither text nor list") {
    CHECK(answer("d8:intervali5e5:peersi7ee").reply.peers.empty());
    CHECK(answer("d8:intervali5e5:peersdee").reply.peers.empty());
  }
  SECTION("no more than asked for") {
    std::string peers;
    for (int i = 0; i < 3000; ++i) peers += "\x01\x02\x03\x04\x01\x02";
    CHECK(answer("d5:peers18000:" + peers + "e").reply.peers.size() == 2000);
    CHECK(answer("d5:peers18000:" + peers + "e", 10).reply.peers.size() == 10);
  }
  SECTION("an external ip of no family") {
    CHECK_FALSE(answer("d11:external ip5:123458:intervali1ee").reply.external_ip);
  }
}

TEST_CASE("scrapes are sorted and have each torrent once", "[announce]") {
  const auto a = *WireInfoHash::from("aaaaaaaaaaaaaaaaaaaa");
  const auto b = *WireInfoHash::from("bbbbbbbbbbbbbbbbbbbb");
  CHECK(to_body(std::vector<ScrapeEntry>{{b, 1, 2, 3, 2}, {a, 5, 6, 7, 7}, {b, 1, 2, 3, 2}}) ==
        "d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei5e10:downloadedi6e11:downloadersi7e"
        "10:incompletei7ee20:bbbbbbbbbbbbbbbbbbbbd8:completei1e10:downloadedi2e11:downloadersi2e"
        "10:incompletei3eeee");
  CHECK(to_body(std::vector<ScrapeEntry>{}) == "d5:filesdee");
}
