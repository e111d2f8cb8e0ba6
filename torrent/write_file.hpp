// write_file: a small file that appears whole or not at all. Blocking calls.
#pragma once

#include "torrent/result.hpp"

#include <string>
#include <string_view>

namespace barter {

// Writes beside the path, syncs and renames. Without `overwrite` an existing path is already_exists
// and stays as it is, even when it appears while we write. Permissions are those of a new file
// (umask); a file that is replaced keeps its own, and its owner. Of a link, the file that it leads
// to is replaced; a link that leads nowhere is not_found. A file with other names (hard links),
// access lists or attributes of the user, or whose owner or folder does not let us replace it, is
// written in place: there a crash may leave it half written.
Result<void> write_file(const std::string& path, std::string_view bytes, bool overwrite);

// All of a file of at most `limit` bytes. The user names it: links are
// followed, and a pipe will do, which may keep us waiting.
Result<std::string> read_file(const std::string& path, std::size_t limit);

// What the program remembers is its owner's alone: folders 0700, files 0600. Whatever else has got
// there (a link, a pipe, a device) is never followed and never waited for.
//
// Makes the folder and those above it. `ours`: the name is one that we give, so a folder that
// others may look into is closed to them, and a link is refused; else it is the user's own choice.
Result<void> make_private_folder(const std::string& path, bool ours);
// As write_file; what is there is replaced, a link itself and not what it leads to.
Result<void> write_private_file(const std::string& path, std::string_view bytes);
// Regular files only. One that others may read is closed to them.
Result<std::string> read_private_file(const std::string& path, std::size_t limit);

// Is there something at this path, a dangling link included?
bool path_exists(const std::string& path);

// An errno in words, with what the words of the system leave out.
std::string reason_of(int number);

// The error of a failed system call upon a path.
Error system_error(const std::string& path, int number);

}  // namespace barter
