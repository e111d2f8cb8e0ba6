// Which files of a torrent the user wants: --select, --exclude, and a link's own choice (BEP 53).
#pragma once

#include <vector>

#include "torrent/glob.hpp"
#include "torrent/magnet.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/result.hpp"

namespace barter::cli {

struct Selection {
  std::vector<Glob> select;   // empty: all
  std::vector<Glob> exclude;  // of those
  bool is_all() const { return select.empty() && exclude.empty(); }
};

// By file of the torrent; empty for all. The user's patterns count before those of a link. Where a
// file or folder is literally called like a pattern, the pattern means that alone. An error where
// nothing is left.
Result<std::vector<bool>> select_files(const Metainfo& metainfo, const Selection& selection,
                                       const Magnet& link);

}  // namespace barter::cli
