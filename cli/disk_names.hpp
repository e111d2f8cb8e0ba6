// What files are called on the disk, as the commands see it: --output, the names that a state
// remembers, and how a person is told of them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/transfer.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/result.hpp"

namespace barter::cli {

// Where `get` puts what it fetches. `name` is empty unless the user chose one.
struct Target {
  std::string folder, name;
};
Result<Target> target_of(const Metainfo& metainfo, const std::string& folder,
                         const std::string& output);

std::string below(const std::string& folder, const std::string& name);

// By file, below `folder`: as `get` with this state has called them. Without a place for a state,
// as the torrent calls them.
Result<std::vector<std::string>> remembered_names(const Metainfo& metainfo,
                                                  const std::string& folder,
                                                  const std::string& state_folder);

// The same for files that were found under what others make of their names; `names` by file.
void tell_found_names(const Metainfo& metainfo, std::span<const std::string> names, Output& output);
// Warnings, and events `name`. Files that could not be named go to watched.unnamed.
void tell_names(const std::vector<NameNote>& notes, Watched& watched, Output& output);
Error unnamed_error(const std::vector<std::string>& parts);

}  // namespace barter::cli
