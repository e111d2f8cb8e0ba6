// Chatter: what one peer says that brings nothing, such as keep-alives, or pieces that it had told
// of before. It costs us time and the peer hardly anything, so there is an allowance; whoever has
// used it up is not read from until it has grown again, and TCP tells it to wait. Kept as one time,
// as a RateLimiter is. A value type.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "torrent/time.hpp"

namespace barter {

class Chatter {
 public:
  // So many messages at once, and after that so many a second. An honest peer that cancels a whole
  // queue stays below it.
  static constexpr std::uint32_t allowance = 5000;

  void said(std::uint32_t messages, TimePoint now) {
    constexpr Duration each = Duration(std::chrono::seconds(1)) / allowance;
    allowed_at_ = std::max(allowed_at_, now) + each * messages;
  }
  // When the peer may be read from again; in the past if it may be now.
  TimePoint listen_at() const {
    return allowed_at_ == TimePoint{} ? allowed_at_ : allowed_at_ - std::chrono::seconds(1);
  }

 private:
  TimePoint allowed_at_{};
};

}  // namespace barter
