// What a sync flushes, and how.
#include <catch2/catch.hpp>

#include "tests/unit/chunkstore/store_bench.hpp"

using namespace barter;

namespace {

constexpr std::uint32_t piece_bytes = 2 * block_length;
constexpr std::size_t many = 200;

Sample many_files() {
  std::vector<SampleFile> files;
  for (std::size_t i = 0; i < many; ++i) {
    files.push_back({"sub" + std::to_string(i % 10) + "/" + std::to_string(i), 5'000});
  }
  return make_sample(files, piece_bytes);
}

struct Bench : StoreBench {
  Bench() : StoreBench(many_files()) {}
  std::unique_ptr<Store> downloaded() {
    auto store = begun();
    for (std::uint32_t i = 0; i < sample.layout().piece_count(); ++i) {
      REQUIRE(barter::store(*store, sample, PieceIndex{i}).result == StoreResult::stored);
    }
    return store;
  }
  void put_files() {
    for (std::size_t i = 0; i < many; ++i) {
      files.put("/data/" + sample.metainfo->files()[i].path, sample.file(i));
    }
  }
  // After a loss of power everything is there without a check.
  void check_durable(std::unique_ptr<Store> store) {
    store.reset();
    files.power_cut();
    const auto again = open();
    CHECK(again->report().have.all());
    CHECK(again->report().unchecked.empty());
    for (std::uint32_t i = 0; i < sample.layout().piece_count(); ++i) {
      CHECK(reads_right(*again, sample, PieceIndex{i}));
    }
  }
};

}  // namespace

TEST_CASE("A seed flushes nothing that others wrote") {
  Bench bench;
  bench.put_files();
  bench.options.read_only = true;
  auto store = bench.open();
  for (const PieceIndex piece : store->report().unchecked) REQUIRE(*store->check_piece(piece));
  const auto before = bench.files.single_syncs();
  REQUIRE(ok(store->sync()));
  CHECK(bench.files.single_syncs() - before == 1);  // the journal
  CHECK(bench.files.joint_syncs() == 0);
  bench.check_durable(std::move(store));
}

TEST_CASE("A download flushes only what it wrote") {
  Bench bench;
  bench.put_files();
  const std::string last = "/data/" + bench.sample.metainfo->files()[many - 1].path;
  bench.files.put(last, std::string(5'000, 'x'));
  bench.options.existing = Existing::update;
  auto store = bench.open();
  for (const PieceIndex piece : store->report().unchecked) REQUIRE(ok(store->check_piece(piece)));
  REQUIRE(ok(store->begin()));
  const PieceIndex piece{bench.sample.layout().piece_count() - 1};
  REQUIRE(barter::store(*store, bench.sample, piece).result == StoreResult::stored);
  const auto before = bench.files.single_syncs();
  REQUIRE(ok(store->sync()));
  CHECK(bench.files.single_syncs() - before < 12);  // the files of one piece, and the journal
  CHECK(bench.files.joint_syncs() == 0);
  bench.check_durable(std::move(store));
}

TEST_CASE("Many files are flushed at once") {
  Bench bench;
  auto store = bench.downloaded();
  const auto before = bench.files.single_syncs();
  REQUIRE(ok(store->sync()));
  CHECK(bench.files.joint_syncs() == 1);
  CHECK(bench.files.single_syncs() - before <= 2);
  bench.check_durable(std::move(store));
}

TEST_CASE("Where they cannot be flushed at once, they are one by one") {
  Bench bench;
  auto store = bench.downloaded();
  const auto before = bench.files.single_syncs();
  SECTION("The system does not know how") {
    bench.files.set_joint_sync(false);
  }
  SECTION("Something on the file system failed, which need not be ours") {
    bench.files.fail(bench.files.operations() + 1, bench.files.operations() + 2, Errc::io_error);
  }
  REQUIRE(ok(store->sync()));
  CHECK(bench.files.single_syncs() - before > many);
  bench.check_durable(std::move(store));
}
