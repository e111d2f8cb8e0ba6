// DiskNames: what the files of a torrent are called on the disk. Each has its path in the torrent,
// unless something speaks against it: the user asked for another name, the disk takes two names for
// one, or cannot hold the name. And while a file is not whole, it may be called `NAME.part`.
//
// Owned by the FileSet; the journal remembers what differs. Any thread. It only chooses names, and
// touches no disk.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "torrent/metainfo.hpp"

namespace barter {

// Why a file is not called what the torrent calls it. Journals hold the numbers.
enum class NameReason : std::uint8_t {
  none = 0,
  clash = 1,    // the disk takes this name and another one of the torrent for the same
  refused = 2,  // the disk cannot hold the name
  asked = 3,    // the user chose another
  found = 4,    // it was there already, called what others make of the name
};

// A file's name where it is not simply the torrent's.
struct DiskName {
  std::string path;  // once it is whole
  NameReason why = NameReason::none;
  std::string part;  // while it is not; empty: path + ".part"
  friend bool operator==(const DiskName&, const DiskName&) = default;
};

class DiskNames {
 public:
  using FileIndex = std::uint32_t;

  // `files` must outlive this.
  explicit DiskNames(const std::vector<File>& files);

  std::string path(FileIndex file) const;        // now
  std::string final_path(FileIndex file) const;  // once the file is whole
  std::string part_path(FileIndex file);         // while it is not
  bool is_partial(FileIndex file) const;         // called by its part_path
  void set_partial(FileIndex file, bool partial);

  // What the journal has to remember of it; nothing where it can be told from the torrent.
  std::optional<DiskName> remembered(FileIndex file) const;
  void restore(FileIndex file, DiskName name);

  // Another final name, unlike all of the torrent: "a.1.txt". What comes of the same name is
  // counted on, whatever its case, so that many clashes are few tries.
  void number(FileIndex file, NameReason why = NameReason::clash);
  // The same for a folder above it, `folder` of its final path: every file that asks gets the same.
  void number_folder(FileIndex file, const std::string& folder);
  // Another part name only.
  void number_part(FileIndex file);
  // This one, whatever the final name has become.
  void keep_part(FileIndex file, std::string path);
  // No file or folder of the torrent is called this.
  bool is_free(const std::string& path);
  // A final name that more disks can hold; false if there is no other.
  bool simplify(FileIndex file);

 private:
  std::string final_now(FileIndex file) const;
  std::string part_now(FileIndex file) const;
  void claim_part(FileIndex file);
  std::string free_path(const std::string& like);
  bool is_taken(const std::string& path);

  const std::vector<File>& files_;
  bool has_part_names_ = false;  // a file or folder of the torrent is itself called "X.part"

  mutable std::mutex mutex_;  // of what follows
  std::vector<bool> partial_;
  std::map<FileIndex, DiskName> changed_;
  std::unordered_set<std::string_view> paths_;  // of the torrent and its folders, when first needed
  std::unordered_set<std::string> given_;
  std::map<std::string, std::uint32_t> counters_;
  std::map<std::string, std::string> folders_;  // renamed ones
};

// The same path with less that a disk might refuse, the first of these that changes anything:
// without the characters and names that Windows keeps for itself; with shorter names; in ASCII.
// Empty if there is nothing left to do.
std::string simpler_path(std::string_view path);

}  // namespace barter
