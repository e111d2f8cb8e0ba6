#include "chunkstore/spill.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "tests/unit/chunkstore/fake_files.hpp"
#include "tests/unit/chunkstore/sample.hpp"

using namespace barter;

TEST_CASE("Slots of the spill file are used again, and the empty file is cut") {
  FakeFiles files(1);
  const auto folder = files.open_folder("/s", true);
  REQUIRE(ok(folder));
  Spill spill(files, *folder);
  REQUIRE(ok(spill.open()));
  CHECK(spill.take_slot() == 0);
  CHECK(spill.take_slot() == 1);
  const std::string text(block_length, 'x');
  REQUIRE(ok(spill.put(1, as_bytes(text))));
  const SpillSlot slot{1, Spill::checksum(as_bytes(text))};
  std::string out(block_length, '\0');
  REQUIRE(ok(spill.get(slot, std::as_writable_bytes(std::span(out)))));
  CHECK(out == text);
  CHECK(spill.get({1, slot.checksum ^ 1}, std::as_writable_bytes(std::span(out))).has_error());
  CHECK(spill.get({9, slot.checksum}, std::as_writable_bytes(std::span(out))).has_error());
  spill.release(0);
  CHECK(spill.take_slot() == 0);
  spill.release(1);
  spill.release(0);
  CHECK(files.content("/s/spill").empty());
  CHECK(spill.take_slot() == 0);
}

TEST_CASE("After a restart the slots in use are not handed out") {
  FakeFiles files(1);
  const auto folder = files.open_folder("/s", true);
  Spill spill(files, *folder);
  spill.adopt({{{PieceIndex{4}, 0}, {1, 0}}, {{PieceIndex{4}, 1}, {3, 0}}});
  CHECK(spill.take_slot() == 2);
  CHECK(spill.take_slot() == 0);
  CHECK(spill.take_slot() == 4);
}
