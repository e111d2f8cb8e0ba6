// ShaKernel: the compression functions of SHA-1 and SHA-256 (FIPS 180-4) over several independent
// messages at once, a lane of a vector register each. One kernel for each instruction set, in a
// file of its own; callers use ShaLanes. No state; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

namespace barter {

inline constexpr std::size_t max_sha_lanes = 16;
inline constexpr std::size_t sha_chunk = 64;  // bytes that one compression takes in

struct ShaKernel {
  // `state[word * lanes + lane]`: 5 words of SHA-1, 8 of SHA-256, 64-byte aligned. `data[lane]`:
  // the next `chunks` * sha_chunk bytes of each message.
  using Compress = void (*)(std::uint32_t* state, const std::byte* const* data, std::size_t chunks);

  const char* name;
  std::size_t lanes;
  Compress sha1;
  Compress sha256;
  // From so many messages on the kernel is faster than one after the other by OpenSSL, where that
  // has the SHA instructions and where it has not.
  std::size_t least_sha1, least_sha256;
  std::size_t least_sha1_slow, least_sha256_slow;
};

// Null where the processor (or its operating system) lacks the instructions.
const ShaKernel* avx512_kernel();
const ShaKernel* avx2_kernel();
// Does OpenSSL hash with the processor's own SHA instructions?
bool has_sha_instructions();

}  // namespace barter
