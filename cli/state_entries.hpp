// What lies in the state folder, as `barter state` shows it: of each download or seed (a folder
// named by its torrent and place) a note of what it is about, and what `share` remembers of a path.
// Says whose data is gone, and drops what belongs to data that has been gone for long. Blocking
// file access; no state of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/mounts.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/result.hpp"

namespace barter::cli {

enum class DataState : std::uint8_t {
  there,
  gone,
  not_mounted,  // its file system is not where it was, or cannot be looked at: nothing is known
  unknown,      // an earlier version did not note where it is
};

struct StateEntry {
  enum class Kind : std::uint8_t { transfer, share, seed } kind{};
  std::string id;               // its name in the state folder; of a seed: its place in `seeds`
  std::string name, info_hash;  // of the torrent, as far as known
  std::string path;             // where the data is; empty: not known
  std::uint64_t size = 0;       // of the data
  std::uint64_t bytes = 0;      // of the state
  std::chrono::system_clock::time_point used;
  DataState data = DataState::unknown;
  std::optional<std::chrono::system_clock::time_point> missing_since;  // as far as it was looked
};

// Beside the state of a transfer that has begun: what it is about. `paths`: the files on the disk,
// below `folder`. Nothing happens where there is no such state.
Result<void> note_transfer(const std::string& state_folder, const Metainfo& metainfo,
                           const std::string& folder, const std::vector<std::string>& paths);

// All of them, those used last first. `mounts` as they are now.
std::vector<StateEntry> list_state(const std::string& state_folder,
                                   const std::vector<Mount>& mounts);
// Removes it. Errors: locked, where a barter is at work on it.
Result<void> forget_entry(const std::string& state_folder, const StateEntry& entry);

// Notes what is gone now, and drops what has been for so long; looks
// once a day. Returns what was dropped.
inline constexpr auto kept_when_gone = std::chrono::hours(24 * 90);
std::vector<StateEntry> sweep_state(const std::string& state_folder,
                                    const std::vector<Mount>& mounts,
                                    std::chrono::system_clock::time_point now);

}  // namespace barter::cli
