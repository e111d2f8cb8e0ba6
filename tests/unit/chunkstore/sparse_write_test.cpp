#include "chunkstore/sparse_write.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "chunkstore/store.hpp"
#include "tests/unit/chunkstore/fake_files.hpp"
#include "tests/unit/chunkstore/sample.hpp"
#include "torrent/random.hpp"

using namespace barter;

namespace {

constexpr std::uint64_t run = sparse_run;

struct Disk {
  FakeFiles files{1};
  FileHandle folder = std::move(*files.open_folder("/d", true));
  FileHandle file = std::move(*files.open(folder, "f", OpenMode::create, false));

  explicit Disk(std::uint64_t size) { REQUIRE(ok(files.truncate(file, size))); }
  // In parts of `part` bytes.
  void write(std::uint64_t offset, const std::string& bytes, std::size_t part) {
    std::vector<std::span<const std::byte>> parts;
    for (std::size_t i = 0; i < bytes.size(); i += part) {
      parts.push_back(as_bytes(std::string_view(bytes).substr(i, part)));
    }
    REQUIRE(ok(write_sparse(files, file, offset, parts)));
  }
  std::uint64_t allocated() { return files.look(file)->allocated; }
};

}  // namespace

TEST_CASE("Zeros leave a hole where there is one") {
  for (const std::size_t part : {16'384u, 10'000u, 65'536u, 1'000'000u}) {
    INFO("parts of " << part);
    Disk disk(10 * run);
    std::string bytes = std::string(100, 'a') + std::string(4 * run - 200, '\0') +
                        std::string(100, 'b') + std::string(2 * run, '\0') + "c";
    disk.write(run, bytes, part);
    CHECK(disk.files.content("/d/f").substr(run, bytes.size()) == bytes);
    // The runs with a, with b, and the beginning of one with c.
    CHECK(disk.allocated() == 2 * run + 4096);
  }
}

TEST_CASE("Zeros are written over old bytes, beyond the end, and where they fill no run") {
  Disk disk(4 * run);
  disk.write(0, std::string(2 * run, 'x'), 16'384);
  disk.write(0, std::string(4 * run, '\0'), 16'384);
  CHECK(disk.files.content("/d/f") == std::string(4 * run, '\0'));
  CHECK(disk.allocated() == 2 * run);
  disk.write(4 * run, std::string(run, '\0'), 16'384);
  CHECK(disk.files.content("/d/f").size() == 5 * run);
  Disk other(4 * run);
  other.write(100, std::string(run, '\0'), 16'384);
  CHECK(other.allocated() == run + 4096);
}

TEST_CASE("Whatever is written sparsely reads as if it were not") {
  Random random(1);
  for (int round = 0; round < 300; ++round) {
    const std::uint64_t size = 8 * run;
    Disk disk(size);
    std::string expected(size, '\0');
    for (int i = 0; i < 6; ++i) {
      const std::uint64_t offset = random.below(size);
      std::string bytes(random.below(size - offset) + 1, '\0');
      for (int spot = static_cast<int>(random.below(3)); spot > 0; --spot) {
        bytes[random.below(bytes.size())] = 'x';
      }
      disk.write(offset, bytes, 1 + random.below(40'000));
      expected.replace(offset, bytes.size(), bytes);
    }
    REQUIRE(disk.files.content("/d/f") == expected);
  }
}

TEST_CASE("A sparse image that is larger than the disk fits if its data does") {
  const Sample sample = make_sample(
      {{"head", 128 << 10}, {"zeros", 4 << 20, false, {}, true}, {"tail", 128 << 10}}, 128 << 10);
  for (const bool full : {false, true}) {
    INFO("allocation of all: " << full);
    FakeFiles files(1);
    files.set_capacity(1 << 20);
    StoreOptions options;
    options.folder = "/data";
    options.state_folder = "/state";
    options.allocation = full ? Allocation::full : Allocation::sparse;
    auto store = Store::open(sample.metainfo, options, files);
    if (full) {
      REQUIRE(store.has_error());
      CHECK(store.error().code == Errc::no_space);
      continue;
    }
    REQUIRE(ok(store));
    REQUIRE(ok((*store)->begin()));
    for (std::uint32_t i = 0; i < sample.layout().piece_count(); ++i) {
      const auto outcome = barter::store(**store, sample, PieceIndex{i});
      INFO(outcome.message);
      REQUIRE(outcome.result == StoreResult::stored);
      CHECK(reads_right(**store, sample, PieceIndex{i}));
    }
    REQUIRE(ok((*store)->sync()));
    CHECK((*store)->find_changes().empty());
    store->reset();
    files.power_cut();
    const auto again = Store::open(sample.metainfo, options, files);
    REQUIRE(ok(again));
    CHECK((*again)->report().have.all());
  }
}
