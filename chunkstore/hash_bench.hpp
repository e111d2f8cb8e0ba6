// HashBench: what a thread hashes pieces with. It is half a MiB, so it belongs to the thread and
// not to a store: ten thousand stores that each hashed once would keep gigabytes. Between two
// hashings, which never nest, nothing in it is anybody's. It lives as long as its thread.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "chunkstore/piece_hasher.hpp"
#include "torrent/fetch_ahead.hpp"
#include "torrent/lane_buffer.hpp"

namespace barter {

struct HashBench {
  // `lanes`: how many pieces will be hashed side by side.
  static HashBench& of_this_thread(std::size_t lanes);

  explicit HashBench(std::size_t lanes_made) : lanes(lanes_made), buffer(lanes_made) {}

  std::size_t lanes;
  std::array<bool, max_sha_lanes> readable;
  std::array<FetchAhead, max_sha_lanes> ahead;
  std::array<std::span<const std::byte>, max_sha_lanes> parts;
  PieceHasher hasher;
  LaneBuffer buffer;
};

}  // namespace barter
