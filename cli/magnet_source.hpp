// Magnet links as `get` takes them, and the info dictionaries that were fetched for them: kept
// below the state folder, so that the same link needs no peer for them again.
#pragma once

#include "torrent/magnet.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace barter::cli {

// Reads a link. Errors: invalid_magnet; unsupported, where it names no v1 torrent.
Result<Magnet> read_magnet(const std::string& link);

// Its name for people: as the link says, or the start of its hash.
std::string shown_name(const Magnet& magnet);

// The trackers of a link, each a tier, as of a torrent.
std::vector<std::vector<std::string>> tracker_tiers(const Magnet& magnet);

// What was fetched earlier, if it is there and has every hash that the link names; else null.
std::shared_ptr<const Metainfo> recall_metainfo(const std::string& state_folder,
                                                const InfoHash& wanted);
// For the next time. Of those that were used last so many are kept, and so many bytes.
inline constexpr std::size_t max_remembered = 100;
inline constexpr std::uint64_t max_remembered_bytes = 64 << 20;
Result<void> remember_metainfo(const std::string& state_folder, const Metainfo& metainfo);

// Writes a .torrent: to that path, or below it where it is a folder or ends with a slash. What is
// there already is `already_exists`, unless it is the same or `overwrite` is set. The path that was
// written.
Result<std::string> save_torrent(const std::string& path, const Metainfo& metainfo,
                                 const std::vector<std::vector<std::string>>& trackers,
                                 bool overwrite);

}  // namespace barter::cli
