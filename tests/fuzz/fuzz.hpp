// What the fuzz targets share: a check that stops the fuzzer, and a reader that turns bytes into
// choices for targets that drive a state machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace barter::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A property that must hold for every input.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "property broken: %s\n", what);
  std::abort();
}

// Takes bytes from the front; zeros when they run out.
class ByteSource {
 public:
  ByteSource(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  std::size_t left() const { return size_; }
  std::uint8_t byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  // Little-endian, of `bytes` bytes.
  std::uint64_t number(unsigned bytes) {
    std::uint64_t out = 0;
    for (unsigned i = 0; i < bytes; ++i) out |= std::uint64_t{byte()} << (8 * i);
    return out;
  }
  // In [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound) { return number(bound > 256 ? 4 : 1) % bound; }
  std::string_view bytes(std::size_t count) {
    if (count > size_) count = size_;
    const std::string_view out = text_of(data_, count);
    data_ += count;
    size_ -= count;
    return out;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

}  // namespace barter::fuzz
