#include "torrent/write_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace barter {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }
  bool close() { return ::close(std::exchange(number_, -1)) == 0; }

 private:
  int number_;
};

Error exists(const std::string& path) {
  return Error{Errc::already_exists, fmt::format("{}: exists; --force overwrites it", path)};
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// The name is there only after its folder was written as well.
void sync_folder(const std::string& folder) {
  const Descriptor open_folder(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (open_folder.get() >= 0) fsync(open_folder.get());
}

bool rename_into_place(const std::string& from, const std::string& to, bool overwrite) {
  if (overwrite) return std::rename(from.c_str(), to.c_str()) == 0;
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  // A file system without RENAME_NOREPLACE: a hard link fails as well where something exists.
  if (link(from.c_str(), to.c_str()) != 0) return false;
  unlink(from.c_str());
  return true;
}

// A name beside the target that nobody has; open() makes sure.
Result<std::pair<int, std::string>> open_temporary(const std::string& path) {
  const std::size_t slash = path.rfind('/') + 1;  // npos + 1 is 0
  for (int attempt = 0;; ++attempt) {
    // The name stays below NAME_MAX, however long the target's is.
    std::string temporary = fmt::format("{}.{}.{}-{}.tmp", path.substr(0, slash),
                                        path.substr(slash, 200), getpid(), attempt);
    const int descriptor =
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor >= 0) return std::pair(descriptor, std::move(temporary));
    if (errno != EEXIST || attempt == 100) return system_error(folder_of(path), errno);
  }
}

}  // namespace

std::string reason_of(int number) {
  if (number == EFBIG) {
    return "the file would be larger than the file size limit (ulimit -f) or the file system allows";
  }
  return std::generic_category().message(number);
}

Error system_error(const std::string& path, int number) {
  const Errc code = number == ENOENT || number == ENOTDIR ? Errc::not_found
                    : number == EACCES || number == EPERM || number == EROFS
                        ? Errc::permission_denied
                    : number == ENOSPC || number == EDQUOT ? Errc::no_space
                                                           : Errc::io_error;
  return Error{code, fmt::format("{}: {}", path, reason_of(number))};
}

bool path_exists(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0;
}

Result<void> write_file(const std::string& path, std::string_view bytes, bool overwrite) {
  struct stat before {};
  const bool existed = lstat(path.c_str(), &before) == 0;
  if (existed && !overwrite) return exists(path);
  if (existed && !S_ISREG(before.st_mode) && !S_ISLNK(before.st_mode)) {
    return Error{Errc::already_exists, fmt::format("{}: not a regular file", path)};
  }
  auto temporary = open_temporary(path);
  if (!temporary) return temporary.error();
  Descriptor file(temporary->first);
  const std::string& name = temporary->second;
  bool done = true;
  if (existed && S_ISREG(before.st_mode)) done = fchmod(file.get(), before.st_mode & 07777) == 0;
  done = done && write_all(file.get(), bytes) && fsync(file.get()) == 0 && file.close();
  if (!done) {
    const int why = errno;
    unlink(name.c_str());
    return system_error(path, why);
  }
  if (!rename_into_place(name, path, overwrite)) {
    const int why = errno;
    unlink(name.c_str());
    if (why == EEXIST) return exists(path);
    return system_error(path, why);
  }
  sync_folder(folder_of(path));
  return {};
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (file.get() < 0) return system_error(path, errno);
  std::string out;
  char buffer[64 * 1024];
  while (true) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(path, errno);
    if (got == 0) return out;
    out.append(buffer, static_cast<std::size_t>(got));
    if (out.size() > limit) {
      return Error{Errc::invalid_length, fmt::format("{}: larger than {} bytes", path, limit)};
    }
  }
}

}  // namespace barter
