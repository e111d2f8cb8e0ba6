// SipHash-2-4 (Aumasson and Bernstein 2012): a 64-bit digest under a key. With a random key nobody
// can aim at a value; with a fixed key it is a good checksum. Inline, for tables of short keys.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace barter {

struct SipKey {
  std::uint64_t low = 0, high = 0;
};

namespace detail {

static_assert(std::endian::native == std::endian::little, "words are read as they lie in memory");

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void absorb(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

}  // namespace detail

inline std::uint64_t siphash(SipKey key, std::span<const std::byte> bytes) {
  detail::SipState state{key.low ^ 0x736f6d6570736575, key.high ^ 0x646f72616e646f6d,
                         key.low ^ 0x6c7967656e657261, key.high ^ 0x7465646279746573};
  const std::uint64_t size = bytes.size();
  std::uint64_t word = 0;
  for (; bytes.size() >= sizeof word; bytes = bytes.subspan(sizeof word)) {
    std::memcpy(&word, bytes.data(), sizeof word);
    state.absorb(word);
  }
  word = 0;
  if (!bytes.empty()) std::memcpy(&word, bytes.data(), bytes.size());
  state.absorb(word | (size << 56));
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace barter
