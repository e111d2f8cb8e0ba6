// Magnet links (BEP 9, BEP 53): all that is needed to find a swarm
// without its torrent. A value type.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"

namespace barter {

struct Magnet {
  struct FileRange {  // of file numbers, both included
    std::uint32_t first = 0, last = 0;
    friend bool operator==(const FileRange&, const FileRange&) = default;
  };

  InfoHash info_hash;                  // `xt`: urn:btih (v1), urn:btmh (v2), or both
  std::string name;                    // `dn`: as given, not cleaned; may be empty
  std::vector<std::string> trackers;   // `tr`: texts as given, not yet URLs
  std::vector<std::string> web_seeds;  // `ws`
  std::vector<HostPort> peers;         // `x.pe`
  std::vector<FileRange> selected;     // `so`: sorted, apart from each other; empty: all files

  // Parameters that are not known are skipped, and so is what is malformed beside a good `xt`.
  static Result<Magnet> parse(std::string_view link);
  bool is_selected(std::uint32_t file) const;

  friend bool operator==(const Magnet&, const Magnet&) = default;
};

// Is it meant to be a magnet link? (What the command line looks at before parsing.)
bool is_magnet(std::string_view text);

// The canonical form: `xt` first, hashes in lower-case hexadecimal, all else percent-encoded.
std::string to_string(const Magnet& magnet);

}  // namespace barter
