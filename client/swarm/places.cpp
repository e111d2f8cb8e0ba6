#include "client/swarm/places.hpp"

#include <algorithm>

namespace barter {

// In a local network hosts are neighbours in one /64, each with an address of its own.
Address host_of(const Address& address) {
  if (address.is_loopback()) return Address::v4({127, 0, 0, 1});
  if (address.is_v4() || address.is_local()) return address;
  auto bytes = address.v6_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return Address::v6(bytes);
}

std::uint32_t places_of_host(const Address& address, const SwarmConfig& config) {
  if (address.is_loopback()) return config.max_connections - config.max_connections / 8;
  if (address.is_local()) return config.max_connections_per_local_address;
  return address.is_v4() ? config.max_connections_per_address : config.max_connections_per_network;
}

std::uint32_t places_of_address(const Address& address, const SwarmConfig& config) {
  return address.is_local() ? places_of_host(address, config) : config.max_connections_per_address;
}

}  // namespace barter
