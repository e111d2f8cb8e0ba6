#include "torrent/source_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "torrent/write_file.hpp"

namespace barter {
namespace {

constexpr std::uint64_t small_file_bytes = 1 << 20;
constexpr std::uint64_t memory_share = 8;  // an eighth of the memory is large

Error changed(const std::string& path) {
  return Error{Errc::file_changed, fmt::format("{}: changed while it was read", path)};
}

}  // namespace

SourceStamp SourceStamp::of(const struct stat& status) {
  return {static_cast<std::uint64_t>(status.st_size), status.st_ino, status.st_dev,
          std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

// The page cache, as the reader of this file sees it.
struct SourceFile::PageCache {
  SourceFile& file;

  bool has(std::uint64_t offset) const {
    std::byte byte{};
    return file.can_peek_ && file.read_cached({&byte, 1}, offset) == 1;
  }
  void fetch(std::uint64_t offset, std::uint64_t length) const {
    while (length > 0) {
      const std::uint64_t part = std::min(length, FetchAhead::most_a_call);
      posix_fadvise(file.descriptor_, static_cast<off_t>(offset), static_cast<off_t>(part),
                    POSIX_FADV_WILLNEED);
      offset += part;
      length -= part;
    }
  }
  void drop(std::uint64_t offset, std::uint64_t length) const {
    // Without a way to look we do not know what others had there.
    if (!file.options_.drop_behind || !file.can_peek_) return;
    posix_fadvise(file.descriptor_, static_cast<off_t>(offset), static_cast<off_t>(length),
                  POSIX_FADV_DONTNEED);
  }
};

SourceFile::~SourceFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> SourceFile::open(std::size_t file, const FileToHash& what, std::uint64_t length) {
  assert(descriptor_ < 0);
  // Non-blocking, for the case that it became a FIFO since we looked.
  descriptor_ = ::open(what.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (descriptor_ < 0) return system_error(what.path, errno);
  file_ = file;
  what_ = &what;
  can_peek_ = true;
  data_from_ = data_to_ = 0;
  large_ = length >= small_file_bytes;
  struct stat status {};
  // What the kernel reads ahead of its own accord could not be told from what others have there.
  if (large_) posix_fadvise(descriptor_, 0, 0, POSIX_FADV_RANDOM);
  sparse_ = large_ && fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode) &&
            status.st_blocks * 512 < status.st_size;
  return {};
}

Result<void> SourceFile::close() {
  if (descriptor_ < 0) return {};
  ahead_.stop(PageCache{*this});
  struct stat status {};
  const int looked = fstat(descriptor_, &status);
  const int why = errno;
  ::close(std::exchange(descriptor_, -1));
  if (looked != 0) return system_error(what_->path, why);
  if (what_->stamp && SourceStamp::of(status) != *what_->stamp) return changed(what_->path);
  return {};
}

// What the page cache has from there on: as many bytes as can be had without waiting.
std::size_t SourceFile::read_cached(std::span<std::byte> out, std::uint64_t offset) {
  const iovec place{out.data(), out.size()};
  const ssize_t got = preadv2(descriptor_, &place, 1, static_cast<off_t>(offset), RWF_NOWAIT);
  if (got < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)) can_peek_ = false;
  return got < 0 ? 0 : static_cast<std::size_t>(got);
}

Result<void> SourceFile::read(std::span<std::byte> out, std::uint64_t offset, std::uint64_t end) {
  if (large_) {
    const std::size_t got = can_peek_ ? read_cached(out, offset) : 0;
    out = out.subspan(got);
    offset += got;
    ahead_.reader_at(offset, end, !out.empty(), PageCache{*this});
  }
  while (!out.empty()) {
    const ssize_t got = pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(what_->path, errno);
    if (got == 0) {
      if (what_->stamp) return changed(what_->path);
      return Error{Errc::file_changed, fmt::format("{}: too short", what_->path)};
    }
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

bool SourceFile::is_hole(std::uint64_t offset, std::uint64_t length) {
  if (!sparse_ || (offset >= data_from_ && offset < data_to_)) return false;
  const off_t data = lseek(descriptor_, static_cast<off_t>(offset), SEEK_DATA);
  if (data < 0 && errno == ENXIO) {
    // Nothing but a hole up to the end, wherever that is by now.
    const off_t end = lseek(descriptor_, 0, SEEK_END);
    return end >= 0 && static_cast<std::uint64_t>(end) >= offset + length;
  }
  if (data < 0) {
    sparse_ = false;  // it cannot be told here
    return false;
  }
  if (static_cast<std::uint64_t>(data) >= offset + length) return true;
  const off_t hole = lseek(descriptor_, data, SEEK_HOLE);
  data_from_ = static_cast<std::uint64_t>(data);
  data_to_ = hole < 0 ? data_from_ : static_cast<std::uint64_t>(hole);
  return false;
}

bool too_big_to_cache(std::uint64_t bytes) {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 &&
         bytes / static_cast<std::uint64_t>(page) >
             static_cast<std::uint64_t>(pages) / memory_share;
}

bool on_rotating_disk(const std::string& path, const std::string& devices) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return false;
  const std::string device =
      fmt::format("{}/{}:{}/", devices, gnu_dev_major(status.st_dev), gnu_dev_minor(status.st_dev));
  // A partition's queue is that of the disk, one level up.
  for (const char* queue : {"queue/rotational", "../queue/rotational"}) {
    if (const auto text = read_file(device + queue, 16)) return text->starts_with('1');
  }
  return false;
}

}  // namespace barter
