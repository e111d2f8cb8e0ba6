#include "cli/copies.hpp"

#include <catch2/catch.hpp>

using namespace barter;
using namespace barter::cli;

namespace {

constexpr std::uint32_t all = 100;

PeerId peer(std::uint8_t number) {
  PeerId out;
  out.bytes[0] = static_cast<std::byte>(number);
  return out;
}

const Address here = Address::v4({127, 0, 0, 1});

Address host(std::uint8_t number) {
  return Address::v4({45, 0, 0, number});
}

}  // namespace

TEST_CASE("the word of a stranger is no copy", "[copies]") {
  Copies copies(all);
  for (const Address& from : {here, host(1)}) {
    for (std::uint8_t i = 0; i < 200; ++i) CHECK_FALSE(copies.heard_completed(peer(i), from));
  }
  CHECK(copies.count() == 0);
}

TEST_CASE("a peer that is seen to have everything is a copy, once", "[copies]") {
  Copies copies(all);
  CHECK_FALSE(copies.saw_link(peer(1), host(1), 0, 0));
  CHECK_FALSE(copies.saw_link(peer(1), host(1), 99, 16384));
  CHECK(copies.saw_link(peer(1), host(1), all, 16384));
  CHECK_FALSE(copies.saw_link(peer(1), host(1), all, 16384));
  CHECK_FALSE(copies.saw_link(peer(1), host(2), all, 0));  // by its other family
  CHECK_FALSE(copies.heard_completed(peer(1), host(1)));
  CHECK(copies.count() == 1);
  SECTION("also one that got all from others, or had it before") {
    CHECK(copies.saw_link(peer(2), host(2), all, 0));
    CHECK(copies.count() == 2);
  }
}

TEST_CASE("a peer that fetched and tells the tracker is a copy", "[copies]") {
  // Its last words to us may be lost when it leaves.
  Copies copies(all);
  copies.saw_link(peer(1), host(1), 99, 16384);
  CHECK(copies.heard_completed(peer(1), host(1)));
  SECTION("whichever is heard first") {
    CHECK_FALSE(copies.heard_completed(peer(2), host(2)));
    CHECK(copies.saw_link(peer(2), host(2), 99, 16384));
  }
  SECTION("but not from elsewhere") {
    copies.saw_link(peer(2), host(2), 50, 16384);
    CHECK_FALSE(copies.heard_completed(peer(2), host(3)));
  }
  SECTION("nor where nothing was sent to it") {
    copies.saw_link(peer(2), host(2), 50, 0);
    CHECK_FALSE(copies.heard_completed(peer(2), host(2)));
  }
}

TEST_CASE("an address that claims to have everything is believed once", "[copies]") {
  Copies copies(all);
  for (std::uint8_t i = 0; i < 200; ++i) copies.saw_link(peer(i), host(1), all, 0);
  CHECK(copies.count() == 1);
  for (std::uint8_t i = 0; i < 200; ++i) copies.saw_link(peer(i), here, all, 0);
  CHECK(copies.count() == 1);  // known by id already
  SECTION("but those count that we gave something") {
    for (std::uint8_t i = 200; i < 210; ++i) {
      copies.saw_link(peer(i), host(1), 3, 0);
      CHECK(copies.saw_link(peer(i), host(1), all, 16384));
    }
    CHECK(copies.count() == 11);
  }
  SECTION("an IPv6 address is a /64") {
    std::array<std::uint8_t, 16> bytes{0x20, 1};
    for (std::uint8_t i = 200; i < 210; ++i) {
      bytes[15] = i;
      copies.saw_link(peer(i), Address::v6(bytes), all, 0);
    }
    CHECK(copies.count() == 2);
  }
}

TEST_CASE("peers of one machine that fetch from each other are copies", "[copies]") {
  Copies copies(all);
  for (std::uint8_t i = 0; i < 20; ++i) copies.saw_link(peer(i), here, i, 0);
  for (std::uint8_t i = 0; i < 20; ++i) CHECK(copies.saw_link(peer(i), here, all, 0));
  CHECK(copies.count() == 20);
  SECTION("also if they are too fast to be seen at it") {
    for (std::uint8_t i = 20; i < 30; ++i) {
      CHECK_FALSE(copies.saw_link(peer(i), here, i % 2 == 0 ? all : 90, 0));
      CHECK(copies.heard_completed(peer(i), here));
    }
    CHECK(copies.count() == 30);
  }
}

