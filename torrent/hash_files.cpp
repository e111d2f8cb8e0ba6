#include "torrent/hash_files.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "torrent/hash_stream.hpp"

namespace barter {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t run_bytes = 4 << 20;  // what a thread takes at a time to read in order
constexpr std::uint64_t ahead_bytes_in_order = 8 << 20;
constexpr auto progress_interval = 100ms;

// How a job is done where its files lie.
struct Plan {
  unsigned threads = 1;
  const ShaKernel* kernel = nullptr;
  SourceFile::Options reading;

  explicit Plan(const HashFilesJob& job)
      : threads(job.threads != 0 ? job.threads : std::thread::hardware_concurrency()),
        kernel(best_kernel()) {
    const auto first =
        std::ranges::find_if(job.files, [](auto& file) { return !file.path.empty(); });
    reading.drop_behind = too_big_to_cache(job.layout->total_size());
    // Sixteen places at once would keep its heads busy with moving; one core outruns it anyway.
    if (first != job.files.end() && on_rotating_disk(first->path, job.devices)) {
      threads = 1;
      kernel = nullptr;
      reading.ahead_bytes = ahead_bytes_in_order;
    }
    threads = std::clamp(threads, 1U, std::max(1U, job.layout->piece_count()));
  }
};

// A piece on its way through a lane, and the file that the lane has open.
struct Lane {
  explicit Lane(SourceFile::Options options) : file(options) {}
  SourceFile file;
  PieceIndex piece{};
  std::vector<FileRange> ranges;  // of the piece
  std::size_t range = 0;          // the one that is read
  std::uint64_t done = 0;         // bytes of it
  bool whole = true;              // all could be read so far
  bool only_piece = true;         // of its file
};

// What the threads of one job share.
class Job {
 public:
  explicit Job(const HashFilesJob& job) : job_(job), plan_(job) {}

  Result<void> run();

 private:
  friend class Worker;
  static Error cancelled() { return Error{Errc::cancelled, "cancelled"}; }
  void report_until_done();
  std::uint32_t take(std::uint32_t most, std::uint32_t& first);
  bool forgive(std::size_t file, const Result<void>& result);
  void pace(std::uint64_t bytes);

  const HashFilesJob& job_;
  const Plan plan_;
  std::atomic<std::uint32_t> next_piece_{0};
  std::atomic<std::uint64_t> bytes_done_{0}, bytes_read_{0};
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable all_done_;
  unsigned running_ = 0;        // under the mutex
  std::optional<Error> error_;  // under the mutex: the first
};

// One thread of a job.
class Worker {
 public:
  explicit Worker(Job& job)
      : job_(job),
        layout_(*job.job_.layout),
        pieces_(job.job_.v1, job.job_.v2, layout_.piece_length(), job.plan_.kernel) {
    for (std::size_t i = 0; i < pieces_.width(); ++i) lanes_.emplace_back(job.plan_.reading);
  }
  void work();

 private:
  void hash(std::uint32_t first, std::uint32_t count);
  void begin(Lane& lane, PieceIndex piece);
  bool is_zeros(Lane& lane);
  void report_zeros(const Lane& lane);
  void hash_lanes(std::size_t count);
  bool fill(std::size_t index);
  bool read(Lane& lane, const FileRange& range, std::span<std::byte> out);
  bool turn_to(Lane& lane, std::size_t file);

