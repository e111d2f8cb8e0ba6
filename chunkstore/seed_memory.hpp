// SeedMemory: how the files of whole torrents looked that are only served, all in one file of the
// state folder. Where they still look so they are right, and nothing is hashed. Of thousands of
// torrents a folder with a journal each would cost more than hashing them again.
//
// Functions; blocking calls, from any thread. Several programs may share the state folder: each
// change is made to what the others have left. Of a newer version's file nothing is known, and it
// stays as it is.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "chunkstore/store.hpp"
#include "torrent/digest.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/result.hpp"

namespace barter {

struct SeedRecord {
  WireInfoHash info_hash;
  std::string folder;             // the download folder, canonical
  std::string name;               // of the torrent
  std::string top;                // its file or folder, below the download folder
  std::uint64_t size = 0;         // bytes of its files
  std::uint64_t file_system = 0;  // of the folder, as Files::file_system() tells it
  std::uint64_t looks = 0;        // looks_of() its files
  std::int64_t used = 0;          // when it was served last: seconds since 1970

  // One of each in the file.
  bool is_of(const SeedRecord& other) const {
    return info_hash == other.info_hash && folder == other.folder;
  }
};

// A digest of how all files look. Not for adversaries: whoever can write the files can set their
// times, too.
std::uint64_t looks_of(std::span<const VerifiedFile> files);
// But for `looks`, `file_system` and `used`.
SeedRecord seed_record(const Metainfo& metainfo, std::string folder);

// Empty where there are none. Errors: unsupported (a newer version's), malformed, io_error.
Result<std::vector<SeedRecord>> load_seeds(const std::string& state_folder);
// Adds these, in the place of what there is of them, and forgets those. The file appears whole or
// not at all. Errors: as load_seeds(), but what is malformed is replaced.
Result<void> update_seeds(const std::string& state_folder, std::vector<SeedRecord> add,
                          std::span<const SeedRecord> forget);

}  // namespace barter
