// Local service discovery (BEP 14): the datagram by which a client tells its network segment what
// it takes part in. Bytes to values and back; no state. The sockets are client/net/local_discovery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"

namespace barter::wire {

struct LocalAnnounce {
  std::vector<WireInfoHash> info_hashes;
  std::uint16_t port = 0;  // on which its sender accepts peers
  std::string cookie;      // by which the sender knows its own; may be empty
};

// Where these are sent.
Endpoint local_group(bool v6);

inline constexpr std::size_t max_local_announce_bytes = 1400;
// So many fit into a datagram with a cookie as long as is read.
inline constexpr std::size_t max_local_info_hashes = 20;
inline constexpr std::size_t max_cookie_bytes = 64;

// `announce.info_hashes` are at most max_local_info_hashes.
std::string to_datagram(const LocalAnnounce& announce, bool v6);
// Nothing if it is no such datagram: another first line, no port, no info-hash. Names of headers
// are of any case; headers that are not known, and info-hashes beyond the limit, are passed over.
std::optional<LocalAnnounce> parse_local_announce(std::string_view datagram);

}  // namespace barter::wire
