// Whether this is a build with sanitizers.
#pragma once

namespace barter::testing {

// g++'s UndefinedBehaviorSanitizer opens a pipe to look at memory, and takes every object for a
// broken one where no descriptor is left: no test of that can run under it.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace barter::testing
