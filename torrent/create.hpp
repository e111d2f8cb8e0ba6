// create: makes a torrent of a file, a folder or a stream (BEP 3, 12, 19, 27, 47, 52). Reads the
// names, chooses a piece length, hashes on all cores (hash_files), writes the bytes of the .torrent
// into memory. Blocking; no state. The same input and options make the same info dictionary.
#pragma once

#include "torrent/create_walk.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace barter {

enum class TorrentVersion { v1, v2, hybrid };

struct CreateOptions {
  TorrentVersion version = TorrentVersion::v1;
  std::uint32_t piece_length = 0;                   // 0: by the size
  unsigned threads = 0;                             // 0: one a core
  std::string name;                                 // empty: the last element of the source
  enum class Attributes { none, executable, all };  // all: hidden, too
  Attributes attributes = Attributes::none;         // noted (BEP 47)
  WalkOptions walk;

  std::vector<std::vector<std::string>> trackers;  // tiers
  std::vector<std::string> web_seeds;
  bool is_private = false;
  std::string source;  // "source" of the info dictionary
  std::string comment;
  std::string created_by;
  std::optional<std::int64_t> creation_date;  // Unix seconds
};

// What will be in the torrent, before a byte was hashed.
struct CreatePlan {
  std::string name;
  Walk walk;
  std::uint32_t piece_length = 0;
};

struct CreatedTorrent {
  std::string bytes;                         // of the .torrent
  std::shared_ptr<const Metainfo> metainfo;  // as it reads back
};

// On the caller's thread, about ten times a second; false cancels. The
// total is 0 where it is not known.
using CreateProgress = std::function<bool(std::uint64_t bytes_done, std::uint64_t bytes_total)>;

// 2^round(log2(bytes) - 10), from 16 KiB to 16 MiB: about a thousand pieces.
std::uint32_t default_piece_length(std::uint64_t bytes);
// A multiple of 16 KiB of at most 512 MiB; a power of two for v2.
Result<void> check_piece_length(std::uint64_t bytes, TorrentVersion version);

// The name that a torrent of this source gets unless told otherwise.
std::string source_name(std::string source);
// Looks at the source: names, sizes, piece length. What cannot be in a torrent is an error.
Result<CreatePlan> plan_torrent(const std::string& source, const CreateOptions& options);
// Hashes what was planned. A file that is no longer what it was when planned is an error.
Result<CreatedTorrent> create_torrent(const CreatePlan& plan, const CreateOptions& options,
                                      const CreateProgress& progress = {});
// One file of what can be read once from `descriptor`; options.name is its name. Where the size
// cannot be known and no piece length is given, pieces are of 1 MiB.
Result<CreatedTorrent> create_torrent_of_stream(int descriptor, const CreateOptions& options,
                                                const CreateProgress& progress = {});

}  // namespace barter
