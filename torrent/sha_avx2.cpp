#include "torrent/sha_kernel.hpp"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define BARTER_LANES __attribute__((target("avx2"), always_inline))
#include "torrent/sha_rounds.hpp"

namespace barter {
namespace {

struct Avx2 {
  using Word = __m256i;
  static constexpr std::size_t lanes = 8;

  BARTER_LANES static inline Word set(std::uint32_t value) {
    return _mm256_set1_epi32(static_cast<int>(value));
  }
  BARTER_LANES static inline Word add(Word a, Word b) { return _mm256_add_epi32(a, b); }
  BARTER_LANES static inline Word bit_xor(Word a, Word b) { return _mm256_xor_si256(a, b); }
  BARTER_LANES static inline Word xor3(Word a, Word b, Word c) { return bit_xor(a, bit_xor(b, c)); }
  BARTER_LANES static inline Word choose(Word a, Word b, Word c) {
    return bit_xor(c, _mm256_and_si256(a, bit_xor(b, c)));
  }
  BARTER_LANES static inline Word majority(Word a, Word b, Word c) {
    return bit_xor(_mm256_and_si256(a, b), _mm256_and_si256(c, bit_xor(a, b)));
  }
  template <int n>
  BARTER_LANES static inline Word rotate_left(Word a) {
    return _mm256_or_si256(_mm256_slli_epi32(a, n), _mm256_srli_epi32(a, 32 - n));
  }
  template <int n>
  BARTER_LANES static inline Word rotate_right(Word a) {
    return rotate_left<32 - n>(a);
  }
  template <int n>
  BARTER_LANES static inline Word shift_right(Word a) {
    return _mm256_srli_epi32(a, n);
  }
  BARTER_LANES static inline Word load_state(const std::uint32_t* from) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
  }
  BARTER_LANES static inline void store_state(std::uint32_t* to, Word value) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(to), value);
  }
  BARTER_LANES static inline Word load_bytes(const std::byte* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }

  // 8 messages by 8 words, twice.
  BARTER_LANES static inline void load_chunk(const std::byte* const* data, std::size_t offset,
                                             Word (&w)[16]) {
    const Word swap = _mm256_broadcastsi128_si256(
        _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
    for (std::size_t half = 0; half < 2; ++half) {
      Word pairs[8], quads[8];
      for (std::size_t i = 0; i < 8; i += 2) {
        const Word even = load_bytes(data[i] + offset + half * 32);
        const Word odd = load_bytes(data[i + 1] + offset + half * 32);
        pairs[i] = _mm256_unpacklo_epi32(even, odd);
        pairs[i + 1] = _mm256_unpackhi_epi32(even, odd);
      }
      for (std::size_t i = 0; i < 8; i += 4) {
        quads[i] = _mm256_unpacklo_epi64(pairs[i], pairs[i + 2]);
        quads[i + 1] = _mm256_unpackhi_epi64(pairs[i], pairs[i + 2]);
        quads[i + 2] = _mm256_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
        quads[i + 3] = _mm256_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
      }
      for (std::size_t j = 0; j < 4; ++j) {
        w[half * 8 + j] =
            _mm256_shuffle_epi8(_mm256_permute2x128_si256(quads[j], quads[4 + j], 0x20), swap);
        w[half * 8 + 4 + j] =
            _mm256_shuffle_epi8(_mm256_permute2x128_si256(quads[j], quads[4 + j], 0x31), swap);
      }
    }
  }
};

__attribute__((target("avx2"))) void sha1(std::uint32_t* state, const std::byte* const* data,
                                          std::size_t chunks) {
  compress_all<Avx2, 5>(state, data, chunks);
}

__attribute__((target("avx2"))) void sha256(std::uint32_t* state, const std::byte* const* data,
                                            std::size_t chunks) {
  compress_all<Avx2, 8>(state, data, chunks);
}

constexpr std::size_t never = max_sha_lanes + 1;
// No faster than the SHA instructions, where there are any.
constexpr ShaKernel kernel{"avx2", Avx2::lanes, sha1, sha256, never, never, 2, 3};

}  // namespace

const ShaKernel* avx2_kernel() {
  static const bool there = __builtin_cpu_supports("avx2") != 0;
  return there ? &kernel : nullptr;
}

bool has_sha_instructions() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & (1U << 29)) != 0;
}

}  // namespace barter

#else

namespace barter {
const ShaKernel* avx2_kernel() {
  return nullptr;
}
bool has_sha_instructions() {
  return false;  // no kernel to weigh it against
}
}  // namespace barter

#endif
