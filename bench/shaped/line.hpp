// Line: one direction of a host's link. Frames leave it in the order in which they came: one after
// the other at its rate, then after its delay. A frame that would wait longer than the queue's
// bound is dropped (drop-tail). And Due: which of many lines has the next frame at its end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "frames.hpp"

namespace star {

struct Counted {
  std::uint64_t frames = 0, bytes = 0;  // on the line
};

class Line {
 public:
  Line(double mbit, double delay_ms, double queue_ms)
      : nanoseconds_a_byte_(mbit > 0 ? 8000 / mbit : 0),
        delay_(static_cast<Nanoseconds>(delay_ms * 1e6)),
        queue_(static_cast<Nanoseconds>(queue_ms * 1e6)) {}

  // False: no room, it is still the caller's.
  bool push(Frame* frame, Nanoseconds now) {
    const Nanoseconds start = std::max(now, idle_from_);
    if (start - now > queue_) {
      ++dropped.frames;
      dropped.bytes += frame->wire;
      return false;
    }
    idle_from_ = start + static_cast<Nanoseconds>(frame->wire * nanoseconds_a_byte_);
    longest_wait = std::max(longest_wait, idle_from_ - now);
    frame->due = idle_from_ + delay_;
    frame->next = nullptr;
    (first_ == nullptr ? first_ : last_->next) = frame;
    last_ = frame;
    ++carried.frames;
    carried.bytes += frame->wire;
    return true;
  }
  Frame* first() const { return first_; }
  Frame* pop() {
    Frame* frame = first_;
    first_ = frame->next;
    return frame;
  }

  Counted carried, dropped;
  Nanoseconds longest_wait = 0;  // in the queue, its own time on the line included

 private:
  double nanoseconds_a_byte_;
  Nanoseconds delay_, queue_;
  Nanoseconds idle_from_ = 0;  // when it will have sent all that it was given
  Frame* first_ = nullptr;
  Frame* last_ = nullptr;
};

// A heap with one entry for each line that is not empty.
class Due {
 public:
  void add(Nanoseconds when, std::size_t line) {
    entries_.push_back({when, order_++, line});
    std::push_heap(entries_.begin(), entries_.end());
  }
  bool empty() const { return entries_.empty(); }
  Nanoseconds next() const { return entries_.front().when; }
  std::size_t pop() {
    std::pop_heap(entries_.begin(), entries_.end());
    const std::size_t line = entries_.back().line;
    entries_.pop_back();
    return line;
  }

 private:
  struct Entry {
    Nanoseconds when;
    std::uint64_t order;  // of equals the first comes first
    std::size_t line;
    bool operator<(const Entry& other) const {
      return when != other.when ? when > other.when : order > other.order;
    }
  };
  std::vector<Entry> entries_;
  std::uint64_t order_ = 0;
};

}  // namespace star
