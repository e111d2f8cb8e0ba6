// MetadataServer: answers BEP 9 requests with 16 KiB pieces of the info dictionary, so that others
// can use our magnet links. Rate limited for each peer. The info dictionary itself is the
// Metainfo's.
#pragma once

#include <cstdint>
#include <string_view>

#include "client/swarm/rate_limiter.hpp"
#include "client/wire/message.hpp"

namespace barter {

// What one peer may still ask for: a burst that holds a large torrent, then a megabyte a second.
struct MetadataAllowance {
  std::uint32_t burst_left = 256;  // pieces
  RateLimiter rate{1 << 20};
};

// The data message, or a reject where the piece does not exist or the peer asks too much. `id` is
// the number by which the peer wants to be sent ut_metadata.
wire::Message answer_metadata_request(std::string_view info, std::uint32_t piece, std::uint8_t id,
                                      MetadataAllowance& allowance, TimePoint now);

}  // namespace barter
