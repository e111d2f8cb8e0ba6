// The torrents that `barter tracker --allow` names: lists of info-hashes, .torrent files, or
// folders of them. Read again when they change; what cannot be read meanwhile stays as it was.
// Blocking file access; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "torrent/digest.hpp"
#include "torrent/result.hpp"

namespace barter::cli {

class AllowList {
 public:
  explicit AllowList(std::vector<std::string> paths) : paths_(std::move(paths)) {}

  // The info-hashes that all paths name; a hybrid's are two. Errors name the path, and the line of
  // a list; then all is as before. Torrents of a folder that cannot be read are told to `skipped`,
  // and count as they were read last.
  Result<std::vector<WireInfoHash>> read(const std::function<void(const Error&)>& skipped);

  // How the files look, by path. Whoever sees the same twice, and not what was read, should read.
  struct Look {
    std::uint64_t size = 0, inode = 0;
    std::int64_t mtime_ns = 0, ctime_ns = 0;
    friend bool operator==(const Look&, const Look&) = default;
  };
  using Looks = std::map<std::string, Look>;
  Looks look() const;
  const Looks& looks_read() const { return read_; }

 private:
  const std::vector<std::string> paths_;
  Looks read_;  // just before it was read
  std::map<std::string, std::vector<WireInfoHash>> hashes_;
};

}  // namespace barter::cli
