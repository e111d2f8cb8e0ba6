// WrittenFiles: which files the stores of one client write to, so that two
// torrents in one program never write the same file, whatever they call it and
// whether or not it is open at the moment. Shared by the stores; any thread. It
// knows files by device, inode and time of birth, and opens none.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "chunkstore/files.hpp"
#include "torrent/result.hpp"

namespace barter {

class WrittenFiles {
 public:
  // `owner` names the store, for as long as it lives; `torrent` is for the message. Errc::locked if
  // the file is another's. Claiming again is fine.
  Result<void> claim(const void* owner, const std::string& torrent, const std::string& path,
                     const FileInfo& info);
  // All that this owner has.
  void release(const void* owner);
  std::size_t size() const;

 private:
  struct Key {
    std::uint64_t device = 0, inode = 0;
    std::int64_t birth_ns = 0;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Claim {
    const void* owner = nullptr;
    std::string torrent;
  };

  mutable std::mutex mutex_;
  std::map<Key, Claim> claims_;  // as many as the torrents that are written have files
};

}  // namespace barter
