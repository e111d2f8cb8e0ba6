// How much longer than a Release build a test may take that would take
// minutes if something were quadratic.
#pragma once

namespace barter {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int slowness = 10;
#else
inline constexpr int slowness = 1;
#endif

}  // namespace barter
