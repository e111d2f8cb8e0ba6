// Trace: the log of `--trace`. Each event that a swarm is told of and
// each action that it asks for is one line, written by the driver, at
// the seam. Lines of all torrents share one file. Thread-safe.
#pragma once

#include <cstdio>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/swarm/action.hpp"
#include "torrent/result.hpp"

namespace barter::net {

class Trace {
 public:
  static Result<std::unique_ptr<Trace>> open(const std::string& path);
  ~Trace();

  // Writes what is kept back. Says whether the file has all lines so
  // far; once one is lost, never again.
  Result<void> flush();

  // "SECONDS TORRENT event TEXT" and "SECONDS TORRENT  -> ACTION"
  void event(std::string_view torrent, TimePoint now, std::string_view text);
  void actions(std::string_view torrent, TimePoint now, std::span<const Action> actions);

 private:
  Trace(std::FILE* file, std::string path) : path_(std::move(path)), file_(file) {}
  void write(std::string_view line);

  const std::string path_;
  std::mutex mutex_;
  std::FILE* file_;
  int failed_with_ = 0;  // the errno of the first line that was lost
};

std::string describe(const wire::Message& message);
std::string describe(std::span<const wire::Message> messages);
std::string describe(const Action& action);

}  // namespace barter::net
