// Signals: SIGINT, SIGTERM and, mostly, SIGHUP become a question that a command asks. The first
// asks for a clean stop, the second ends the process at once. Process-wide; install() is called
// once, by main.
#pragma once

#include <chrono>
#include <functional>

namespace barter::cli::signals {

// SIGHUP stays ignored if it was when we started (nohup). SIGPIPE and SIGXFSZ are ignored always:
// what caused them is an error of the write.
void install();
// The number of the signal that asked us to stop, or 0. Any thread.
//
// Whoever asks is expected to end the command. Where nobody has asked a second after the signal,
// the program hangs in a call that does not return (a pipe that nobody writes to, a mount that is
// dead), and is ended with the exit code of the signal.
int received();
// From now on SIGHUP asks for no stop, but makes this descriptor readable: for a command that reads
// its lists again. One that was started by nohup, too.
int reload_on_hangup();
// Has it come since this was asked last?
bool reload_requested();
// From now on the command ends by itself within a bounded time: no signal need hurry it.
void ending();
// While this lives, what is called with the signal's number before the program is ended so. On a
// thread of its own, beside whatever hangs.
class LastWords {
 public:
  explicit LastWords(std::function<void(int)> say);
  ~LastWords();
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;
};
inline bool stop_requested() {
  return received() != 0;
}
// Sleeps until the time is over, a stop is requested or `descriptor` can be read; true if a stop is
// requested. One thread.
bool wait(std::chrono::milliseconds timeout, int descriptor = -1);

}  // namespace barter::cli::signals
