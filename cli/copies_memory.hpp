// What `share` remembers of those who have everything, so that each counts once however often the
// share is started. Blocking file access; no state of its own. Losing it begins the count anew.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/copies.hpp"
#include "torrent/digest.hpp"
#include "torrent/result.hpp"

namespace barter::cli {

struct RememberedCopies {
  std::chrono::system_clock::time_point began;  // when the torrent was first shared
  std::vector<Copy> copies;
};

// `state_folder` empty: nothing is remembered.
std::optional<RememberedCopies> recall_copies(const std::string& state_folder,
                                              const WireInfoHash& torrent);
// What a newer version wrote is left alone, with an error.
Result<void> remember_copies(const std::string& state_folder, const WireInfoHash& torrent,
                             const RememberedCopies& what);

}  // namespace barter::cli
