// TroubledFiles: the system's files with troubles that a test switches on and off, from any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "chunkstore/posix_files.hpp"

namespace barter::testing {

class TroubledFiles final : public Files {
 public:
  std::atomic<bool> cold = false;              // nothing is ever in the page cache
  std::atomic<bool> full = false;              // no space for another byte
  std::atomic<int> read_milliseconds = 0;      // each read takes so long
  std::atomic<std::uint64_t> written = 0;      // bytes
  std::atomic<std::uint64_t> full_at = ~0ull;  // `full` once so much is written
  std::atomic<int> reads = 0;                  // that may wait
  std::atomic<std::uint64_t> room = ~0ull;     // what is free, as far as anybody asks
  std::atomic<int> asked = 0;                  // for that
  std::atomic<bool> no_sync = false;           // nothing can be made durable

  // Once so many bytes are written, this file (a path in the download folder) can be no more.
  std::string refused;
  std::atomic<std::uint64_t> refused_at = ~0ull;

  void hang() {  // syncs, writes and reads do not come back
    const std::lock_guard lock(mutex_);
    hangs_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    hangs_ = false;
    released_.notify_all();
  }
  int hanging() const { return hanging_; }

  Result<std::string> canonical(const std::string& path) override { return to_->canonical(path); }
  Result<FileHandle> open_folder(const std::string& path, bool create) override {
    return to_->open_folder(path, create);
  }
  Result<FileHandle> open(const FileHandle& root, const std::string& path, OpenMode mode,
                          bool executable) override {
    const bool is_refused = path == refused && mode != OpenMode::read;
    if (is_refused && written >= refused_at) return refusal();
    auto opened = to_->open(root, path, mode, executable);
    if (!opened) return opened;
    const std::lock_guard lock(mutex_);
    if (is_refused) {
      refused_handles_.insert(opened->id());
    } else {
      refused_handles_.erase(opened->id());  // the number is used again
    }
    return opened;
  }
  Result<void> make_folders(const FileHandle& root, const std::string& path) override {
    return to_->make_folders(root, path);
  }
  Result<FileInfo> look(const FileHandle& root, const std::string& path) override {
    return to_->look(root, path);
  }
  Result<FileInfo> look(const FileHandle& handle) override { return to_->look(handle); }
  Result<void> rename(const FileHandle& root, const std::string& from,
                      const std::string& to) override {
    return to_->rename(root, from, to);
  }
  Result<void> rename_new(const FileHandle& root, const std::string& from,
                          const std::string& to) override {
    return to_->rename_new(root, from, to);
  }
  Result<void> remove(const FileHandle& root, const std::string& path) override {
    return to_->remove(root, path);
  }
  Result<void> make_link(const FileHandle& root, const std::string& path,
                         const std::string& target) override {
    return to_->make_link(root, path, target);
  }
  Result<std::vector<std::string>> list(const FileHandle& folder, std::size_t most) override {
    return to_->list(folder, most);
  }
  Result<std::size_t> read(const FileHandle& file, std::uint64_t offset,
                           std::span<std::byte> out) override {
    ++reads;
    wait();
    std::this_thread::sleep_for(std::chrono::milliseconds(read_milliseconds));
    return to_->read(file, offset, out);
  }
  Result<bool> read_cached(const FileHandle& file, std::uint64_t offset,
                           std::span<std::byte> out) override {
    if (cold) return false;
    return to_->read_cached(file, offset, out);
  }
  Result<void> write(const FileHandle& file, std::uint64_t offset,
                     std::span<const std::span<const std::byte>> parts) override {
    wait();
    if (written >= refused_at) {
      const std::lock_guard lock(mutex_);
      if (refused_handles_.contains(file.id())) return refusal();
    }
    if (full || written > full_at) return Error{Errc::no_space, "cannot write: no space left"};
    for (const auto& part : parts) written += part.size();
    return to_->write(file, offset, parts);
  }
  Result<void> sync(const FileHandle& handle) override {
    wait();
    if (no_sync) return Error{Errc::io_error, "cannot sync: the disk is failing"};
    return to_->sync(handle);
  }
  Result<bool> sync_file_system(const FileHandle& folder) override {
    wait();
    if (no_sync) return Error{Errc::io_error, "cannot sync: the disk is failing"};
    return to_->sync_file_system(folder);
  }
  Result<void> sync_folder(const FileHandle& root, const std::string& path) override {
    return to_->sync_folder(root, path);
  }
  Result<void> truncate(const FileHandle& file, std::uint64_t size) override {
    return to_->truncate(file, size);
  }
  Result<void> allocate(const FileHandle& file, std::uint64_t size) override {
    return to_->allocate(file, size);
  }
  Result<std::uint64_t> next_data(const FileHandle& file, std::uint64_t offset) override {
    return to_->next_data(file, offset);
  }
  Result<void> lock(const FileHandle& handle, Lock kind) override {
    return to_->lock(handle, kind);
  }
  Result<std::uint64_t> free_space(const FileHandle& folder) override {
    ++asked;
    if (full || written > full_at) return 0;
    const auto free = to_->free_space(folder);
    return free ? std::min<std::uint64_t>(*free, room) : free;
  }
  Result<std::uint64_t> file_system(const FileHandle& folder) override {
    return to_->file_system(folder);
  }
  std::string boot_id() override { return to_->boot_id(); }

 private:
  Error refusal() const { return {Errc::permission_denied, "cannot write " + refused}; }
  void close(int) override {}  // handles are those of the system's files
  void wait() {
    std::unique_lock lock(mutex_);
    if (!hangs_) return;
    ++hanging_;
    released_.wait(lock, [this] { return !hangs_; });
    --hanging_;
  }

  std::unique_ptr<Files> to_ = posix_files();
  std::mutex mutex_;
  std::condition_variable released_;
  std::set<int> refused_handles_;
  bool hangs_ = false;
  std::atomic<int> hanging_ = 0;
};

}  // namespace barter::testing