  Job& job_;
  const Layout& layout_;
  PieceLanes pieces_;
  std::deque<Lane> lanes_;  // they stay where they are
  // The digests of a piece of zeros, by its size and the part of it that is a file's.
  std::optional<PieceDigests> zeros_;
  std::uint64_t zeros_size_ = 0, zeros_in_file_ = 0;
  bool zeros_only_piece_ = false;
};

Result<void> Job::run() {
  std::vector<std::jthread> workers;
  running_ = plan_.threads;
  for (unsigned i = 0; i < plan_.threads; ++i) {
    workers.emplace_back([this] {
      Worker(*this).work();
      const std::lock_guard lock(mutex_);
      if (--running_ == 0) all_done_.notify_one();
    });
  }
  report_until_done();
  workers.clear();  // joins
  if (error_) return *error_;
  if (job_.progress && !job_.progress(bytes_done_)) return cancelled();
  return {};
}

void Job::report_until_done() {
  std::unique_lock lock(mutex_);
  while (!all_done_.wait_for(lock, progress_interval, [this] { return running_ == 0; })) {
    lock.unlock();
    const bool go_on = !job_.progress || job_.progress(bytes_done_);
    lock.lock();
    if (!go_on && !error_) error_ = cancelled();
    if (error_) stop_ = true;
  }
}

// The next pieces, `most` while there are plenty; fewer towards the end, so that all threads end
// together. 0 when none are left.
std::uint32_t Job::take(std::uint32_t most, std::uint32_t& first) {
  const std::uint32_t all = job_.layout->piece_count();
  first = next_piece_.load();
  while (first < all && !stop_) {
    const std::uint32_t share = (all - first + plan_.threads - 1) / plan_.threads;
    const std::uint32_t count = std::clamp(share, 1U, most);
    if (next_piece_.compare_exchange_weak(first, first + count)) return count;
  }
  return 0;
}

// True if the job goes on in spite of the error, if there is one.
bool Job::forgive(std::size_t file, const Result<void>& result) {
  if (result) return true;
  const std::lock_guard lock(mutex_);
  if (job_.on_file_error && job_.on_file_error(file, result.error())) return true;
  if (!error_) error_ = result.error();
  stop_ = true;
  return false;
}

// After reading: waits until that much may have been read.
void Job::pace(std::uint64_t bytes) {
  if (job_.rate == 0) return;
  const auto read = static_cast<double>(bytes_read_.fetch_add(bytes) + bytes);
  const auto due =
      began_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                   std::chrono::duration<double>(read / static_cast<double>(job_.rate)));
  for (auto now = std::chrono::steady_clock::now(); now < due && !stop_;
       now = std::chrono::steady_clock::now()) {
    std::this_thread::sleep_for(
        std::min<std::chrono::steady_clock::duration>(due - now, progress_interval));
  }
}

void Worker::work() {
  const auto in_order =
      static_cast<std::uint32_t>(std::max<std::uint64_t>(1, run_bytes / layout_.piece_length()));
  const auto most = pieces_.width() > 1 ? static_cast<std::uint32_t>(pieces_.width()) : in_order;
  std::uint32_t first = 0;
  while (const std::uint32_t count = job_.take(most, first)) hash(first, count);
  for (Lane& lane : lanes_) job_.forgive(lane.file.file(), lane.file.close());
}

void Worker::hash(std::uint32_t first, std::uint32_t count) {
  std::size_t busy = 0;
  const auto* const wanted = job_.job_.pieces;
  for (std::uint32_t i = 0; i < count && !job_.stop_; ++i) {
    if (wanted != nullptr && !(*wanted)[first + i]) continue;
    begin(lanes_[busy], PieceIndex{first + i});
    if (is_zeros(lanes_[busy])) {
      report_zeros(lanes_[busy]);
      continue;
    }
    if (++busy < lanes_.size() && i + 1 < count) continue;
    hash_lanes(busy);
    busy = 0;
  }
  if (busy > 0) hash_lanes(busy);
}

void Worker::begin(Lane& lane, PieceIndex piece) {
  lane.piece = piece;
  lane.ranges.clear();
  layout_.file_ranges(layout_.piece_offset(piece), layout_.piece_size(piece), lane.ranges);
  lane.range = 0;
  lane.done = 0;
  lane.whole = lane.only_piece = true;
  for (const FileRange& range : lane.ranges) {
    const FileSpan& file = layout_.files()[range.file];
    lane.only_piece = lane.only_piece && (file.pad || range.length == file.length);
  }
}

