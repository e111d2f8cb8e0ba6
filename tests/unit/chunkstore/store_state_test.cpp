// A download whose state folder cannot be written, or holds what cannot be read back.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/unit/chunkstore/store_bench.hpp"

using namespace barter;

namespace {

constexpr std::uint32_t piece_bytes = 4 * block_length;
constexpr std::uint32_t all = 8;  // pieces

struct Bench : StoreBench {
  Bench()
      : StoreBench(make_sample({{"a", 5 * piece_bytes}, {"b", 3 * piece_bytes}}, piece_bytes)) {}
  void fetch(Store& store, std::uint32_t from, std::uint32_t to) {
    for (std::uint32_t i = from; i < to; ++i) this->store(store, i);
  }
  void fill_state_disk() { files.fail_below("/state", Errc::no_space); }
  void make_room() { files.fail_below("", {}); }
  std::string spill_file() const {
    for (const auto& name : files.names())
      if (name.ends_with("/spill")) return name;
    return {};
  }

  BlockPool pool{64};
};

}  // namespace

TEST_CASE("A full disk of the state takes nothing from a download") {
  Bench bench;
  auto store = bench.begun();
  bench.fetch(*store, 0, 3);
  CHECK_FALSE(store->state_trouble());
  bench.fill_state_disk();
  bench.fetch(*store, 3, all);
  REQUIRE(ok(store->sync()));
  REQUIRE(store->state_trouble());
  CHECK(store->state_trouble()->code == Errc::no_space);
  CHECK(store->find_changes().empty());
  for (std::uint32_t i = 0; i < all; ++i) CHECK(reads_right(*store, bench.sample, PieceIndex{i}));
  SECTION("A run that ends now leaves what must be hashed, and no more") {
    store.reset();
    const auto again = bench.open();
    CHECK(again->report().unchecked.size() == all);
    for (const PieceIndex piece : again->report().unchecked) CHECK(*again->check_piece(piece));
    bench.make_room();
    CHECK(ok(again->begin()));
  }
  SECTION("When there is room all of it is known again") {
    bench.make_room();
    REQUIRE(ok(store->sync()));
    CHECK_FALSE(store->state_trouble());
    store.reset();
    bench.files.power_cut();
    CHECK(bench.open()->report().have.all());
  }
}

TEST_CASE("What could not be noted is not called durable before it is") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    Bench bench;
    bench.files = FakeFiles(seed);
    auto store = bench.begun();
    REQUIRE(ok(store->sync()));
    bench.fill_state_disk();
    bench.fetch(*store, 0, all);
    bench.files.kill();
    store.reset();
    bench.make_room();
    store = bench.begun();
    for (std::uint32_t i = 0; i < all; ++i) CHECK(bench.reads(*store, i));
    // The times may be on the disk before the bytes are.
    REQUIRE(ok(store->sync()));
    bench.files.power_cut();
    store.reset();
    store = bench.open();
    CHECK(store->report().have.all());
    for (std::uint32_t i = 0; i < all; ++i) CHECK(bench.reads(*store, i));
  }
}

TEST_CASE("A download begins beside a full disk of the state") {
  Bench bench;
  bench.begun().reset();  // its folder and lock
  bench.fill_state_disk();
  auto store = bench.begun();
  CHECK(store->state_trouble());
  bench.fetch(*store, 0, all);
  bench.make_room();
  REQUIRE(ok(store->sync()));
  store.reset();
  CHECK(bench.open()->report().have.all());
}

TEST_CASE("A block that finds no room is the caller's still, and later ones find some") {
  Bench bench;
  auto store = bench.begun();
  const auto blocks = bench.sample.blocks(bench.pool, PieceIndex{2});
  bench.fill_state_disk();
  CHECK(store->spill_block({PieceIndex{2}, 0}, blocks[0]).has_error());
  CHECK(store->state_trouble());
  bench.make_room();
  REQUIRE(ok(store->sync()));
  CHECK_FALSE(store->state_trouble());
  REQUIRE(ok(store->spill_block({PieceIndex{2}, 0}, blocks[0])));
  store.reset();
  CHECK(bench.open()->report().spilled == std::vector<BlockRef>{{PieceIndex{2}, 0}});
}

TEST_CASE("Of blocks put aside those are fetched again that cannot be read back") {
  Bench bench;
  auto store = bench.begun();
  const PieceIndex piece{6};
  for (std::uint32_t i = 0; i < 3; ++i) {
    REQUIRE(ok(store->spill_block({piece, i}, bench.sample.blocks(bench.pool, piece)[i])));
  }
  SECTION("One is damaged") {
    bench.files.overwrite(bench.spill_file(), block_length + 5, "xyz");
    auto blocks = bench.sample.blocks(bench.pool, piece);
    for (std::uint32_t i = 0; i < 3; ++i) blocks[i] = {};
    const auto outcome = store->store_piece(piece, blocks, false);
    CHECK(outcome.result == StoreResult::blocks_lost);
    CHECK(outcome.lost_blocks == std::vector<std::uint32_t>{1});
    CHECK_FALSE(outcome.message.empty());
    SECTION("It comes again") {
      auto again = bench.sample.blocks(bench.pool, piece);
      blocks[1] = std::move(again[1]);
      CHECK(store->store_piece(piece, blocks, false).result == StoreResult::stored);
      CHECK(reads_right(*store, bench.sample, piece));
    }
    SECTION("It is put aside again") {
      REQUIRE(ok(store->spill_block({piece, 1}, bench.sample.blocks(bench.pool, piece)[1])));
      CHECK(store->store_piece(piece, blocks, false).result == StoreResult::stored);
    }
    SECTION("The next run knows the others") {
      store.reset();
      CHECK(bench.open()->report().spilled == std::vector<BlockRef>{{piece, 0}, {piece, 2}});
    }
  }
  SECTION("The file was cut") {
    bench.files.resize(bench.spill_file(), block_length);
    auto blocks = bench.sample.blocks(bench.pool, piece);
    for (std::uint32_t i = 0; i < 3; ++i) blocks[i] = {};
    const auto outcome = store->store_piece(piece, blocks, false);
    CHECK(outcome.result == StoreResult::blocks_lost);
    CHECK(outcome.lost_blocks == std::vector<std::uint32_t>{1, 2});
  }
}
