// create_walk: the files that go into a torrent, in its order: byte order element by element, the
// order of BEP 52's file tree. Looks only at names and attributes; blocking calls; no state.
#pragma once

#include "torrent/glob.hpp"
#include "torrent/result.hpp"
#include "torrent/source_file.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace barter {

struct WalkOptions {
  std::vector<Glob> include;   // if any: files that match none are left out
  std::vector<Glob> exclude;   // stronger than include
  bool hidden = true;          // names that begin with a dot
  bool follow_links = false;   // also links that leave the source
  bool replace_names = false;  // names that clients would change are cleaned, instead of refused
  std::string skip;            // one path left out wherever it is found: the torrent being written
  std::size_t max_files = 500'000;  // as many as a torrent may have (MetainfoLimits)
  std::size_t max_depth = 100;      // folders within folders
  std::size_t max_folders = 500'000;
};

struct WalkedFile {
  std::vector<std::string> path;  // elements below the source; empty where the source is a file
  std::string source;             // for open()
  SourceStamp stamp;
  bool executable = false;  // never where the file system says so of every file
};

struct LeftOut {
  std::uint64_t excluded = 0, hidden = 0;  // files, and folders that were not looked into
  std::uint64_t empty_folders = 0;         // a torrent has no place for them
};

struct Walk {
  std::vector<WalkedFile> files;
  std::uint64_t total_size = 0;  // bytes
  bool single_file = false;      // the source is a file, not a folder
  struct Replaced {
    std::string source, name;
  };
  std::vector<Replaced> replaced;  // names that are others in the torrent
  LeftOut left_out;
};

// Links below the source are followed while they stay below it, or wherever they lead if
// asked for. Loops, dangling or escaping links, FIFOs, sockets, devices and names that
// clients would change are errors: one, which names them all.
Result<Walk> walk_source(const std::string& source, const WalkOptions& options);

}  // namespace barter
