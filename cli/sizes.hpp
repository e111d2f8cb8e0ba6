// Sizes, rates and durations as people write and read them.
#pragma once

#include "torrent/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace barter::cli {

inline constexpr std::uint64_t no_limit = UINT64_MAX;  // "none"

// "1048576", "500KiB", "1MB", "1.5GiB", "2m". KiB, MiB, ... and the bare letters k, m, g, t are
// powers of 1024; kB, KB, MB, ... are powers of 1000. "0" is nothing, "none" is no limit. Upper and
// lower case are one, an ending "/s" is allowed.
Result<std::uint64_t> parse_size(std::string_view text);
// A rate in bytes a second: what parse_size takes, and bits as lines are sold: "1Gbit",
// "100Mbit/s", "16mbps", always powers of 1000.
Result<std::uint64_t> parse_rate(std::string_view text);
// "30s", "10m", "2h", "1d", "250ms", a bare number of seconds; "none"
// is no limit (duration::max()).
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

std::string format_size(std::uint64_t bytes);                // "1.50 GiB"
std::string format_rate(std::uint64_t bytes_a_second);       // "1.50 MiB/s"
std::string format_bit_rate(std::uint64_t bytes_a_second);   // "1 Gbit/s"
std::string format_duration(std::chrono::seconds duration);  // "2 h 5 min", "42 s"

}  // namespace barter::cli
