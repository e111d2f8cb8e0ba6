#include "client/wire/handshake.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace barter::wire {

namespace {
constexpr std::string_view protocol =
    "\x13"
    "BitTorrent protocol";
constexpr std::size_t reserved_at = 20, info_hash_at = 28, peer_id_at = 48;
}  // namespace

Handshake our_handshake(const WireInfoHash& info_hash, const PeerId& peer_id, bool dht) {
  Handshake out;
  out.reserved[5] = std::byte{0x10};
  out.reserved[7] = dht ? std::byte{0x05} : std::byte{0x04};
  out.info_hash = info_hash;
  out.peer_id = peer_id;
  return out;
}

std::array<std::byte, handshake_length> encode(const Handshake& handshake) {
  std::array<std::byte, handshake_length> out{};
  std::memcpy(out.data(), protocol.data(), protocol.size());
  std::ranges::copy(handshake.reserved, out.begin() + reserved_at);
  std::ranges::copy(handshake.info_hash.bytes, out.begin() + info_hash_at);
  std::ranges::copy(handshake.peer_id.bytes, out.begin() + peer_id_at);
  return out;
}

bool may_be_handshake(std::span<const std::byte> received) {
  const std::size_t seen = std::min(received.size(), protocol.size());
  return seen == 0 || std::memcmp(received.data(), protocol.data(), seen) == 0;
}

WireInfoHash handshake_info_hash(std::span<const std::byte, handshake_head_length> head) {
  WireInfoHash out;
  std::memcpy(out.bytes.data(), head.data() + info_hash_at, out.bytes.size());
  return out;
}

Handshake decode_handshake(std::span<const std::byte, handshake_length> bytes) {
  Handshake out;
  std::memcpy(out.reserved.data(), bytes.data() + reserved_at, out.reserved.size());
  std::memcpy(out.info_hash.bytes.data(), bytes.data() + info_hash_at, out.info_hash.bytes.size());
  std::memcpy(out.peer_id.bytes.data(), bytes.data() + peer_id_at, out.peer_id.bytes.size());
  return out;
}

}  // namespace barter::wire
