// write_file: a small file that appears whole or not at all. Blocking calls.
#pragma once

#include "torrent/result.hpp"

#include <string>
#include <string_view>

namespace barter {

// Writes beside the path, syncs and renames. Without `overwrite` an existing path is already_exists
// and stays as it is, even when it appears while we write. Permissions are those of a new file
// (umask); a file that is replaced keeps its own.
Result<void> write_file(const std::string& path, std::string_view bytes, bool overwrite);

// All of a file of at most `limit` bytes.
Result<std::string> read_file(const std::string& path, std::size_t limit);

// Is there something at this path, a dangling link included?
bool path_exists(const std::string& path);

// An errno in words, with what the words of the system leave out.
std::string reason_of(int number);

// The error of a failed system call upon a path.
Error system_error(const std::string& path, int number);

}  // namespace barter
