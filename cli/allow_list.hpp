// The torrents that `barter tracker --allow` names: a list of info-hashes, a .torrent, or a folder
// of them. Blocking file access; no state.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "torrent/digest.hpp"
#include "torrent/result.hpp"

namespace barter::cli {

// Adds the info-hashes that `path` names to `out`; a hybrid's are two. Errors name the path, and
// the line of a list. Torrents of a folder that cannot be read are skipped and told to `skipped`.
Result<void> add_allowed(const std::string& path, const std::function<void(const Error&)>& skipped,
                         std::vector<WireInfoHash>& out);

}  // namespace barter::cli
