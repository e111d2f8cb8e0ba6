// Slab: values by number in one block of memory, the numbers given out again. For what lives
// between two events. A reference holds until the next put().
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace barter::sim {

template <class T>
class Slab {
 public:
  std::uint32_t put(T value) {
    if (free_.empty()) {
      values_.push_back(std::move(value));
      return static_cast<std::uint32_t>(values_.size() - 1);
    }
    const std::uint32_t number = free_.back();
    free_.pop_back();
    values_[number] = std::move(value);
    return number;
  }
  T take(std::uint32_t number) {
    T out = std::move(values_[number]);
    values_[number] = T{};
    free_.push_back(number);
    return out;
  }
  T& operator[](std::uint32_t number) { return values_[number]; }
  const T& operator[](std::uint32_t number) const { return values_[number]; }

 private:
  std::vector<T> values_;
  std::vector<std::uint32_t> free_;
};

}  // namespace barter::sim
