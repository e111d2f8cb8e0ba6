#include "torrent/sha_lanes.hpp"

#include <algorithm>
#include <cassert>

namespace barter {
namespace {

constexpr std::array<std::uint32_t, 5> sha1_start{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
                                                  0xc3d2e1f0};
constexpr std::array<std::uint32_t, 8> sha256_start{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

void store_big_endian(std::byte* to, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    to[i] = static_cast<std::byte>(value >> (8 * (bytes - 1 - i)));
  }
}

}  // namespace

const ShaKernel* best_kernel() {
  static const ShaKernel* const best = avx512_kernel() != nullptr ? avx512_kernel() : avx2_kernel();
  return best;
}

template <class Digest>
ShaLanes<Digest>::ShaLanes(const ShaKernel* kernel) : kernel_(kernel) {}

// The fewest messages for which the lanes are faster.
template <class Digest>
std::size_t ShaLanes<Digest>::least() const {
  static const bool fast = has_sha_instructions();
  if (is_sha1) return fast ? kernel_->least_sha1 : kernel_->least_sha1_slow;
  return fast ? kernel_->least_sha256 : kernel_->least_sha256_slow;
}

template <class Digest>
std::size_t ShaLanes<Digest>::width() const {
  return kernel_ != nullptr && least() <= kernel_->lanes ? kernel_->lanes : 1;
}

template <class Digest>
std::size_t ShaLanes<Digest>::groups() const {
  return (messages_ + kernel_->lanes - 1) / kernel_->lanes;
}

template <class Digest>
void ShaLanes<Digest>::begin(std::size_t messages) {
  assert(messages <= max_sha_lanes);
  messages_ = messages;
  in_lanes_ = kernel_ != nullptr && messages >= least() && width() > 1;
  if (!in_lanes_) {
    if (streams_.size() < messages) streams_.resize(messages);
    return;
  }
  if (groups_.size() < groups()) groups_.resize(groups());
  for (std::size_t i = 0; i < groups(); ++i) begin_group(groups_[i]);
}

template <class Digest>
void ShaLanes<Digest>::begin_group(Group& group) {
  for (std::size_t word = 0; word < words; ++word) {
    const std::uint32_t value = is_sha1 ? sha1_start[word % 5] : sha256_start[word];
    std::fill_n(group.state.begin() + static_cast<std::ptrdiff_t>(word * kernel_->lanes),
                kernel_->lanes, value);
  }
  group.bytes.fill(0);
  group.end_bytes.fill(0);
}

template <class Digest>
void ShaLanes<Digest>::update(std::span<const std::span<const std::byte>> parts) {
  assert(parts.size() == messages_);
  if (!in_lanes_) {
    for (std::size_t i = 0; i < parts.size(); ++i) streams_[i].update(parts[i]);
    return;
  }
  for (std::size_t i = 0; i < groups(); ++i) {
    const std::size_t first = i * kernel_->lanes;
    update_group(groups_[i], parts.subspan(first, std::min(kernel_->lanes, parts.size() - first)));
  }
}

template <class Digest>
void ShaLanes<Digest>::update_group(Group& group,
                                    std::span<const std::span<const std::byte>> parts) {
  std::array<const std::byte*, max_sha_lanes> data{};
  std::array<std::size_t, max_sha_lanes> chunks{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) {
      data[i] = nullptr;
      chunks[i] = 0;
      continue;
    }
    assert(group.end_bytes[i] == 0);  // else a part before was not a multiple of 64 bytes
    group.bytes[i] += parts[i].size();
    data[i] = parts[i].data();
    chunks[i] = parts[i].size() / sha_chunk;
    const auto end = parts[i].subspan(chunks[i] * sha_chunk);
    std::ranges::copy(end, group.ends[i].begin());
    group.end_bytes[i] = static_cast<std::uint8_t>(end.size());
  }
  compress(group, data.data(), chunks.data(), parts.size());
}

// As long as all messages that have chunks left go on together; those that have none keep their
// state, while their lanes do something useless.
template <class Digest>
void ShaLanes<Digest>::compress(Group& group, const std::byte* const* data,
                                const std::size_t* chunks, std::size_t messages) {
  const std::size_t lanes = kernel_->lanes;
  const auto run = is_sha1 ? kernel_->sha1 : kernel_->sha256;
  for (std::size_t done = 0;;) {
    std::size_t next = SIZE_MAX;
    std::size_t busy = lanes;
    for (std::size_t i = 0; i < messages; ++i) {
      if (chunks[i] <= done) continue;
      next = std::min(next, chunks[i]);
      busy = i;
    }
    if (busy == lanes) return;
    std::array<const std::byte*, max_sha_lanes> from;
    bool all = true;
    for (std::size_t i = 0; i < lanes; ++i) {
      const bool goes_on = i < messages && chunks[i] > done;
      from[i] = (goes_on ? data[i] : data[busy]) + done * sha_chunk;
      all = all && (goes_on || i >= messages);
    }
    if (all) {
      run(group.state.data(), from.data(), next - done);
    } else {
      const auto before = group.state;
      run(group.state.data(), from.data(), next - done);
      for (std::size_t i = 0; i < messages; ++i) {
        if (chunks[i] > done) continue;
        for (std::size_t at = i; at < words * lanes; at += lanes) group.state[at] = before[at];
      }
    }
    done = next;
  }
}

template <class Digest>
void ShaLanes<Digest>::finish(std::span<Digest> out) {
  assert(out.size() == messages_);
  if (!in_lanes_) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = streams_[i].finish();
    return;
  }
  for (std::size_t i = 0; i < groups(); ++i) {
    const std::size_t first = i * kernel_->lanes;
    finish_group(groups_[i], out.subspan(first, std::min(kernel_->lanes, out.size() - first)));
  }
}

// Padding (FIPS 180-4, 5.1.1): a one bit, zeros, and the length in
// bits as the chunk's last 8 bytes.
template <class Digest>
void ShaLanes<Digest>::finish_group(Group& group, std::span<Digest> out) {
  std::array<const std::byte*, max_sha_lanes> data{};
  std::array<std::size_t, max_sha_lanes> chunks{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    auto& end = group.ends[i];
    const std::size_t used = group.end_bytes[i];
    chunks[i] = used + 9 > sha_chunk ? 2 : 1;
    const std::size_t size = chunks[i] * sha_chunk;
    end[used] = std::byte{0x80};
    std::fill(end.begin() + static_cast<std::ptrdiff_t>(used) + 1,
              end.begin() + static_cast<std::ptrdiff_t>(size) - 8, std::byte{0});
    store_big_endian(end.data() + size - 8, group.bytes[i] * 8, 8);
    data[i] = end.data();
  }
  compress(group, data.data(), chunks.data(), out.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (std::size_t word = 0; word < words; ++word) {
      store_big_endian(out[i].bytes.data() + word * 4, group.state[word * kernel_->lanes + i], 4);
    }
  }
}

template <class Digest>
void ShaLanes<Digest>::hash(std::span<const std::span<const std::byte>> messages,
                            std::span<Digest> out) {
  assert(messages.size() == out.size());
  while (!messages.empty()) {
    const std::size_t count = std::min(messages.size(), max_sha_lanes);
    begin(count);
    update(messages.first(count));
    finish(out.first(count));
    messages = messages.subspan(count);
    out = out.subspan(count);
  }
}

template class ShaLanes<Sha1Digest>;
template class ShaLanes<Sha256Digest>;

}  // namespace barter
