// What others do to the files while a download writes them, or a seed serves them.
#include <algorithm>
#include <catch2/catch.hpp>

#include "chunkstore/resume.hpp"
#include "tests/unit/chunkstore/store_bench.hpp"

using namespace barter;

namespace {

constexpr std::uint32_t piece_bytes = 2 * block_length;
constexpr std::uint32_t half = 4;  // pieces of eight, stored before somebody comes

struct Bench : StoreBench {
  Bench() : StoreBench(make_sample({{"a", 8 * piece_bytes}}, piece_bytes)) {}
  const std::string a = path("a");

  std::unique_ptr<Store> half_done() {
    auto store = begun();
    for (std::uint32_t i = 0; i < half; ++i) this->store(*store, i);
    CHECK_FALSE(store->change_noticed());
    return store;
  }
  // As the owner of a store does: what is lost is hashed, and what is wrong fetched again.
  void mend(Store& store) {
    for (const PieceIndex piece : store.find_changes()) {
      const auto right = store.check_piece(piece);
      REQUIRE(ok(right));
      if (*right) continue;
      CHECK_FALSE(reads_right(store, sample, piece));
      this->store(store, to_number(piece));
    }
  }
  // Everything is right, for this run and for the next.
  void check_whole(std::unique_ptr<Store> store) {
    CHECK(store->find_changes().empty());
    CHECK(store->absent_files().empty());
    REQUIRE(ok(store->sync()));
    CHECK(files.content(a) == sample.data);
    store.reset();
    const auto again = open();
    CHECK(again->report().have.all());
    for (std::uint32_t i = 0; i < 8; ++i) CHECK(reads_right(*again, sample, PieceIndex{i}));
  }
};

struct Deed {
  const char* what;
  void (*does)(Bench&);
  bool spoils;  // pieces that were right
};

const Deed deeds[] = {
    {"cut to nothing", [](Bench& b) { b.files.resize(b.a, 0); }, true},
    {"cut in the middle of a piece", [](Bench& b) { b.files.resize(b.a, 50'000); }, true},
    {"cut, and long again",
     [](Bench& b) {
       b.files.resize(b.a, 40'000);
       b.files.resize(b.a, 8 * piece_bytes);
     },
     true},
    {"overwritten in place",
     [](Bench& b) { b.files.overwrite(b.a, 20'000, std::string(5'000, 'x')); }, true},
    {"touched", [](Bench& b) { b.files.touch(b.a); }, false},
    {"longer", [](Bench& b) { b.files.resize(b.a, 9 * piece_bytes); }, false},
    {"removed", [](Bench& b) { b.files.remove_tree(b.a); }, true},
};

}  // namespace

TEST_CASE("Who changes a file between two pieces does not make it ours") {
  for (const Deed& deed : deeds) {
    INFO(deed.what);
    Bench bench;
    auto store = bench.half_done();
    deed.does(bench);
    // The write itself notices, and goes into the file that is there now.
    for (std::uint32_t i = half; i < 8; ++i) bench.store(*store, i);
    CHECK(store->change_noticed());
    for (std::uint32_t i = half; i < 8; ++i)
      CHECK(reads_right(*store, bench.sample, PieceIndex{i}));
    const auto lost = store->find_changes();
    CHECK(lost.size() == half);
    CHECK(store->changed_files() == std::vector<std::string>{"t/a"});
    CHECK(store->changed_files().empty());
    CHECK_FALSE(store->change_noticed());
    std::size_t spoilt = 0;
    for (const PieceIndex piece : lost) {
      const auto right = store->check_piece(piece);
      REQUIRE(ok(right));
      if (*right) continue;
      ++spoilt;
      bench.store(*store, to_number(piece));
    }
    CHECK((spoilt > 0) == deed.spoils);
    bench.check_whole(std::move(store));
  }
}

TEST_CASE("Who changes a file after its last piece is found by the last look") {
  for (const Deed& deed : deeds) {
    INFO(deed.what);
    Bench bench;
    auto store = bench.half_done();
    for (std::uint32_t i = half; i < 8; ++i) bench.store(*store, i);
    REQUIRE(ok(store->sync()));
    deed.does(bench);
    bench.mend(*store);
    bench.check_whole(std::move(store));
  }
}

TEST_CASE("A file that is replaced while a piece is written gets the piece again") {
  Bench bench;
  auto store = bench.half_done();
  std::vector<PieceIndex> lost;
  bench.files.during_write([&] {
    // The first write after this is that of the journal, and the second the piece's.
    bench.files.during_write([&] {
      bench.files.remove_tree(bench.a);
      lost = store->find_changes();
    });
  });
  bench.store(*store, half);
  CHECK(lost.size() == half);
  CHECK(reads_right(*store, bench.sample, PieceIndex{half}));
  for (const PieceIndex piece : lost) bench.store(*store, to_number(piece));
  bench.mend(*store);
  for (std::uint32_t i = half + 1; i < 8; ++i) bench.store(*store, i);
  bench.check_whole(std::move(store));
}

TEST_CASE("What is changed between the check and the beginning is checked again") {
  Bench bench;
  bench.half_done().reset();
  auto store = bench.open();
  CHECK(store->report().have.count() == half);
  bench.files.overwrite(bench.a, 100, "xyz");
  REQUIRE(ok(store->begin()));
  CHECK(store->change_noticed());
  CHECK_FALSE(reads_right(*store, bench.sample, PieceIndex{0}));
  bench.mend(*store);
  for (std::uint32_t i = half; i < 8; ++i) bench.store(*store, i);
  bench.check_whole(std::move(store));
}

TEST_CASE("A file that is too short is not believed, though the journal knows it so") {
  Bench bench;
  auto store = bench.half_done();
  for (std::uint32_t i = half; i < 8; ++i) bench.store(*store, i);
  REQUIRE(ok(store->sync()));
  store.reset();
  bench.files.resize(bench.a, 3 * piece_bytes);
  const auto root = bench.files.open_folder("/data", false);
  const auto info = bench.files.look(*root, "t/a");
  // What an earlier version would have written.
  std::string state;
  for (const auto& name : bench.files.names()) {
    if (name.ends_with("/journal")) state = name.substr(0, name.rfind('/'));
  }
  const auto folder = bench.files.open_folder(state, false);
  const std::string hash = to_hex(*bench.sample.metainfo->info_hash().v1);
  const JournalIdentity identity{hash, 8, 1};
  auto loaded = Journal::load(bench.files, *folder, identity);
  REQUIRE((loaded && *loaded));
  {
    Journal journal(bench.files, identity, (*loaded)->state);
    REQUIRE(ok(journal.attach(*folder)));
    const FileStampEntry stamp{0, stamp_of(*info)};
    (void)journal.stamped({&stamp, 1}, true);
  }
  const auto again = bench.open();
  CHECK(again->report().have.none());
  CHECK(again->report().unchecked.size() == 3);
}

TEST_CASE("A seed looks at a file before it serves it, once a turn") {
  Bench bench;
  bench.files.put(bench.a, bench.sample.data);
  bench.options.read_only = true;
  auto store = bench.open();
  for (const PieceIndex piece : store->report().unchecked) REQUIRE(*store->check_piece(piece));
  const BlockRange range{PieceIndex{0}, 0, block_length};
  std::vector<std::byte> out(block_length);
  store->look_anew();
  // Not by whoever must not wait for a disk.
  CHECK(*store->read(range, out, false) == false);
  CHECK(*store->read(range, out, true) == true);
  CHECK(*store->read(range, out, false) == true);
  bench.files.overwrite(bench.a, 100, "xyz");
  store->look_anew();
  const auto changed = store->read(range, out, true);
  REQUIRE(changed.has_error());
  CHECK(changed.error().code == Errc::file_changed);
  CHECK(store->change_noticed());
  CHECK(store->find_changes().size() == 8);
  CHECK(store->read(range, out, true).error().code == Errc::not_found);
}

TEST_CASE("Where times move by themselves, identity and size must do between two pieces") {
  Bench bench;
  bench.files.set_exact_times(false);
  auto store = bench.half_done();
  bench.files.touch(bench.a);
  bench.store(*store, half);
  CHECK_FALSE(store->change_noticed());
  bench.files.resize(bench.a, 10);
  bench.store(*store, half + 1);
  CHECK(store->change_noticed());
}
