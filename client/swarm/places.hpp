// Places: how many links one host may hold. A host is whoever can be taken to stand behind several
// addresses or ports: an address, of a public IPv6 network the /64 (one host may have all of it, or
// a household share it), and all of loopback. Free functions.
#pragma once

#include <cstdint>

#include "client/swarm/config.hpp"
#include "torrent/endpoint.hpp"

namespace barter {

// The same for all addresses of one host.
Address host_of(const Address& address);
// Links of one host, both directions.
std::uint32_t places_of_host(const Address& address, const SwarmConfig& config);
// Links of one address of it.
std::uint32_t places_of_address(const Address& address, const SwarmConfig& config);

}  // namespace barter
