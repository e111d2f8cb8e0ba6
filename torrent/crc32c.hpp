// CRC-32C (Castagnoli), bit by bit: for a few bytes at a time (BEP 40, BEP 42).
#pragma once

#include <cstdint>
#include <span>

namespace barter {

inline std::uint32_t crc32c(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc;
}

}  // namespace barter
