// Files that can never be written are left out, and the rest is stored.
#include <catch2/catch.hpp>

#include "chunkstore/store.hpp"
#include "tests/unit/chunkstore/fake_files.hpp"
#include "tests/unit/chunkstore/sample.hpp"

using namespace barter;

namespace {

constexpr std::uint32_t piece_bytes = 2 * block_length;

// Piece by piece: a has 0 1, b has 1 2 3, c has 3 4 5 6.
struct Bench {
  FakeFiles files{1};
  Sample sample = make_sample({{"a", 50'000}, {"b", 50'000}, {"c", 100'000}}, piece_bytes);
  StoreOptions options;

  Bench() {
    options.folder = "/data";
    options.state_folder = "/state";
  }
  std::string at(const std::string& name) const { return files.content("/data/t/" + name); }
  std::unique_ptr<Store> open() {
    auto opened = Store::open(sample.metainfo, options, files);
    if (!opened) FAIL(opened.error().message);
    for (const PieceIndex piece : (*opened)->report().unchecked) {
      REQUIRE(ok((*opened)->check_piece(piece)));
    }
    return std::move(*opened);
  }
  void store(Store& store, std::initializer_list<std::uint32_t> pieces) {
    for (const std::uint32_t piece : pieces) {
      REQUIRE(barter::store(store, sample, PieceIndex{piece}).result == StoreResult::stored);
    }
    REQUIRE(ok(store.sync()));
  }
  bool reads(Store& store, std::uint32_t piece) {
    std::vector<std::byte> out(sample.layout().piece_size(PieceIndex{piece}));
    const BlockRange range{PieceIndex{piece}, 0, static_cast<std::uint32_t>(out.size())};
    const auto read = store.read(range, out, true);
    return read && *read;
  }
};

}  // namespace

TEST_CASE("A file that can never be written is left out, and the rest is stored") {
  Bench bench;
  const Errc why = GENERATE(Errc::permission_denied, Errc::not_possible);
  const bool there = GENERATE(false, true);
  std::string before;
  if (there) {  // all but the last bytes of it is right
    before = bench.sample.file(1).substr(0, 49'000) + std::string(1000, '!');
    bench.files.put("/data/t/b", before);
  }
  bench.files.refuse_writing("/data/t/b", why);
  {
    const auto store = bench.open();
    REQUIRE(ok(store->begin()));
    REQUIRE(store->begin_report().refused.size() == 1);
    CHECK(store->begin_report().refused[0].file == 1);
    CHECK(store->begin_report().refused[0].error.code == why);
    CHECK(store->begin_report().kept.empty());
    bench.store(*store, {0, 1, 3, 4, 5, 6});
    CHECK(bench.at("a") == bench.sample.file(0));
    CHECK(bench.at("c") == bench.sample.file(2));
    CHECK(bench.files.exists("/data/t/b") == there);
    if (there) CHECK(bench.at("b") == before);
    // The bytes of the pieces at its borders are had, elsewhere.
    CHECK(bench.reads(*store, 1));
    CHECK(bench.reads(*store, 3));
    CHECK_FALSE(bench.reads(*store, 2));
  }
  SECTION("as long as it cannot be written, the next run says the same") {
    const auto store = bench.open();
    REQUIRE(ok(store->begin()));
    CHECK(store->begin_report().refused.size() == 1);
    if (!there) CHECK(bench.reads(*store, 1));
  }
  SECTION("once it can be written it is wanted again") {
    bench.files.refuse_writing("/data/t/b", std::nullopt);
    const auto store = bench.open();
    REQUIRE(ok(store->begin()));
    CHECK(store->begin_report().refused.empty());
    for (std::uint32_t i = 0; i < 7; ++i) bench.store(*store, {i});
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(bench.files.content("/data/" + bench.sample.metainfo->files()[i].path) ==
            bench.sample.file(i));
    }
  }
}

TEST_CASE("A whole file need not be written") {
  Bench bench;
  bench.files.put("/data/t/a", bench.sample.file(0));
  bench.files.put("/data/t/b", bench.sample.file(1));
  bench.files.put("/data/t/c", bench.sample.file(2));
  bench.files.refuse_writing("/data/t/b", Errc::permission_denied);
  const auto store = bench.open();
  REQUIRE(ok(store->begin()));
  CHECK(store->begin_report().refused.empty());
  CHECK(bench.reads(*store, 2));
}

TEST_CASE("Where no file can be written, that is the error") {
  Bench bench;
  for (const char* name : {"a", "b", "c"}) {
    bench.files.refuse_writing(std::string("/data/t/") + name, Errc::permission_denied);
  }
  const auto begun = bench.open()->begin();
  REQUIRE(begun.has_error());
  CHECK(begun.error().code == Errc::permission_denied);
  CHECK(begun.error().message.find("/data/t/a") != std::string::npos);
}

TEST_CASE("Without a state a file that cannot be written is an error: no side file for its bytes") {
  Bench bench;
  bench.options.state_folder.clear();
  bench.files.refuse_writing("/data/t/b", Errc::permission_denied);
  CHECK(bench.open()->begin().error().code == Errc::permission_denied);
}

TEST_CASE("What cannot be written any more is refused, and found by the next run") {
  Bench bench;
  {
    const auto store = bench.open();
    REQUIRE(ok(store->begin()));
    bench.store(*store, {0, 1, 2});
    bench.files.refuse_writing("/data/t/b", Errc::permission_denied);
    const auto outcome = barter::store(*store, bench.sample, PieceIndex{3});
    CHECK(outcome.result == StoreResult::refused);
    CHECK(outcome.message.find("/data/t/b") != std::string::npos);
    // What may go away is waited for.
    for (const Errc code : {Errc::io_error, Errc::no_space}) {
      bench.files.refuse_writing("/data/t/b", code);
      const StoreResult waits =
          code == Errc::io_error ? StoreResult::io_error : StoreResult::no_space;
      CHECK(barter::store(*store, bench.sample, PieceIndex{3}).result == waits);
    }
  }
  bench.files.refuse_writing("/data/t/b", Errc::permission_denied);
  const auto store = bench.open();
  REQUIRE(ok(store->begin()));
  CHECK(store->begin_report().refused.size() == 1);
  bench.store(*store, {3, 4, 5, 6});
  CHECK(bench.at("c") == bench.sample.file(2));
}

TEST_CASE("A folder that cannot be opened has not gone") {
  Bench bench;
  const auto store = bench.open();
  REQUIRE(ok(store->begin()));
  CHECK(store->root_present());
  bench.files.refuse_folders(Errc::io_error);  // as where no descriptor is left
  CHECK(store->root_present());
  bench.files.refuse_folders(std::nullopt);
  bench.files.remove_tree("/data");
  CHECK_FALSE(store->root_present());
}
