// UploadQueue: what one peer has asked of us, in its order. The first
// `handed()` ranges have been given to its connection and are not yet
// in the socket; the rest wait for their turn. A value type.
//
// A peer chooses what it cancels, and how often, so finding that must not cost a walk through the
// queue. At the first cancel the waiting ranges are put into a sorted index, which goes again when
// the peer cancels no more: those that never cancel pay nothing for it. What is cancelled leaves a
// gap (a range of no length) where it was.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "client/swarm/ring.hpp"
#include "torrent/layout.hpp"

namespace barter {

class UploadQueue {
 public:
  std::size_t size() const { return ranges_.size() - gaps_; }
  std::size_t handed() const { return handed_; }
  std::size_t waiting() const { return size() - handed_; }
  std::uint64_t unsent_bytes() const { return unsent_; }  // of those handed
  const BlockRange& handed(std::size_t index) const { return ranges_[index]; }

  void add(const BlockRange& range) {
    if (index_) index_->places.emplace(range, first_ + ranges_.size());
    ranges_.push_back(range);
  }
  // Of those that wait; there must be one.
  const BlockRange& next() const { return ranges_[handed_]; }
  // The next one is now the connection's.
  BlockRange hand() {
    const BlockRange range = ranges_[handed_];
    if (index_) forget(range, first_ + handed_);
    ++handed_;
    unsent_ += range.length;
    close_gap();
    return range;
  }
  // The connection is done with it, one way or the other: true if it had it.
  bool done(const BlockRange& range) {
    for (std::size_t i = 0; i < handed_; ++i) {
      if (ranges_[i] != range) continue;
      // The others move to the nearer end of the ring; only those handed may, since the index knows
      // the places of the rest.
      for (; i > 0; --i) ranges_[i] = ranges_[i - 1];
      ranges_.pop_front();
      ++first_;
      --handed_;
      unsent_ -= range.length;
      return true;
    }
    return false;
  }
  enum class Found : std::uint8_t { nowhere, waiting, handed };
  // Takes a waiting one out; one that was handed must be asked back of the connection.
  Found cancel(const BlockRange& range) {
    if (!index_) make_index();
    if (const auto found = index_->places.find(range); found != index_->places.end()) {
      index_->handed_since = 0;
      ranges_[found->second - first_].length = 0;
      ++gaps_;
      index_->places.erase(found);
      close_gap();
      if (gaps_ > 64 && gaps_ > ranges_.size() / 2) compact();
      return Found::waiting;
    }
    for (std::size_t i = 0; i < handed_; ++i)
      if (ranges_[i] == range) return Found::handed;
    return Found::nowhere;
  }
  // Takes out the waiting ones of which `refused` is true, in their order.
  template <class Refused>
  void remove_waiting(Refused refused) {
    index_.reset();
    Ring<BlockRange> kept;
    for (std::size_t i = 0; i < ranges_.size(); ++i) {
      const BlockRange range = ranges_[i];
      if (i < handed_ || (range.length > 0 && !refused(range))) kept.push_back(range);
    }
    ranges_ = std::move(kept);
    gaps_ = 0;
  }

 private:
  struct Index {
    std::multimap<BlockRange, std::uint64_t> places;  // of those that wait, counted as first_ is
    std::size_t handed_since = 0;                     // the last cancel that found something
  };

  void make_index() {
    index_ = std::make_unique<Index>();
    for (std::size_t i = handed_; i < ranges_.size(); ++i)
      if (ranges_[i].length > 0) index_->places.emplace(ranges_[i], first_ + i);
  }
  // It is handed. An index that has become useless, or been of no use for a while, goes.
  void forget(const BlockRange& range, std::uint64_t place) {
    auto& places = index_->places;
    if (++index_->handed_since > 64 && index_->handed_since > places.size()) return index_.reset();
    for (auto [at, end] = places.equal_range(range); at != end; ++at) {
      if (at->second != place) continue;
      places.erase(at);
      break;
    }
  }
  // Behind those handed there is no gap, so that next() is a range.
  void close_gap() {
    while (handed_ < ranges_.size() && ranges_[handed_].length == 0) {
      for (std::size_t i = handed_; i > 0; --i) ranges_[i] = ranges_[i - 1];
      ranges_.pop_front();
      ++first_;
      --gaps_;
    }
  }
  void compact() {
    remove_waiting([](const BlockRange&) { return false; });
    make_index();
  }

  Ring<BlockRange> ranges_;
  std::size_t handed_ = 0;
  std::size_t gaps_ = 0;     // among those that wait
  std::uint64_t first_ = 0;  // how many have left the ring at its front
  std::uint64_t unsent_ = 0;
  std::unique_ptr<Index> index_;
};

}  // namespace barter
