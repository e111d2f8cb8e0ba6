// The first 68 bytes of a link (BEP 3), with the reserved bits of BEP
// 5, 6 and 10. No I/O, no state.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "torrent/digest.hpp"

namespace barter::wire {

inline constexpr std::size_t handshake_length = 68;
// Protocol name, reserved bits and info-hash: enough to answer. Some peers wait for our half before
// they send their peer id.
inline constexpr std::size_t handshake_head_length = 48;

struct Handshake {
  std::array<std::byte, 8> reserved{};
  WireInfoHash info_hash;
  PeerId peer_id;

  bool fast() const { return (reserved[7] & std::byte{0x04}) != std::byte{0}; }      // BEP 6
  bool extended() const { return (reserved[5] & std::byte{0x10}) != std::byte{0}; }  // BEP 10
  bool dht() const { return (reserved[7] & std::byte{0x01}) != std::byte{0}; }       // BEP 5
  friend bool operator==(const Handshake&, const Handshake&) = default;
};

// Ours: the bits of BEP 6 and BEP 10 set, and with `dht` that of BEP 5.
Handshake our_handshake(const WireInfoHash& info_hash, const PeerId& peer_id, bool dht = false);

std::array<std::byte, handshake_length> encode(const Handshake& handshake);

// Could these bytes be the beginning of a handshake? False as soon as one is wrong, so that a
// stranger (HTTP, an encrypted handshake) is told from a slow peer.
bool may_be_handshake(std::span<const std::byte> received);
// The info-hash of a head that may_be_handshake().
WireInfoHash handshake_info_hash(std::span<const std::byte, handshake_head_length> head);
// The whole of one that may_be_handshake().
Handshake decode_handshake(std::span<const std::byte, handshake_length> bytes);

}  // namespace barter::wire
