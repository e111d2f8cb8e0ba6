// Text on its way to a terminal or a JSON string: escaping, UTF-8, width.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "torrent/create_walk.hpp"

namespace barter::cli {

// For a terminal or a log: control characters, direction overrides and bytes that are no UTF-8
// become visible escapes; the result is one line. Unlike escape(), it leaves backslashes alone: a
// message may hold names that were escaped already.
std::string printable(std::string_view text);
// For JSON, whose strings must be UTF-8: bytes that are none become U+FFFD.
std::string valid_utf8(std::string_view text);
// The head of a line that fits; wide characters count as one column.
std::string cut_to_columns(std::string_view line, std::size_t columns);
// In quotes, so that one sees where a name begins and ends.
std::string quoted(std::string_view name);
// "1 file", "2 files".
std::string counted(std::uint64_t count, std::string_view noun);
std::string in_words(const LeftOut& left_out);  // empty if nothing was
// "photos/a\\b.jpg as ab.jpg, ..."
std::string in_words(const std::vector<Walk::Replaced>& replaced);

}  // namespace barter::cli
