// NameSearch: where is a file that is not there under its path? Looks in the
// folders for an entry that is another spelling of each name
// (torrent/name_key). Reads each folder once. Blocking; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "chunkstore/files.hpp"
#include "torrent/metainfo.hpp"

namespace barter {

class NameSearch {
 public:
  // What is at a path below the root; never behind a link.
  using Look = std::function<Result<FileInfo>(const std::string&)>;
  NameSearch(Files& files, std::string root_path, Look look)
      : files_(files), root_path_(std::move(root_path)), look_(std::move(look)) {}

  struct Found {
    std::string path;
    FileInfo info;
  };
  // Under what the torrent itself says, where that is not its path.
  std::optional<Found> raw(const Metainfo& metainfo, std::uint32_t file);
  // Under another spelling. Only where nothing is at its path.
  std::optional<Found> spelled(const Metainfo& metainfo, std::uint32_t file);

 private:
  static constexpr std::size_t most_entries = 100'000;  // of a folder; those beyond are not seen
  using Entries = std::multimap<std::string, std::string>;  // by key
  const Entries& entries(const std::string& folder);
  std::optional<Found> part_at(const std::string& path, std::uint64_t length);
  std::optional<std::string> folder_at(const std::string& path);
  std::optional<std::string> respell(const std::string& path, std::uint64_t length);

  Files& files_;
  const std::string root_path_;
  const Look look_;
  std::map<std::string, Entries> folders_;                       // by their paths here
  std::map<std::string, std::optional<std::string>> respelled_;  // by the torrent's paths
};

}  // namespace barter
