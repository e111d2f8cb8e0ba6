// FakeFiles: an operating system in memory that can be killed, lose its power, run out of space and
// fail. What was not synced survives a power cut in part: writes by sectors of 512 bytes, each kept
// or lost, the entries of a folder as a prefix of what happened to them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "chunkstore/files.hpp"
#include "torrent/random.hpp"

namespace barter {

class FakeFiles final : public Files {
 public:
  struct Crash {};  // thrown out of the operation at which the machine stops

  explicit FakeFiles(std::uint64_t seed) : random_(seed) { folders_.insert("/"); }

  // What goes wrong. Operations are those that change something; the first is 1.
  std::uint64_t operations() const { return operations_; }
  void crash_at(std::uint64_t operation) { crash_at_ = operation; }
  void fail(std::uint64_t from, std::uint64_t to, Errc code) {
    fail_from_ = from, fail_to_ = to, fail_code_ = code;
  }
  // Nothing can be made, written or synced below this folder; "" ends it. What takes no room can.
  void fail_below(const std::string& folder, Errc code) { bad_folder_ = folder, bad_code_ = code; }
  // From now on whoever opens or writes this file so gets that error; nothing lets it be.
  void refuse_writing(const std::string& path, std::optional<Errc> code) {
    refused_.erase(path);
    if (code) refused_.emplace(path, *code);
  }
  void refuse_folders(std::optional<Errc> code) { folders_refused_ = code; }
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  void set_largest_file(std::uint64_t bytes) { largest_ = bytes; }
  // After the crash: all writes stay, or only some of them. Every handle and lock is gone.
  void kill();
  void power_cut();
  void advance(std::int64_t nanoseconds) { clock_ += nanoseconds; }
  void set_file_system(std::uint64_t id) { file_system_ = id; }
  // A disk to which names are one that `fold` makes equal, element by element.
  using Fold = std::function<std::string(const std::string&)>;
  void set_fold(Fold fold) { fold_ = std::move(fold); }
  // One that cannot hold names (elements) of which this is true.
  void set_refused(std::function<bool(const std::string&)> refused) {
    bad_name_ = std::move(refused);
  }
  // One that does not know when a file was made.
  void forget_births() { births_ = false; }

  // From outside: what another program would do.
  bool exists(const std::string& path) const { return names_.contains(path); }
  std::string content(const std::string& path) const;
  std::vector<std::string> names() const;  // of all files
  void put(const std::string& path, const std::string& content);
  // The same inode: other bytes from `offset` on, another size, another time.
  void overwrite(const std::string& path, std::uint64_t offset, const std::string& bytes);
  void resize(const std::string& path, std::uint64_t size);
  void touch(const std::string& path) { overwrite(path, 0, {}); }
  void put_folder(const std::string& path);
  void put_link(const std::string& path);
  // The file has another name too, somewhere else.
  void add_name(const std::string& path) { linked_.insert(names_.at(path)->number); }
  void remove_tree(const std::string& path);
  // Runs once, in the middle of the next write.
  void during_write(std::function<void()> what) { during_write_ = std::move(what); }
  void set_exact_times(bool exact) { exact_times_ = exact; }
  std::size_t open_files() const;
  // Payload and folders flushed one by one, and all at once.
  std::uint64_t single_syncs() const { return single_syncs_; }
  std::uint64_t joint_syncs() const { return joint_syncs_; }
  void set_joint_sync(bool possible) { joint_sync_ = possible; }
  std::uint64_t read_bytes() const { return read_bytes_; }
  std::size_t most_open_files() const { return most_open_; }
  // From now on memory holds only what was read or asked to be fetched since; else it holds all.
  void grow_cold() { cold_ = true, memory_.clear(); }
  // Reads that found less than they wanted in memory.
  std::uint64_t waits() const { return waits_; }

