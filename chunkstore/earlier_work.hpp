// EarlierWork: the files that barter wrote for other torrents, as their journals in one state
// folder tell. Asked where a file of an older torrent seems to be somebody else's; reads the folder
// when first asked, and only then. Owned by the Store; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "chunkstore/files.hpp"
#include "chunkstore/resume.hpp"

namespace barter {

class EarlierWork {
 public:
  // Beyond these, files count as unknown: the user is asked once more.
  static constexpr std::size_t max_journals = 1000;     // those of the same folder first
  static constexpr std::uint64_t max_bytes = 64 << 20;  // of all journals read
  static constexpr std::size_t max_names = 100'000;     // in the state folder

  // `own`: the name of the asker's own folder in there, which says where the download is as well.
  // `file_system`: of the download folder.
  EarlierWork(Files& files, std::string state_folder, std::string own, std::uint64_t file_system);

  // We wrote the file, and it looks as we left it.
  bool wrote(const FileStamp& stamp);

 private:
  void load();
  std::uint64_t load_journal(const std::string& folder, std::uint64_t budget);

  Files& files_;
  const std::string state_folder_, own_;
  const std::uint64_t file_system_;
  bool loaded_ = false;
  std::unordered_multimap<std::uint64_t, FileStamp> stamps_;  // by inode
};

}  // namespace barter
