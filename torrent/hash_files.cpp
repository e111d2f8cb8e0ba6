#include "torrent/hash_files.hpp"

#include "torrent/merkle.hpp"
#include "torrent/write_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace barter {
namespace {

using namespace std::chrono_literals;

// Fits the second-level cache of a core: what read() copied there is hashed from there.
constexpr std::size_t buffer_bytes = 256 * 1024;
// Pieces are taken in runs of this many bytes, so that each thread reads in order.
constexpr std::uint64_t run_bytes = 4 << 20;
constexpr std::uint64_t small_file_bytes = 1 << 20;  // below: not worth telling the kernel
constexpr auto progress_interval = 100ms;

Error changed(const std::string& path) {
  return Error{Errc::file_changed, fmt::format("{}: changed while it was read", path)};
}

std::span<const std::byte> zeros() {
  static const std::vector<std::byte> bytes(64 * 1024);
  return bytes;
}

// The file that a thread reads from. Looks at its stamp before it lets go of it: by then all that
// the thread wanted of it was read.
class OpenFile {
 public:
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  bool holds(std::size_t file) const { return descriptor_ >= 0 && file_ == file; }
  std::size_t file() const { return file_; }

  Result<void> open(std::size_t file, const FileToHash& what) {
    assert(descriptor_ < 0);
    // Non-blocking, for the case that it became a FIFO since we looked.
    descriptor_ = ::open(what.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor_ < 0) return system_error(what.path, errno);
    file_ = file;
    what_ = &what;
    return {};
  }

  Result<void> close() {
    if (descriptor_ < 0) return {};
    struct stat status {};
    const int looked = fstat(descriptor_, &status);
    const int why = errno;
    ::close(std::exchange(descriptor_, -1));
    if (looked != 0) return system_error(what_->path, why);
    if (what_->stamp && SourceStamp::of(status) != *what_->stamp) return changed(what_->path);
    return {};
  }

  // Reads all of `out`; a file that ends before is an error.
  Result<void> read(std::span<std::byte> out, std::uint64_t offset) {
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

  void will_need(std::uint64_t offset, std::uint64_t length) {
    posix_fadvise(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(length),
                  POSIX_FADV_WILLNEED);
  }

 private:
  int descriptor_ = -1;
  std::size_t file_ = 0;
  const FileToHash* what_ = nullptr;
};

// What the threads of one job share.
class Job {
 public:
  explicit Job(const HashFilesJob& job)
      : job_(job),
        threads_(std::clamp<unsigned>(
            job.threads != 0 ? job.threads : std::thread::hardware_concurrency(), 1,
            std::max(1u, job.layout->piece_count()))) {
    const std::uint64_t piece = job.layout->piece_length();
    // Short jobs are cut finer, so that all threads end together.
    const std::uint64_t run = std::min(run_bytes, job.layout->total_size() / (threads_ * 8) + 1);
    run_pieces_ = static_cast<std::uint32_t>(std::max<std::uint64_t>(1, run / piece));
    ahead_bytes_ =
        std::clamp<std::uint64_t>((threads_ + 1) * run_pieces_ * piece, 16 << 20, 64 << 20);
  }

  Result<void> run() {
    std::vector<std::jthread> workers;
    running_ = threads_;
    for (unsigned i = 0; i < threads_; ++i) workers.emplace_back([this] { work(); });
    report_until_done();
    workers.clear();  // joins
    if (error_) return *error_;
    if (job_.progress && !job_.progress(bytes_done_)) return cancelled();
    return {};
  }

 private:
  static Error cancelled() { return Error{Errc::cancelled, "cancelled"}; }

  void report_until_done() {
    std::unique_lock lock(mutex_);
    while (!all_done_.wait_for(lock, progress_interval, [this] { return running_ == 0; })) {
      lock.unlock();
      const bool go_on = !job_.progress || job_.progress(bytes_done_);
      lock.lock();
      if (!go_on && !error_) error_ = cancelled();
      if (error_) stop_ = true;
    }
  }

  void work() {
    std::vector<std::byte> buffer(buffer_bytes);
    PieceStreamHasher hasher(job_.v1, job_.v2, job_.layout->piece_length());
    OpenFile file;
    std::vector<FileRange> ranges;
    const std::uint32_t count = job_.layout->piece_count();
    while (!stop_) {
      const std::uint32_t first = next_piece_.fetch_add(run_pieces_);
      if (first >= count) break;
      const std::uint32_t end = std::min(count - first, run_pieces_) + first;
      for (std::uint32_t piece = first; piece < end && !stop_; ++piece) {
        hash_piece(PieceIndex{piece}, hasher, file, buffer, ranges);
      }
    }
    if (const std::size_t last = file.file(); file.holds(last)) forgive(last, file.close());
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) all_done_.notify_one();
  }

