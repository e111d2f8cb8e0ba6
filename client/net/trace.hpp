// Trace: the log of `--trace`. Each event that a swarm is told of and each action that it asks for
// is one line, written by the driver, at the seam. Lines of all torrents share one file.
// Thread-safe.
#pragma once

#include <cstdio>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/swarm/action.hpp"
#include "torrent/result.hpp"

namespace barter::net {

class Trace {
 public:
  static Result<std::unique_ptr<Trace>> open(const std::string& path);
  ~Trace();

  // "SECONDS TORRENT event TEXT" and "SECONDS TORRENT  -> ACTION"
  void event(std::string_view torrent, TimePoint now, std::string_view text);
  void actions(std::string_view torrent, TimePoint now, std::span<const Action> actions);

 private:
  explicit Trace(std::FILE* file) : file_(file) {}
  std::mutex mutex_;
  std::FILE* file_;
};

std::string describe(const wire::Message& message);
std::string describe(std::span<const wire::Message> messages);
std::string describe(const Action& action);

}  // namespace barter::net
