// Files: the operating system as the store sees it, and the one abstract interface of the
// product, so that crashes, full disks and failing disks can be simulated. Blocking calls,
// thread-safe, no state of its own but open handles. Paths given with a folder's handle are
// relative to it, and no link is followed beneath it, but where open_folder_to_read() says
// so. Every error names what was tried and the path. What makes names says invalid_name where
// the disk cannot hold one; what looks for them, not_found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "torrent/result.hpp"

namespace barter {

class Files;

// What holds beneath an open folder.
enum class FolderRule : std::uint8_t {
  usual,
  owner_only,     // of open_private_folder()
  follows_links,  // of open_folder_to_read()
};

// An open file or folder; closed when destroyed.
class FileHandle {
 public:
  FileHandle() = default;
  FileHandle(Files* files, int id, FolderRule rule = FolderRule::usual)
      : files_(files), id_(id), rule_(rule) {}
  FileHandle(FileHandle&& other) noexcept
      : files_(std::exchange(other.files_, nullptr)),
        id_(std::exchange(other.id_, -1)),
        rule_(other.rule_) {}
  FileHandle& operator=(FileHandle&& other) noexcept {
    std::swap(files_, other.files_);
    std::swap(id_, other.id_);
    std::swap(rule_, other.rule_);
    return *this;
  }
  inline ~FileHandle();

  explicit operator bool() const { return files_ != nullptr; }
  int id() const { return id_; }
  FolderRule rule() const { return rule_; }

 private:
  Files* files_ = nullptr;
  int id_ = -1;
  FolderRule rule_ = FolderRule::usual;
};

enum class OpenMode : std::uint8_t {
  read,
  write,       // reads as well; the file must exist
  create,      // like write, and makes the file where it is absent
  create_new,  // like create, but whatever has the name already is an error (already_exists)
};

enum class FileKind : std::uint8_t { file, folder, link, other };

struct FileInfo {
  FileKind kind = FileKind::file;
  std::uint64_t size = 0;       // bytes
  std::uint64_t allocated = 0;  // bytes on the disk; less than `size` where there are holes
  std::int64_t mtime_ns = 0;    // since 1970
  std::int64_t birth_ns = 0;    // when it was made; 0 where unknown
  std::uint64_t inode = 0;
  std::uint64_t device = 0;  // the file system it is on, while that is mounted
  std::uint64_t links = 1;   // names this file has
};

class Files {
 public:
  virtual ~Files() = default;

  // Absolute, with links resolved as far as it exists. This and open_folder follow links: the path
  // is the user's own.
  virtual Result<std::string> canonical(const std::string& path) = 0;
  // Missing folders are made where asked for, and survive a power cut.
  virtual Result<FileHandle> open_folder(const std::string& path, bool create) = 0;
  // The same for what the program remembers: it is made where it is missing, and neither it, which
  // is no link, nor the files that are opened in it for writing can be read by others.
  virtual Result<FileHandle> open_private_folder(const std::string& path) {
    return open_folder(path, true);
  }
  // For data that is only read, and checked against hashes: there links are followed, wherever they
  // lead. Nothing is written beneath it: permission_denied.
  virtual Result<FileHandle> open_folder_to_read(const std::string& path) {
    return open_folder(path, false);
  }

  // Regular files only: anything else at that place is an error.
  virtual Result<FileHandle> open(const FileHandle& root, const std::string& path, OpenMode mode,
                                  bool executable = false) = 0;
  // Whoever may read it may run it as well (BEP 47 "x"); nothing where the system does not let us.
  virtual void make_executable(const FileHandle& /*root*/, const std::string& /*path*/) {}
  // A folder beneath the root and those above it; existing ones are fine.
  virtual Result<void> make_folders(const FileHandle& root, const std::string& path) = 0;
  // "" means the root itself. A symbolic link is looked at itself, unless links are followed.
  virtual Result<FileInfo> look(const FileHandle& root, const std::string& path) = 0;
  virtual Result<FileInfo> look(const FileHandle& handle) = 0;
  virtual Result<void> rename(const FileHandle& root, const std::string& from,
                              const std::string& to) = 0;
  // Only where nothing has the name `to`: else already_exists, and both stay as they are.
  virtual Result<void> rename_new(const FileHandle& root, const std::string& from,
                                  const std::string& to) = 0;
  // A file, a link or an empty folder.
  virtual Result<void> remove(const FileHandle& root, const std::string& path) = 0;
  // The names in a folder, in no order; no more than `most` of them.
  virtual Result<std::vector<std::string>> list(const FileHandle& folder, std::size_t most) = 0;
  // A symbolic link holding `target`, which is not looked at.
  virtual Result<void> make_link(const FileHandle& root, const std::string& path,
                                 const std::string& target) = 0;

  // Bytes read: fewer than asked for only at the end of the file.
  virtual Result<std::size_t> read(const FileHandle& file, std::uint64_t offset,
                                   std::span<std::byte> out) = 0;
  // Never waits for a disk: false unless all of `out` was in memory.
  virtual Result<bool> read_cached(const FileHandle& file, std::uint64_t offset,
                                   std::span<std::byte> out) = 0;
  // Hints, nothing where the system takes none. Of these bytes: `will_need`: fetched into memory
  // meanwhile; `done_with`: the memory may go to others. Of the handle: `only_asked`: the system
  // reads nothing ahead of its own accord; `as_usual`: it may.
  enum class Advice : std::uint8_t { will_need, done_with, only_asked, as_usual };
  virtual void advise(const FileHandle& /*file*/, std::uint64_t /*offset*/,
                      std::uint64_t /*length*/, Advice /*advice*/) {}
  // All parts one after the other, in as few calls as the system allows.
  virtual Result<void> write(const FileHandle& file, std::uint64_t offset,
                             std::span<const std::span<const std::byte>> parts) = 0;
  // The file's data and its inode, or the entries of a folder, survive a power cut.
  virtual Result<void> sync(const FileHandle& handle) = 0;
  // The same for all that is on the folder's file system, at once. False, and nothing done, where
  // the system cannot, or would not tell of failures.
  virtual Result<bool> sync_file_system(const FileHandle& folder) = 0;
  virtual Result<void> sync_folder(const FileHandle& root, const std::string& path) = 0;
  virtual Result<void> truncate(const FileHandle& file, std::uint64_t size) = 0;
  // Takes the space of the whole file now; nothing where the file system cannot.
  virtual Result<void> allocate(const FileHandle& file, std::uint64_t size) = 0;
  // The first offset at or after `offset` that is no hole; the file's size if there is none.
  virtual Result<std::uint64_t> next_data(const FileHandle& file, std::uint64_t offset) = 0;
  // A file or a folder, until the handle closes; Errc::locked if somebody else has it. Many may
  // share a lock, an exclusive one is alone.
  enum class Lock : std::uint8_t { exclusive, shared };
  virtual Result<void> lock(const FileHandle& handle, Lock kind) = 0;

  virtual Result<std::uint64_t> free_space(const FileHandle& folder) = 0;   // bytes for us
  virtual Result<std::uint64_t> file_system(const FileHandle& folder) = 0;  // an id that lasts
  // Do the times of files there change only when somebody writes to them? Where a server or another
  // program keeps them they may move later, by themselves.
  virtual bool exact_times(const FileHandle& /*folder*/) { return true; }
  // Differs after each boot of the machine; "" where unknown.
  virtual std::string boot_id() = 0;

 protected:
  friend class FileHandle;
  virtual void close(int id) = 0;
};

inline FileHandle::~FileHandle() {
  if (files_ != nullptr) files_->close(id_);
}

}  // namespace barter
