// What of a file is in the page cache, for tests that need it cold.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace barter::test {

// Pages of `length` bytes from `offset` (a multiple of 4096) that are in memory.
inline std::size_t cached_pages(const std::string& path, std::uint64_t offset,
                                std::uint64_t length) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(file >= 0);
  void* map = mmap(nullptr, length, PROT_READ, MAP_SHARED, file, static_cast<off_t>(offset));
  close(file);
  REQUIRE(map != MAP_FAILED);
  std::vector<unsigned char> there((length + 4095) / 4096);
  REQUIRE(mincore(map, length, there.data()) == 0);
  munmap(map, length);
  std::size_t out = 0;
  for (const unsigned char page : there) out += page & 1U;
  return out;
}

// Puts the file onto the disk and out of memory. False where that cannot be done: in tmpfs the page
// cache is all there is.
inline bool make_cold(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(file >= 0);
  struct stat status {};
  REQUIRE(fstat(file, &status) == 0);
  REQUIRE(fdatasync(file) == 0);
  posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  close(file);
  if (cached_pages(path, 0, static_cast<std::uint64_t>(status.st_size)) == 0) return true;
  WARN("the page cache cannot be emptied here: not tested");
  return false;
}

// Waits for what was begun in the background; false if it does not come.
template <class Condition>
bool comes_true(Condition condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace barter::test
