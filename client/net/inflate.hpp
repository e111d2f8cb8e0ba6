// Bounded inflate of HTTP bodies (gzip, zlib). No state, no I/O.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "torrent/result.hpp"

namespace barter::net {

// The whole of `packed`, gzip (several members too) or zlib. Errc::protocol if it is neither, is
// cut short, or holds more than `max_bytes`; no more than that is ever held.
Result<std::string> inflate(std::string_view packed, std::size_t max_bytes);

}  // namespace barter::net
