// Announce and scrape over HTTP (BEP 3, 7, 21, 23, 24, 31, 48): requests and replies as values, and
// their bytes. Shared by the tracker and by the client's tracker client. No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"

namespace barter::tracker {

enum class Event : std::uint8_t { none, started, completed, stopped, paused };

struct AnnounceRequest {
  WireInfoHash info_hash;
  PeerId peer_id;
  std::uint16_t port = 0;
  std::uint64_t uploaded = 0, downloaded = 0, left = 0;  // bytes
  Event event = Event::none;
  std::optional<std::uint32_t> peers_wanted;  // "numwant"
  bool compact = true;
  std::string key;         // opaque, at most 64 bytes
  std::string tracker_id;  // "trackerid"
};

struct AnnounceReply {
  std::uint32_t interval = 0;      // seconds
  std::uint32_t min_interval = 0;  // seconds; 0 = not given
  std::uint32_t complete = 0, incomplete = 0;
  std::vector<HostPort> peers;  // names are possible in full replies
  std::string tracker_id;
  std::string warning;
  std::optional<Address> external_ip;  // BEP 24
};

struct Failure {
  std::string reason;
  std::optional<std::uint32_t> retry_in_minutes;  // BEP 31; UINT32_MAX means never
};

// The query string of an announce, without '?'.
std::string to_query(const AnnounceRequest& request);
// Tolerant as trackers must be: unknown keys are ignored, an unknown event is none; what is missing
// or malformed (info_hash, port 0) is an error that becomes a failure reason.
Result<AnnounceRequest> parse_announce_query(std::string_view query);

struct ScrapeEntry {
  WireInfoHash info_hash;
  std::uint32_t complete = 0, downloaded = 0, incomplete = 0,
                downloaders = 0;  // BEP 21: downloaders
};
Result<std::vector<WireInfoHash>> parse_scrape_query(std::string_view query,
                                                     std::size_t max_hashes);

// Bencoded bodies. Compact: `peers` and `peers6`, both always there (BEP 7, 23).
std::string to_body(const AnnounceReply& reply, bool compact);
// The same with `endpoints` for reply.peers: a tracker has no names,
// and prints none to parse them again.
std::string to_body(const AnnounceReply& reply, std::span<const Endpoint> endpoints, bool compact);
std::string to_body(const Failure& failure);
std::string to_body(const std::vector<ScrapeEntry>& entries);

// What a tracker answered: a reply, or its failure. Garbage is Errc::protocol.
struct AnnounceAnswer {
  std::optional<Failure> failure;
  AnnounceReply reply;
};
Result<AnnounceAnswer> parse_announce_body(std::string_view body, std::size_t max_peers = 2000);

}  // namespace barter::tracker
