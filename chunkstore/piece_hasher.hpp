// PieceHasher: is this piece what the torrent says? A v1 hash where the torrent has one (for a
// hybrid too: both hashes of every byte would double the price of the block path, and the two sides
// were bound to each other by whoever made the torrent); else the root of the piece's Merkle tree
// (BEP 52). Used once; reads nothing itself.
#pragma once

#include <span>
#include <vector>

#include "torrent/digest.hpp"
#include "torrent/metainfo.hpp"

namespace barter {

class PieceHasher {
 public:
  PieceHasher(const Metainfo& metainfo, PieceIndex piece) : metainfo_(metainfo), piece_(piece) {}
  ~PieceHasher();
  PieceHasher(const PieceHasher&) = delete;
  PieceHasher& operator=(const PieceHasher&) = delete;

  // Can the torrent say at all? Not a v2 one that came without its piece layers.
  bool possible() const;
  // The piece's bytes in order, in whole blocks (the last may be short).
  void update(std::span<const std::byte> blocks);
  bool matches();

 private:
  Sha256Digest tree_root() const;

  const Metainfo& metainfo_;
  PieceIndex piece_;
  bool begun_ = false;                // the thread's SHA-1 holds bytes of ours
  std::vector<Sha256Digest> leaves_;  // v2
};

}  // namespace barter
