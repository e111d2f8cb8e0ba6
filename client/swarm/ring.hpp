// Ring: a queue in one vector that grows by doubling and gives single elements up from the middle.
// Empty it owns no memory: ten thousand idle swarms have hundreds of thousands of these.
#pragma once

#include <cassert>
#include <cstddef>
#include <vector>

namespace barter {

template <class T>
class Ring {
 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t index) { return slots_[(head_ + index) & (slots_.size() - 1)]; }
  const T& operator[](std::size_t index) const {
    return slots_[(head_ + index) & (slots_.size() - 1)];
  }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }

  void push_back(const T& value) {
    if (size_ == slots_.size()) grow();
    (*this)[size_] = value;
    ++size_;
  }
  void pop_front() {
    assert(size_ > 0);
    head_ = (head_ + 1) & (slots_.size() - 1);
    --size_;
  }
  // Keeps the order of the rest. Costs the distance to the nearer end: nothing for the usual front.
  void erase(std::size_t index) {
    assert(index < size_);
    if (index < size_ / 2) {
      for (std::size_t i = index; i > 0; --i) (*this)[i] = (*this)[i - 1];
      pop_front();
    } else {
      for (std::size_t i = index; i + 1 < size_; ++i) (*this)[i] = (*this)[i + 1];
      --size_;
    }
  }
  void clear() {  // gives the memory back
    slots_ = {};
    head_ = size_ = 0;
  }

 private:
  void grow() {
    std::vector<T> larger(slots_.empty() ? 8 : slots_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = (*this)[i];
    slots_ = std::move(larger);
    head_ = 0;
  }

  std::vector<T> slots_;  // a power of two
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace barter
