// RateLimiter: a token bucket kept as one time: when all that was taken will have been paid for.
// Taking may run into debt by one block, so that a limit below a block a second works as any other.
// A value type; time is an argument; `unlimited` costs one comparison.
#pragma once

#include <cstdint>

#include "client/swarm/config.hpp"
#include "torrent/time.hpp"

namespace barter {

class RateLimiter {
 public:
  explicit RateLimiter(std::uint64_t bytes_per_second = unlimited) : limit_(bytes_per_second) {}

  std::uint64_t limit() const { return limit_; }
  void set_limit(std::uint64_t bytes_per_second, TimePoint now);

  // May something be taken now?
  bool ready(TimePoint now) const {
    return limit_ == unlimited || (limit_ != 0 && paid_at_ <= now);
  }
  void take(std::uint64_t bytes, TimePoint now);
  void give_back(std::uint64_t bytes);
  // When ready() turns true if nothing more is taken; `never` with a limit of 0.
  TimePoint ready_at() const { return limit_ == 0 ? never : paid_at_; }

 private:
  Duration cost(std::uint64_t bytes) const;

  std::uint64_t limit_;
  TimePoint paid_at_{};
};

}  // namespace barter
