#include "dht/sources.hpp"

#include <catch2/catch.hpp>

#include "dht/token.hpp"

namespace barter::dht {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
const TimePoint start{std::chrono::hours(10)};

Endpoint at(std::string_view text) {
  return Endpoint::parse(text).value();
}

TEST_CASE("an address that has proven nothing is sent three times what it sent") {
  Sources sources(512, 10, 20, SipKey{1, 2});
  const Endpoint from = at("8.8.8.8:1");
  CHECK(sources.allowance(from, start) == 0);
  REQUIRE(sources.query_came(from, 100, start));
  CHECK(sources.allowance(from, start) == 300);
  CHECK(sources.allowance(at("8.8.8.8:2"), start) == 300);  // the same host
  CHECK(sources.allowance(at("8.8.8.9:1"), start) == 0);
  sources.sent(from, 250);
  CHECK(sources.allowance(from, start) == 50);
  sources.sent(from, 250);
  CHECK(sources.allowance(from, start) == 0);
  sources.proven(from, start);
  CHECK(sources.allowance(from, start) > 100'000);
  CHECK(sources.is_proven(from, start + minutes(9)));
  CHECK_FALSE(sources.is_proven(from, start + minutes(11)));
}

TEST_CASE("so many queries a second") {
  Sources sources(512, 10, 20, SipKey{1, 2});
  const Endpoint from = at("8.8.8.8:1");
  int taken = 0;
  for (int i = 0; i < 100; ++i) taken += sources.query_came(from, 50, start);
  CHECK(taken == 20);
  for (int i = 0; i < 100; ++i) taken += sources.query_came(from, 50, start + seconds(1));
  CHECK(taken == 30);
  CHECK(sources.query_came(at("8.8.4.4:1"), 50, start + seconds(1)));
}

TEST_CASE("a flood of made-up sources costs no memory and drives out no proven one") {
  Sources sources(64, 10, 20, SipKey{1, 2});
  const Endpoint friendly = at("8.8.8.8:1");
  sources.proven(friendly, start);
  const std::size_t before = sources.memory_bytes();
  for (std::uint32_t i = 0; i < 100'000; ++i)
    sources.query_came(
        {Address::v4({30, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                      static_cast<std::uint8_t>(i)}),
         1},
        50, start + seconds(1));
  CHECK(sources.memory_bytes() == before);
  CHECK(sources.is_proven(friendly, start + seconds(1)));
}

TEST_CASE("a token is good for its address and target, for a while") {
  const Tokens tokens(SipKey{3, 4});
  Random random(1);
  const NodeId target = random_id(random), other = random_id(random);
  const Address address = at("8.8.8.8:1").address;
  const std::string token = tokens.token(address, target, start);
  CHECK(tokens.valid(token, address, target, start));
  CHECK(tokens.valid(token, address, target, start + minutes(5)));
  CHECK_FALSE(tokens.valid(token, address, target, start + minutes(10)));
  CHECK_FALSE(tokens.valid(token, address, other, start));
  CHECK_FALSE(tokens.valid(token, at("8.8.8.9:1").address, target, start));
  CHECK_FALSE(tokens.valid("", address, target, start));
  CHECK_FALSE(tokens.valid(token.substr(0, 7), address, target, start));
  CHECK_FALSE(Tokens(SipKey{3, 5}).valid(token, address, target, start));
}

}  // namespace
}  // namespace barter::dht
