// FileSet: a torrent's files as one byte range, with a bounded number of them open. Pads read as
// zeros and are never stored; the bytes of files that nobody selected lie in a side file in the
// state folder. Owned by the Store. read, write and their helpers may be called from any thread;
// the rest alone. It knows nothing of pieces, hashes or journals.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "chunkstore/disk_names.hpp"
#include "chunkstore/files.hpp"
#include "chunkstore/written_files.hpp"
#include "torrent/layout.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/result.hpp"

namespace barter {

// Hears how a file looks just before and just after a write to it, on the thread that writes.
class WriteWatch {
 public:
  virtual ~WriteWatch() = default;
  // With an error nothing is written to this file, nor to those after it.
  virtual Result<void> before(std::uint32_t file, const FileInfo& info) = 0;
  // Also after a write that failed.
  virtual void after(std::uint32_t file, const FileInfo& info) = 0;
};

class FileSet {
 public:
  struct Options {
    bool force = false;               // files with further hard links may be written to
    std::size_t max_open = 64;        // handles; the least recently used one closes
    WrittenFiles* written = nullptr;  // where it is entered which files are written
    std::string torrent = {};         // as others are told who writes them
  };
  using FileIndex = std::uint32_t;

  // `layout` and `list` (in the layout's order) must outlive the set.
  FileSet(Files& files, const Layout& layout, const std::vector<File>& list, Options options);
  ~FileSet();

  // The download folder; all files that were open are closed.
  void set_root(FileHandle root);
  bool has_root() const;
  // Where the side file is made when first written to. The handle must outlive the set.
  void set_side_folder(const FileHandle* folder) { side_folder_ = folder; }
  // Whether zeros may be left out where a file has a hole; off at first.
  void set_sparse(bool sparse) { sparse_ = sparse; }
  // Are this file's bytes in the side file?
  void set_aside(FileIndex file, bool aside) { aside_[file] = aside; }
  bool is_aside(FileIndex file) const { return aside_[file]; }
  // Has it a place on the disk? Pads and links have none.
  bool is_real(FileIndex file) const;

  // What the files are called on the disk, now and later.
  DiskNames& names() { return names_; }
  std::string path(FileIndex file) const { return names_.path(file); }
  std::uint64_t length(FileIndex file) const { return list_[file].length; }

  // Bytes of the torrent's byte range. `may_block` false: only from memory, else false. A file that
  // is shorter than its bytes is Errc::file_changed, an absent one not_found.
  Result<bool> read(std::uint64_t offset, std::span<std::byte> out, bool may_block);
  // A hint about bytes of the torrent's byte range; nothing where a file is absent.
  void advise(std::uint64_t offset, std::uint64_t length, Files::Advice advice);
  // All parts one after the other: one write for each file they touch. `watch` hears of the real
  // files, not of the side file.
  Result<void> write(std::uint64_t offset, std::span<const std::span<const std::byte>> parts,
                     WriteWatch& watch);
  // The real files that `length` bytes from `offset` touch, and
  // whether the side file is one of them.
  struct Touched {
    std::vector<FileIndex> files;
    bool side = false;
  };
  Touched touched(std::uint64_t offset, std::uint64_t length) const;

