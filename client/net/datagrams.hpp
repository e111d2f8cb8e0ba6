// Datagrams with the address of ours that they were sent to: a host with several
// addresses must answer from that one, or who asked takes the answer for somebody
// else's. On the descriptor of a UDP socket that does not block.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "torrent/endpoint.hpp"

namespace barter::net {

struct Datagram {
  Endpoint from;
  std::optional<Address> ours;  // none where the system does not tell
  std::size_t size = 0;
};

// Once, before any comes. False: the system cannot tell.
bool tell_own_addresses(int descriptor, bool v4);
// The next one, as far as it fits into `bytes`; nothing with errno EAGAIN if there is none.
std::optional<Datagram> receive_datagram(int descriptor, std::span<char> bytes);
// Lost where it cannot be sent, as datagrams are. `ours`: from there; none: as the routes say.
void send_datagram(int descriptor, std::span<const std::byte> bytes, const Endpoint& to,
                   const std::optional<Address>& ours = {});

}  // namespace barter::net
