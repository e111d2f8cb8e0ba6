// FetchAhead: has bytes brought into the page cache before a reader in order comes to them, where
// they are not there anyway, and lets go of them behind it. What the reader found in memory is left
// alone. Holds numbers only, of one reader on one thread; the cache is the caller's:
//
//   bool has(offset)               is this byte in memory?
//   void fetch(offset, length)     begins to bring these there, without waiting
//   void drop(offset, length)      was fetched and is not needed any more
#pragma once

#include <algorithm>
#include <cstdint>

namespace barter {

class FetchAhead {
 public:
  static constexpr std::uint64_t usual_step = 1 << 20;
  // Linux fetches no more in one call than its own read-ahead would, or one request of the disk:
  // 128 KiB if nobody has said otherwise.
  static constexpr std::uint64_t most_a_call = 128 * 1024;
  explicit FetchAhead(std::uint64_t step_bytes = usual_step) : step_(step_bytes) {}

  // The reader has all before `offset` and will go on to `end`. `missing`: the byte there is not in
  // memory. Keeps between one and two steps under way ahead of it, once something was missing.
  template <class Cache>
  void reader_at(std::uint64_t offset, std::uint64_t end, bool missing, Cache&& cache) {
    if (offset < from_ || offset > to_) {
      stop(cache);
      from_ = to_ = offset;
    }
    if (offset - from_ >= step_) {
      cache.drop(from_, offset - from_);
      from_ = offset;
    }
    if (!missing && from_ == to_) return;
    if (offset + step_ < to_ || to_ >= end) return;
    if ((!missing || to_ > offset) && cache.has(to_)) return;
    const std::uint64_t length = std::min(step_, end - to_);
    cache.fetch(to_, length);
    to_ += length;
  }

  // The reader has ended, or goes elsewhere.
  template <class Cache>
  void stop(Cache&& cache) {
    if (from_ < to_) cache.drop(from_, to_ - from_);
    from_ = to_;
  }

 private:
  std::uint64_t step_;
  std::uint64_t from_ = 0, to_ = 0;  // fetched and not dropped
};

}  // namespace barter
