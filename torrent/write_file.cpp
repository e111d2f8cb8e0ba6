#include "torrent/write_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
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

struct Temporary {
  int descriptor;
  std::string name;
};

// A name beside the target that nobody has; open() makes sure.
Result<Temporary> open_temporary(const std::string& path, unsigned mode) {
  const std::size_t slash = path.rfind('/') + 1;  // npos + 1 is 0
  for (int attempt = 0;; ++attempt) {
    // The name stays below NAME_MAX, however long the target's is.
    std::string temporary = fmt::format("{}.{}.{}-{}.tmp", path.substr(0, slash),
                                        path.substr(slash, 200), getpid(), attempt);
    const int descriptor =
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (descriptor >= 0) return Temporary{descriptor, std::move(temporary)};
    if (errno != EEXIST || attempt == 100) return system_error(folder_of(path), errno);
  }
}

// Where the bytes go: of a link, the file that it leads to.
Result<std::string> followed(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr),
                                                         &std::free);
  if (real != nullptr) return std::string(real.get());
  if (errno != ENOENT && errno != ENOTDIR) return system_error(path, errno);
  return Error{Errc::not_found, fmt::format("{}: a link to something that is not there; remove the "
                                            "link, or make the file that it leads to",
                                            path)};
}

// Access lists and attributes of the user, which a new file would not have.
bool has_attributes(const std::string& path) {
  std::string names(64 * 1024, '\0');  // the most that there can be
  const ssize_t size = llistxattr(path.c_str(), names.data(), names.size());
  if (size < 0) return false;  // a system that has none
  names.resize(static_cast<std::size_t>(size));
  for (std::size_t at = 0; at < names.size(); at = names.find('\0', at) + 1) {
    if (names.compare(at, 7, "system.") == 0 || names.compare(at, 5, "user.") == 0) return true;
  }
  return false;
}

bool is_other(const struct stat& one, const struct stat& other) {
  return one.st_ino != other.st_ino || one.st_dev != other.st_dev;
}

// Into the file itself: for one that has other names, or that a new file could not equal.
// Where there is no room for more, nothing of it is changed.
Result<void> write_in_place(const std::string& path, const struct stat& before,
                            std::string_view bytes) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  struct stat now {};
  if (file.get() < 0 || fstat(file.get(), &now) != 0) return system_error(path, errno);
  if (is_other(now, before)) {
    return Error{Errc::file_changed, fmt::format("{}: replaced by another file meanwhile", path)};
  }
  const auto size = static_cast<off_t>(bytes.size());
  if (size > now.st_size && fallocate(file.get(), 0, 0, size) != 0 && errno != EOPNOTSUPP &&
      errno != ENOSYS) {
    const Error error = system_error(path, errno);
    [[maybe_unused]] const int ignored = ftruncate(file.get(), now.st_size);
    return error;
  }
  if (write_all(file.get(), bytes) && ftruncate(file.get(), size) == 0 && fsync(file.get()) == 0 &&
      file.close()) {
    return {};
  }
  return system_error(path, errno);
}

// A new file that takes the place of what is there. `like`: whose owner and permissions it gets;
// `false` as a value, and nothing done, where it cannot have them.
Result<bool> replace(const std::string& path, std::string_view bytes, unsigned mode,
                     const struct stat* like, bool overwrite) {
  auto temporary = open_temporary(path, mode);
  if (!temporary) return temporary.error();
  Descriptor file(temporary->descriptor);
  const char* name = temporary->name.c_str();
  struct stat made {};
  if (like != nullptr && fstat(file.get(), &made) == 0 &&
      (made.st_uid != like->st_uid || made.st_gid != like->st_gid) &&
      fchown(file.get(), like->st_uid, like->st_gid) != 0) {
    unlink(name);
    return false;
  }
  const bool done = (like == nullptr || fchmod(file.get(), like->st_mode & 07777) == 0) &&
                    write_all(file.get(), bytes) && fsync(file.get()) == 0 && file.close();
  if (done && rename_into_place(temporary->name, path, overwrite)) {
    sync_folder(folder_of(path));
    return true;
  }
  const int why = errno;
  unlink(name);
  if (why == EEXIST && !overwrite) return exists(path);
  return system_error(path, why);
}

}  // namespace

std::string reason_of(int number) {
  if (number == EFBIG) {
    return "the file would be larger than the file size limit (ulimit -f) or the file system "
           "allows";
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
  if (lstat(path.c_str(), &before) != 0) {
    auto done = replace(path, bytes, 0666, nullptr, overwrite);
    return done ? Result<void>() : done.error();
  }
  if (!overwrite) return exists(path);
  std::string target = path;
  if (S_ISLNK(before.st_mode)) {
    auto real = followed(path);
    if (!real) return real.error();
    target = std::move(*real);
    if (lstat(target.c_str(), &before) != 0) return system_error(target, errno);
  }
  if (!S_ISREG(before.st_mode)) {
    return Error{Errc::already_exists, fmt::format("{}: not a regular file", path)};
  }
  if (before.st_nlink > 1 || has_attributes(target)) return write_in_place(target, before, bytes);
  auto done = replace(target, bytes, 0600, &before, true);
  if (done && *done) return {};
  // Its owner cannot be kept, or nothing can be made beside it: the
  // file itself may still be ours to change.
  if (done || done.error().code == Errc::permission_denied) {
    return write_in_place(target, before, bytes);
  }
  return done.error();
}

namespace {

// Of what is ours. Where it cannot be done (a file system without permissions) it stays as it is.
void close_to_others(const Descriptor& descriptor, const struct stat& status) {
  if ((status.st_mode & 077) == 0 || status.st_uid != geteuid()) return;
  [[maybe_unused]] const int ignored = fchmod(descriptor.get(), status.st_mode & 07700);
}

Result<std::string> read_all(const Descriptor& file, const std::string& path, std::size_t limit) {
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

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (file.get() < 0) return system_error(path, errno);
  return read_all(file, path, limit);
}

Result<void> make_private_folder(const std::string& path, bool ours) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (mkdir(part.c_str(), 0700) == 0) {
      sync_folder(folder_of(part));
    } else if (errno != EEXIST) {
      const int why = errno;
      struct stat status {};  // a folder above that we may not write to, but it is there
      if (stat(part.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
        return system_error(part, why);
      }
    }
    if (end == std::string::npos) break;
  }
  const Descriptor folder(
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | (ours ? O_NOFOLLOW : 0)));
  struct stat status {};
  if (folder.get() < 0 || fstat(folder.get(), &status) != 0) return system_error(path, errno);
  if (ours) close_to_others(folder, status);
  return {};
}

Result<void> write_private_file(const std::string& path, std::string_view bytes) {
  auto done = replace(path, bytes, 0600, nullptr, true);
  return done ? Result<void>() : done.error();
}

Result<std::string> read_private_file(const std::string& path, std::size_t limit) {
  const Descriptor file(
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK));
  struct stat status {};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) return system_error(path, errno);
  if (!S_ISREG(status.st_mode)) {
    return Error{Errc::io_error, fmt::format("{}: not a regular file; remove it", path)};
  }
  close_to_others(file, status);
  return read_all(file, path, limit);
}

}  // namespace barter
