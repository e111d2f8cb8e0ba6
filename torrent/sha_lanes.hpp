// ShaLanes: the digests of several messages at a time, side by side in the lanes of the processor's
// vector registers where it has them (AVX-512, AVX2), else one after the other by OpenSSL. One
// thread's; holds a few KiB and no message bytes.
//
// With one message a core hashes some 2 GB/s, with 16 in AVX-512 registers several times that. So
// whoever has many pieces to hash hands them over together.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "torrent/digest.hpp"
#include "torrent/sha.hpp"
#include "torrent/sha_kernel.hpp"

namespace barter {

// The fastest kernel of this machine, or null: OpenSSL.
const ShaKernel* best_kernel();

template <class Digest>
class ShaLanes {
 public:
  explicit ShaLanes(const ShaKernel* kernel = best_kernel());

  // How many messages are best handed over at a time: 1 where that gains nothing.
  std::size_t width() const;

  // `messages` new ones begin: any number up to max_sha_lanes.
  void begin(std::size_t messages);
  // parts[i] goes on with message i, and is a multiple of 64 bytes long unless it is that message's
  // last. Parts may be of different lengths, and empty.
  void update(std::span<const std::span<const std::byte>> parts);
  // The digests of all messages begun.
  void finish(std::span<Digest> out);

  // begin, update and finish for messages that are here as a whole, any number of them.
  void hash(std::span<const std::span<const std::byte>> messages, std::span<Digest> out);

 private:
  static constexpr bool is_sha1 = std::is_same_v<Digest, Sha1Digest>;
  static constexpr std::size_t words = is_sha1 ? 5 : 8;
  using Stream = std::conditional_t<is_sha1, Sha1, Sha256>;
  // As many messages as a kernel has lanes.
  struct Group {
    alignas(64) std::array<std::uint32_t, words * max_sha_lanes> state;
    std::array<std::uint64_t, max_sha_lanes> bytes;
    std::array<std::array<std::byte, 2 * sha_chunk>, max_sha_lanes> ends;
    std::array<std::uint8_t, max_sha_lanes> end_bytes;
  };

  std::size_t least() const;
  std::size_t groups() const;
  void begin_group(Group& group);
  void update_group(Group& group, std::span<const std::span<const std::byte>> parts);
  void finish_group(Group& group, std::span<Digest> out);
  void compress(Group& group, const std::byte* const* data, const std::size_t* chunks,
                std::size_t messages);

  const ShaKernel* kernel_;
  std::size_t messages_ = 0;
  bool in_lanes_ = false;
  std::vector<Group> groups_;
  std::vector<Stream> streams_;
};

using Sha1Lanes = ShaLanes<Sha1Digest>;
using Sha256Lanes = ShaLanes<Sha256Digest>;
extern template class ShaLanes<Sha1Digest>;
extern template class ShaLanes<Sha256Digest>;

}  // namespace barter
