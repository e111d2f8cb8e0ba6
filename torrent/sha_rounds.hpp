// The rounds of SHA-1 and SHA-256 (FIPS 180-4, sections 6.1.2 and 6.2.2) over vectors of 32-bit
// words, one message a lane. Included by the files of the kernels alone, each of which defines
// BARTER_LANES, the attributes that make a function use its instruction set.
//
// `V` is a kernel's vector: its type Word, the number of its lanes, and the functions add, bit_xor,
// rotate_left<n>, rotate_right<n>, shift_right<n>, xor3, choose, majority, set, load_state,
// store_state, and load_chunk, which takes 64 bytes of each message as 16 big-endian words.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace barter {
namespace {

constexpr std::array<std::uint32_t, 64> sha256_constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// The working variables are not moved from one name to the next: round t finds `a` in s[-t mod n].
template <std::size_t n>
constexpr std::size_t place(std::size_t variable, std::size_t round) {
  return (variable + n * 80 - round) % n;
}

template <class V, std::size_t t>
BARTER_LANES inline void sha1_round(typename V::Word (&s)[5], typename V::Word (&w)[16]) {
  using Word = typename V::Word;
  if constexpr (t >= 16) {
    w[t % 16] = V::template rotate_left<1>(
        V::bit_xor(V::xor3(w[(t + 13) % 16], w[(t + 8) % 16], w[(t + 2) % 16]), w[t % 16]));
  }
  constexpr std::size_t a = place<5>(0, t), b = place<5>(1, t), c = place<5>(2, t),
                        d = place<5>(3, t), e = place<5>(4, t);
  constexpr std::uint32_t constant = t < 20   ? 0x5a827999
                                     : t < 40 ? 0x6ed9eba1
                                     : t < 60 ? 0x8f1bbcdc
                                              : 0xca62c1d6;
  Word f;
  if constexpr (t < 20) {
    f = V::choose(s[b], s[c], s[d]);
  } else if constexpr (t >= 40 && t < 60) {
    f = V::majority(s[b], s[c], s[d]);
  } else {
    f = V::xor3(s[b], s[c], s[d]);
  }
  const Word rest = V::add(V::add(s[e], f), V::add(w[t % 16], V::set(constant)));
  s[e] = V::add(rest, V::template rotate_left<5>(s[a]));
  s[b] = V::template rotate_left<30>(s[b]);
}

template <class V, std::size_t t>
BARTER_LANES inline void sha256_round(typename V::Word (&s)[8], typename V::Word (&w)[16]) {
  using Word = typename V::Word;
  if constexpr (t >= 16) {
    const Word w15 = w[(t + 1) % 16], w2 = w[(t + 14) % 16];
    const Word low = V::xor3(V::template rotate_right<7>(w15), V::template rotate_right<18>(w15),
                             V::template shift_right<3>(w15));
    const Word high = V::xor3(V::template rotate_right<17>(w2), V::template rotate_right<19>(w2),
                              V::template shift_right<10>(w2));
    w[t % 16] = V::add(V::add(w[t % 16], low), V::add(w[(t + 9) % 16], high));
  }
  constexpr std::size_t a = place<8>(0, t), b = place<8>(1, t), c = place<8>(2, t),
                        d = place<8>(3, t), e = place<8>(4, t), f = place<8>(5, t),
                        g = place<8>(6, t), h = place<8>(7, t);
  const Word big1 = V::xor3(V::template rotate_right<6>(s[e]), V::template rotate_right<11>(s[e]),
                            V::template rotate_right<25>(s[e]));
  const Word big0 = V::xor3(V::template rotate_right<2>(s[a]), V::template rotate_right<13>(s[a]),
                            V::template rotate_right<22>(s[a]));
  const Word early = V::add(V::add(s[h], V::set(sha256_constants[t])), w[t % 16]);
  const Word first = V::add(early, V::add(big1, V::choose(s[e], s[f], s[g])));
  s[d] = V::add(s[d], first);
  s[h] = V::add(first, V::add(big0, V::majority(s[a], s[b], s[c])));
}

template <class V, std::size_t... t>
BARTER_LANES inline void sha1_rounds(typename V::Word (&s)[5], typename V::Word (&w)[16],
                                     std::index_sequence<t...>) {
  (sha1_round<V, t>(s, w), ...);
}

template <class V, std::size_t... t>
BARTER_LANES inline void sha256_rounds(typename V::Word (&s)[8], typename V::Word (&w)[16],
                                       std::index_sequence<t...>) {
  (sha256_round<V, t>(s, w), ...);
}

// `words` of state: 5 are SHA-1's, 8 SHA-256's.
template <class V, std::size_t words>
BARTER_LANES inline void compress_all(std::uint32_t* state, const std::byte* const* data,
                                      std::size_t chunks) {
  typename V::Word sum[words], w[16];
  for (std::size_t i = 0; i < words; ++i) sum[i] = V::load_state(state + i * V::lanes);
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    V::load_chunk(data, chunk * sha_chunk, w);
    typename V::Word s[words];
    for (std::size_t i = 0; i < words; ++i) s[i] = sum[i];
    if constexpr (words == 5) {
      sha1_rounds<V>(s, w, std::make_index_sequence<80>{});
    } else {
      sha256_rounds<V>(s, w, std::make_index_sequence<64>{});
    }
    for (std::size_t i = 0; i < words; ++i) sum[i] = V::add(sum[i], s[i]);
  }
  for (std::size_t i = 0; i < words; ++i) V::store_state(state + i * V::lanes, sum[i]);
}

}  // namespace
}  // namespace barter
