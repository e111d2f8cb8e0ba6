// PieceHasher: are these pieces what the torrent says? A v1 hash where the torrent has one (for a
// hybrid too: both hashes of every byte would double the price of the block path, and the two sides
// were bound to each other by whoever made the torrent); else the root of the piece's Merkle tree
// (BEP 52). Several pieces are hashed side by side (torrent/sha_lanes). One thread's at a time; can
// be used again, for any torrent; reads nothing itself.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "torrent/digest.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/sha_lanes.hpp"

namespace barter {

class PieceHasher {
 public:
  // Can the torrent say at all? Not a v2 one that came without its piece layers.
  static bool possible(const Metainfo& metainfo, PieceIndex piece);
  // How many pieces are best hashed together; as many as begin() takes.
  static std::size_t width(const Metainfo& metainfo) {
    return metainfo.has_v1() ? Sha1Lanes().width() : 1;
  }

  // The torrent must stay until finish().
  void begin(const Metainfo& metainfo, std::span<const PieceIndex> pieces);
  // parts[i]: the next bytes of piece i of those, in whole blocks (its last may be short). Empty at
  // its end, or if it was given up.
  void update(std::span<const std::span<const std::byte>> parts);
  // For each of the pieces, after all its bytes.
  std::vector<bool> finish();

 private:
  bool tree_matches(std::size_t which) const;

  const Metainfo* metainfo_ = nullptr;
  std::vector<PieceIndex> pieces_;
  Sha1Lanes sha1_;
  std::array<std::vector<Sha256Digest>, max_sha_lanes> leaves_;  // v2
};

}  // namespace barter
