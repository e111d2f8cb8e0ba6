// Bitfield: one bit a piece, in wire order (BEP 3: the high bit of the first byte is piece 0),
// counted. A value type; the spare bits of the last byte are always zero.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace barter {

class Bitfield {
 public:
  Bitfield() = default;
  explicit Bitfield(std::size_t bits, bool value = false);

  // The wire form. Nothing if the length is not ceil(bits / 8) or a spare bit is set.
  static std::optional<Bitfield> from_wire(std::span<const std::byte> wire, std::size_t bits);
  std::span<const std::byte> wire() const { return bytes_; }

  std::size_t size() const { return bits_; }
  std::size_t count() const { return count_; }
  bool all() const { return count_ == bits_; }
  bool none() const { return count_ == 0; }
  bool test(std::size_t bit) const {
    assert(bit < bits_);
    return (bytes_[bit >> 3] & mask(bit)) != std::byte{0};
  }
  bool set(std::size_t bit);    // true if it was clear
  bool clear(std::size_t bit);  // true if it was set

  // The first set bit at or after `from`; size() if there is none.
  std::size_t next_set(std::size_t from) const;
  // Is there a bit that `other` has and we do not? Sizes must be equal.
  bool lacks_any_of(const Bitfield& other) const;

  friend bool operator==(const Bitfield&, const Bitfield&) = default;

 private:
  static std::byte mask(std::size_t bit) { return std::byte{0x80} >> (bit & 7); }
  std::vector<std::byte> bytes_;
  std::size_t bits_ = 0;
  std::size_t count_ = 0;
};

}  // namespace barter
