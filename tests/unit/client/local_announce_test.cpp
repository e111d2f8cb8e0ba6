#include "client/wire/local_announce.hpp"

#include <catch2/catch.hpp>

namespace barter::wire {
namespace {

WireInfoHash hash(int n) {
  WireInfoHash out;
  out.bytes.fill(static_cast<std::byte>(n));
  return out;
}

TEST_CASE("a local announce is written as BEP 14 has it") {
  LocalAnnounce ours;
  ours.port = 6881;
  ours.info_hashes = {hash(0xab), hash(1)};
  ours.cookie = "abc";
  CHECK(to_datagram(ours, false) ==
        "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n"
        "Infohash: abababababababababababababababababababab\r\n"
        "Infohash: 0101010101010101010101010101010101010101\r\n"
        "cookie: abc\r\n\r\n\r\n");
  CHECK(to_datagram(ours, true).find("Host: [ff15::efc0:988f]:6771\r\n") != std::string::npos);
}

TEST_CASE("a full local announce fits and survives the round trip") {
  LocalAnnounce ours;
  ours.port = 65535;
  ours.cookie = std::string(max_cookie_bytes, 'x');
  for (int i = 0; i < static_cast<int>(max_local_info_hashes); ++i)
    ours.info_hashes.push_back(hash(i));
  for (const bool v6 : {false, true}) {
    const std::string text = to_datagram(ours, v6);
    CHECK(text.size() <= max_local_announce_bytes);
    const auto back = parse_local_announce(text);
    REQUIRE(back);
    CHECK(back->port == ours.port);
    CHECK(back->cookie == ours.cookie);
    CHECK(back->info_hashes == ours.info_hashes);
  }
}

TEST_CASE("what other clients send is understood") {
  // libtorrent; Transmission in lower case and with plain line ends.
  const std::string digits(40, 'A');
  const auto a = parse_local_announce(
      "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n"
      "Infohash: " +
      digits + "\r\ncookie: 7f\r\n\r\n\r\n");
  REQUIRE(a);
  CHECK(a->info_hashes == std::vector{hash(0xaa)});
  const auto b = parse_local_announce(
      "BT-SEARCH * HTTP/1.1\nX-Other: y\nport:51413\n"
      "INFOHASH:" +
      digits + "\ninfohash: " + digits + "\n");
  REQUIRE(b);
  CHECK(b->port == 51413);
  CHECK(b->info_hashes.size() == 1);
  CHECK(b->cookie.empty());
}

TEST_CASE("what is no local announce is passed over") {
  const std::string good = "BT-SEARCH * HTTP/1.1\r\nPort: 1\r\nInfohash: " + std::string(40, '0');
  CHECK(parse_local_announce(good));
  for (const std::string& text :
       {std::string(), std::string("BT-SEARCH"), std::string("GET / HTTP/1.1\r\nPort: 1\r\n"),
        std::string("BT-SEARCH * HTTP/1.1\r\nPort: 1\r\n\r\n"),
        std::string("BT-SEARCH * HTTP/1.1\r\nInfohash: ") + std::string(40, '0'),
        std::string("BT-SEARCH * HTTP/1.1\r\nPort: 0\r\nInfohash: ") + std::string(40, '0'),
        std::string("BT-SEARCH * HTTP/1.1\r\nPort: 65536\r\nInfohash: ") + std::string(40, '0'),
        std::string("BT-SEARCH * HTTP/1.1\r\nPort: 1x\r\nInfohash: ") + std::string(40, '0'),
        std::string("BT-SEARCH * HTTP/1.1\r\nPort: 1\r\nInfohash: ") + std::string(39, '0'),
        std::string("BT-SEARCH * HTTP/1.1\r\nPort: 1\r\nInfohash: ") + std::string(40, 'g')}) {
    INFO(text);
    CHECK_FALSE(parse_local_announce(text));
  }
}

TEST_CASE("of a datagram no more info-hashes are read than one may hold") {
  std::string text = "BT-SEARCH * HTTP/1.1\r\nPort: 1\r\n";
  for (int i = 0; i < 100; ++i) text += "Infohash: " + to_hex(hash(i)) + "\r\n";
  CHECK(parse_local_announce(text)->info_hashes.size() == max_local_info_hashes);
}

}  // namespace
}  // namespace barter::wire
