// Where the program remembers things between runs.
#pragma once

#include <string>

#include "torrent/result.hpp"

namespace barter::cli {

class Output;

// Absolute. `given` is the flag's value, --state-dir; empty: the first of these that can be used:
// $STATE_DIRECTORY (systemd's), $XDG_STATE_HOME/barter, $HOME/.local/state/barter, and, with a
// warning to `output` that says what is lost, a private folder below $XDG_RUNTIME_DIR or /var/tmp,
// or a new one below the folder for temporary files. Creates nothing but those private ones, and
// without an `output` not even those; a default folder is closed to other users where it is there.
// An error where there is none.
Result<std::string> state_folder(const std::string& given, Output* output = nullptr);
// For what can do without: empty where there is none.
std::string state_folder_if_any(const std::string& given);

}  // namespace barter::cli
