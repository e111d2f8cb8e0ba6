// Where the program remembers things between runs: --state-dir, or the place that the XDG base
// directory specification gives.
#pragma once

#include <string>

#include "torrent/result.hpp"

namespace barter::cli {

// Absolute. `given` is the flag's value; empty: $XDG_STATE_HOME/barter, else ~/.local/state/barter.
// Creates nothing; the default folder is closed to other users where it is there. An error where there is no home.
Result<std::string> state_folder(const std::string& given);
// For what can do without: empty where there is none.
std::string state_folder_if_any(const std::string& given);

}  // namespace barter::cli
