#include "client/swarm/rate.hpp"

#include <algorithm>
#include <cmath>

namespace barter {

namespace {
constexpr double memory_seconds = 4;
// Within this step the decay is below any reader's notice, and a batch of blocks costs no exp().
constexpr Duration step = std::chrono::milliseconds(4);

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}
}  // namespace

void Rate::add(std::uint64_t bytes, TimePoint now) {
  if (!began_) {
    began_ = true;
    since_ = at_ = now;
  }
  if (now - at_ > step) {
    bytes_ *= std::exp(-seconds(now - at_) / memory_seconds);
    at_ = now;
    if (bytes_ < 1) {  // after a long pause it is a new stream
      bytes_ = 0;
      since_ = now;
    }
  }
  bytes_ += static_cast<double>(bytes);
}

std::uint64_t Rate::per_second(TimePoint now) const {
  if (!began_) return 0;
  const double decayed = bytes_ * std::exp(-std::max(0.0, seconds(now - at_)) / memory_seconds);
  // The weight that the stream's age can have gathered; a quarter second at least, or the first
  // block would look like a flood.
  const double age = std::max(0.25, seconds(now - since_));
  const double weight = memory_seconds * (1 - std::exp(-age / memory_seconds));
  return static_cast<std::uint64_t>(decayed / weight);
}

}  // namespace barter
