// SourceFile: a file while it is hashed. Tells whether it is still the one we looked at, fetches
// ahead what is not in the page cache, and leaves no trace there of what was fetched for a big job.
// Can be used again for the next file. One thread's; blocking.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "torrent/fetch_ahead.hpp"
#include "torrent/result.hpp"

struct stat;

namespace barter {

// What tells that a file is still the one we looked at.
struct SourceStamp {
  std::uint64_t size = 0, inode = 0, device = 0;
  std::int64_t mtime_ns = 0;
  friend bool operator==(const SourceStamp&, const SourceStamp&) = default;
  static SourceStamp of(const struct stat& status);
};

struct FileToHash {  // parallel to the files of the layout
  std::string path;  // empty for a pad
  std::optional<SourceStamp>
      stamp;  // must hold after reading, else file_changed; none: any file will do
};

class SourceFile {
 public:
  struct Options {
    // Fetched at a time where the page cache has nothing.
    std::uint64_t ahead_bytes = FetchAhead::usual_step;
    bool drop_behind = false;  // what was fetched is dropped once it was read
  };
  explicit SourceFile(Options options) : options_(options), ahead_(options.ahead_bytes) {}
  ~SourceFile();
  SourceFile(const SourceFile&) = delete;
  SourceFile& operator=(const SourceFile&) = delete;

  bool holds(std::size_t file) const { return descriptor_ >= 0 && file_ == file; }
  std::size_t file() const { return file_; }

  // `what` must stay where it is until close(). `length`: the bytes that are wanted of it.
  Result<void> open(std::size_t file, const FileToHash& what, std::uint64_t length);
  // Looks at the stamp: by then all that was wanted was read. Nothing to do if none is open.
  Result<void> close();
  // Reads all of `out`; a file that ends before is an error. The caller means to read on to `end`:
  // so far it is worth fetching ahead.
  Result<void> read(std::span<std::byte> out, std::uint64_t offset, std::uint64_t end);
  // Is all of this a hole? False where that cannot be told at little cost.
  bool is_hole(std::uint64_t offset, std::uint64_t length);

 private:
  struct PageCache;
  std::size_t read_cached(std::span<std::byte> out, std::uint64_t offset);

  const Options options_;
  int descriptor_ = -1;
  std::size_t file_ = 0;
  const FileToHash* what_ = nullptr;
  bool large_ = false;   // worth telling the kernel what we are up to
  bool sparse_ = false;  // it may have holes
  bool can_peek_ = true;
  std::uint64_t data_from_ = 0, data_to_ = 0;  // known to be no hole
  FetchAhead ahead_;
};

// So many bytes are a large part of this machine's memory: who reads them once leaves none of it to
// others if they stay there.
bool too_big_to_cache(std::uint64_t bytes);

// Does the file lie on a disk that turns? Such a one is read by a single reader in order.
// `devices`: where the kernel tells of its block devices, by number.
inline constexpr const char* block_devices = "/sys/dev/block";
bool on_rotating_disk(const std::string& path, const std::string& devices = block_devices);

}  // namespace barter