TEST_CASE("who says that he has it is called, but not often", "[copies]") {
  Copies copies(all);
  int calls = 0;
  for (std::uint8_t i = 0; i < 200; ++i) {
    copies.heard_completed(peer(i), host(1));
    calls += copies.worth_a_call(peer(i), {host(1), 7000});
  }
  CHECK(calls == 2);
  copies.heard_completed(peer(201), host(2));
  CHECK(copies.worth_a_call(peer(201), {host(2), 7000}));
  copies.saw_link(peer(202), host(3), 5, 0);
  copies.heard_completed(peer(202), host(3));
  CHECK_FALSE(copies.worth_a_call(peer(202), {host(3), 7000}));  // the link will show it
}

TEST_CASE("those who came with everything are told apart by their port, in a local network",
          "[copies]") {
  Copies copies(all);
  for (std::uint8_t i = 1; i <= 3; ++i) {
    const bool first = i == 1;
    // The tracker may hear of it before or after the link.
    if (i == 2) CHECK_FALSE(copies.heard(peer(i), {here, 7000}));
    CHECK(copies.saw_link(peer(i), here, all, 0) == (first || i == 2));
    if (i != 2) CHECK(copies.heard(peer(i), {here, std::uint16_t(7100 + i)}) == !first);
  }
  CHECK(copies.count() == 3);
  CHECK(copies.copies()[0].port == 7101);
  // Elsewhere an address is believed once.
  CHECK(copies.saw_link(peer(10), host(1), all, 0, 7000));
  CHECK_FALSE(copies.saw_link(peer(11), host(1), all, 0, 7001));
  CHECK(copies.saw_link(peer(12), host(1), all, 16384, 7002));
}

TEST_CASE("a peer counts once over the restarts of its program", "[copies]") {
  for (const Address& from : {here, host(1)}) {
    Copies copies(all);
    CHECK(copies.saw_link(peer(1), from, all, 16384, 7000));
    CHECK_FALSE(copies.saw_link(peer(2), from, all, 0, 7000));      // it seeds now
    CHECK_FALSE(copies.saw_link(peer(3), from, all, 16384, 7000));  // it has lost some
    CHECK_FALSE(copies.heard_completed(peer(3), from));
    CHECK(copies.saw_link(peer(4), from, all, 16384, 7001));  // another one beside it
    CHECK(copies.count() == 2);
  }
}

TEST_CASE("a peer counts once over the restarts of the share", "[copies]") {
  Copies before(all);
  const Copies::Time noon{std::chrono::hours(12)};
  before.saw_link(peer(1), here, all, 16384, 0, noon);
  before.heard(peer(1), {here, 7000}, noon);
  before.saw_link(peer(2), host(1), all, 0, 0, noon);
  Copies after(all);
  after.restore(before.copies());
  CHECK(after.count() == 2);
  CHECK(after.copies()[0].since == noon);
  CHECK_FALSE(after.saw_link(peer(1), here, all, 0));         // the same
  CHECK_FALSE(after.saw_link(peer(3), here, all, 0, 7000));   // started anew
  CHECK_FALSE(after.saw_link(peer(4), host(1), all, 0, 9));   // whose port was not known
  CHECK_FALSE(after.saw_link(peer(5), host(1), all, 0, 10));  // an address is still believed once
  CHECK(after.saw_link(peer(6), here, all, 0, 7001));
  CHECK(after.count() == 3);
}

TEST_CASE("who only talks to the tracker takes no places from others", "[copies]") {
  Copies copies(all);
  PeerId id;
  for (int i = 0; i < 5000; ++i) {
    id.bytes[1] = static_cast<std::byte>(i >> 8);
    id.bytes[2] = static_cast<std::byte>(i & 0xff);
    copies.heard(id, {host(1), 7000});
  }
  CHECK_FALSE(copies.worth_a_call(id, {host(1), 7000}));  // it is not even kept
  CHECK(copies.saw_link(peer(1), host(2), all, 0));
}
