#include "torrent/bitfield.hpp"

#include <catch2/catch.hpp>

#include <set>

#include "torrent/random.hpp"

using namespace barter;

namespace {

std::vector<std::byte> wire(std::initializer_list<int> values) {
  std::vector<std::byte> out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

}  // namespace

TEST_CASE("bit 0 is the high bit of the first byte") {
  Bitfield bits(10);
  CHECK(bits.set(0));
  CHECK(bits.set(9));
  CHECK_FALSE(bits.set(9));
  CHECK(std::vector(bits.wire().begin(), bits.wire().end()) == wire({0x80, 0x40}));
  CHECK(bits.count() == 2);
  CHECK(bits.clear(0));
  CHECK_FALSE(bits.clear(0));
  CHECK(bits.count() == 1);
}

TEST_CASE("a full bitfield has no spare bits") {
  for (std::size_t size : {0U, 1U, 7U, 8U, 9U, 64U, 65U, 1000U}) {
    const Bitfield bits(size, true);
    CHECK(bits.all());
    CHECK(bits.count() == size);
    CHECK(bits.none() == (size == 0));
    const auto again = Bitfield::from_wire(bits.wire(), size);
    REQUIRE(again);
    CHECK(*again == bits);
  }
}

TEST_CASE("the wire form must fit the number of pieces") {
  CHECK(Bitfield::from_wire(wire({0xff, 0xc0}), 10));
  CHECK_FALSE(Bitfield::from_wire(wire({0xff, 0xe0}), 10));
  CHECK_FALSE(Bitfield::from_wire(wire({0xff}), 10));
  CHECK_FALSE(Bitfield::from_wire(wire({0xff, 0, 0}), 10));
  CHECK_FALSE(Bitfield::from_wire({}, 1));
  CHECK(Bitfield::from_wire({}, 0));
  const auto bits = Bitfield::from_wire(wire({0x81, 0, 0, 0, 0, 0, 0, 0, 0x01, 0x80}), 73);
  REQUIRE(bits);
  CHECK(bits->count() == 4);
}

TEST_CASE("next_set and lacks_any_of agree with a set of numbers") {
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    const std::size_t size = 1 + random.below(300);
    Bitfield ours(size), theirs(size);
    std::set<std::size_t> numbers;
    bool lacks = false;
    for (std::size_t i = 0; i < size; ++i) {
      if (random.chance(1, 40)) {
        ours.set(i);
        numbers.insert(i);
      }
      if (random.chance(1, 200)) {
        theirs.set(i);
        lacks = lacks || !ours.test(i);
      }
    }
    CHECK(ours.count() == numbers.size());
    CHECK(ours.lacks_any_of(theirs) == lacks);
    for (std::size_t from = 0; from <= size; ++from) {
      const auto expected = numbers.lower_bound(from);
      REQUIRE(ours.next_set(from) == (expected == numbers.end() ? size : *expected));
    }
  }
}
