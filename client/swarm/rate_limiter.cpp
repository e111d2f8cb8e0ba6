#include "client/swarm/rate_limiter.hpp"

#include <algorithm>

namespace barter {

namespace {
// Unused allowance is kept this long: enough to make up for late wake-ups, too short to be a burst.
constexpr Duration burst = std::chrono::milliseconds(100);
}  // namespace

Duration RateLimiter::cost(std::uint64_t bytes) const {
  // Blocks are small: bytes * 1e9 stays below 2^64 for 18 GB.
  return Duration(static_cast<Duration::rep>(std::min<std::uint64_t>(bytes, 1ull << 33) *
                                             1'000'000'000ull / limit_));
}

void RateLimiter::set_limit(std::uint64_t bytes_per_second, TimePoint now) {
  if (bytes_per_second == limit_) return;
  // A debt made under the old limit is forgiven, or a lifted limit would go on for a while.
  paid_at_ = std::min(paid_at_, now);
  limit_ = bytes_per_second;
}

void RateLimiter::take(std::uint64_t bytes, TimePoint now) {
  if (limit_ == unlimited || limit_ == 0) return;
  paid_at_ = std::max(paid_at_, now - burst) + cost(bytes);
}

void RateLimiter::give_back(std::uint64_t bytes) {
  if (limit_ == unlimited || limit_ == 0) return;
  paid_at_ -= cost(bytes);
}

}  // namespace barter