  Result<FileInfo> look(FileIndex file);       // by its name
  Result<FileInfo> look_open(FileIndex file);  // by its handle, opened if need be
  Result<void> sync(FileIndex file);
  // The whole file system of the root, if it can be done; false where it cannot.
  Result<bool> sync_together();
  Result<FileInfo> look_at_root();
  // A file that is open for writing is locked, so that nobody else writes it: Errc::locked if
  // another has it; a system that knows no locks is none. The lock ends when the handle closes, as
  // the least recently used one.
  Result<void> lock(FileIndex file);
  // As lock(), and the handle stays open until another file is pinned, or this one closed. A file
  // that may only be read is locked, too.
  Result<void> pin(FileIndex file);
  Result<void> sync_side();
  // The folders in which files were created since the last call.
  Result<void> sync_new_folders();
  // The folders above this file may not be durable yet.
  void note_new_folders(FileIndex file);
  std::size_t new_folder_count() const { return new_folders_.size(); }
  // Makes the file and the folders above it, or opens it unless `only_new`; then gives it its
  // length, and all its space where asked for. How it looked when it was opened. A file that is new
  // and cannot have that is removed again.
  Result<FileInfo> create(FileIndex file, bool allocate, bool only_new = false);
  // Why a file that would change under other names too is not written to.
  static Error has_other_names(const std::string& name);
  // Whoever may read it may run it, where the system lets us.
  void make_executable(FileIndex file);
  // Can it be written? Nothing is.
  Result<void> open_to_write(FileIndex file);
  // By a name of which the file is not called now.
  Result<FileInfo> look_at(const std::string& path);
  Result<void> remove(const std::string& path);
  // From its part name to its final one; already_exists if that is taken, unless `replace`.
  Result<void> give_final_name(FileIndex file, bool replace);
  // Copies what lies in the side file to the file itself.
  Result<void> fetch_aside(FileIndex file, std::uint64_t offset, std::uint64_t length);
  Result<std::uint64_t> next_data(FileIndex file, std::uint64_t offset);
  // Nothing but zeros and holes there, in the file itself? `end` may lie beyond its bytes.
  Result<bool> only_zeros(FileIndex file, std::uint64_t begin, std::uint64_t end);
  // BEP 47. Made last, only where the target is one of the torrent's own files or folders, and
  // never in the place of anything. Returns those that the disk does not take.
  Result<std::vector<FileIndex>> make_links();
  // Forgets the open handle: the name means another file now.
  void close(FileIndex file);
  std::size_t open_count() const;

 private:
  static constexpr FileIndex side_file = ~FileIndex{0};
  static constexpr FileIndex no_file = ~FileIndex{0};
  using Shared = std::shared_ptr<const FileHandle>;
  struct Open {
    FileIndex file = 0;
    bool writable = false;
    Shared handle;
  };
  enum class Want : std::uint8_t { read, write, cached };

  Result<void> write_to(FileIndex file, const FileHandle& handle, std::uint64_t offset,
                        std::span<const std::span<const std::byte>> parts, WriteWatch& watch);
  // With Want::cached an empty pointer where the file is not open.
  Result<Shared> open(FileIndex file, Want want);
  Result<FileHandle> open_now(FileIndex file, bool write);
  Shared find_open(FileIndex file, bool write);
  Result<Shared> writable(FileIndex file);
  Shared keep(FileIndex file, bool write, Shared handle, std::uint64_t root_number);
  // With locking_ held.
  Result<void> take_lock(FileIndex file, const FileHandle& handle, const std::string& name);
  void close_idle();
  Shared root() const;
  std::map<std::string, FileIndex> own_paths() const;

  Files& files_;
  const Layout& layout_;
  const std::vector<File>& list_;
  DiskNames names_;
  Options options_;
  const FileHandle* side_folder_ = nullptr;
  bool sparse_ = false;
  std::vector<bool> aside_;
  std::set<std::string> new_folders_;
  std::string made_folder_;  // the last one made: most files share it with their neighbour

  std::mutex naming_;  // held while a name and what it is on the disk differ
  // Held while files are opened for writing, and closed: a lock belongs
  // to its handle, so a file has one such handle at most, also while a
  // thread still uses one that was the least recently used.
  std::mutex locking_;
  std::map<FileIndex, Shared> writing_;    // the handles that are locked, but for the side file's
  std::vector<Shared> retired_;            // closed, and perhaps used yet
  std::atomic<bool> locked_left_ = false;  // one of them is used no more, perhaps
  FileIndex pinned_file_ = side_file;
  Shared pinned_;

  mutable std::mutex mutex_;  // of what follows; taken after locking_
  Shared root_;
  std::uint64_t root_number_ = 0;  // counts the roots: a file opened beneath an old one is not kept
  std::vector<Open> open_;         // most recently used last
};

}  // namespace barter
