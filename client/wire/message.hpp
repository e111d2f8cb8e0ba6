// The peer protocol's messages as values (BEP 3, 6, 10, 9, 11, 21, 54), and their bytes.
//
// Numbers are as on the wire, unchecked: the Swarm checks them against its Layout. Handshakes are
// in handshake.hpp, the stream in message_reader.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "chunkstore/block_buffer.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"

namespace barter::wire {

struct KeepAlive {};
struct Choke {};
struct Unchoke {};
struct Interested {};
struct NotInterested {};
struct Have {
  std::uint32_t piece = 0;
};
struct BitfieldMessage {
  std::vector<std::byte> bits;
};
struct Request {
  std::uint32_t piece = 0, begin = 0, length = 0;
};
struct Piece {
  std::uint32_t piece = 0, begin = 0;
  BlockBuffer block;  // its size is the length
};
struct Cancel {
  std::uint32_t piece = 0, begin = 0, length = 0;
};
struct Port {
  std::uint16_t port = 0;
};
// BEP 6.
struct Suggest {
  std::uint32_t piece = 0;
};
struct HaveAll {};
struct HaveNone {};
struct Reject {
  std::uint32_t piece = 0, begin = 0, length = 0;
};
struct AllowedFast {
  std::uint32_t piece = 0;
};

// BEP 10, id 0. Ids of 0 mean "not supported" (or switched off).
struct ExtensionHandshake {
  std::uint8_t ut_metadata = 0;               // BEP 9
  std::uint8_t ut_pex = 0;                    // BEP 11
  std::uint8_t lt_donthave = 0;               // BEP 54
  std::optional<std::int64_t> metadata_size;  // BEP 9, bytes
  std::optional<std::uint32_t> reqq;          // requests its sender queues without dropping
  std::optional<std::uint16_t> listen_port;   // "p"
  std::string client;                         // "v", at most 64 bytes kept
  std::optional<Address> your_ip;             // "yourip"
  std::optional<bool> upload_only;            // BEP 21
};
// BEP 9. `id` of outgoing messages is the receiver's id for ut_metadata; 0 in incoming ones.
struct MetadataRequest {
  std::uint32_t piece = 0;
  std::uint8_t id = 0;
};
struct MetadataData {
  std::uint32_t piece = 0;
  std::uint64_t total_size = 0;
  std::string data;
  std::uint8_t id = 0;
};
struct MetadataReject {
  std::uint32_t piece = 0;
  std::uint8_t id = 0;
};
// BEP 54. `id` as above.
struct DontHave {
  std::uint32_t piece = 0;
  std::uint8_t id = 0;
};
// BEP 11: where another client of the swarm is reached, and what the sender knows of it.
struct Contact {
  Endpoint endpoint;
  bool seed = false;       // has all, or uploads only
  bool reachable = false;  // the sender has called it
  friend bool operator==(const Contact&, const Contact&) = default;
};
// Whom the sender is connected to now, and was when it last told. `id` as above.
struct PeerExchange {
  std::vector<Contact> added;
  std::vector<Endpoint> dropped;
  std::uint8_t id = 0;
};
// A message id, or an extended id, that we do not know: ignored.
struct Unknown {
  std::uint8_t id = 0;
};

using Message = std::variant<KeepAlive, Choke, Unchoke, Interested, NotInterested, Have,
                             BitfieldMessage, Request, Piece, Cancel, Port, Suggest, HaveAll,
                             HaveNone, Reject, AllowedFast, ExtensionHandshake, MetadataRequest,
                             MetadataData, MetadataReject, DontHave, PeerExchange, Unknown>;

// Message ids on the wire.
enum class Id : std::uint8_t {
  choke = 0,
  unchoke = 1,
  interested = 2,
  not_interested = 3,
  have = 4,
  bitfield = 5,
  request = 6,
  piece = 7,
  cancel = 8,
  port = 9,
  suggest = 13,
  have_all = 14,
  have_none = 15,
  reject = 16,
  allowed_fast = 17,
  extended = 20,
};

// Length prefix, id, piece and begin: what precedes the bytes of a block.
inline constexpr std::uint32_t piece_header_length = 13;

// Appends the message as it travels, length prefix included. Unknown
// is nothing and appends nothing.
void encode(const Message& message, std::vector<std::byte>& out);
// A `have` without the way through the variant: a piece completed is one for every peer.
void encode_have(std::uint32_t piece, std::vector<std::byte>& out);
// Writes the header of a block of `length` bytes; the block itself
// goes to the socket from where it is.
void encode_piece_header(std::uint32_t piece, std::uint32_t begin, std::uint32_t length,
                         std::span<std::byte, piece_header_length> out);

// A whole message less its length prefix, any but Piece (message_reader.hpp takes those). An id
// that we do not know, or an extended payload that makes no sense, is Unknown: BEP 10 lets peers
// send what they like there. A length that the id does not allow is an error.
Result<Message> decode(std::span<const std::byte> body);

// The ids that we announce in our extension handshake, and so receive.
inline constexpr std::uint8_t our_ut_metadata_id = 1;
inline constexpr std::uint8_t our_lt_donthave_id = 2;
inline constexpr std::uint8_t our_ut_pex_id = 3;

}  // namespace barter::wire
