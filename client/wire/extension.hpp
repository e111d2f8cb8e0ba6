// Payloads of extended messages (BEP 10): the extension handshake, ut_metadata (BEP 9) and
// lt_donthave (BEP 54); ut_pex (BEP 11) is in pex.hpp. Bytes to values and back; no state. What a
// peer sends is bounded in depth and size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "client/wire/message.hpp"

namespace barter::wire {

// Bencode of a peer nests no deeper than this.
inline constexpr std::uint32_t extension_depth = 8;
inline constexpr std::size_t client_name_bytes = 64;

// Bencoded; ids of 0, and what is absent, are left out.
std::string extension_handshake_payload(const ExtensionHandshake& handshake);
std::string metadata_payload(const MetadataRequest& request);
std::string metadata_payload(const MetadataData& data);
std::string metadata_payload(const MetadataReject& reject);

// `id` is the byte after the message id: 0 for the handshake, else one that we announced. What
// makes no sense is Unknown{20}: other extensions of the peer must not cost us the connection.
Message decode_extended(std::uint8_t id, std::span<const std::byte> payload);

}  // namespace barter::wire
