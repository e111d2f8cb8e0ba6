// What Store::open and begin make of a folder that others have been in.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "chunkstore/posix_files.hpp"
#include "chunkstore/store.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/unit/chunkstore/fake_files.hpp"
#include "tests/unit/chunkstore/sample.hpp"

using namespace barter;
using namespace barter::test;
namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t piece_bytes = 2 * block_length;

// Piece by piece: a has 0 1, b has 1 2 3, c has 3 4 5 6.
struct Bench {
  TemporaryFolder folder;
  std::unique_ptr<Files> files = posix_files();
  Sample sample = make_sample({{"a", 50'000}, {"b", 50'000}, {"c", 100'000}}, piece_bytes);
  StoreOptions options;

  Bench() {
    options.folder = folder / "data";
    options.state_folder = folder / "state";
  }
  std::unique_ptr<Store> open() {
    auto opened = Store::open(sample.metainfo, options, *files);
    if (!opened) FAIL(opened.error().message);
    return std::move(*opened);
  }
  std::string path(const std::string& name) const { return folder / ("data/t/" + name); }
  void check(Store& store) {
    for (const PieceIndex piece : store.report().unchecked) REQUIRE(ok(store.check_piece(piece)));
  }
  void complete(Store& store) {
    REQUIRE(ok(store.begin()));
    for (std::uint32_t i = 0; i < sample.layout().piece_count(); ++i) {
      REQUIRE(barter::store(store, sample, PieceIndex{i}).result == StoreResult::stored);
    }
    REQUIRE(ok(store.sync()));
  }
  void download() {
    const auto store = open();
    complete(*store);
  }
};

std::vector<PieceIndex> pieces(std::initializer_list<std::uint32_t> numbers) {
  std::vector<PieceIndex> out;
  for (const std::uint32_t number : numbers) out.push_back(PieceIndex{number});
  return out;
}

}  // namespace

TEST_CASE("Only the pieces of a file that changed are hashed again") {
  Bench bench;
  bench.download();
  SECTION("edited in place") {
    std::fstream file(bench.path("b"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(49'999);
    file.put('!');
  }
  SECTION("touched") {
    fs::last_write_time(bench.path("b"), fs::file_time_type::clock::now() + std::chrono::hours(1));
  }
  SECTION("replaced by the same") {
    fs::copy_file(bench.path("b"), bench.path("copy"));
    fs::rename(bench.path("copy"), bench.path("b"));
  }
  const auto store = bench.open();
  CHECK(store->report().resumed);
  CHECK(store->report().unchecked == pieces({1, 2, 3}));
  CHECK(store->report().have.count() == 4);
  bench.check(*store);
  bench.complete(*store);
  CHECK(read_file(bench.path("b")) == bench.sample.file(1));
}

TEST_CASE("What is short or absent needs no hashing") {
  Bench bench;
  bench.download();
  SECTION("absent") {
    fs::remove(bench.path("b"));
    const auto store = bench.open();
    CHECK(store->report().unchecked.empty());
    CHECK(store->report().have.count() == 4);
    bench.complete(*store);
  }
  SECTION("short") {
    fs::resize_file(bench.path("b"), 20'000);
    const auto store = bench.open();
    CHECK(store->report().unchecked == pieces({1}));
    bench.check(*store);
    bench.complete(*store);
  }
  CHECK(read_file(bench.path("b")) == bench.sample.file(1));
}

TEST_CASE("Holes are not hashed, unless zeros are right") {
  Bench bench;
  bench.sample = make_sample({{"a", 64 * 4096}, {"z", 64 * 4096, false, {}, true}}, 16 * 4096);
  for (const auto* name : {"a", "z"}) {
    write_file(bench.path(name), "");
    fs::resize_file(bench.path(name), 64 * 4096);
  }
  const auto store = bench.open();
  CHECK(store->report().unchecked == pieces({4, 5, 6, 7}));
  bench.check(*store);
  REQUIRE(ok(store->begin()));
  CHECK(reads_right(*store, bench.sample, PieceIndex{6}));
}

TEST_CASE("Zeros in a hole are right without being read, beside what must be hashed") {
  FakeFiles files(1);
  const auto sample =
      make_sample({{"a", 2 * piece_bytes}, {"z", 6 * piece_bytes, false, {}, true}}, piece_bytes);
  StoreOptions options;
  options.folder = "/data";
  options.read_only = true;
  files.put("/data/t/a", sample.file(0));
  // Dense zeros first: hashed like anything else.
  files.put("/data/t/z", sample.file(1));
  for (const bool holes : {false, true}) {
    if (holes) {
      files.put("/data/t/z", "");
      const auto folder = files.open_folder("/data", false);
      REQUIRE(ok(folder));
      const auto file = files.open(*folder, "t/z", OpenMode::write, false);
      REQUIRE(ok(file));
      REQUIRE(ok(files.truncate(*file, 6 * piece_bytes)));
    }
    const std::uint64_t before = files.read_bytes();
    auto store = Store::open(sample.metainfo, options, files);
    REQUIRE(ok(store));
    const auto unchecked = (*store)->report().unchecked;
    CHECK(unchecked.size() == 8);
    const auto right = (*store)->check_pieces(unchecked);
    REQUIRE(ok(right));
    CHECK(*right == std::vector<bool>(8, true));
    const std::uint64_t read = files.read_bytes() - before;
    CHECK(read == (holes ? 2 : 8) * piece_bytes);
    for (std::uint32_t i = 0; i < 8; ++i) CHECK(reads_right(**store, sample, PieceIndex{i}));
  }
}

TEST_CASE("A file put in the place of ours is not overwritten") {
  Bench bench;
  bench.download();
  fs::remove(bench.path("b"));
  write_file(bench.path("b"), std::string(50'000, 'x'));
  {
    const auto store = bench.open();
    bench.check(*store);
    const auto begun = store->begin();
    REQUIRE(begun.has_error());
    CHECK(begun.error().code == Errc::already_exists);
    CHECK(begun.error().message.find("t/b") != std::string::npos);
  }
  CHECK(read_file(bench.path("b")) == std::string(50'000, 'x'));
  {
    const auto store = bench.open();  // and not at the second try
    bench.check(*store);
    CHECK(store->begin().has_error());
  }
  bench.options.existing = Existing::overwrite;
  const auto store = bench.open();
  bench.check(*store);
  bench.complete(*store);
  CHECK(read_file(bench.path("b")) == bench.sample.file(1));
}

TEST_CASE("A link in the place of a file is not followed") {
  Bench bench;
  write_file(bench.folder / "victim", "precious");
  fs::create_directories(bench.folder / "data/t");
  fs::create_symlink(bench.folder / "victim", bench.path("a"));
  {
    const auto store = bench.open();
    REQUIRE(ok(store->begin()));
    REQUIRE(store->begin_report().refused.size() == 1);
    for (const PieceIndex piece : pieces({0, 1, 2, 3, 4, 5, 6})) {
      (void)barter::store(*store, bench.sample, piece);
    }
    REQUIRE(ok(store->sync()));
    CHECK(fs::is_symlink(bench.path("a")));
    CHECK(read_file(bench.path("b")) == bench.sample.file(1));
  }
  fs::remove_all(bench.folder / "data/t");
  fs::create_directory(bench.folder / "away");
  fs::create_symlink(bench.folder / "away", bench.folder / "data/t");
  CHECK(bench.open()->begin().error().message.find("link") != std::string::npos);
  CHECK(read_file(bench.folder / "victim") == "precious");
  CHECK(fs::is_empty(bench.folder / "away"));
}

TEST_CASE("A file with other names is left alone until it is forced") {
  Bench bench;
  write_file(bench.path("a"), bench.sample.file(0).substr(0, 40'000));
  fs::create_hard_link(bench.path("a"), bench.folder / "other");
  {
    const auto store = bench.open();
    bench.check(*store);
    REQUIRE(ok(store->begin()));
    REQUIRE(store->begin_report().refused.size() == 1);
    CHECK(store->begin_report().refused[0].error.code == Errc::permission_denied);
    for (const PieceIndex piece : pieces({0, 1, 2, 3})) {
      (void)barter::store(*store, bench.sample, piece);
    }
  }
  CHECK(read_file(bench.folder / "other") == bench.sample.file(0).substr(0, 40'000));
  bench.options.existing = Existing::overwrite;
  const auto store = bench.open();
  bench.check(*store);
  bench.complete(*store);
  CHECK(read_file(bench.folder / "other") == bench.sample.file(0));
}

TEST_CASE("A selection creates nothing else, and can be widened") {
  Bench bench;
  bench.options.selected = {false, true, false};
  {
    const auto store = bench.open();
    REQUIRE(ok(store->begin()));
    for (const PieceIndex piece : pieces({1, 2, 3})) {
      REQUIRE(barter::store(*store, bench.sample, piece).result == StoreResult::stored);
      CHECK(reads_right(*store, bench.sample, piece));
    }
    sync_where_boots_are_unknown(*store);
  }
  CHECK(read_file(bench.path("b")) == bench.sample.file(1));
  CHECK_FALSE(fs::exists(bench.path("a")));
  CHECK_FALSE(fs::exists(bench.path("c")));
  {
    const auto store = bench.open();
    CHECK(store->report().have.count() == 3);
    CHECK(store->report().unchecked.empty());
    REQUIRE(ok(store->begin()));
    CHECK(reads_right(*store, bench.sample, PieceIndex{1}));
    CHECK_FALSE(fs::exists(bench.path("a")));
  }
  bench.options.selected.clear();
  {
    const auto store = bench.open();
    CHECK(store->report().have.count() == 3);
    CHECK(store->report().unchecked.empty());
    REQUIRE(ok(store->begin()));
    CHECK(reads_right(*store, bench.sample, PieceIndex{1}));
    CHECK(reads_right(*store, bench.sample, PieceIndex{3}));
    bench.complete(*store);
  }
  CHECK(read_file(bench.path("a")) == bench.sample.file(0));
  CHECK(read_file(bench.path("c")) == bench.sample.file(2));
}

TEST_CASE("Without a state folder files are checked, not selected from") {
  Bench bench;
  bench.download();
  bench.options.state_folder.clear();
  bench.options.read_only = true;
  const auto store = bench.open();
  CHECK(store->report().unchecked.size() == bench.sample.layout().piece_count());
  bench.check(*store);
  CHECK(reads_right(*store, bench.sample, PieceIndex{6}));
  BlockPool pool(2);
  const auto blocks = bench.sample.blocks(pool, PieceIndex{0});
  CHECK(store->spill_block({PieceIndex{0}, 0}, blocks[0]).has_error());
  bench.options.read_only = false;
  bench.options.selected = {true, false, true};
  CHECK(Store::open(bench.sample.metainfo, bench.options, *bench.files).error().code ==
        Errc::invalid_argument);
}

TEST_CASE("A seed of absent, short or unreadable things says so") {
  Bench bench;
  bench.options.read_only = true;
  CHECK(Store::open(bench.sample.metainfo, bench.options, *bench.files).error().code ==
        Errc::not_found);
  CHECK_FALSE(fs::exists(bench.folder / "data"));
  write_file(bench.path("a"), bench.sample.file(0));
  write_file(bench.path("c"), bench.sample.file(2).substr(0, 99'999));
  const auto store = bench.open();
  CHECK(store->report().missing == std::vector<std::string>{"t/b", "t/c"});
  bench.check(*store);
  REQUIRE(ok(store->begin()));
  CHECK(reads_right(*store, bench.sample, PieceIndex{0}));
  CHECK_FALSE(fs::exists(bench.path("b")));
  write_file(bench.path("b"), bench.sample.file(1));
  CHECK(store->find_changes() == pieces({1, 2, 3}));
  CHECK(*store->check_piece(PieceIndex{2}));
}

TEST_CASE("Two folders are two states") {
  Bench bench;
  bench.download();
  bench.options.folder = bench.folder / "second";
  const auto store = bench.open();
  CHECK(store->report().have.none());
  CHECK_FALSE(store->report().resumed);
}

TEST_CASE("A folder whose disk is gone is not made anew") {
  FakeFiles files(1);
  const Sample sample = make_sample({{"a", 50'000}}, piece_bytes);
  StoreOptions options;
  options.folder = "/mnt/data";
  options.state_folder = "/state";
  {
    auto store = Store::open(sample.metainfo, options, files);
    REQUIRE(ok(store));
    REQUIRE(ok((*store)->begin()));
    REQUIRE(barter::store(**store, sample, PieceIndex{0}).result == StoreResult::stored);
    REQUIRE(ok((*store)->sync()));
    CHECK((*store)->root_present());
    files.set_file_system(8);
    CHECK_FALSE((*store)->root_present());
    CHECK((*store)->find_changes().empty());
    files.set_file_system(7);
    CHECK((*store)->root_present());
  }
  SECTION("the mount point is empty") {
    files.remove_tree("/mnt/data/t");
    files.set_file_system(8);
  }
  SECTION("the folder is not there") {
    files.remove_tree("/mnt");
    files.set_file_system(8);
  }
  const auto opened = Store::open(sample.metainfo, options, files);
  REQUIRE(opened.has_error());
  CHECK(opened.error().code == Errc::not_found);
  CHECK(opened.error().message.find("mounted") != std::string::npos);
  CHECK_FALSE(files.exists("/mnt/data/t/a"));
}

TEST_CASE("A file deleted under a download is fetched again") {
  Bench bench;
  const auto store = bench.open();
  bench.complete(*store);
  fs::remove(bench.path("c"));
  const auto lost = store->find_changes();
  CHECK(lost == pieces({3, 4, 5, 6}));
  for (const PieceIndex piece : lost) {
    CHECK_FALSE(*store->check_piece(piece));
    REQUIRE(barter::store(*store, bench.sample, piece).result == StoreResult::stored);
  }
  CHECK(read_file(bench.path("c")) == bench.sample.file(2));
  CHECK(store->find_changes().empty());
}

TEST_CASE("A seed works on what it may only read") {
  Bench bench;
  bench.download();
  fs::permissions(bench.path("a"), fs::perms::owner_read);
  fs::permissions(bench.folder / "data/t", fs::perms::owner_read | fs::perms::owner_exec);
  bench.options.read_only = true;
  {
    const auto store = bench.open();
    REQUIRE(ok(store->begin()));
    CHECK(store->report().have.all());
    CHECK(reads_right(*store, bench.sample, PieceIndex{0}));
    REQUIRE(ok(store->sync()));
  }
  fs::permissions(bench.folder / "data/t", fs::perms::owner_all);
}

TEST_CASE("Ten thousand small files with sixteen open at a time") {
  std::vector<SampleFile> list;
  for (int i = 0; i < 10'000; ++i) {
    list.push_back({std::to_string(i % 100) + "/" + std::to_string(i),
                    static_cast<std::uint64_t>(i % 7) * 100});
  }
  FakeFiles files(1);
  const Sample sample = make_sample(list, 16 * block_length);
  StoreOptions options;
  options.folder = "/data";
  options.state_folder = "/state";
  options.max_open_files = 16;
  {
    auto store = Store::open(sample.metainfo, options, files);
    REQUIRE(ok(store));
    REQUIRE(ok((*store)->begin()));
    for (std::uint32_t i = 0; i < sample.layout().piece_count(); ++i) {
      REQUIRE(barter::store(**store, sample, PieceIndex{i}).result == StoreResult::stored);
      CHECK(reads_right(**store, sample, PieceIndex{i}));
    }
    CHECK(files.open_files() <= 16 + 3);  // and lock, journal, spill
    CHECK(files.most_open_files() <= 16 + 5);
    REQUIRE(ok((*store)->sync()));
    CHECK((*store)->find_changes().empty());
  }
  const auto again = Store::open(sample.metainfo, options, files);
  REQUIRE(ok(again));
  CHECK((*again)->report().have.all());
  CHECK((*again)->report().unchecked.empty());
}

namespace {

VerifiedFile look(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return {static_cast<std::uint64_t>(status.st_size),
          static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec,
          status.st_ino};
}

}  // namespace

TEST_CASE("what the caller has hashed is had unchecked while it looks the same", "[store]") {
  // Pieces 0 and 1 are of a, 2 of both, 3 of b.
  const Sample sample = make_sample({{"a", 40'000}, {"b", 20'000}}, 16'384);
  TemporaryFolder folder;
  for (std::size_t i = 0; i < 2; ++i) {
    write_file(folder / sample.metainfo->files()[i].path, sample.file(i));
  }
  const std::string b = folder / sample.metainfo->files()[1].path;
  StoreOptions options;
  options.folder = folder.path();
  options.read_only = true;
  options.verified = {look(folder / sample.metainfo->files()[0].path), look(b)};
  const auto files = posix_files();
  const auto open = [&] {
    auto store = Store::open(sample.metainfo, options, *files);
    REQUIRE(ok(store));
    return std::move(*store);
  };

  SECTION("unchanged") {
    const auto store = open();
    CHECK(store->report().have.all());
    CHECK(store->report().unchecked.empty());
    for (std::uint32_t i = 0; i < 4; ++i) CHECK(reads_right(*store, sample, PieceIndex{i}));
  }
  SECTION("other contents of the same size: its pieces are checked") {
    write_file(b, std::string(20'000, 'x'));
    std::filesystem::last_write_time(b,
                                     std::filesystem::last_write_time(b) + std::chrono::seconds(2));
    const auto store = open();
    CHECK(store->report().have.count() == 2);
    CHECK(store->report().unchecked.size() == 2);
  }
  SECTION("another file in its place") {
    std::filesystem::rename(b, b + ".old");
    write_file(b, sample.file(1));
    CHECK(open()->report().have.count() == 2);
  }
  SECTION("gone") {
    std::filesystem::remove(b);
    const auto store = open();
    CHECK(store->report().have.count() == 2);
    CHECK(store->report().missing.size() == 1);
  }
  SECTION("a list that does not fit the torrent counts for nothing") {
    options.verified.pop_back();
    CHECK(open()->report().have.none());
  }
  SECTION("only a seed may trust it") {
    options.read_only = false;
    CHECK(open()->report().have.none());
  }
}
