// Magnet links as `get` takes them, and the info dictionaries that were fetched for them: kept
// below the state folder, so that the same link needs no peer for them again.
#pragma once

#include "torrent/magnet.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/result.hpp"

#include <functional>
#include <memory>
#include <span>
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
// For the next time, within the bounds of cli/kept_files.hpp.
Result<void> remember_metainfo(const std::string& state_folder, const Metainfo& metainfo);

// Writes a .torrent: to that path, or below it where it is a folder or ends with a slash. What is
// there already is `already_exists`, unless it is the same, with piece layers or without, or
// `overwrite` is set.
struct SavedTorrent {
  std::string path;
  bool lacks_piece_layers = false;  // of a v2 torrent or hybrid: a link does not bring them
};
Result<SavedTorrent> save_torrent(const std::string& path, const Metainfo& metainfo,
                                  const std::vector<std::vector<std::string>>& trackers,
                                  bool overwrite);
// Writes it again, with the piece layers that its files, which are
// whole, have. `progress` as that of read_piece_layers.
Result<void> add_piece_layers(const SavedTorrent& saved, const Metainfo& metainfo,
                              const std::vector<std::vector<std::string>>& trackers,
                              const std::string& folder,
                              const std::function<bool(std::uint64_t)>& progress,
                              std::span<const std::string> paths);

}  // namespace barter::cli
