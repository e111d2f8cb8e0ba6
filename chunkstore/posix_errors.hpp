// What an errno of a system call about a file means: which Errc, told
// in words with the path. For posix_files alone.
#pragma once

#include <string>
#include <string_view>

#include "chunkstore/files.hpp"
#include "torrent/result.hpp"

namespace barter {

// "cannot WHAT PATH: why".
Error failure(std::string_view what, std::string_view path, int error);
Error failure(std::string_view what, const FileHandle& handle, int error);
// Of what makes a name: invalid_name where no file of the disk can be called so. `folder`: a
// descriptor of the folder that it was to be in, where there is one.
Error name_failure(std::string_view what, std::string_view path, int error, int folder = -1);
// Of what looks for one: what cannot be there is not found.
Error search_failure(std::string_view what, std::string_view path, int error);
// From the root of the file system, for messages.
std::string path_of(const FileHandle& handle);
std::string whole_path(const FileHandle& root, const std::string& path);

}  // namespace barter
