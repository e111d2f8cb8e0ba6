#include "cli/flags.hpp"

#include <cstdlib>

#include <catch2/catch.hpp>

#include "cli/command.hpp"

using namespace barter;
using namespace barter::cli;

TEST_CASE("each --announce is a tier, commas part its URLs", "[flags]") {
  using Tiers = std::vector<std::vector<std::string>>;
  CHECK(parse_tiers({}).empty());
  CHECK(parse_tiers({"http://a/announce,udp://b:1", "https://c"}) ==
        Tiers{{"http://a/announce", "udp://b:1"}, {"https://c"}});
  CHECK(parse_tiers({",http://a,"}) == Tiers{{"http://a"}});
  for (const char* wrong : {"", ",", "nonsense", "ftp://a", "http://a,gopher://b"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_tiers({wrong}), UsageError);
  }
}

TEST_CASE("web seeds are of the web", "[flags]") {
  CHECK(parse_web_seeds({"http://a/", "https://b/x"}).size() == 2);
  CHECK_THROWS_AS(parse_web_seeds({"udp://a:1"}), UsageError);
}

TEST_CASE("peers are host and port", "[flags]") {
  const auto peers = parse_peers({"10.0.0.7:6881", "[::1]:5", "name.example:80"});
  REQUIRE(peers.size() == 3);
  CHECK(peers[1].host == "::1");
  CHECK(peers[2].port == 80);
  for (const char* wrong : {"", "10.0.0.7", "10.0.0.7:0x5", "10.0.0.7:70000", ":"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_peers({wrong}), UsageError);
  }
}

TEST_CASE("patterns are checked", "[flags]") {
  CHECK(parse_globs("--select", {"*.x", "a/**"}).size() == 2);
  CHECK_THROWS_AS(parse_globs("--select", {"/"}), UsageError);
}

TEST_CASE("SOURCE_DATE_EPOCH sets the date", "[flags]") {
  setenv("SOURCE_DATE_EPOCH", "1234", 1);
  CHECK(current_date() == 1234);
  setenv("SOURCE_DATE_EPOCH", "12x", 1);
  CHECK_THROWS_AS(current_date(), UsageError);
  unsetenv("SOURCE_DATE_EPOCH");
  CHECK(current_date() > 1'700'000'000);
}
