// FileOrigins: which files of a torrent were somebody else's when the store began, and what became
// of that: a small file in the torrent's state folder beside the journal. Where it is, every other
// file whose stamp the journal has was written by us. Owned by the Store; one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "chunkstore/files.hpp"
#include "torrent/result.hpp"

namespace barter {

enum class FileOrigin : std::uint8_t {
  taken,        // it held data of the torrent, and is written to
  aside,        // it was not selected: left alone
  kept,         // the user wanted it left alone (`--keep`)
  edited,       // ours once, and not as we left it when a seed found it
  replacement,  // put in the place of ours while we wrote
};

class FileOrigins {
 public:
  static constexpr std::uint64_t max_bytes = 16 << 20;  // 500,000 files take half of it

  // `files`: how many the torrent has. Nothing is known where there is
  // no such file, or a damaged one.
  static FileOrigins load(Files& files, const FileHandle& folder, std::uint32_t file_count);

  bool known() const { return known_; }  // there was such a file
  bool newer() const { return newer_; }  // and a newer version of barter wrote it
  bool is(std::uint32_t file, FileOrigin origin) const;
  bool has(std::uint32_t file) const { return of_.contains(file); }
  const std::map<std::uint32_t, FileOrigin>& all() const { return of_; }

  void set(std::uint32_t file, FileOrigin origin) { of_[file] = origin; }
  void forget(std::uint32_t file) { of_.erase(file); }
  // Durably.
  Result<void> save(Files& files, const FileHandle& folder) const;
  friend bool operator==(const FileOrigins&, const FileOrigins&) = default;

 private:
  bool parse(std::string_view text, std::uint32_t file_count);

  bool known_ = false;
  bool newer_ = false;
  std::map<std::uint32_t, FileOrigin> of_;
};

}  // namespace barter
