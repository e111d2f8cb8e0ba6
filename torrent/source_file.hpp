// SourceFile: a file while it is hashed. Tells whether it is still the one we looked at, fetches
// ahead what is not in the page cache, and leaves no trace there of what was fetched for a big job.
// One thread's; blocking.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

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
    std::uint64_t ahead_bytes = 1 << 20;  // fetched at a time where the page cache has nothing
    bool drop_behind = false;             // what was fetched is dropped once it was read
  };
  explicit SourceFile(Options options) : options_(options) {}
  ~SourceFile();
  SourceFile(SourceFile&& other) noexcept;
  SourceFile& operator=(SourceFile&&) = delete;

  bool holds(std::size_t file) const { return descriptor_ >= 0 && file_ == file; }
  std::size_t file() const { return file_; }

  // `what` must stay where it is until close(). `length`: the bytes that are wanted of it.
  Result<void> open(std::size_t file, const FileToHash& what, std::uint64_t length);
  // Looks at the stamp: by then all that was wanted was read. Nothing to do if none is open.
  Result<void> close();
  // Reads all of `out`; a file that ends before is an error.
  Result<void> read(std::span<std::byte> out, std::uint64_t offset);
  // Is all of this a hole? False where that cannot be told at little cost.
  bool is_hole(std::uint64_t offset, std::uint64_t length);

 private:
  std::size_t read_cached(std::span<std::byte> out, std::uint64_t offset);
  void fetch_from(std::uint64_t offset);
  void drop_before(std::uint64_t offset);

  Options options_;
  int descriptor_ = -1;
  std::size_t file_ = 0;
  const FileToHash* what_ = nullptr;
  bool large_ = false;   // worth telling the kernel what we are up to
  bool sparse_ = false;  // it may have holes
  bool can_peek_ = true;
  std::uint64_t data_from_ = 0, data_to_ = 0;        // known to be no hole
  std::uint64_t fetched_from_ = 0, fetched_to_ = 0;  // brought into the page cache for us
};

// So many bytes are a large part of this machine's memory: who reads them once leaves none of it to
// others if they stay there.
bool too_big_to_cache(std::uint64_t bytes);

// Does the file lie on a disk that turns? Such a one is read by a single reader in order.
bool on_rotating_disk(const std::string& path);

}  // namespace barter
