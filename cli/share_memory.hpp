// ShareMemory: what `share` remembers of a path between runs, so that unchanged files are served at
// once and under the same URL: the torrent, how the files looked when they were hashed, and the
// port. Blocking file access; no state of its own. Losing it costs a hashing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "torrent/create_walk.hpp"
#include "torrent/result.hpp"

namespace barter::cli {

// A file that was hashed. The change time is that of the inode: nobody can set it back.
struct SharedFile {
  std::string path;  // elements joined by '/'; empty where the shared path is a file
  std::uint64_t size = 0, inode = 0, device = 0;
  std::int64_t mtime_ns = 0, ctime_ns = 0;
  friend bool operator==(const SharedFile&, const SharedFile&) = default;
};

struct Remembered {
  std::uint16_t port = 0;
  std::string torrent;            // without trackers; empty: only the port is known
  std::vector<SharedFile> files;  // in the order of the torrent
};

// How the files of a walk look now. Errors: not_found and the like, naming the path.
Result<std::vector<SharedFile>> look_at(const Walk& walk);

class ShareMemory {
 public:
  // `folder` is the program's state folder; empty: nothing is remembered.
  explicit ShareMemory(const std::string& folder);

  // `source` is canonical, `variant` tells apart what gives another torrent (version, flags).
  std::optional<Remembered> recall(const std::string& source, std::string_view variant) const;
  Result<void> remember(const std::string& source, std::string_view variant,
                        const Remembered& what) const;

 private:
  std::string file_for(const std::string& source, std::string_view variant) const;
  std::string folder_;
};

}  // namespace barter::cli
