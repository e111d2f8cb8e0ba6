// SipHash-2-4 (Aumasson and Bernstein 2012): a 64-bit digest under a key. With a random key nobody
// can aim at a value; with a fixed key it is a good checksum.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace barter {

struct SipKey {
  std::uint64_t low = 0, high = 0;
};

std::uint64_t siphash(SipKey key, std::span<const std::byte> bytes);

}  // namespace barter
