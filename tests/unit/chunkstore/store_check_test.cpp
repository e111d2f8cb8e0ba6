// Checking what is on the disk and not in memory.
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <memory>
#include <numeric>

#include "chunkstore/posix_files.hpp"
#include "chunkstore/store.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/unit/chunkstore/fake_files.hpp"
#include "tests/unit/chunkstore/sample.hpp"
#include "tests/unit/chunkstore/store_bench.hpp"
#include "tests/unit/page_cache.hpp"
#include "torrent/sha.hpp"
#include "torrent/source_file.hpp"

using namespace barter;
using namespace barter::test;

namespace {

constexpr std::uint64_t mib = 1 << 20;

StoreOptions seed_options(const std::string& folder) {
  StoreOptions out;
  out.folder = folder;
  out.read_only = true;
  return out;
}

std::vector<PieceIndex> all_pieces(const Layout& layout) {
  std::vector<PieceIndex> out;
  for (std::uint32_t i = 0; i < layout.piece_count(); ++i) out.push_back(PieceIndex{i});
  return out;
}

}  // namespace

TEST_CASE("A check has the disk fetch ahead of it") {
  // One piece within a file, pieces across files, and several steps of fetching to a piece.
  const std::uint32_t piece_length = GENERATE(1U << 20, 4U << 20);
  const Sample sample =
      make_sample({{"a", 11 * mib + 777}, {"b", 40'000}, {"c", 6 * mib}}, piece_length);
  FakeFiles files(1);
  for (std::size_t i = 0; i < 3; ++i) {
    files.put("/data/" + sample.metainfo->files()[i].path, sample.file(i));
  }
  auto store = Store::open(sample.metainfo, seed_options("/data"), files);
  REQUIRE(ok(store));
  files.grow_cold();
  const auto pieces = all_pieces(sample.layout());
  const auto right = (*store)->check_pieces(pieces);
  REQUIRE(ok(right));
  CHECK(std::count(right->begin(), right->end(), true) ==
        static_cast<std::ptrdiff_t>(pieces.size()));
  // None but what a piece begins with, once in each of its files at most.
  CHECK(files.waits() <= pieces.size() + 2);
}

TEST_CASE("What lies cold on a real disk is checked right") {
  const TemporaryFolder folder;
  const Sample sample = make_sample({{"a", 11 * mib + 777}, {"b", 40'000}, {"c", 6 * mib}}, mib);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string path = folder / ("data/" + sample.metainfo->files()[i].path);
    std::string bytes = sample.file(i);
    if (i == 2) bytes[3 * mib] ^= 1;
    write_file(path, bytes);
    if (!test::make_cold(path)) return;
  }
  const auto files = posix_files();
  auto store = Store::open(sample.metainfo, seed_options(folder / "data"), *files);
  REQUIRE(ok(store));
  const auto pieces = all_pieces(sample.layout());
  const auto right = (*store)->check_pieces(pieces);
  REQUIRE(ok(right));
  const std::uint64_t wrong = (11 * mib + 777 + 40'000 + 3 * mib) / mib;
  for (std::size_t i = 0; i < pieces.size(); ++i) CHECK((*right)[i] == (i != wrong));
}

TEST_CASE("A check of more than the memory takes leaves the page cache as it was") {
  const TemporaryFolder folder;
  constexpr std::uint64_t piece_length = 16 * mib;
  std::uint64_t pieces = 64;
  while (!too_big_to_cache(pieces * piece_length)) pieces *= 2;
  const std::string path = folder / "data/big";
  // Two pieces hold bytes, the others are holes: nothing but the size is big.
  std::string bytes(2 * piece_length, '\0');
  std::iota(bytes.begin(), bytes.end(), 0);
  write_file(path, bytes);
  if (truncate(path.c_str(), static_cast<off_t>(pieces * piece_length)) != 0) {
    WARN("no sparse file of this size can be made here: not tested");
    return;
  }
  const auto hash = sha1(as_bytes(bytes).first(piece_length));
  std::string hashes;
  for (std::uint64_t i = 0; i < pieces; ++i) hashes += hash.view();
  const std::string info = "d6:lengthi" + std::to_string(pieces * piece_length) +
                           "e4:name3:big12:piece lengthi" + std::to_string(piece_length) +
                           "e6:pieces" + std::to_string(hashes.size()) + ":" + hashes + "e";
  const auto metainfo = Metainfo::parse("d4:info" + info + "e");
  REQUIRE(ok(metainfo));
  const auto files = posix_files();
  auto store = Store::open(*metainfo, seed_options(folder / "data"), *files);
  REQUIRE(ok(store));
  if (!test::make_cold(path)) return;
  const std::array<PieceIndex, 2> both{PieceIndex{0}, PieceIndex{1}};

  const auto right = (*store)->check_pieces(both);
  REQUIRE(ok(right));
  CHECK(*right == std::vector<bool>{true, true});
  CHECK(test::cached_pages(path, 0, 3 * piece_length) < mib / 4096);

  // What was there before stays.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(pread(file, bytes.data(), 4 * mib, 0) == 4 * mib);
  close(file);
  REQUIRE(ok((*store)->check_pieces(both)));
  CHECK(test::cached_pages(path, 0, 4 * mib) > 3 * mib / 4096);
}

TEST_CASE("what is doubted is hashed again, and the rest is believed", "[store]") {
  StoreBench bench(make_three_files());
  {
    auto store = bench.begun();
    bench.store(*store, {0, 1, 2, 3, 4, 5, 6});
  }
  CHECK(bench.open()->report().unchecked.empty());
  bench.options.doubted = {false, true, false, false, false, false, true};
  {
    auto store = bench.open();
    CHECK(store->report().unchecked == std::vector<PieceIndex>{PieceIndex{1}, PieceIndex{6}});
    CHECK(store->report().have.count() == 5);
    for (const PieceIndex piece : store->report().unchecked) CHECK(*store->check_piece(piece));
    REQUIRE(ok(store->begin()));
    CHECK(bench.reads(*store, 1));
  }
  bench.options.doubted.assign(7, true);
  CHECK(bench.open()->report().unchecked.size() == 7);
  // A check that was interrupted goes on.
  bench.options.doubted.clear();
  CHECK(bench.checked()->report().unchecked.size() == 7);
}

TEST_CASE("A store that has been checked keeps none of the buffers") {
  // By the C library's own count. Under a sanitizer that counts nothing.
  const auto in_use = [] {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  const Sample sample = make_sample({{"a", 20'000}}, 16 * 1024);
  FakeFiles files(1);
  files.put("/data/a", sample.file(0));
  std::vector<std::unique_ptr<Store>> stores;
  const auto check_one = [&] {
    auto store = Store::open(sample.metainfo, seed_options("/data"), files);
    REQUIRE(ok(store));
    REQUIRE(ok((*store)->check_pieces(all_pieces(sample.layout()))));
    stores.push_back(std::move(*store));
  };
  check_one();  // the thread's own buffers
  const std::size_t before = in_use();
  constexpr std::size_t many = 50;
  for (std::size_t i = 0; i < many; ++i) check_one();
  CHECK(in_use() < before + many * 32 * 1024);
}