  Result<std::string> canonical(const std::string& path) override { return path; }
  Result<FileHandle> open_folder(const std::string& path, bool create) override;
  Result<FileHandle> open(const FileHandle& root, const std::string& path, OpenMode mode,
                          bool executable) override;
  Result<void> make_folders(const FileHandle& root, const std::string& path) override;
  Result<FileInfo> look(const FileHandle& root, const std::string& path) override;
  Result<FileInfo> look(const FileHandle& handle) override;
  Result<void> rename(const FileHandle& root, const std::string& from,
                      const std::string& to) override;
  Result<void> rename_new(const FileHandle& root, const std::string& from,
                          const std::string& to) override;
  Result<void> remove(const FileHandle& root, const std::string& path) override;
  Result<void> make_link(const FileHandle& root, const std::string& path,
                         const std::string& target) override;
  Result<std::vector<std::string>> list(const FileHandle& folder, std::size_t most) override;
  Result<std::size_t> read(const FileHandle& file, std::uint64_t offset,
                           std::span<std::byte> out) override;
  Result<bool> read_cached(const FileHandle& file, std::uint64_t offset,
                           std::span<std::byte> out) override;
  void advise(const FileHandle& file, std::uint64_t offset, std::uint64_t length,
              Advice advice) override;
  Result<void> write(const FileHandle& file, std::uint64_t offset,
                     std::span<const std::span<const std::byte>> parts) override;
  Result<void> sync(const FileHandle& handle) override;
  Result<bool> sync_file_system(const FileHandle& folder) override;
  Result<void> sync_folder(const FileHandle& root, const std::string& path) override;
  Result<void> truncate(const FileHandle& file, std::uint64_t size) override;
  Result<void> allocate(const FileHandle& file, std::uint64_t size) override;
  Result<std::uint64_t> next_data(const FileHandle& file, std::uint64_t offset) override;
  Result<void> lock(const FileHandle& handle, Lock kind) override;
  Result<std::uint64_t> free_space(const FileHandle& folder) override;
  Result<std::uint64_t> file_system(const FileHandle& folder) override;
  bool exact_times(const FileHandle&) override { return exact_times_; }
  std::string boot_id() override { return "boot " + std::to_string(boot_); }

 private:
  static constexpr std::uint64_t page = 4096;
  struct Image {  // a file's bytes at one time
    std::string bytes;
    std::set<std::uint64_t> pages;  // that are no holes
    std::int64_t mtime = 0;
  };
  struct Change {  // to a file, not yet synced
    std::uint64_t offset = 0;
    std::string bytes;
    std::optional<std::uint64_t> size;  // a truncation
    std::int64_t mtime = 0;
  };
  struct Inode {
    std::uint64_t number = 0;
    std::int64_t birth = 0;
    Image now, durable;
    std::vector<Change> changes;
    std::string link;  // a symbolic link's target
  };
  using Node = std::shared_ptr<Inode>;
  struct EntryChange {  // to the names of a folder, not yet synced
    std::string path;
    Node before, after;  // null: absent
    bool folder = false;
    std::string from = {};  // renamed: its name before
  };
  struct Opened {
    std::string path;
    Node node;  // null for a folder
  };

  void close(int id) override;
  // Counts an operation; an error if it is to fail.
  Result<void> step();
  Result<void> step_below(const std::string& path);
  FileHandle adopt(Opened opened);
  std::string full(const FileHandle& root, const std::string& path) const;
  bool is_refused(const std::string& path) const;
  void set_name(const std::string& path, Node node);
  void make_folder(const std::string& path);
  void sync_names(const std::string& folder);
  void apply(Image& image, const Change& change) const;
  void change(Inode& inode, Change change);
  std::uint64_t used() const;
  // Visits each page of these bytes as memory_ names it.
  template <class Visit>
  void for_pages(const FileHandle& file, std::uint64_t offset, std::uint64_t length, Visit visit) {
    const std::uint64_t inode = open_.at(file.id()).node->number;
    if (length == 0) return;
    for (std::uint64_t i = offset / page; i * page < offset + length; ++i) {
      visit(std::pair(inode, i));
    }
  }

  Random random_;
  std::int64_t clock_ = 1'700'000'000'000'000'000;
  std::uint64_t boot_ = 1, file_system_ = 7, next_inode_ = 1;
  std::uint64_t operations_ = 0, crash_at_ = 0;
  std::uint64_t single_syncs_ = 0, joint_syncs_ = 0, read_bytes_ = 0;
  bool joint_sync_ = true;
  Fold fold_;
  std::function<bool(const std::string&)> bad_name_;
  bool births_ = true;
  std::uint64_t fail_from_ = 0, fail_to_ = 0;
  Errc fail_code_ = Errc::io_error;
  std::string bad_folder_;
  Errc bad_code_ = Errc::io_error;
  std::map<std::string, Errc> refused_;
  std::optional<Errc> folders_refused_;
  std::uint64_t capacity_ = ~std::uint64_t{0}, largest_ = ~std::uint64_t{0};
  std::set<std::uint64_t> linked_;  // inodes
  std::map<std::string, Node> names_;
  std::set<std::string> folders_;
  std::map<std::string, std::vector<EntryChange>> unsynced_;  // by folder
  std::map<int, Opened> open_;
  struct Locked {
    std::string what;  // an inode's number, or a folder's path
    int handle = 0;
    Lock kind = Lock::exclusive;
  };
  std::vector<Locked> locked_;
  std::size_t most_open_ = 0;
  int next_id_ = 1;
  std::function<void()> during_write_;
  bool exact_times_ = true;
  bool cold_ = false;
  std::uint64_t waits_ = 0;
  std::set<std::pair<std::uint64_t, std::uint64_t>> memory_;  // where cold: inodes and their pages
};

}  // namespace barter
