// Parked: what there is of a torrent that is whole while nobody asks for
// it: no swarm, no store, no timer, no descriptor. A record, and what can
// be told of it by looking at its files. Owned by Torrents.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "chunkstore/files.hpp"
#include "chunkstore/seed_memory.hpp"
#include "client/add_torrent.hpp"
#include "client/link/stream.hpp"
#include "client/swarm/standing.hpp"
#include "client/swarm/swarm.hpp"
#include "torrent/time.hpp"

namespace barter {

struct Parked {
  enum class Phase : std::uint8_t {
    waits,  // for its turn to be checked; it has never traded
    opens,  // its store is being opened, on the disk pool
    awake,  // it has a driver
    rests,  // parked
    ended,  // it has failed
  };
  struct Stranger {
    std::unique_ptr<link::Stream> stream;
    Endpoint remote;
  };
  static constexpr std::size_t most_strangers = 16;  // that wait for it to wake; more are let go

  AddTorrent torrent;  // `verified`: how its files look
  Phase phase = Phase::waits;
  bool starting = false, counted = false;  // in what Parking counts
  bool began = false;                      // told, so a driver that wakes it need not tell it again
  bool folder_missing = false;             // told
  bool absent = false;                     // its files, or their folder, are not there; told
  std::optional<Standing> standing;        // unless it is awake
  TimePoint announce_at = never;           // rests: its place in the schedule
  std::vector<Stranger> strangers;
  std::vector<std::pair<PeerSource, std::vector<Endpoint>>> found;

  Progress progress() const;  // rests
};

// How the files of a torrent look, below an open folder; nothing where
// one is not there, or is no file. Blocks.
std::optional<std::vector<VerifiedFile>> look_at_files(const Metainfo& metainfo, Files& files,
                                                       const FileHandle& folder);

// What has become of the files of a torrent that rests.
struct ParkedLooks {
  bool folder_missing = false;
  std::vector<std::string> changed;  // their paths; those that are gone, too
};
ParkedLooks compare_looks(const Metainfo& metainfo, const std::vector<VerifiedFile>& then,
                          Files& files, const Result<FileHandle>& folder);

}  // namespace barter
