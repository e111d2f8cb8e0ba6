// EventQueue: what will happen, in order of time; what falls on the same instant comes in the order
// in which it was added, so that a run is a function of its seed. Plain values, no allocation per
// event once the buckets have grown. One owner, one thread.
//
// A radix heap (Ahuja, Mehlhorn, Orlin and Tarjan 1990): an event lies in the bucket of the highest
// bit in which its time differs from the last one taken, and moves to ever lower buckets as the
// time comes near. Simulated time only grows, so an event moves fewer times than its time has bits,
// and each move goes through memory in order.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "torrent/time.hpp"

namespace barter::sim {

enum class EventKind : std::uint32_t {
  join,     // a: node
  wake,     // a: node
  arrive,   // a: the end that receives, b: first of the items
  ready,    // a: the end whose window opens
  pump,     // a: the node whose uplink has room
  stored,   // a: number of the disk's job
  spilled,  // a: the same
  call,     // a: number of the closure; what is rare
};

struct Event {
  TimePoint time{};
  EventKind kind{};
  std::uint32_t a = 0, b = 0;
};

class EventQueue {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  void push(const Event& event) {
    if (event.time < last_) rewind(event.time);
    buckets_[bucket(event.time)].push_back(event);
    ++size_;
  }
  // Requires that it is not empty.
  TimePoint next_time() {
    if (taken_ == buckets_[0].size()) refill();
    return buckets_[0][taken_].time;
  }
  Event pop() {
    if (taken_ == buckets_[0].size()) refill();
    --size_;
    return buckets_[0][taken_++];
  }

 private:
  std::size_t bucket(TimePoint time) const {
    const auto differs = static_cast<std::uint64_t>(time.time_since_epoch().count()) ^
                         static_cast<std::uint64_t>(last_.time_since_epoch().count());
    return static_cast<std::size_t>(std::bit_width(differs));
  }
  // The lowest bucket that is not empty becomes the next instant's and whatever follows it closely.
  void refill() {
    buckets_[0].clear();
    taken_ = 0;
    std::size_t lowest = 1;
    while (buckets_[lowest].empty()) ++lowest;
    auto& from = buckets_[lowest];
    last_ = from.front().time;
    for (const Event& event : from) last_ = std::min(last_, event.time);
    for (const Event& event : from) buckets_[bucket(event.time)].push_back(event);
    from.clear();
  }
  // Somebody looked ahead and then added something before that: rare, and costs a whole walk.
  void rewind(TimePoint time) {
    auto& now = buckets_[0];
    now.erase(now.begin(), now.begin() + static_cast<std::ptrdiff_t>(taken_));
    taken_ = 0;
    std::vector<Event> all;
    all.reserve(size_);
    for (auto& one : buckets_) {
      all.insert(all.end(), one.begin(), one.end());
      one.clear();
    }
    last_ = time;
    for (const Event& event : all) buckets_[bucket(event.time)].push_back(event);
  }

  std::array<std::vector<Event>, 65> buckets_;  // the first: events of the instant `last_`
  std::size_t taken_ = 0;                       // of the first
  std::size_t size_ = 0;
  TimePoint last_{};
};

}  // namespace barter::sim