// Does the piece lie in a hole of one file, with nothing but pads behind it?
bool Worker::is_zeros(Lane& lane) {
  const auto& files = layout_.files();
  const FileRange& range = lane.ranges.front();
  if (files[range.file].pad) return false;
  for (std::size_t i = 1; i < lane.ranges.size(); ++i) {
    if (!files[lane.ranges[i].file].pad) return false;
  }
  return files[range.file].length >= run_bytes && turn_to(lane, range.file) &&
         lane.file.is_hole(range.offset, range.length);
}

void Worker::report_zeros(const Lane& lane) {
  const std::uint64_t size = layout_.piece_size(lane.piece);
  const std::uint64_t in_file = lane.ranges.front().length;
  if (!zeros_ || zeros_size_ != size || zeros_in_file_ != in_file ||
      zeros_only_piece_ != lane.only_piece) {
    PieceStreamHasher hasher(job_.job_.v1, job_.job_.v2, layout_.piece_length());
    hasher.update_zeros(in_file);
    hasher.update_pad(size - in_file);
    zeros_ = hasher.finish(lane.only_piece);
    zeros_size_ = size;
    zeros_in_file_ = in_file;
    zeros_only_piece_ = lane.only_piece;
  }
  job_.bytes_done_.fetch_add(in_file, std::memory_order_relaxed);
  job_.job_.on_piece(lane.piece, &*zeros_);
}

void Worker::hash_lanes(std::size_t count) {
  pieces_.begin(count);
  for (bool more = true; more;) {
    more = false;
    for (std::size_t i = 0; i < count; ++i) more = fill(i) || more;
    if (job_.stop_) return;
    pieces_.advance();
  }
  for (std::size_t i = 0; i < count; ++i) {
    const PieceDigests digests = pieces_.digests(i, lanes_[i].only_piece);
    job_.job_.on_piece(lanes_[i].piece, lanes_[i].whole ? &digests : nullptr);
  }
}

// Brings the lane its next chunk. False if its piece ends with that.
bool Worker::fill(std::size_t index) {
  Lane& lane = lanes_[index];
  const auto room = pieces_.room(index);
  std::size_t bytes = 0, pad = 0;
  while (bytes < room.size() && lane.range < lane.ranges.size() && !job_.stop_) {
    const FileRange& range = lane.ranges[lane.range];
    const auto part = static_cast<std::size_t>(
        std::min<std::uint64_t>(room.size() - bytes, range.length - lane.done));
    const auto out = room.subspan(bytes, part);
    if (layout_.files()[range.file].pad) {
      std::memset(out.data(), 0, part);
      pad += part;
    } else if (!read(lane, range, out)) {
      lane.whole = false;
      lane.done = range.length;  // nothing more of this file
    }
    bytes += part;
    lane.done = std::min(lane.done + part, range.length);
    if (lane.done < range.length) continue;
    ++lane.range;
    lane.done = 0;
  }
  pieces_.fill(index, bytes, pad);
  return lane.range < lane.ranges.size();
}

bool Worker::turn_to(Lane& lane, std::size_t file) {
  if (lane.file.holds(file)) return true;
  if (!job_.forgive(lane.file.file(), lane.file.close())) return false;
  return job_.forgive(file,
                      lane.file.open(file, job_.job_.files[file], layout_.files()[file].length)) &&
         lane.file.holds(file);
}

bool Worker::read(Lane& lane, const FileRange& range, std::span<std::byte> out) {
  if (!turn_to(lane, range.file)) return false;
  // What follows the piece is this lane's too where there is one lane, else another's.
  const std::uint64_t end =
      lanes_.size() > 1 ? range.offset + range.length : layout_.files()[range.file].length;
  const auto done = lane.file.read(out, range.offset + lane.done, end);
  if (!done) {
    job_.forgive(range.file, done);
    return false;
  }
  job_.bytes_done_.fetch_add(out.size(), std::memory_order_relaxed);
  job_.pace(out.size());
  return true;
}

}  // namespace

Result<void> hash_files(const HashFilesJob& job) {
  assert(job.layout != nullptr && job.files.size() == job.layout->files().size());
  return Job(job).run();
}

}  // namespace barter
