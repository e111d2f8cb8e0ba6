#include "cli/torrent_pin.hpp"

#include <catch2/catch.hpp>

using namespace barter;
using namespace barter::cli;

namespace {

const std::string v1 = "0123456789abcdef0123456789abcdef01234567";
const std::string v2 = v1 + "89abcdef0123456789abcdef";
const std::string other = "ffff456789abcdef0123456789abcdef01234567";

InfoHash hash_of(const std::string& first, const std::string& second = {}) {
  InfoHash out;
  if (!first.empty()) from_hex(first, out.v1.emplace().bytes);
  if (!second.empty()) from_hex(second, out.v2.emplace().bytes);
  return out;
}

}  // namespace

TEST_CASE("a pin is an info-hash of either version", "[torrent_pin]") {
  CHECK(TorrentPin::parse(v1)->check(hash_of(v1), "x").has_value());
  CHECK(TorrentPin::parse("0123456789ABCDEF0123456789ABCDEF01234567")
            ->check(hash_of(v1, v2), "x")
            .has_value());
  CHECK(TorrentPin::parse("AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH")->check(hash_of(v1), "x").has_value());
  CHECK(TorrentPin::parse(v2)->check(hash_of(v1, v2), "x").has_value());
  CHECK(TorrentPin::parse(v2)->is_v2());
  for (const std::string& text : {std::string(), std::string("x"), v1 + "0", v1.substr(1),
                                  v1 + "&dn=x", v2.substr(0, 63) + "g"}) {
    CHECK(TorrentPin::parse(text).has_error());
  }
}

TEST_CASE("another torrent is refused with both hashes named", "[torrent_pin]") {
  const auto refused = TorrentPin::parse(v1)->check(hash_of(other), "http://x/");
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == Errc::unexpected);
  CHECK(refused.error().message.find(v1) != std::string::npos);
  CHECK(refused.error().message.find(other) != std::string::npos);
  CHECK(refused.error().message.starts_with("http://x/ "));
  // A torrent of one version only does not fit a pin of the other.
  CHECK(TorrentPin::parse(v2)->check(hash_of(v1), "x").has_error());
  CHECK(TorrentPin::parse(v1)->check(hash_of({}, v2), "x").has_error());
}

TEST_CASE("a URL's fragment pins its torrent", "[torrent_pin]") {
  const std::string url = "http://h:1/x.torrent";
  CHECK_FALSE(TorrentPin::of_url(url)->has_value());
  CHECK_FALSE(TorrentPin::of_url(url + "#top")->has_value());
  CHECK(
      (*TorrentPin::of_url(url + pin_text(hash_of(v1, v2))))->check(hash_of(v1), "x").has_value());
  CHECK((*TorrentPin::of_url(url + pin_text(hash_of({}, v2))))
            ->check(hash_of({}, v2), "x")
            .has_value());
  CHECK(TorrentPin::of_url(url + "#btih=").has_error());
  CHECK(TorrentPin::of_url(url + "#btih=" + v1.substr(0, 39)).has_error());
}

TEST_CASE("two pins contradict each other where both speak of one version", "[torrent_pin]") {
  CHECK(TorrentPin::parse(v1)->contradicts(*TorrentPin::parse(other)));
  CHECK_FALSE(TorrentPin::parse(v1)->contradicts(*TorrentPin::parse(v1)));
  CHECK_FALSE(TorrentPin::parse(v1)->contradicts(*TorrentPin::parse(v2)));
}
