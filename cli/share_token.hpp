// The token in the path of what `share` serves: http://HOST:PORT/TOKEN/NAME.torrent. Whoever does
// not know it finds nothing by guessing; who listens on the line reads it. Blocking file access; no
// state of its own.
#pragma once

#include <string>
#include <string_view>

#include "torrent/result.hpp"

namespace barter::cli {

// A new one: 100 random bits, in letters and digits that are not taken for each other.
std::string make_token();
// Letters, digits, '-' and '_', 8 to 128 of them: what needs no escape
// in a URL, and is no easy guess.
bool is_token(std::string_view text);
// The same time whatever differs.
bool same_token(std::string_view one, std::string_view other);

// That of the file; where there is none, one is made and written there, for its owner alone.
// Errors: invalid_argument, where the first line is no token, besides those of reading and writing.
Result<std::string> token_of_file(const std::string& path);
// That of the state folder, as token_of_file(), so that URLs hold over restarts.
Result<std::string> remembered_token(const std::string& state_folder);

}  // namespace barter::cli
