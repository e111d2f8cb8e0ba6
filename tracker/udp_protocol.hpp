// Announce and scrape over UDP (BEP 15), with the options of BEP 41: packets as values, and their
// bytes. Shared by the tracker and by the client's tracker client. No I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"
#include "tracker/announce.hpp"

namespace barter::tracker {

// Longest packet that is read: what is longer was cut by the reader, and is none of ours.
inline constexpr std::size_t max_udp_packet_bytes = 2048;
// Of path and query that a client sends, so that its announce stays below every network's MTU.
inline constexpr std::size_t max_url_data_bytes = 1000;
inline constexpr std::size_t max_udp_scraped = 74;  // info-hashes in one scrape
// Longest replies that are written: what passes IPv6's smallest MTU (and what Ethernet's) whole.
inline constexpr std::size_t max_udp_reply_bytes_v6 = 1232;
inline constexpr std::size_t max_udp_reply_bytes_v4 = 1472;
inline constexpr std::size_t max_udp_error_bytes = 200;  // of an error's text, either way

enum class UdpAction : std::uint32_t { connect, announce, scrape, error };
enum class IpFamily : std::uint8_t { v4, v6 };  // of a packet: says how long its peers are

inline IpFamily family_of(const Address& address) {
  return address.is_v4() ? IpFamily::v4 : IpFamily::v6;
}

using Packet = std::vector<std::byte>;

// What every request begins with. The connection id of a connect is
// the protocol's magic number, checked already.
struct UdpHead {
  std::uint64_t connection_id = 0;
  UdpAction action = UdpAction::connect;
  std::uint32_t transaction = 0;
};

struct UdpAnnounce {
  AnnounceRequest announce;  // without `key` and `tracker_id`, which have no place in it
  std::uint32_t key = 0;     // BEP 7: the same for all addresses of a client
  std::string url_data;      // BEP 41: path and query of the URL that the client uses
};

// ---- requests, as a tracker reads them

// Nothing for what is no request, whatever follows it.
std::optional<UdpHead> parse_udp_head(std::span<const std::byte> packet);
// The rest of an announce or a scrape whose head has been read. Errors
// are worth telling the client.
Result<UdpAnnounce> parse_udp_announce(std::span<const std::byte> packet);
Result<std::vector<WireInfoHash>> parse_udp_scrape(std::span<const std::byte> packet);

// ---- requests, as a client writes them; `out` is replaced

void write_udp_connect(std::uint32_t transaction, Packet& out);
// `url_data` beyond max_url_data_bytes is an error: a part of a passkey opens no door.
Result<void> write_udp_announce(std::uint64_t connection_id, std::uint32_t transaction,
                                const UdpAnnounce& announce, Packet& out);
// At most max_udp_scraped; what is beyond is left out.
void write_udp_scrape(std::uint64_t connection_id, std::uint32_t transaction,
                      std::span<const WireInfoHash> info_hashes, Packet& out);
// The key of an announce from the text that HTTP trackers are told: the same text, the same number.
std::uint32_t udp_key(std::string_view key);

// ---- replies, as a tracker writes them; `out` is replaced

void write_udp_connected(std::uint32_t transaction, std::uint64_t connection_id, Packet& out);
// Of `peers` those of `family`, as many as fit; interval, complete and incomplete of `reply`.
void write_udp_announced(std::uint32_t transaction, const AnnounceReply& reply,
                         std::span<const Endpoint> peers, IpFamily family, Packet& out);
void write_udp_scraped(std::uint32_t transaction, std::span<const ScrapeEntry> entries,
                       Packet& out);
void write_udp_error(std::uint32_t transaction, std::string_view message, Packet& out);

// ---- replies, as a client reads them

struct UdpConnected {
  std::uint64_t connection_id = 0;
};
struct UdpAnnounced {
  std::uint32_t interval = 0;  // seconds
  std::uint32_t incomplete = 0, complete = 0;
  std::vector<Endpoint> peers;
};
struct UdpCounts {
  std::uint32_t complete = 0, downloaded = 0, incomplete = 0;
};
struct UdpScraped {
  std::vector<UdpCounts> counts;  // in the request's order
};
struct UdpError {
  std::string message;  // never empty
};
struct UdpReply {
  std::uint32_t transaction = 0;
  std::variant<UdpConnected, UdpAnnounced, UdpScraped, UdpError> body;
};

// `family` is that of the address which it came from. Nothing for what is no reply.
std::optional<UdpReply> parse_udp_reply(std::span<const std::byte> packet, IpFamily family,
                                        std::size_t max_peers = 2000);

}  // namespace barter::tracker
