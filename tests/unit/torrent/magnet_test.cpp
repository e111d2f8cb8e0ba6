#include "torrent/magnet.hpp"

#include <catch2/catch.hpp>

using namespace barter;

namespace {

const std::string v1 = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a";
const std::string v2 = "caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e";

std::string printed(std::string_view link) {
  const auto magnet = Magnet::parse(link);
  return magnet ? to_string(*magnet) : magnet.error().message;
}

std::string with(std::string_view rest) {
  return "magnet:?xt=urn:btih:" + v1 + std::string(rest);
}

}  // namespace

TEST_CASE("a full link is read and printed again") {
  const std::string link = with(
      "&dn=a%20b%26c&tr=http%3A%2F%2Ft.example%2Fannounce&tr=udp%3A%2F%2Fu%3A80&ws=http%3A%2F%2Fw%"
      "2F"
      "&x.pe=127.0.0.1:6881&x.pe=[::1]:6882&so=0,2,4,6-8");
  const Magnet magnet = Magnet::parse(link).value();
  CHECK(to_hex(*magnet.info_hash.v1) == v1);
  CHECK_FALSE(magnet.info_hash.v2);
  CHECK(magnet.name == "a b&c");
  CHECK(magnet.trackers == std::vector<std::string>{"http://t.example/announce", "udp://u:80"});
  CHECK(magnet.web_seeds == std::vector<std::string>{"http://w/"});
  CHECK(magnet.peers == std::vector<HostPort>{{"127.0.0.1", 6881}, {"::1", 6882}});
  CHECK(magnet.selected.size() == 4);
  CHECK(magnet.is_selected(7));
  CHECK_FALSE(magnet.is_selected(5));
  CHECK(to_string(magnet) == link);
}

TEST_CASE("hashes of v1, of v2 and of both") {
  CHECK(to_hex(*Magnet::parse("magnet:?xt=urn:btmh:1220" + v2).value().info_hash.v2) == v2);
  const std::string hybrid = with("&xt=urn:btmh:1220" + v2);
  CHECK(printed(hybrid) == hybrid);
  CHECK(printed("magnet:?xt=urn:btmh:1220" + v2 + "&xt=urn:btih:" + v1) == hybrid);
  CHECK(printed("MAGNET:?XT=URN:BTIH:C12FE1C06BBA254A9DC9F519B335AA7C1367A88A") == with(""));
  CHECK(printed("magnet:?xt=urn:btih:YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK") == with(""));
  CHECK(printed("magnet:?xt=urn:btih:yex6dqdlxisuvhoj6um3gnnkpqjwpkek") == with(""));
  CHECK(printed("magnet:?xt=urn%3Abtih%3A" + v1) == with(""));
  CHECK(printed("magnet:?xt.1=urn:btih:" + v1 + "&xt.2=urn:ed2k:abc") == with(""));
}

TEST_CASE("links as they are found are understood") {
  CHECK(printed(with("&amp;dn=x&amp;tr=http://a/b")) == with("&dn=x&tr=http%3A%2F%2Fa%2Fb"));
  CHECK(printed(with("&dn=a+b%2Bc")) == with("&dn=a%20b%2Bc"));
  CHECK(printed(with("&dn=100%")) == with("&dn=100%25"));
  CHECK(printed(with("&tr.1=http://a/&tr.2=http://b/&trx=1&tr=http://a/&tr=")) ==
        with("&tr=http%3A%2F%2Fa%2F&tr=http%3A%2F%2Fb%2F"));
  CHECK(printed(with("&&x&=y&unknown=1")) == with(""));
  CHECK(printed(with("&x.pe=host:1&x.pe=nonsense&x.pe=a:0&x.pe=%5B::1%5D:2")) ==
        with("&x.pe=host:1&x.pe=[::1]:2"));
  CHECK(printed(with("&so=8,3-4,x,5,4-1,-,2-,6-7,99999999999,0")) == with("&so=0,3-8"));
  CHECK(printed(with("&so=0-4294967295")) == with("&so=0-4294967295"));
}

TEST_CASE("what leads to no swarm is an error of one line") {
  for (const std::string& bad :
       {std::string(), std::string("http://a/"), std::string("magnet:"), std::string("magnet:xt"),
        std::string("magnet:?"), std::string("magnet:?dn=x"),
        std::string("magnet:?xt=urn:sha1:abc"), "magnet:?xt=urn:btih:" + v1.substr(1),
        "magnet:?xt=urn:btih:" + v1 + "0", std::string("magnet:?xt=urn:btih:"),
        "magnet:?xt=urn:btih:" + std::string(40, 'g'),
        "magnet:?xt=urn:btih:" + std::string(32, '1'), "magnet:?xt=urn:btmh:" + v2,
        "magnet:?xt=urn:btmh:1114" + v1, "magnet:?xt=urn:btmh:1220" + v2.substr(2),
        with("&xt=urn:btih:" + std::string(40, '0')), with("&dn=" + std::string(70'000, 'x'))}) {
    const auto magnet = Magnet::parse(bad);
    CAPTURE(bad.substr(0, 80));
    REQUIRE(magnet.has_error());
    CHECK(magnet.error().code == Errc::invalid_magnet);
    CHECK(magnet.error().message.starts_with("magnet link: "));
  }
  CHECK(printed(with("&xt=urn:btih:" + v1)) == with(""));
}

TEST_CASE("lists are bounded") {
  std::string link = with("");
  for (int i = 0; i < 1500; ++i) link += "&tr=http://" + std::to_string(i);
  CHECK(Magnet::parse(link).value().trackers.size() == 1000);
}

TEST_CASE("a link is told from a path") {
  CHECK(is_magnet("magnet:?xt=x"));
  CHECK(is_magnet("Magnet:"));
  CHECK_FALSE(is_magnet("magnet"));
  CHECK_FALSE(is_magnet("file.torrent"));
}