  // True if the job goes on in spite of the error, if there is one.
  bool forgive(std::size_t file, const Result<void>& result) {
    if (result) return true;
    const std::lock_guard lock(mutex_);
    if (job_.on_file_error && job_.on_file_error(file, result.error())) return true;
    if (!error_) error_ = result.error();
    stop_ = true;
    return false;
  }

  Result<void> turn_to(std::size_t index, OpenFile& file) {
    if (file.holds(index)) return {};
    if (const std::size_t last = file.file(); !forgive(last, file.close())) return cancelled();
    return file.open(index, job_.files[index]);
  }

  void hash_piece(PieceIndex piece, PieceStreamHasher& hasher, OpenFile& file,
                  std::vector<std::byte>& buffer, std::vector<FileRange>& ranges) {
    const Layout& layout = *job_.layout;
    ranges.clear();
    layout.file_ranges(layout.piece_offset(piece), layout.piece_size(piece), ranges);
    bool whole = true, only_piece = true;
    for (const FileRange& range : ranges) {
      if (layout.files()[range.file].pad) {
        hasher.update_pad(range.length);
        continue;
      }
      only_piece = only_piece && range.length == layout.files()[range.file].length;
      auto done = turn_to(range.file, file);
      if (done) done = hash_range(range, hasher, file, buffer);
      if (stop_) return;
      if (!done) {
        whole = false;
        if (!forgive(range.file, done)) return;
      }
    }
    const PieceDigests digests = hasher.finish(only_piece);
    job_.on_piece(piece, whole ? &digests : nullptr);
  }

  Result<void> hash_range(const FileRange& range, PieceStreamHasher& hasher, OpenFile& file,
                          std::vector<std::byte>& buffer) {
    const std::uint64_t file_bytes = job_.layout->files()[range.file].length;
    for (std::uint64_t at = 0; at < range.length && !stop_;) {
      const auto part =
          static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), range.length - at));
      const std::span<std::byte> bytes(buffer.data(), part);
      if (file_bytes >= small_file_bytes) read_ahead(range.offset + at, part, file_bytes, file);
      auto done = file.read(bytes, range.offset + at);
      if (!done) return done;
      hasher.update(bytes);
      at += part;
      bytes_done_.fetch_add(part, std::memory_order_relaxed);
    }
    return {};
  }

  // Once for each MiB of a file: have the kernel fetch what some thread will want soon.
  void read_ahead(std::uint64_t offset, std::uint64_t length, std::uint64_t file_bytes,
                  OpenFile& file) {
    constexpr std::uint64_t stride = 1 << 20;
    if (offset == 0) file.will_need(0, std::min(ahead_bytes_, file_bytes));
    const std::uint64_t first = (offset + stride - 1) / stride * stride;
    if (first >= offset + length || first + ahead_bytes_ >= file_bytes) return;
    file.will_need(first + ahead_bytes_, stride);
  }

  const HashFilesJob& job_;
  const unsigned threads_;
  std::uint32_t run_pieces_ = 1;
  std::uint64_t ahead_bytes_ = 0;
  std::atomic<std::uint32_t> next_piece_{0};
  std::atomic<std::uint64_t> bytes_done_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable all_done_;
  unsigned running_ = 0;        // under the mutex
  std::optional<Error> error_;  // under the mutex: the first
};

}  // namespace

