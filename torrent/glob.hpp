// Glob: a pattern for paths below a root, as in --exclude and --select. A value type.
//
//   *.tmp       no slash: matches a file or folder of that name anywhere
//   sub/*.bin   with a slash: matches from the root; `*` and `?` stay within one element
//   sub/**/x    `**` crosses elements ("sub/x" too)
//   cache/      a slash at the end: folders only
//   [a-z] [!0]  one character of a set; \ takes the next character as it is
//
// A character is a code point, or a byte that is part of none. What is literally the pattern
// matches too: "[Group] film [1080p].mkv". "./" and doubled slashes say nothing.
//
// What matches a folder matches all that is below it.
#pragma once

#include "torrent/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace barter {

class Glob {
 public:
  static Result<Glob> parse(std::string_view pattern);
  // The entry itself: `path` is relative to the root, without a leading slash.
  bool matches(std::string_view path, bool is_folder) const;
  // A file, or a folder above it.
  bool selects(std::string_view file_path) const;
  // The same where no character of the pattern means anything but itself.
  bool selects_literally(std::string_view file_path) const;

 private:
  bool is_literally(std::string_view path, bool is_folder) const;

  std::string pattern_;
  bool anchored_ = false;
  bool folders_only_ = false;
};

}  // namespace barter
