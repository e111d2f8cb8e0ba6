#include "torrent/sha_kernel.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#define BARTER_LANES __attribute__((target("avx512f,avx512bw"), always_inline))
#include "torrent/sha_rounds.hpp"

namespace barter {
namespace {

struct Avx512 {
  using Word = __m512i;
  static constexpr std::size_t lanes = 16;

  BARTER_LANES static inline Word set(std::uint32_t value) {
    return _mm512_set1_epi32(static_cast<int>(value));
  }
  BARTER_LANES static inline Word add(Word a, Word b) { return _mm512_add_epi32(a, b); }
  BARTER_LANES static inline Word bit_xor(Word a, Word b) { return _mm512_xor_si512(a, b); }
  // The truth tables of a ^ b ^ c, a ? b : c and the majority of the three.
  BARTER_LANES static inline Word xor3(Word a, Word b, Word c) {
    return _mm512_ternarylogic_epi32(a, b, c, 0x96);
  }
  BARTER_LANES static inline Word choose(Word a, Word b, Word c) {
    return _mm512_ternarylogic_epi32(a, b, c, 0xca);
  }
  BARTER_LANES static inline Word majority(Word a, Word b, Word c) {
    return _mm512_ternarylogic_epi32(a, b, c, 0xe8);
  }
  template <int n>
  BARTER_LANES static inline Word rotate_left(Word a) {
    return _mm512_rol_epi32(a, n);
  }
  template <int n>
  BARTER_LANES static inline Word rotate_right(Word a) {
    return _mm512_ror_epi32(a, n);
  }
  template <int n>
  BARTER_LANES static inline Word shift_right(Word a) {
    return _mm512_srli_epi32(a, n);
  }
  BARTER_LANES static inline Word load_state(const std::uint32_t* from) {
    return _mm512_load_si512(from);
  }
  BARTER_LANES static inline void store_state(std::uint32_t* to, Word value) {
    _mm512_store_si512(to, value);
  }

  // 16 messages by 16 words: turned over within 128 bits first, then among the quarters.
  BARTER_LANES static inline void load_chunk(const std::byte* const* data, std::size_t offset,
                                             Word (&w)[16]) {
    const Word swap =
        _mm512_broadcast_i32x4(_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
    Word pairs[16], quads[16];
    for (std::size_t i = 0; i < 16; i += 2) {
      const Word even = _mm512_loadu_si512(data[i] + offset);
      const Word odd = _mm512_loadu_si512(data[i + 1] + offset);
      pairs[i] = _mm512_unpacklo_epi32(even, odd);
      pairs[i + 1] = _mm512_unpackhi_epi32(even, odd);
    }
    for (std::size_t i = 0; i < 16; i += 4) {
      quads[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
      quads[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
      quads[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
      quads[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    // quads[4 m + j] holds word j of each of its four quarters, for messages 4 m to 4 m + 3.
    for (std::size_t j = 0; j < 4; ++j) {
      const Word low01 = _mm512_shuffle_i32x4(quads[j], quads[4 + j], 0x88);
      const Word high01 = _mm512_shuffle_i32x4(quads[j], quads[4 + j], 0xdd);
      const Word low23 = _mm512_shuffle_i32x4(quads[8 + j], quads[12 + j], 0x88);
      const Word high23 = _mm512_shuffle_i32x4(quads[8 + j], quads[12 + j], 0xdd);
      w[j] = _mm512_shuffle_epi8(_mm512_shuffle_i32x4(low01, low23, 0x88), swap);
      w[8 + j] = _mm512_shuffle_epi8(_mm512_shuffle_i32x4(low01, low23, 0xdd), swap);
      w[4 + j] = _mm512_shuffle_epi8(_mm512_shuffle_i32x4(high01, high23, 0x88), swap);
      w[12 + j] = _mm512_shuffle_epi8(_mm512_shuffle_i32x4(high01, high23, 0xdd), swap);
    }
  }
};

__attribute__((target("avx512f,avx512bw"))) void sha1(std::uint32_t* state,
                                                      const std::byte* const* data,
                                                      std::size_t chunks) {
  compress_all<Avx512, 5>(state, data, chunks);
}

__attribute__((target("avx512f,avx512bw"))) void sha256(std::uint32_t* state,
                                                        const std::byte* const* data,
                                                        std::size_t chunks) {
  compress_all<Avx512, 8>(state, data, chunks);
}

constexpr ShaKernel kernel{"avx512", Avx512::lanes, sha1, sha256, 4, 5, 2, 2};

}  // namespace

const ShaKernel* avx512_kernel() {
  static const bool there =
      __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0;
  return there ? &kernel : nullptr;
}

}  // namespace barter

#else

namespace barter {
const ShaKernel* avx512_kernel() {
  return nullptr;
}
}  // namespace barter

#endif
