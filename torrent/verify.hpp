// verify: are the files in a folder what a torrent says? Reads and hashes on all cores
// (hash_files); writes nothing. Blocking; no state.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "torrent/metainfo.hpp"
#include "torrent/result.hpp"

namespace barter {

struct FileProblem {
  enum class Kind {
    missing,
    wrong_size,  // longer or shorter than it should be
    unreadable,
    wrong_bytes,
    unverified,  // shares a piece with a file that could not be read
  };
  std::size_t file = 0;  // of Metainfo::files()
  Kind kind{};
  std::string detail;  // what and where, for a person
};

struct VerifyReport {
  std::vector<FileProblem> problems;  // at most one a file, in the files' order
  std::uint32_t good_pieces = 0, pieces = 0;
  std::uint64_t good_bytes = 0;  // of real files
  // Of a selection: pieces at its borders that also hold bytes of other files, and are not right as
  // those lie there.
  std::uint32_t undecided = 0;
  std::vector<bool> bad;  // by piece: those that were looked at, and are not right
  bool whole() const { return problems.empty(); }
};

// `folder` is the download folder: the torrent's paths are below it, or, where the files are called
// otherwise, `paths` (by file). Errors: cancelled, when
// `progress` (bytes hashed, on the caller's thread) returns false. A v2 torrent without piece
// layers is verified file by file. With `selected` (by file; empty: all) only these files are
// looked into, and judged by the pieces that others have no part in; the counts are of their
// pieces. `rate`: bytes read per second; 0: as fast as it goes.
Result<VerifyReport> verify_files(const Metainfo& metainfo, const std::string& folder,
                                  unsigned threads,
                                  const std::function<bool(std::uint64_t bytes_done)>& progress,
                                  std::span<const std::string> paths = {},
                                  const std::vector<bool>& selected = {}, std::uint64_t rate = 0);

}  // namespace barter
