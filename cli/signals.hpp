// Signals: SIGINT, SIGTERM and SIGHUP become a question that a command asks. The first asks for a
// clean stop, the second ends the process at once. Process-wide; install() is called once, by main.
#pragma once

#include <chrono>

namespace barter::cli::signals {

// SIGHUP stays ignored if it was when we started (nohup). SIGPIPE and SIGXFSZ are ignored always:
// what caused them is an error of the write.
void install();
// The number of the signal that asked us to stop, or 0. Any thread.
int received();
inline bool stop_requested() {
  return received() != 0;
}
// Sleeps until the time is over, a stop is requested or `descriptor` can be read; true if a stop is
// requested. One thread.
bool wait(std::chrono::milliseconds timeout, int descriptor = -1);

}  // namespace barter::cli::signals
