#include "client/wire/utp.hpp"

#include <algorithm>

namespace barter::wire {

namespace {
// Type and version, the first byte.
constexpr std::byte syn{0x41}, reset{0x31};
constexpr std::size_t id_at = 2, seq_at = 16, ack_at = 18;
}  // namespace

// With the caller's connection id, and what it sent acknowledged. The times and the window mean
// nothing in a reset.
std::optional<UtpHeader> utp_reset(std::span<const std::byte> datagram) {
  if (datagram.size() < utp_header_length || datagram[0] != syn) return std::nullopt;
  UtpHeader out{};
  out[0] = reset;
  std::copy_n(datagram.begin() + id_at, 2, out.begin() + id_at);
  std::copy_n(datagram.begin() + seq_at, 2, out.begin() + ack_at);
  return out;
}

}  // namespace barter::wire
