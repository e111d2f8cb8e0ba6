// The exit codes of the program: a promise to scripts (docs/json.md).
#pragma once

namespace barter::cli {

inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;    // the command line makes no sense
inline constexpr int exit_stalled = 3;  // --stall-timeout passed
// Interrupted before it was done: 128 + the signal's number (130 SIGINT, 143 SIGTERM, 129 SIGHUP).
inline constexpr int exit_signal_base = 128;

}  // namespace barter::cli
