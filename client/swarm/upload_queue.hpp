// UploadQueue: what one peer has asked of us, in its order. The first `handed()` ranges have been
// given to its connection and are not yet in the socket; the rest wait for their turn. A value
// type.
#pragma once

#include <cstdint>
#include <optional>

#include "client/swarm/ring.hpp"
#include "torrent/layout.hpp"

namespace barter {

class UploadQueue {
 public:
  std::size_t size() const { return ranges_.size(); }
  std::size_t handed() const { return handed_; }
  std::size_t waiting() const { return ranges_.size() - handed_; }
  std::uint64_t unsent_bytes() const { return unsent_; }  // of those handed
  const BlockRange& operator[](std::size_t index) const { return ranges_[index]; }

  void add(const BlockRange& range) { ranges_.push_back(range); }
  const BlockRange& next() const { return ranges_[handed_]; }
  // The next one is now the connection's.
  BlockRange hand() {
    const BlockRange range = ranges_[handed_++];
    unsent_ += range.length;
    return range;
  }
  // The connection is done with it, one way or the other: true if it had it.
  bool done(const BlockRange& range) {
    for (std::size_t i = 0; i < handed_; ++i) {
      if (ranges_[i] != range) continue;
      ranges_.erase(i);
      --handed_;
      unsent_ -= range.length;
      return true;
    }
    return false;
  }
  enum class Found : std::uint8_t { nowhere, waiting, handed };
  // Takes a waiting one out; one that was handed must be asked back of the connection.
  Found cancel(const BlockRange& range) {
    for (std::size_t i = ranges_.size(); i > handed_; --i) {
      if (ranges_[i - 1] != range) continue;
      ranges_.erase(i - 1);
      return Found::waiting;
    }
    for (std::size_t i = 0; i < handed_; ++i)
      if (ranges_[i] == range) return Found::handed;
    return Found::nowhere;
  }
  // Takes the waiting one at `index` (>= handed()) out.
  void drop(std::size_t index) { ranges_.erase(index); }

 private:
  Ring<BlockRange> ranges_;
  std::size_t handed_ = 0;
  std::uint64_t unsent_ = 0;
};

}  // namespace barter
