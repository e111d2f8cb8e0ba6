#include "chunkstore/store.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "chunkstore/posix_files.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/unit/chunkstore/sample.hpp"

using namespace barter;
using namespace barter::test;

namespace {

constexpr std::uint32_t piece_bytes = 2 * block_length;

// Three files that share pieces, an empty one and a pad.
Sample sample_of_files() {
  return make_sample({{"a", 50'000},
                      {"sub/b", 10'000},
                      {"empty", 0},
                      {".pad/5536", 5'536, true},
                      {"sub/deep/c", 100'000}},
                     piece_bytes);
}

struct Bench {
  TemporaryFolder folder;
  std::unique_ptr<Files> files = posix_files();
  Sample sample = sample_of_files();

  StoreOptions options() {
    StoreOptions out;
    out.folder = folder / "data";
    out.state_folder = folder / "state";
    return out;
  }
  std::unique_ptr<Store> open(StoreOptions options) {
    auto opened = Store::open(sample.metainfo, std::move(options), *files);
    if (!opened) FAIL(opened.error().message);
    return std::move(*opened);
  }
  std::unique_ptr<Store> open() { return open(options()); }
  std::uint32_t pieces() const { return sample.layout().piece_count(); }
  std::string path(std::size_t file) const {
    return folder / ("data/" + sample.metainfo->files()[file].path);
  }
  void store_all(Store& store) {
    for (std::uint32_t i = 0; i < pieces(); ++i) {
      const auto outcome = barter::store(store, sample, PieceIndex{i});
      INFO(outcome.message);
      REQUIRE(outcome.result == StoreResult::stored);
    }
  }
  void put_files() {
    for (std::size_t i = 0; i < sample.metainfo->files().size(); ++i) {
      if (!sample.metainfo->files()[i].pad) write_file(path(i), sample.file(i));
    }
  }
};

void begin(Store& store) {
  const auto done = store.begin();
  if (!done) FAIL(done.error().message);
}

}  // namespace

TEST_CASE("A torrent is stored piece by piece and read back") {
  Bench bench;
  auto store = bench.open();
  CHECK(store->report().have.none());
  CHECK(store->report().unchecked.empty());
  CHECK_FALSE(store->report().resumed);
  begin(*store);
  CHECK(std::filesystem::exists(bench.path(2)));
  CHECK_FALSE(std::filesystem::exists(bench.path(3)));
  CHECK_FALSE(reads_right(*store, bench.sample, PieceIndex{0}));
  bench.store_all(*store);
  CHECK(store->unsynced_bytes() == bench.sample.data.size());
  for (std::uint32_t i = 0; i < bench.pieces(); ++i) {
    CHECK(reads_right(*store, bench.sample, PieceIndex{i}));
  }
  REQUIRE(ok(store->sync()));
  CHECK(store->unsynced_bytes() == 0);
  CHECK(store->find_changes().empty());
  for (const std::size_t file : {0, 1, 2, 4}) {
    CHECK(read_file(bench.path(file)) == bench.sample.file(file));
  }
}

TEST_CASE("A restart trusts the journal and hashes nothing") {
  Bench bench;
  {
    auto store = bench.open();
    begin(*store);
    bench.store_all(*store);
    sync_where_boots_are_unknown(*store);
  }
  const auto store = bench.open();
  CHECK(store->report().resumed);
  CHECK(store->report().have.all());
  CHECK(store->report().unchecked.empty());
  begin(*store);
  CHECK(reads_right(*store, bench.sample, PieceIndex{3}));
}

TEST_CASE("A wrong block is a mismatch, told by its digest") {
  Bench bench;
  auto store = bench.open();
  begin(*store);
  BlockPool pool(16);
  auto blocks = bench.sample.blocks(pool, PieceIndex{0});
  blocks[1].data()[7] ^= std::byte{1};
  const auto bad = store->store_piece(PieceIndex{0}, blocks, false);
  CHECK(bad.result == StoreResult::hash_mismatch);
  blocks[1].data()[7] ^= std::byte{1};
  const auto good = store->store_piece(PieceIndex{0}, blocks, true);
  CHECK(good.result == StoreResult::stored);
  REQUIRE(bad.block_digests.size() == 2);
  REQUIRE(good.block_digests.size() == 2);
  CHECK(bad.block_digests[0] == good.block_digests[0]);
  CHECK(bad.block_digests[1] != good.block_digests[1]);
}

TEST_CASE("Spilled blocks survive a restart and complete their piece") {
  Bench bench;
  BlockPool pool(16);
  const PieceIndex piece{2};
  {
    auto store = bench.open();
    begin(*store);
    const auto blocks = bench.sample.blocks(pool, piece);
    REQUIRE(ok(store->spill_block({piece, 1}, blocks[1])));
  }
  auto store = bench.open();
  REQUIRE(store->report().spilled == std::vector<BlockRef>{{piece, 1}});
  begin(*store);
  auto blocks = bench.sample.blocks(pool, piece);
  blocks[1] = {};
  CHECK(store->store_piece(piece, blocks, false).result == StoreResult::stored);
  CHECK(reads_right(*store, bench.sample, piece));
}

TEST_CASE("Existing files are hashed; what matches is kept") {
  Bench bench;
  bench.put_files();
  write_file(bench.path(4), std::string(100'000, 'x'));
  auto options = bench.options();
  options.existing = Existing::update;
  auto store = bench.open(options);
  CHECK(store->report().found_files);
  CHECK(store->report().unchecked.size() == bench.pieces());
  for (const auto piece : store->report().unchecked) REQUIRE(ok(store->check_piece(piece)));
  begin(*store);
  CHECK(reads_right(*store, bench.sample, PieceIndex{0}));
  CHECK_FALSE(reads_right(*store, bench.sample, PieceIndex{4}));
  bench.store_all(*store);
  CHECK(read_file(bench.path(4)) == bench.sample.file(4));
}

TEST_CASE("Files of somebody else are not overwritten unless forced") {
  Bench bench;
  write_file(bench.path(0), std::string(60'000, 'x'));
  {
    auto store = bench.open();
    for (const auto piece : store->report().unchecked) REQUIRE_FALSE(*store->check_piece(piece));
    const auto refused = store->begin();
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == Errc::already_exists);
    CHECK(read_file(bench.path(0)) == std::string(60'000, 'x'));
    CHECK_FALSE(std::filesystem::exists(bench.path(1)));
  }
  auto options = bench.options();
  options.existing = Existing::overwrite;
  auto store = bench.open(options);
  begin(*store);
  bench.store_all(*store);
  CHECK(read_file(bench.path(0)) == bench.sample.file(0));
}

TEST_CASE("A second store on the same data is refused") {
  Bench bench;
  const auto store = bench.open();
  const auto second = Store::open(bench.sample.metainfo, bench.options(), *bench.files);
  REQUIRE(second.has_error());
  CHECK(second.error().code == Errc::locked);
  CHECK(second.error().message.find(bench.folder.path()) != std::string::npos);
}

TEST_CASE("Two parts of a torrent are not fetched into one folder at a time") {
  Bench bench;
  auto first = bench.options();
  auto second = bench.options();
  second.state_folder = bench.folder / "elsewhere";
  SECTION("Both parts") {
    first.selected = {true, false, false, false, false};
    second.selected = {false, false, false, false, true};
  }
  SECTION("All beside a part") {
    second.selected = {false, false, false, false, true};
  }
  SECTION("A part beside all") {
    first.selected = {false, false, false, false, true};
  }
  auto store = bench.open(first);
  begin(*store);
  const auto refused = Store::open(bench.sample.metainfo, second, *bench.files);
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == Errc::locked);
  CHECK(refused.error().message.find(bench.folder / "data/t") != std::string::npos);
  store.reset();
  CHECK(ok(Store::open(bench.sample.metainfo, second, *bench.files)));
}

TEST_CASE("Torrents that have the same name are fetched side by side") {
  Bench bench;
  const auto store = bench.open();
  begin(*store);
  const Sample other = make_sample({{"x", 50'000}, {"y", 10'000}}, piece_bytes);
  auto beside = Store::open(other.metainfo, bench.options(), *bench.files);
  REQUIRE(ok(beside));
  begin(**beside);
}

TEST_CASE("Another state folder does not let two write the same data") {
  Bench bench;
  auto first = bench.open();
  auto options = bench.options();
  options.state_folder = bench.folder / "elsewhere";
  auto second = bench.open(options);  // nothing is there yet to lock
  begin(*first);
  const auto refused = second->begin();
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == Errc::locked);
  CHECK(refused.error().message.find(bench.path(0)) != std::string::npos);
  second.reset();
  const auto late = Store::open(bench.sample.metainfo, options, *bench.files);
  REQUIRE(late.has_error());
  CHECK(late.error().code == Errc::locked);
  bench.store_all(*first);
  SECTION("A file that was replaced is locked again") {
    std::filesystem::remove(bench.path(0));
    CHECK_FALSE(first->find_changes().empty());
    const auto again = Store::open(bench.sample.metainfo, options, *bench.files);
    REQUIRE(again.has_error());
    CHECK(again.error().code == Errc::locked);
  }
  SECTION("The first one's end frees it") {
    REQUIRE(ok(first->sync()));
    first.reset();
    auto third = bench.open(options);
    for (const auto piece : third->report().unchecked) REQUIRE(*third->check_piece(piece));
    begin(*third);
  }
}

TEST_CASE("A seed beside a download serves what is right") {
  Bench bench;
  auto writer = bench.open();
  begin(*writer);
  CHECK(barter::store(*writer, bench.sample, PieceIndex{0}).result == StoreResult::stored);
  auto options = bench.options();
  options.state_folder = bench.folder / "elsewhere";
  options.read_only = true;
  auto seed = bench.open(options);
  int right = 0;
  for (const auto piece : seed->report().unchecked) right += *seed->check_piece(piece) ? 1 : 0;
  CHECK(right == 1);
  CHECK(reads_right(*seed, bench.sample, PieceIndex{0}));
  CHECK(barter::store(*writer, bench.sample, PieceIndex{1}).result == StoreResult::stored);
  for (const auto piece : seed->find_changes()) REQUIRE(ok(seed->check_piece(piece)));
  CHECK(reads_right(*seed, bench.sample, PieceIndex{0}));
  CHECK(reads_right(*seed, bench.sample, PieceIndex{1}));
}

TEST_CASE("A seed writes nothing and withdraws what changes") {
  Bench bench;
  bench.put_files();
  auto options = bench.options();
  options.read_only = true;
  {
    auto store = bench.open(options);
    CHECK(store->report().missing.empty());
    for (const auto piece : store->report().unchecked) REQUIRE(*store->check_piece(piece));
    begin(*store);
    CHECK(store->find_changes().empty());
    REQUIRE(ok(store->sync()));
  }
  auto store = bench.open(options);
  CHECK(store->report().have.all());
  CHECK(store->report().unchecked.empty());
  CHECK(reads_right(*store, bench.sample, PieceIndex{0}));
  write_file(bench.path(1), std::string(10'000, 'y'));
  const auto lost = store->find_changes();
  CHECK(lost == std::vector<PieceIndex>{PieceIndex{1}});
  CHECK_FALSE(reads_right(*store, bench.sample, PieceIndex{1}));
  write_file(bench.path(1), bench.sample.file(1));
  CHECK(store->find_changes().size() == 1);
  CHECK(*store->check_piece(PieceIndex{1}));
  CHECK(reads_right(*store, bench.sample, PieceIndex{1}));
  std::filesystem::remove(bench.path(4));
  CHECK(store->find_changes().size() == 4);
  CHECK(store->find_changes().empty());
  std::filesystem::rename(bench.folder / "data", bench.folder / "elsewhere");
  CHECK_FALSE(store->root_present());
  CHECK(store->find_changes().empty());
}

TEST_CASE("Pieces are stored, read, put aside and synced side by side") {
  Bench bench;
  bench.sample = make_sample({{"a", 700'000}, {"b", 500'001}, {"sub/c", 900'000}}, piece_bytes);
  auto options = bench.options();
  options.max_open_files = 2;
  {
    auto store = bench.open(options);
    begin(*store);
    BlockPool pool(64);
    std::atomic<std::uint32_t> next{0};
    std::atomic<std::uint32_t> stored{0};
    std::atomic<int> wrong{0};
    const auto work = [&] {
      for (std::uint32_t i = next++; i < bench.pieces(); i = next++) {
        const PieceIndex piece{i};
        auto blocks = bench.sample.blocks(pool, piece);
        if (i % 3 == 0 && store->spill_block({piece, 0}, blocks[0])) blocks[0] = {};
        if (store->store_piece(piece, blocks, i % 5 == 0).result != StoreResult::stored) ++wrong;
        if (!reads_right(*store, bench.sample, piece)) ++wrong;
        ++stored;
      }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back(work);
    std::vector<std::byte> out(100);
    while (stored < bench.pieces()) {
      if (!store->sync()) ++wrong;
      if (!store->find_changes().empty()) ++wrong;
      (void)store->read({PieceIndex{0}, 0, 100}, out, false);
    }
    for (auto& thread : threads) thread.join();
    CHECK(wrong == 0);
    REQUIRE(ok(store->sync()));
    CHECK(store->unsynced_bytes() == 0);
  }
  const auto store = bench.open(options);
  CHECK(store->report().have.all());
  CHECK(store->report().unchecked.empty());
  CHECK(store->report().spilled.empty());
}
