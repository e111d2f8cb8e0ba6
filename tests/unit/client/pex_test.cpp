#include "client/wire/pex.hpp"

#include <catch2/catch.hpp>

#include "client/wire/extension.hpp"
#include "torrent/digest.hpp"

namespace barter::wire {
namespace {

Endpoint at(const char* text) {
  return *Endpoint::parse(text);
}

TEST_CASE("contacts of both families survive the round trip") {
  PeerExchange ours;
  ours.added = {{at("20.1.2.3:6881"), true, false},
                {at("20.1.2.4:1"), false, true},
                {at("[2001:db8::1]:65535"), true, true}};
  ours.dropped = {at("20.1.2.5:80"), at("[2001:db8::2]:6882")};
  const auto back = decode_pex(pex_payload(ours));
  REQUIRE(back);
  CHECK(back->added == ours.added);
  CHECK(back->dropped == ours.dropped);
}

TEST_CASE("the bytes are those of BEP 11") {
  PeerExchange ours;
  ours.added = {{at("1.2.3.4:258"), true, true}};
  ours.dropped = {at("5.6.7.8:9")};
  CHECK(pex_payload(ours) == std::string("d5:added6:\1\2\3\4\1\2"
                                         "7:added.f1:\x12"
                                         "7:dropped6:\5\6\7\10\0\11"
                                         "e",
                                         46));
  CHECK(pex_payload({}) == "de");
}

TEST_CASE("a message of peer exchange needs one of its lists") {
  CHECK_FALSE(decode_pex("de"));
  CHECK_FALSE(decode_pex("d7:added.f1:xe"));
  CHECK_FALSE(decode_pex("le"));
  CHECK_FALSE(decode_pex("d5:addedi6ee"));
  CHECK_FALSE(decode_pex("d5:added6:abc"));
  CHECK(decode_pex("d7:dropped0:e"));
}

TEST_CASE("records cut short are left out, and missing flags are none") {
  const auto got = decode_pex(
      "d5:added14:aaaabbccccddee7:added.f1:\2"
      "7:dropped5:aaaaae");
  REQUIRE(got);
  REQUIRE(got->added.size() == 2);
  CHECK(got->added[0].seed);
  CHECK_FALSE(got->added[1].seed);
  CHECK(got->dropped.empty());
}

TEST_CASE("a message holds no more contacts than are read") {
  const auto long_one = decode_pex("d5:added6000:" + std::string(6000, 'a') +
                                   "8:dropped618000:" + std::string(18000, 'b') + "e");
  REQUIRE(long_one);
  CHECK(long_one->added.size() == max_contacts_read);
  CHECK(long_one->dropped.size() == max_contacts_read);
}

TEST_CASE("peer exchange is an extended message under the number that we announce") {
  PeerExchange ours;
  ours.id = our_ut_pex_id;
  ours.added = {{at("20.1.2.3:6881"), false, true}};
  std::vector<std::byte> bytes;
  encode(ours, bytes);
  const auto back = decode(std::span(bytes).subspan(4));
  REQUIRE(back.has_value());
  REQUIRE(std::holds_alternative<PeerExchange>(*back));
  CHECK(std::get<PeerExchange>(*back).added == ours.added);
  const Message junk = decode_extended(our_ut_pex_id, as_bytes(std::string_view("junk")));
  CHECK(std::holds_alternative<Unknown>(junk));
}

}  // namespace
}  // namespace barter::wire
