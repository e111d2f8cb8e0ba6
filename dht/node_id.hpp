// NodeId: a place in the DHT's space of 160 bits, where info-hashes, items and nodes lie side by
// side; nearness is XOR (BEP 5). And what ties an id to the address of its owner (BEP 42).
#pragma once

#include <cstdint>

#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/random.hpp"

namespace barter::dht {

using NodeId = FixedBytes<20, struct NodeIdTag>;

// Where to find a node. What others tell of it need not be true.
struct NodeInfo {
  NodeId id;
  Endpoint endpoint;
  friend bool operator==(const NodeInfo&, const NodeInfo&) = default;
};

// The key under which the peers of a torrent are stored.
inline NodeId key_of(const WireInfoHash& info_hash) {
  return {info_hash.bytes};
}

NodeId distance(const NodeId& a, const NodeId& b);
// Is `a` nearer to the target than `b`?
bool nearer(const NodeId& target, const NodeId& a, const NodeId& b);
// How many leading bits are the same: 0 to 160.
unsigned shared_bits(const NodeId& a, const NodeId& b);

NodeId random_id(Random& random);
// Random, but its first `bits` bits are those of `like`, and the next one is not. bits < 160.
NodeId random_id_sharing(const NodeId& like, unsigned bits, Random& random);

// BEP 42: an id that a node at this address may have; `choice` is the id's last byte, of which
// three bits matter.
NodeId id_for_address(const Address& address, std::uint8_t choice, Random& random);
// May a node at this address have this id? Always true in local networks.
bool conforms(const NodeId& id, const Address& address);

// The host behind an endpoint, for limits against one that pretends to be many: an IPv4 address or
// an IPv6 /64. In local networks each endpoint is a host of its own.
Endpoint host_of(const Endpoint& endpoint);
// Its neighbourhood: an IPv4 /24 or an IPv6 /48. In local networks as host_of().
Endpoint neighbourhood_of(const Endpoint& endpoint);

}  // namespace barter::dht
