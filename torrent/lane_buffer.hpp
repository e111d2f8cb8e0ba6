// LaneBuffer: where the next bytes of several pieces are read to, one room each, and hashed from
// side by side. Half a MiB; fresh pages for every piece would cost as much as half its reading, so
// it is kept. One thread's.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "torrent/layout.hpp"

namespace barter {

class LaneBuffer {
 public:
  explicit LaneBuffer(std::size_t lanes)
      : room_bytes_(lanes > 1 ? bytes_of_many : bytes_of_one),
        bytes_(lanes * (room_bytes_ + gap)) {}

  std::size_t room_bytes() const { return room_bytes_; }
  std::span<std::byte> room(std::size_t lane) {
    return std::span(bytes_).subspan(lane * (room_bytes_ + gap), room_bytes_);
  }

 private:
  // Together they fit the second-level cache of a core: what was read there is hashed from there.
  static constexpr std::size_t bytes_of_many = 32 * 1024;
  static constexpr std::size_t bytes_of_one = 256 * 1024;
  static_assert(bytes_of_many % block_length == 0 && bytes_of_one % block_length == 0);
  // A whole number of pages from lane to lane would put all of them in the same few places of the
  // first-level cache. Measured: 3 to 5 %.
  static constexpr std::size_t gap = 64;

  std::size_t room_bytes_;
  std::vector<std::byte> bytes_;
};

}  // namespace barter
