// SipHash-2-4 (Aumasson, Bernstein 2012): the hash of the registry's tables, and of connection ids.
// Peers choose info-hashes and addresses, so an unkeyed hash would let them aim at one bucket. A
// value type; no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "torrent/random.hpp"

namespace barter::tracker {

class KeyedHash {
 public:
  explicit KeyedHash(std::uint64_t key) {
    Random expand(key);
    k0_ = expand.next();
    k1_ = expand.next();
  }
  // The whole key: where it must not be guessed.
  KeyedHash(std::uint64_t k0, std::uint64_t k1) : k0_(k0), k1_(k1) {}

  std::uint64_t operator()(std::span<const std::byte> bytes) const {
    State s{k0_ ^ 0x736f6d6570736575, k1_ ^ 0x646f72616e646f6d, k0_ ^ 0x6c7967656e657261,
            k1_ ^ 0x7465646279746573};
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) s.compress(word(bytes.subspan(at, 8)));
    s.compress(word(bytes.subspan(at)) | static_cast<std::uint64_t>(bytes.size()) << 56);
    s.v2 ^= 0xff;
    for (int i = 0; i < 4; ++i) s.round();
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
  }

 private:
  struct State {
    std::uint64_t v0, v1, v2, v3;
    static std::uint64_t rotl(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
    void round() {
      v0 += v1, v1 = rotl(v1, 13) ^ v0, v0 = rotl(v0, 32);
      v2 += v3, v3 = rotl(v3, 16) ^ v2;
      v0 += v3, v3 = rotl(v3, 21) ^ v0;
      v2 += v1, v1 = rotl(v1, 17) ^ v2, v2 = rotl(v2, 32);
    }
    void compress(std::uint64_t m) {
      v3 ^= m;
      round();
      round();
      v0 ^= m;
    }
  };

  // Up to eight bytes, little-endian whatever the machine is.
  static std::uint64_t word(std::span<const std::byte> bytes) {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      out |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
    }
    return out;
  }

  std::uint64_t k0_, k1_;
};

}  // namespace barter::tracker
