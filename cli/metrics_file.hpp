// MetricsFile: what `get --metrics-file` writes for node_exporter's textfile collector: the file is
// whole whenever it is read. Blocking file access; one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "torrent/result.hpp"

namespace barter::cli {

// How a download stands.
struct GetCounts {
  std::string name, info_hash;
  std::uint64_t bytes_done = 0, bytes_total = 0, downloaded = 0, uploaded = 0;
  std::uint64_t down_rate = 0, up_rate = 0, peers = 0, seeds = 0;
  bool complete = false;
  bool ended = false;
  int exit_code = 0;  // once it has ended
};
std::string get_metrics(const GetCounts& counts, std::chrono::system_clock::time_point now);

class MetricsFile {
 public:
  explicit MetricsFile(std::string path) : path_(std::move(path)) {}

  bool wanted() const { return !path_.empty(); }
  // Is it time for the next one? At once, then every few seconds.
  bool due(std::chrono::steady_clock::time_point now) const;
  Result<void> write(const GetCounts& counts);

 private:
  const std::string path_;
  std::chrono::steady_clock::time_point written_{};
};

}  // namespace barter::cli
