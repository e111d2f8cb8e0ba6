#include "dht/node_id.hpp"

#include <bit>
#include <span>

#include "torrent/crc32c.hpp"

namespace barter::dht {

namespace {

std::uint8_t byte_of(const NodeId& id, std::size_t i) {
  return std::to_integer<std::uint8_t>(id.bytes[i]);
}

// The 32 bits of which an id begins with the first 21.
std::uint32_t prefix_for(const Address& address, std::uint8_t choice) {
  const auto first = static_cast<std::uint8_t>((choice & 7) << 5);
  if (address.is_v4()) {
    auto bytes = address.v4_bytes();
    constexpr std::array<std::uint8_t, 4> mask{0x03, 0x0f, 0x3f, 0xff};
    for (std::size_t i = 0; i < mask.size(); ++i) bytes[i] &= mask[i];
    bytes[0] |= first;
    return crc32c(bytes);
  }
  auto bytes = address.v6_bytes();
  constexpr std::array<std::uint8_t, 8> mask{0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff};
  for (std::size_t i = 0; i < mask.size(); ++i) bytes[i] &= mask[i];
  bytes[0] |= first;
  return crc32c(std::span(bytes).first<8>());
}

Endpoint network_of(const Endpoint& endpoint, std::size_t v4_bytes, std::size_t v6_bytes) {
  const Address& address = endpoint.address;
  if (address.is_local()) return endpoint;
  if (address.is_v4()) {
    auto bytes = address.v4_bytes();
    for (std::size_t i = v4_bytes; i < bytes.size(); ++i) bytes[i] = 0;
    return {Address::v4(bytes), 0};
  }
  auto bytes = address.v6_bytes();
  for (std::size_t i = v6_bytes; i < bytes.size(); ++i) bytes[i] = 0;
  return {Address::v6(bytes), 0};
}

}  // namespace

NodeId distance(const NodeId& a, const NodeId& b) {
  NodeId out;
  for (std::size_t i = 0; i < NodeId::size; ++i) out.bytes[i] = a.bytes[i] ^ b.bytes[i];
  return out;
}

bool nearer(const NodeId& target, const NodeId& a, const NodeId& b) {
  for (std::size_t i = 0; i < NodeId::size; ++i) {
    if (a.bytes[i] == b.bytes[i]) continue;
    return (a.bytes[i] ^ target.bytes[i]) < (b.bytes[i] ^ target.bytes[i]);
  }
  return false;
}

unsigned shared_bits(const NodeId& a, const NodeId& b) {
  for (std::size_t i = 0; i < NodeId::size; ++i) {
    const auto differs = static_cast<std::uint8_t>(byte_of(a, i) ^ byte_of(b, i));
    if (differs != 0)
      return static_cast<unsigned>(8 * i) + static_cast<unsigned>(std::countl_zero(differs));
  }
  return 8 * NodeId::size;
}

NodeId random_id(Random& random) {
  NodeId out;
  for (auto& byte : out.bytes) byte = static_cast<std::byte>(random.below(256));
  return out;
}

NodeId random_id_sharing(const NodeId& like, unsigned bits, Random& random) {
  NodeId out = random_id(random);
  for (std::size_t i = 0; i < NodeId::size; ++i) {
    const std::size_t first = 8 * i;
    if (first + 8 <= bits) {
      out.bytes[i] = like.bytes[i];
    } else if (first <= bits) {  // the byte in which they part
      const auto differing = static_cast<unsigned>(0x80u >> (bits - first));
      const auto kept = static_cast<std::byte>(0xffu & ~(2 * differing - 1));
      out.bytes[i] = (like.bytes[i] & kept) |
                     (out.bytes[i] & static_cast<std::byte>(differing - 1)) |
                     (~like.bytes[i] & static_cast<std::byte>(differing));
    }
  }
  return out;
}

NodeId id_for_address(const Address& address, std::uint8_t choice, Random& random) {
  const std::uint32_t prefix = prefix_for(address, choice);
  NodeId out = random_id(random);
  out.bytes[0] = static_cast<std::byte>(prefix >> 24);
  out.bytes[1] = static_cast<std::byte>(prefix >> 16);
  out.bytes[2] = static_cast<std::byte>((prefix >> 8 & 0xf8) | random.below(8));
  out.bytes[19] = static_cast<std::byte>(choice);
  return out;
}

bool conforms(const NodeId& id, const Address& address) {
  if (address.is_local()) return true;
  const std::uint32_t prefix = prefix_for(address, byte_of(id, 19));
  const std::uint32_t given = std::uint32_t{byte_of(id, 0)} << 24 |
                              std::uint32_t{byte_of(id, 1)} << 16 |
                              std::uint32_t{byte_of(id, 2)} << 8;
  return ((prefix ^ given) & 0xfffff800) == 0;
}

Endpoint host_of(const Endpoint& endpoint) {
  return network_of(endpoint, 4, 8);
}

Endpoint neighbourhood_of(const Endpoint& endpoint) {
  return network_of(endpoint, 3, 6);
}

}  // namespace barter::dht
