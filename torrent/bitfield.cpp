#include "torrent/bitfield.hpp"

#include <cstring>

namespace barter {
namespace {

// Eight bytes in wire order, so that the highest bit of the word is the lowest bit number.
std::uint64_t load_big_endian(const std::byte* bytes) {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return __builtin_bswap64(word);
}

std::size_t count_ones(std::span<const std::byte> bytes) {
  std::size_t ones = 0;
  while (bytes.size() >= 8) {
    ones += static_cast<std::size_t>(std::popcount(load_big_endian(bytes.data())));
    bytes = bytes.subspan(8);
  }
  for (const std::byte byte : bytes) {
    ones += static_cast<std::size_t>(std::popcount(std::to_integer<unsigned>(byte)));
  }
  return ones;
}

// The bits of the last byte that belong to no piece.
std::byte spare_bits(std::size_t bits) {
  return bits % 8 == 0 ? std::byte{0} : std::byte{0xff} >> (bits % 8);
}

}  // namespace

Bitfield::Bitfield(std::size_t bits, bool value)
    : bytes_((bits + 7) / 8, value ? std::byte{0xff} : std::byte{0}),
      bits_(bits),
      count_(value ? bits : 0) {
  if (value && !bytes_.empty()) bytes_.back() &= ~spare_bits(bits);
}

std::optional<Bitfield> Bitfield::from_wire(std::span<const std::byte> wire, std::size_t bits) {
  if (wire.size() != bits / 8 + (bits % 8 != 0 ? 1 : 0)) return std::nullopt;
  if (!wire.empty() && (wire.back() & spare_bits(bits)) != std::byte{0}) return std::nullopt;
  Bitfield out;
  out.bytes_.assign(wire.begin(), wire.end());
  out.bits_ = bits;
  out.count_ = count_ones(wire);
  return out;
}

bool Bitfield::set(std::size_t bit) {
  if (test(bit)) return false;
  bytes_[bit >> 3] |= mask(bit);
  ++count_;
  return true;
}

bool Bitfield::clear(std::size_t bit) {
  if (!test(bit)) return false;
  bytes_[bit >> 3] &= ~mask(bit);
  --count_;
  return true;
}

std::size_t Bitfield::next_set(std::size_t from) const {
  if (from >= bits_) return bits_;
  std::size_t index = from >> 3;
  const unsigned head = std::to_integer<unsigned>(bytes_[index]) & (0xffU >> (from & 7));
  if (head != 0) return index * 8 + static_cast<std::size_t>(std::countl_zero(head)) - 24;
  ++index;
  for (; index + 8 <= bytes_.size(); index += 8) {
    const std::uint64_t word = load_big_endian(bytes_.data() + index);
    if (word != 0) return index * 8 + static_cast<std::size_t>(std::countl_zero(word));
  }
  for (; index < bytes_.size(); ++index) {
    const unsigned byte = std::to_integer<unsigned>(bytes_[index]);
    if (byte != 0) return index * 8 + static_cast<std::size_t>(std::countl_zero(byte)) - 24;
  }
  return bits_;
}

bool Bitfield::lacks_any_of(const Bitfield& other) const {
  assert(bits_ == other.bits_);
  if (other.none() || all()) return false;
  std::size_t index = 0;
  for (; index + 8 <= bytes_.size(); index += 8) {
    const std::uint64_t ours = load_big_endian(bytes_.data() + index);
    const std::uint64_t theirs = load_big_endian(other.bytes_.data() + index);
    if ((theirs & ~ours) != 0) return true;
  }
  for (; index < bytes_.size(); ++index) {
    if ((other.bytes_[index] & ~bytes_[index]) != std::byte{0}) return true;
  }
  return false;
}

}  // namespace barter
