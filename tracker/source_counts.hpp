// SourceCounts: how many things there are of each source, for tables that must not be filled by one
// of them. Keys are 64-bit hashes made with a secret (a collision lets two sources count as one).
// Memory follows the number of sources that have something. One owner, one thread.
#pragma once

#include <cstdint>
#include <vector>

namespace barter::tracker {

class SourceCounts {
 public:
  using Source = std::uint64_t;  // never 0

  std::uint32_t of(Source source) const {
    if (slots_.empty()) return 0;
    return slots_[find(source)].count;
  }

  void add(Source source) {
    if ((used_ + 1) * 2 > slots_.size()) resize(slots_.empty() ? 64 : slots_.size() * 2);
    Slot& slot = slots_[find(source)];
    if (slot.count == 0) {
      slot.source = source;
      ++used_;
    }
    ++slot.count;
  }

  // One that was added.
  void remove(Source source) {
    const std::size_t at = find(source);
    if (--slots_[at].count != 0) return;
    close_hole(at);
    --used_;
    if (slots_.size() > 64 && used_ * 8 < slots_.size()) resize(slots_.size() / 2);
  }

  std::size_t sources() const { return used_; }

 private:
  struct Slot {
    Source source = 0;
    std::uint32_t count = 0;  // 0: empty
  };

  std::size_t home(Source source) const { return source & (slots_.size() - 1); }
  std::size_t next(std::size_t slot) const { return (slot + 1) & (slots_.size() - 1); }
  // Where it is, or the empty slot where it would be.
  std::size_t find(Source source) const {
    std::size_t slot = home(source);
    while (slots_[slot].count != 0 && slots_[slot].source != source) slot = next(slot);
    return slot;
  }
  void close_hole(std::size_t hole) {
    const std::size_t mask = slots_.size() - 1;
    slots_[hole] = {};
    for (std::size_t slot = next(hole); slots_[slot].count != 0; slot = next(slot)) {
      if (((slot - home(slots_[slot].source)) & mask) < ((slot - hole) & mask)) continue;
      slots_[hole] = slots_[slot];
      slots_[slot] = {};
      hole = slot;
    }
  }
  void resize(std::size_t size) {
    std::vector<Slot> old(size);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.count != 0) slots_[find(slot.source)] = slot;
    }
  }

  std::vector<Slot> slots_;  // open addressing, linear probing; at most half full
  std::size_t used_ = 0;
};

}  // namespace barter::tracker
