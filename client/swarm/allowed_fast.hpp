// The allowed-fast set of BEP 6: pieces that a newcomer may fetch from us although we choke it.
// Every client computes the same set for one address, so that asking many clients gains nothing.
// IPv4 only, as the specification has it. A free function.
#pragma once

#include <cstdint>
#include <vector>

#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/layout.hpp"

namespace barter {

// `count` pieces, or all where the torrent has no more; empty for IPv6.
std::vector<PieceIndex> allowed_fast_set(const Address& peer, const WireInfoHash& info_hash,
                                         std::uint32_t pieces, std::uint32_t count);

}  // namespace barter
