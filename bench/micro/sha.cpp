// Hashing side by side: each kernel this processor has, with all its lanes and with fewer, beside
// OpenSSL. From these figures ShaKernel has its least_sha1 and least_sha256: so many messages it
// takes until the kernel hashes more bytes a second than OpenSSL does.
#include <fmt/format.h>

#include <span>
#include <vector>

#include "bench/micro/micro.hpp"
#include "torrent/sha.hpp"
#include "torrent/sha_kernel.hpp"

namespace barter::micro {
namespace {

constexpr std::size_t message_bytes = 16 * 1024;  // a block: sixteen fit the core's cache

// `messages` in the lanes of the kernel; those without one do work for nothing.
void measure_kernel(const ShaKernel& kernel, bool sha1, std::size_t messages,
                    std::span<const std::byte> bytes, std::uint32_t rounds, Figures& figures) {
  alignas(64) std::array<std::uint32_t, 8 * max_sha_lanes> state{};
  std::array<const std::byte*, max_sha_lanes> data{};
  for (std::size_t i = 0; i < kernel.lanes; ++i) {
    data[i] = bytes.data() + (i < messages ? i : 0) * (message_bytes + 64);
  }
  const auto compress = sha1 ? kernel.sha1 : kernel.sha256;
  measure_bytes(figures,
                fmt::format("sha: {} {}, {} of {} lanes", sha1 ? "SHA-1" : "SHA-256", kernel.name,
                            messages, kernel.lanes),
                [&] {
                  for (std::uint32_t i = 0; i < rounds; ++i) {
                    compress(state.data(), data.data(), message_bytes / sha_chunk);
                  }
                  keep(state);
                  return std::uint64_t{rounds} * messages * message_bytes;
                });
}

template <class Hash>
void measure_one(const char* name, std::span<const std::byte> bytes, std::uint32_t rounds,
                 Figures& figures) {
  measure_bytes(figures, fmt::format("sha: {} OpenSSL, one message", name), [&] {
    Hash hash;
    for (std::uint32_t i = 0; i < rounds; ++i) {
      hash.update(bytes.first(message_bytes));
      keep(hash.finish());
    }
    return std::uint64_t{rounds} * message_bytes;
  });
}

}  // namespace

void sha_suite(const Sizes& sizes, Figures& figures) {
  const std::vector<std::byte> bytes(max_sha_lanes * (message_bytes + 64), std::byte{0x5a});
  for (const bool sha1 : {true, false}) {
    if (sha1) {
      measure_one<Sha1>("SHA-1", bytes, sizes.hashes, figures);
    } else {
      measure_one<Sha256>("SHA-256", bytes, sizes.hashes, figures);
    }
    for (const ShaKernel* kernel : {avx2_kernel(), avx512_kernel()}) {
      if (kernel == nullptr) continue;
      for (std::size_t messages = 1; messages <= kernel->lanes; messages *= 2) {
        measure_kernel(*kernel, sha1, messages, bytes, sizes.hashes, figures);
      }
    }
  }
}

}  // namespace barter::micro
