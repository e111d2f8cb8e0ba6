#include "client/swarm/peer_priority.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "torrent/crc32c.hpp"

namespace barter {

namespace {

// The mask begins with `whole` full bytes, then 0x55; each whole group that both share widens it.
template <std::size_t N>
std::uint32_t priority(std::array<std::uint8_t, N> a, std::array<std::uint8_t, N> b,
                       std::size_t whole) {
  const auto common =
      static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin()).first - a.begin());
  if (common >= whole) whole = common + 1;
  for (std::size_t i = std::min(whole, N); i < N; ++i) {
    a[i] &= 0x55;
    b[i] &= 0x55;
  }
  if (b < a) std::swap(a, b);
  std::array<std::uint8_t, 2 * N> both{};
  std::copy(a.begin(), a.end(), both.begin());
  std::copy(b.begin(), b.end(), both.begin() + N);
  return crc32c(both);
}

}  // namespace

std::uint32_t peer_priority(const Endpoint& ours, const Endpoint& theirs) {
  if (ours.address == theirs.address) {
    const std::uint16_t low = std::min(ours.port, theirs.port);
    const std::uint16_t high = std::max(ours.port, theirs.port);
    const std::array<std::uint8_t, 4> ports{
        static_cast<std::uint8_t>(low >> 8), static_cast<std::uint8_t>(low),
        static_cast<std::uint8_t>(high >> 8), static_cast<std::uint8_t>(high)};
    return crc32c(ports);
  }
  if (ours.address.is_v4() != theirs.address.is_v4()) return 0;
  if (ours.address.is_v4()) return priority(ours.address.v4_bytes(), theirs.address.v4_bytes(), 2);
  return priority(ours.address.v6_bytes(), theirs.address.v6_bytes(), 6);
}

}  // namespace barter
