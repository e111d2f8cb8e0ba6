// PieceLanes: the digests of several pieces side by side, from bytes that the caller brings chunk
// by chunk, a piece a lane. Both versions in one pass: what was hashed for v1 is still in the
// core's cache for v2. One thread's; holds half a MiB. No I/O.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "torrent/digest.hpp"
#include "torrent/lane_buffer.hpp"
#include "torrent/sha_lanes.hpp"

namespace barter {

struct PieceDigests {
  Sha1Digest v1;    // if asked for
  Sha256Digest v2;  // if asked for: the root of the piece's subtree, or of the file if that has one
                    // piece
};

class PieceLanes {
 public:
  PieceLanes(bool v1, bool v2, std::uint32_t piece_length, const ShaKernel* kernel = best_kernel());

  // How many pieces are best taken at a time; as many as that may be.
  std::size_t width() const { return width_; }

  // `pieces` new ones begin, at most width().
  void begin(std::size_t pieces);
  // Where the next bytes of a piece go. All of it must be filled unless the piece ends.
  std::span<std::byte> room(std::size_t piece) { return buffer_.room(piece); }
  // So many bytes are there, the last `pad` of them zeros of a pad:
  // they count for v1 only (BEP 52).
  void fill(std::size_t piece, std::size_t bytes, std::size_t pad = 0) {
    filled_[piece] = {bytes, bytes - pad};
  }
  // Hashes what was filled since the last call.
  void advance();
  // `only_piece`: its file has no other. After the last advance().
  PieceDigests digests(std::size_t piece, bool only_piece);

 private:
  struct Filled {
    std::size_t bytes = 0, in_file = 0;
  };
  void advance_leaves();

  const bool v1_, v2_;
  const std::uint32_t piece_length_;
  Sha1Lanes sha1_;
  const std::size_t width_;
  std::size_t pieces_ = 0;
  bool finished_ = false;
  LaneBuffer buffer_;
  std::array<Filled, max_sha_lanes> filled_;
  std::array<Sha1Digest, max_sha_lanes> sha1_digests_;
  std::array<std::vector<Sha256Digest>, max_sha_lanes> leaves_;
  std::vector<std::span<const std::byte>> blocks_;
  std::vector<Sha256Digest> block_leaves_;
};

}  // namespace barter
