// edit: changes what stands around (or, when asked, in) the info dictionary of a torrent.
// Everything that is not named stays byte for byte as it was, unknown keys included. Pure: bytes
// in, bytes out.
#pragma once

#include "torrent/metainfo.hpp"
#include "torrent/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace barter {

struct TorrentEdit {
  // Instead of what is there; an empty value takes it away.
  std::optional<std::vector<std::vector<std::string>>> trackers;  // tiers
  std::optional<std::vector<std::string>> web_seeds;
  std::optional<std::string> comment;
  std::optional<std::optional<std::int64_t>> creation_date;  // Unix seconds
  // These alter the info dictionary, and so the info-hash.
  std::optional<bool> is_private;
  std::optional<std::string> source;

  bool alters_info() const { return is_private.has_value() || source.has_value(); }
};

// The result has its keys in order, whatever the input had.
Result<std::string> edit_torrent(std::string_view torrent, const TorrentEdit& edit);

// A .torrent of what is known: the info dictionary as received, what there is of piece layers, or
// the given ones (bencoded), and these trackers (tiers).
std::string wrap_info(const Metainfo& metainfo,
                      const std::vector<std::vector<std::string>>& trackers,
                      const std::string& piece_layers = {});

}  // namespace barter
