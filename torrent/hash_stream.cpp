#include "torrent/hash_stream.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "torrent/layout.hpp"
#include "torrent/merkle.hpp"
#include "torrent/write_file.hpp"

namespace barter {

namespace {
using namespace std::chrono_literals;
constexpr auto progress_interval = 100ms;
constexpr std::array<std::byte, 64 * 1024> zeros{};
}  // namespace

PieceStreamHasher::PieceStreamHasher(bool v1, bool v2, std::uint32_t piece_length)
    : v1_(v1), v2_(v2), piece_length_(piece_length) {}

void PieceStreamHasher::update(std::span<const std::byte> bytes) {
  if (v1_) sha1_.update(bytes);
  if (!v2_) return;
  blocks_.clear();
  while (!bytes.empty()) {
    blocks_.push_back(bytes.first(std::min<std::size_t>(bytes.size(), block_length)));
    bytes = bytes.subspan(blocks_.back().size());
  }
  leaves_.resize(leaves_.size() + blocks_.size());
  merkle_leaves(blocks_, std::span(leaves_).last(blocks_.size()));
}

void PieceStreamHasher::update_zeros(std::uint64_t length) {
  for (; length > zeros.size(); length -= zeros.size()) update(zeros);
  update(std::span(zeros).first(static_cast<std::size_t>(length)));
}

void PieceStreamHasher::update_pad(std::uint64_t length) {
  if (!v1_) return;
  for (; length > zeros.size(); length -= zeros.size()) sha1_.update(zeros);
  sha1_.update(std::span(zeros).first(static_cast<std::size_t>(length)));
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

  // The next bytes, in a buffer full but for the last; nothing at the
  // end; no value while none came.
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

}  // namespace barter
