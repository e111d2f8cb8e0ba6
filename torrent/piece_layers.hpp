// piece_layers: the piece layers of a v2 or hybrid torrent that came without them, made of its
// files. They stand outside the info dictionary (BEP 52), so a magnet link does not bring them; a
// .torrent is not complete without. Reads and hashes on all cores (hash_files). Blocking; no state.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "torrent/metainfo.hpp"
#include "torrent/result.hpp"

namespace barter {

// The value of `piece layers`, bencoded. `folder` and `paths` as in verify_files, `progress` as
// that of hash_files. Errors: cancelled; those of reading; file_changed, where a file is not what
// its root says.
Result<std::string> read_piece_layers(const Metainfo& metainfo, const std::string& folder,
                                      unsigned threads,
                                      const std::function<bool(std::uint64_t bytes_done)>& progress,
                                      std::span<const std::string> paths = {});

}  // namespace barter
