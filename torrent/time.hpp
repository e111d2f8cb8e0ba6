// Time as the core sees it: monotonic, and always an argument. Nothing in the core reads a clock.
#pragma once

#include <chrono>

namespace barter {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

// "Nothing is due": later than every other time.
inline constexpr TimePoint never = TimePoint::max();

}  // namespace barter
