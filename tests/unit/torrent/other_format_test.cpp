#include "torrent/other_format.hpp"

#include <catch2/catch.hpp>

#include "torrent/metainfo.hpp"

namespace barter {
namespace {

TEST_CASE("what is no torrent is called what it is") {
  CHECK(other_format("<!DOCTYPE html><html>") == "a web page (HTML)");
  CHECK(other_format("\xef\xbb\xbf\r\n <HTML>") == "a web page (HTML)");
  CHECK(other_format("magnet:?xt=urn:btih:") == "a magnet link");
  CHECK(other_format("{\"error\": 1}") == "a JSON text");
  CHECK(other_format("") == "an empty file");
  CHECK(other_format(" \n") == "an empty file");
  CHECK(other_format("PK\x03\x04") == "a ZIP archive: unpack it first");
  CHECK_FALSE(other_format("d4:info"));
  CHECK_FALSE(other_format("<h"));
}

TEST_CASE("a web page under a torrent's name is told as that") {
  const auto page = Metainfo::parse("<!doctype html><html><body>Log in</body></html>");
  REQUIRE(page.has_error());
  CHECK(page.error().message == "this is a web page (HTML), not a torrent");
  const auto broken = Metainfo::parse("d4:info");
  REQUIRE(broken.has_error());
  CHECK(broken.error().message.find("bencode") == 0);
}

}  // namespace
}  // namespace barter
