#include "torrent/source_file.hpp"

#include <sys/sysmacros.h>

#include <catch2/catch.hpp>

#include "tests/temporary_folder.hpp"
#include "tests/unit/page_cache.hpp"
#include "torrent/digest.hpp"

using namespace barter;
using test::cached_pages;
using test::comes_true;
using test::make_cold;
using test::pattern;
using test::TemporaryFolder;

namespace {

constexpr std::size_t kib = 1024, mib = 1024 * kib;

FileToHash file_at(const std::string& path) {
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return {path, SourceStamp::of(status)};
}

std::string read(SourceFile& file, std::uint64_t offset, std::size_t length, std::uint64_t end) {
  std::string out(length, '\0');
  REQUIRE(file.read(std::as_writable_bytes(std::span(out)), offset, end).has_value());
  return out;
}

}  // namespace

TEST_CASE("a cold file is fetched ahead, and reads right", "[source_file]") {
  const TemporaryFolder folder;
  const std::string bytes = pattern(8 * mib + 12'345, 1);
  const std::string path = folder.write("cold", bytes);
  if (!make_cold(path)) return;
  const FileToHash what = file_at(path);
  SourceFile file({.ahead_bytes = 2 * mib});
  REQUIRE(file.open(0, what, bytes.size()).has_value());
  std::string seen = read(file, 0, 32 * kib, bytes.size());
  // Far more than the kernel would have read of its own accord for 32 KiB.
  CHECK(comes_true([&] { return cached_pages(path, 0, 2 * mib) == 2 * mib / 4096; }));
  CHECK(cached_pages(path, 6 * mib, mib) == 0);
  while (seen.size() < bytes.size()) {
    seen += read(file, seen.size(), std::min(32 * kib, bytes.size() - seen.size()), bytes.size());
  }
  CHECK(seen == bytes);
  CHECK(file.close().has_value());
}

TEST_CASE("nothing is fetched beyond what the reader wants", "[source_file]") {
  const TemporaryFolder folder;
  const std::string bytes = pattern(8 * mib, 1);
  const std::string path = folder.write("cold", bytes);
  if (!make_cold(path)) return;
  const FileToHash what = file_at(path);
  SourceFile file({.ahead_bytes = 4 * mib});
  REQUIRE(file.open(0, what, bytes.size()).has_value());
  CHECK(read(file, 0, 32 * kib, mib) == bytes.substr(0, 32 * kib));
  CHECK(comes_true([&] { return cached_pages(path, 0, mib) == mib / 4096; }));
  CHECK(cached_pages(path, 2 * mib, 6 * mib) == 0);
}

TEST_CASE("what was fetched for a big job goes again, and no more than that", "[source_file]") {
  const TemporaryFolder folder;
  const std::string bytes = pattern(8 * mib, 1);
  const std::string path = folder.write("cold", bytes);
  if (!make_cold(path)) return;
  const FileToHash what = file_at(path);
  const bool drop = GENERATE(true, false);
  SourceFile file({.drop_behind = drop});
  REQUIRE(file.open(0, what, bytes.size()).has_value());
  {  // Somebody else has use for these.
    SourceFile other({});
    REQUIRE(other.open(0, what, bytes.size()).has_value());
    read(other, 4 * mib, 2 * mib, 6 * mib);
  }
  REQUIRE(cached_pages(path, 4 * mib, 2 * mib) == 2 * mib / 4096);
  std::string seen;
  while (seen.size() < bytes.size()) seen += read(file, seen.size(), 64 * kib, bytes.size());
  CHECK(seen == bytes);
  CHECK(file.close().has_value());
  CHECK(cached_pages(path, 4 * mib, 2 * mib) > 2 * mib / 4096 - 20);
  if (drop) CHECK(cached_pages(path, 0, 8 * mib) < 2 * mib / 4096 + 20);
  if (!drop) CHECK(cached_pages(path, 0, 8 * mib) > 8 * mib / 4096 - 20);
}

TEST_CASE("holes are told from data", "[source_file]") {
  const TemporaryFolder folder;
  const std::string path = folder.write("sparse", "");
  REQUIRE(truncate(path.c_str(), 64 * mib) == 0);
  const int descriptor = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  REQUIRE(pwrite(descriptor, "here", 4, 20 * mib + 5) == 4);
  close(descriptor);
  const FileToHash what{path, {}};
  SourceFile file({});
  REQUIRE(file.open(0, what, 64 * mib).has_value());
  CHECK(file.is_hole(0, mib));
  CHECK(file.is_hole(19 * mib, mib));
  CHECK_FALSE(file.is_hole(20 * mib, mib));
  CHECK_FALSE(file.is_hole(19 * mib + kib, mib));  // ends in data
  CHECK(file.is_hole(21 * mib, mib));              // behind data that was seen
  CHECK(file.is_hole(63 * mib, mib));              // up to the end
  CHECK_FALSE(file.is_hole(63 * mib, mib + 1));    // beyond it there is nothing, not zeros
  CHECK(read(file, 20 * mib, 9, 64 * mib) == std::string("\0\0\0\0\0here", 9));
}

TEST_CASE("a disk that turns is known by what the kernel says", "[source_file]") {
  const TemporaryFolder folder;
  const std::string path = folder.write("x", "x");
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  const std::string number =
      std::to_string(major(status.st_dev)) + ":" + std::to_string(minor(status.st_dev));
  const std::string devices = folder / "block";
  std::filesystem::create_directories(devices);
  CHECK_FALSE(on_rotating_disk(path, devices));
  SECTION("a whole disk") {
    folder.write("block/" + number + "/queue/rotational", "1\n");
    CHECK(on_rotating_disk(path, devices));
    folder.write("block/" + number + "/queue/rotational", "0\n");
    CHECK_FALSE(on_rotating_disk(path, devices));
  }
  SECTION("a partition: its folder lies in that of the disk") {
    folder.write("disk/queue/rotational", "1\n");
    std::filesystem::create_directories(folder / "disk/part");
    std::filesystem::create_directory_symlink(folder / "disk/part", devices + "/" + number);
    CHECK(on_rotating_disk(path, devices));
  }
  CHECK_FALSE(on_rotating_disk(folder / "absent", devices));
}
