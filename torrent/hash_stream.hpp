// hash_stream: the piece hashes of bytes that can be read once, of a number not known before
// (standard input). A thread reads ahead of the one that hashes. Blocking.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "torrent/piece_lanes.hpp"
#include "torrent/result.hpp"
#include "torrent/sha.hpp"

namespace barter {

// The digests of one piece after the other, from bytes in order.
class PieceStreamHasher {
 public:
  PieceStreamHasher(bool v1, bool v2, std::uint32_t piece_length);
  // Of one piece; with v2, all but its last call must bring a multiple of 16 KiB.
  void update(std::span<const std::byte> bytes);
  void update_zeros(std::uint64_t length);
  // Zeros of a pad: they count for v1 only (BEP 52).
  void update_pad(std::uint64_t length);
  // `only_piece`: its file has no other piece.
  PieceDigests finish(bool only_piece);

 private:
  bool v1_, v2_;
  std::uint32_t piece_length_;
  Sha1 sha1_;
  std::vector<std::span<const std::byte>> blocks_;
  std::vector<Sha256Digest> leaves_;
};

// `on_piece` gets the pieces in order, on the caller's thread; `progress`, about ten times a second
// and at the end, the bytes so far, and cancels by false. Returns the number of bytes.
Result<std::uint64_t> hash_stream(int descriptor, std::uint32_t piece_length, bool v1, bool v2,
                                  const std::function<void(const PieceDigests&)>& on_piece,
                                  const std::function<bool(std::uint64_t)>& progress);

}  // namespace barter
