// UrlMemory: the torrents that were fetched from URLs, kept in the state folder, so that a command
// can be repeated when whoever served the torrent has gone. Blocking file access; no state of its
// own. Losing it costs a fetch.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"

namespace barter::cli {

struct RememberedUrl {
  std::string etag;                               // empty: the server gave none
  std::chrono::system_clock::time_point fetched;  // or last found to be the same, in seconds
  std::optional<HostPort> peer;                   // who served it, where that was a share
  std::string torrent;                            // as it came
};

class UrlMemory {
 public:
  // `state_folder` is the program's; empty: nothing is remembered.
  explicit UrlMemory(const std::string& state_folder);

  // A URL counts without its fragment.
  std::optional<RememberedUrl> recall(const std::string& url) const;
  // Within the bounds of cli/kept_files.hpp. What a newer version
  // wrote is left alone, with an error.
  Result<void> remember(const std::string& url, const RememberedUrl& what) const;

 private:
  std::string file_for(const std::string& url) const;
  std::string folder_;
};

}  // namespace barter::cli
