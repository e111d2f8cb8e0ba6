// Rate: bytes a second of one stream, by exponential decay over a few seconds; right from the first
// bytes on, since a young stream is divided by its age. A value type; time is an argument.
#pragma once

#include <cstdint>

#include "torrent/time.hpp"

namespace barter {

class Rate {
 public:
  void add(std::uint64_t bytes, TimePoint now);
  std::uint64_t per_second(TimePoint now) const;

 private:
  double bytes_ = 0;  // decayed up to at_
  TimePoint at_{};
  TimePoint since_{};  // of the first byte
  bool began_ = false;
};

}  // namespace barter