SourceStamp SourceStamp::of(const struct stat& status) {
  return {static_cast<std::uint64_t>(status.st_size), status.st_ino, status.st_dev,
          std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

PieceStreamHasher::PieceStreamHasher(bool v1, bool v2, std::uint32_t piece_length)
    : v1_(v1), v2_(v2), piece_length_(piece_length) {}

void PieceStreamHasher::update(std::span<const std::byte> bytes) {
  if (v1_) sha1_.update(bytes);
  if (!v2_) return;
  while (!bytes.empty()) {
    const auto block = bytes.first(std::min<std::size_t>(bytes.size(), block_length));
    sha256_.update(block);
    leaves_.push_back(sha256_.finish());
    bytes = bytes.subspan(block.size());
  }
}

void PieceStreamHasher::update_pad(std::uint64_t length) {
  if (!v1_) return;
  while (length > 0) {
    const auto part =
        zeros().first(static_cast<std::size_t>(std::min<std::uint64_t>(length, zeros().size())));
    sha1_.update(part);
    length -= part.size();
  }
}

PieceDigests PieceStreamHasher::finish(bool only_piece) {
  PieceDigests out;
  if (v1_) out.v1 = sha1_.finish();
  // No leaf: the file could not be read, or all is pad.
  if (v2_ && !leaves_.empty()) {
    out.v2 = only_piece ? small_file_root(leaves_) : piece_root(leaves_, piece_length_);
    leaves_.clear();
  }
  return out;
}

namespace {

// Reads a stream on a thread of its own, a few buffers ahead of whoever hashes.
class StreamReader {
 public:
  explicit StreamReader(int descriptor)
      : descriptor_(descriptor), thread_([this] { read_all(); }) {}
  ~StreamReader() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
  }

  // The next bytes, in a buffer full but for the last; nothing at the end; no value while none
  // came.
  Result<std::optional<std::vector<std::byte>>> next(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, timeout, [this] { return !full_.empty() || ended_; });
    if (full_.empty()) {
      if (error_) return *error_;
      if (ended_) return std::optional(std::vector<std::byte>{});
      return std::optional<std::vector<std::byte>>{};
    }
    auto buffer = std::move(full_.front());
    full_.pop_front();
    changed_.notify_all();
    return std::optional(std::move(buffer));
  }

 private:
  static constexpr std::size_t queue_buffers = 8;
  static constexpr std::size_t stream_buffer_bytes = 1 << 20;

  void read_all() {
    while (true) {
      std::vector<std::byte> buffer(stream_buffer_bytes);
      const std::size_t size = fill(buffer);
      buffer.resize(size);
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return full_.size() < queue_buffers || stop_; });
      ended_ = size < stream_buffer_bytes;
      if (size > 0) full_.push_back(std::move(buffer));
      changed_.notify_all();
      if (ended_ || stop_) return;
    }
  }

  // As many bytes as there are; fewer than asked for at the end, on an error and when told to stop.
  std::size_t fill(std::span<std::byte> out) {
    std::size_t have = 0;
    while (have < out.size()) {
      pollfd waiting{descriptor_, POLLIN, 0};
      const int ready = poll(&waiting, 1, 100);  // so that a silent stream can be given up
      if (const std::lock_guard lock(mutex_); stop_) return have;
      if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
      const ssize_t got = ::read(descriptor_, out.data() + have, out.size() - have);
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (got < 0) {
        const std::lock_guard lock(mutex_);
        error_ = system_error("standard input", errno);
      }
      if (got <= 0) return have;
      have += static_cast<std::size_t>(got);
    }
    return have;
  }

  const int descriptor_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::vector<std::byte>> full_;
  bool ended_ = false, stop_ = false;
  std::optional<Error> error_;
  std::jthread thread_;  // last: the others are there before it runs
};

}  // namespace

Result<std::uint64_t> hash_stream(int descriptor, std::uint32_t piece_length, bool v1, bool v2,
                                  const std::function<void(const PieceDigests&)>& on_piece,
                                  const std::function<bool(std::uint64_t)>& progress) {
  StreamReader reader(descriptor);
  PieceStreamHasher hasher(v1, v2, piece_length);
  std::uint64_t total = 0, in_piece = 0;
  auto reported = std::chrono::steady_clock::now();
  while (true) {
    auto next = reader.next(progress_interval);
    if (!next) return next.error();
    const auto now = std::chrono::steady_clock::now();
    if (progress && (!*next || now - reported >= progress_interval)) {
      if (!progress(total)) return Error{Errc::cancelled, "cancelled"};
      reported = now;
    }
    if (!*next) continue;
    if ((*next)->empty()) break;
    for (std::span<const std::byte> bytes = **next; !bytes.empty();) {
      const auto part = bytes.first(
          static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), piece_length - in_piece)));
      hasher.update(part);
      bytes = bytes.subspan(part.size());
      total += part.size();
      in_piece += part.size();
      if (in_piece < piece_length) continue;
      // A whole piece has the same root whether or not another follows it.
      on_piece(hasher.finish(false));
      in_piece = 0;
    }
  }
  if (in_piece > 0) on_piece(hasher.finish(total == in_piece));
  return total;
}

Result<void> hash_files(const HashFilesJob& job) {
  assert(job.layout != nullptr && job.files.size() == job.layout->files().size());
  return Job(job).run();
}

}  // namespace barter
