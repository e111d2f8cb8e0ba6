// OnComplete: runs a program of the user once, beside us: never a shell. One owner, one thread.
#pragma once

#include "torrent/result.hpp"

#include <sys/types.h>

#include <optional>
#include <string>

namespace barter::cli {

class OnComplete {
 public:
  explicit OnComplete(std::string program) : program_(std::move(program)) {}

  // Starts the program with one argument. Its standard output goes to our standard error: ours
  // belongs to results and events.
  Result<void> start(const std::string& argument);
  bool running() const { return child_ > 0; }
  // What became of it: nothing while it runs; an error unless it ended with 0.
  std::optional<Result<void>> ended();

 private:
  std::string program_;
  pid_t child_ = 0;
};

}  // namespace barter::cli
