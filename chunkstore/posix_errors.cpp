#include "chunkstore/posix_errors.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>

#include "torrent/write_file.hpp"

namespace barter {

namespace {

Errc code_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return Errc::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:  // a link where none may be
    case EXDEV:
      return Errc::permission_denied;
    case EEXIST:
      return Errc::already_exists;
    case ENOSPC:
    case EDQUOT:
      return Errc::no_space;
    case EFBIG:
    case EISDIR:
    case EMLINK:
    case ENAMETOOLONG:
      return Errc::not_possible;
    default:
      return Errc::io_error;
  }
}

std::string why(int error) {
  if (error == ELOOP || error == EXDEV) return "a symbolic link is in the way";
  return reason_of(error);
}

// Can no file of this disk have such a name? Characters, length, encoding.
bool is_about_name(int error) {
  return error == EINVAL || error == ENAMETOOLONG || error == EILSEQ;
}

// An open folder may have been removed.
bool is_there(int folder) {
  struct stat status {};
  return folder >= 0 && ::fstat(folder, &status) == 0 && status.st_nlink > 0;
}

}  // namespace

Error failure(std::string_view what, std::string_view path, int error) {
  std::string message = "cannot " + std::string(what);
  if (!path.empty()) message += " " + std::string(path);
  return {code_of(error), message + ": " + why(error)};
}

Error name_failure(std::string_view what, std::string_view path, int error, int folder) {
  // "Nothing there" is no answer to who makes something: some FUSE file systems (exfat-fuse) say it
  // of names that they do not take.
  if (error == ENOENT && is_there(folder)) {
    return {Errc::invalid_name, "cannot " + std::string(what) + " " + std::string(path) +
                                    ": the file system does not take this name"};
  }
  Error out = failure(what, path, error);
  if (is_about_name(error)) out.code = Errc::invalid_name;
  return out;
}

Error search_failure(std::string_view what, std::string_view path, int error) {
  Error out = failure(what, path, error);
  if (is_about_name(error)) out.code = Errc::not_found;
  return out;
}

// It is not kept with every handle, so it is asked of the kernel.
std::string path_of(const FileHandle& handle) {
  const std::string link = "/proc/self/fd/" + std::to_string(handle.id());
  std::array<char, PATH_MAX> path{};
  const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
  return {path.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

std::string whole_path(const FileHandle& root, const std::string& path) {
  const std::string above = path_of(root);
  return above.ends_with('/') ? above + path : above + "/" + path;
}

Error failure(std::string_view what, const FileHandle& handle, int error) {
  return failure(what, path_of(handle), error);
}

}  // namespace barter
