// uTP (BEP 29), the transport over UDP that other clients try first, and that we do not speak: what
// must be known of it to say so. Whoever hears nothing waits for many seconds before it calls by
// TCP. Bytes to bytes; no state.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>

namespace barter::wire {

inline constexpr std::size_t utp_header_length = 20;
using UtpHeader = std::array<std::byte, utp_header_length>;

// The RESET that answers a call (SYN); nothing if `datagram` is none. Never longer than it, so that
// it is of no use to who calls in the name of others.
std::optional<UtpHeader> utp_reset(std::span<const std::byte> datagram);

}  // namespace barter::wire
