// KRPC: the DHT's messages (BEP 5, 32, 33, 42, 43, 44, 51). parse() turns a datagram into a valid
// message of known types, or says what is wrong; encode() writes canonical bencode. The messages
// hold views: the datagram (or what encode() is given) must outlive them. Nothing is allocated that
// the datagram does not pay for.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dht/bloom_filter.hpp"
#include "dht/node_id.hpp"
#include "torrent/result.hpp"

namespace barter::dht {

inline constexpr std::size_t max_sent_bytes = 1024;      // BEP 32
inline constexpr std::size_t max_received_bytes = 4096;  // longer datagrams are dropped
inline constexpr std::size_t max_transaction_bytes = 32;
inline constexpr std::size_t max_token_bytes = 128;

enum class Method : std::uint8_t {
  ping,
  find_node,
  get_peers,
  announce_peer,
  get,
  put,
  sample_infohashes,
};
std::string_view to_string(Method method);

namespace error_code {
inline constexpr std::int64_t generic = 201, server = 202, protocol = 203, unknown_method = 204,
                              value_too_big = 205, invalid_signature = 206, salt_too_big = 207,
                              cas_mismatch = 301, old_sequence = 302;
}  // namespace error_code

using PublicKey = FixedBytes<32, struct PublicKeyTag>;
using Signature = FixedBytes<64, struct SignatureTag>;

// An item of BEP 44 as it travels. An immutable one has the value alone.
struct ItemFields {
  std::string_view value;  // bencoded; empty: none
  std::string_view salt;
  std::optional<PublicKey> key;
  std::optional<Signature> signature;
  std::optional<std::int64_t> sequence;  // "seq"; in a get: only if newer than this
  std::optional<std::int64_t> cas;
};

// Which nodes an answer should name (BEP 32).
struct Want {
  bool v4 = false, v6 = false;
  friend bool operator==(const Want&, const Want&) = default;
};

struct Query {
  Method method = Method::ping;
  std::string_view transaction;
  NodeId id;      // of the sender, as it says
  NodeId target;  // or the info-hash
  std::string_view token;
  std::uint16_t port = 0;  // announce_peer
  bool implied_port = false;
  bool seed = false, no_seed = false, scrape = false;  // BEP 33
  bool read_only = false;                              // BEP 43
  std::optional<Want> want;
  ItemFields item;
  std::string_view version;  // "v"
};

struct Response {
  std::string_view transaction;
  NodeId id;
  std::vector<NodeInfo> nodes;   // of both families
  std::vector<Endpoint> values;  // peers
  std::string_view token;
  bool has_values = false;                  // "values" was there, if empty
  std::optional<BloomFilter> seeds, peers;  // BEP 33
  ItemFields item;
  std::optional<std::vector<WireInfoHash>> samples;  // BEP 51
  std::int64_t interval = 0, num = 0;                // seconds; how many it has
  std::optional<Endpoint> ip;                        // BEP 42: as whom it saw us
  std::string_view version;
};

struct ErrorMessage {
  std::string_view transaction;
  std::int64_t code = error_code::generic;
  std::string_view text;
  std::optional<Endpoint> ip;
};

// A query that deserves an error for an answer.
struct BadQuery {
  std::string_view transaction;
  std::int64_t code = error_code::protocol;
  std::string_view text;
};

using Message = std::variant<Query, Response, ErrorMessage, BadQuery>;

// Endpoints without a port, unspecified and multicast ones are left out of lists. A query of a name
// that we do not know counts as find_node if it has a target, as libtorrent advises.
Result<Message> parse(std::string_view datagram);

std::string encode(const Query& query);
std::string encode(const Response& response);
std::string encode(const ErrorMessage& error);

// The compact form of a node: its id, its endpoint.
using barter::compact_bytes;
inline std::size_t compact_bytes(const NodeInfo& node) {
  return NodeId::size + compact_bytes(node.endpoint.address.is_v4());
}
// Nothing if the string's length fits no whole number of nodes, or more than 400.
std::optional<std::vector<NodeInfo>> nodes_from_compact(std::string_view bytes, bool v4);
std::string compact_nodes(const std::vector<NodeInfo>& nodes, bool v4);  // those of the family

}  // namespace barter::dht
