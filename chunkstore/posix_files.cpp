#include "chunkstore/posix_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <system_error>

#include "chunkstore/lock_holder.hpp"
#include "chunkstore/posix_errors.hpp"
#include "torrent/fetch_ahead.hpp"
#include "torrent/write_file.hpp"

namespace barter {

namespace {

constexpr std::uint32_t vboxsf_magic = 0x786f4256;  // in no header

template <class Call>
auto retried(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

bool kernel_is_at_least(int major, int minor) {
  struct utsname system {};
  int has_major = 0;
  int has_minor = 0;
  if (::uname(&system) < 0 || std::sscanf(system.release, "%d.%d", &has_major, &has_minor) != 2) {
    return false;
  }
  return has_major > major || (has_major == major && has_minor >= minor);
}

FileInfo info_of(const struct statx& status) {
  FileInfo info;
  info.kind = S_ISREG(status.stx_mode)   ? FileKind::file
              : S_ISDIR(status.stx_mode) ? FileKind::folder
              : S_ISLNK(status.stx_mode) ? FileKind::link
                                         : FileKind::other;
  const auto nanoseconds = [](const struct statx_timestamp& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  info.size = status.stx_size;
  info.allocated = status.stx_blocks * 512;
  info.mtime_ns = nanoseconds(status.stx_mtime);
  if ((status.stx_mask & STATX_BTIME) != 0) info.birth_ns = nanoseconds(status.stx_btime);
  info.inode = status.stx_ino;
  info.device = (std::uint64_t{status.stx_dev_major} << 32) | status.stx_dev_minor;
  info.links = status.stx_nlink;
  return info;
}

constexpr unsigned wanted_status = STATX_BASIC_STATS | STATX_BTIME;

// "a/b/c" as {"a/b", "c"}; {"", "c"} for a lone name.
std::pair<std::string, std::string> split(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// A second line behind the cleaning of names: nothing that could leave the root reaches the kernel.
bool stays_beneath(std::string_view path) {
  if (path.empty()) return true;
  if (path.front() == '/' || path.back() == '/') return false;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const auto element = path.substr(0, slash);
    if (element.empty() || element == "." || element == "..") return false;
    if (element.find('\0') != std::string_view::npos) return false;
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  return true;
}

class PosixFiles final : public Files {
 public:
  explicit PosixFiles(bool use_openat2) : use_openat2_(use_openat2) {}

  Result<std::string> canonical(const std::string& path) override;
  Result<FileHandle> open_folder(const std::string& path, bool create) override;
  Result<FileHandle> open_folder_to_read(const std::string& path) override;
  Result<FileHandle> open_private_folder(const std::string& path) override;
  Result<FileHandle> open(const FileHandle& root, const std::string& path, OpenMode mode,
                          bool executable) override;
  void make_executable(const FileHandle& root, const std::string& path) override;
  Result<void> make_folders(const FileHandle& root, const std::string& path) override;
  Result<FileInfo> look(const FileHandle& root, const std::string& path) override;
  Result<FileInfo> look(const FileHandle& handle) override;
  Result<void> rename(const FileHandle& root, const std::string& from,
                      const std::string& to) override;
  Result<void> rename_new(const FileHandle& root, const std::string& from,
                          const std::string& to) override;
  Result<void> remove(const FileHandle& root, const std::string& path) override;
  Result<void> make_link(const FileHandle& root, const std::string& path,
                         const std::string& target) override;
  Result<std::vector<std::string>> list(const FileHandle& folder, std::size_t most) override;
  Result<std::size_t> read(const FileHandle& file, std::uint64_t offset,
                           std::span<std::byte> out) override;
  Result<bool> read_cached(const FileHandle& file, std::uint64_t offset,
                           std::span<std::byte> out) override;
  void advise(const FileHandle& file, std::uint64_t offset, std::uint64_t length,
              Advice advice) override;
  Result<void> write(const FileHandle& file, std::uint64_t offset,
                     std::span<const std::span<const std::byte>> parts) override;
  Result<void> sync(const FileHandle& handle) override;
  Result<bool> sync_file_system(const FileHandle& folder) override;
  Result<void> sync_folder(const FileHandle& root, const std::string& path) override;
  Result<void> truncate(const FileHandle& file, std::uint64_t size) override;
  Result<void> allocate(const FileHandle& file, std::uint64_t size) override;
  Result<std::uint64_t> next_data(const FileHandle& file, std::uint64_t offset) override;
  Result<void> lock(const FileHandle& handle, Lock kind) override;
  Result<std::uint64_t> free_space(const FileHandle& folder) override;
  Result<std::uint64_t> file_system(const FileHandle& folder) override;
  bool exact_times(const FileHandle& folder) override;
  std::string boot_id() override;

 private:
  void close(int id) override {
    note_in_memory(id, false);
    ::close(id);
  }
  // Files that never wait though the system does not know the question: those of tmpfs.
  bool in_memory(int id) const {
    const auto place = static_cast<std::size_t>(id);
    return place < in_memory_.size() && in_memory_[place].load(std::memory_order_relaxed);
  }
  void note_in_memory(int id, bool value) {
    const auto place = static_cast<std::size_t>(id);
    if (place < in_memory_.size()) in_memory_[place].store(value, std::memory_order_relaxed);
  }
  FileHandle adopt(int descriptor) { return {this, descriptor}; }
  // A folder of which the path is the user's own, or made of that.
  Result<FileHandle> open_absolute(const std::string& path, int flags, FolderRule rule);
  // A descriptor, or -1 with errno. `path` "" is the root itself.
  int open_beneath(int root, const std::string& path, int flags, unsigned mode = 0);
  int walk_beneath(int root, const std::string& path, int flags, unsigned mode);
  int open_by_links(int root, const std::string& path, int flags);
  Result<FileInfo> look_by_links(const FileHandle& root, const std::string& path);
  int open_parent(int root, const std::string& path, std::string& name);

  std::atomic<bool> use_openat2_;
  std::array<std::atomic<bool>, 1024> in_memory_{};     // by descriptor; beyond, it is asked again
  const bool syncfs_tells_ = kernel_is_at_least(5, 8);  // of data that could not be written
};

int PosixFiles::open_beneath(int root, const std::string& path, int flags, unsigned mode) {
  if (!stays_beneath(path)) {
    errno = EXDEV;
    return -1;
  }
  flags |= O_CLOEXEC;
  if (path.empty()) return retried([&] { return ::openat(root, ".", flags, mode); });
  if (use_openat2_.load(std::memory_order_relaxed)) {
    struct open_how how {};
    how.flags = static_cast<__u64>(flags);
    how.mode = mode;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const long opened =
        retried([&] { return ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how); });
    // Old kernels say ENOSYS, sandboxes that do not know the call EPERM.
    if (opened >= 0 || (errno != ENOSYS && errno != EPERM && errno != EINVAL)) {
      return static_cast<int>(opened);
    }
    if (errno == ENOSYS) use_openat2_.store(false, std::memory_order_relaxed);
  }
  return walk_beneath(root, path, flags | O_NOFOLLOW, mode);
}

int PosixFiles::walk_beneath(int root, const std::string& path, int flags, unsigned mode) {
  int folder = root;
  std::size_t begin = 0;
  for (;;) {
    const auto slash = path.find('/', begin);
    const bool last = slash == std::string::npos;
    const std::string element = path.substr(begin, last ? slash : slash - begin);
    const int wanted = last ? flags : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const int opened =
        retried([&] { return ::openat(folder, element.c_str(), wanted, last ? mode : 0U); });
    int error = errno;
    struct stat status {};
    if (opened < 0 && error == ENOTDIR &&
        ::fstatat(folder, element.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(status.st_mode)) {
      error = ELOOP;  // as openat2 says
    }
    if (folder != root) ::close(folder);
    errno = error;
    if (opened < 0 || last) return opened;
    folder = opened;
    begin = slash + 1;
  }
}

int PosixFiles::open_by_links(int root, const std::string& path, int flags) {
  if (stays_beneath(path)) {
    return retried([&] { return ::openat(root, path.c_str(), flags | O_CLOEXEC); });
  }
  errno = EXDEV;
  return -1;
}

int PosixFiles::open_parent(int root, const std::string& path, std::string& name) {
  auto [parent, last] = split(path);
  if (!stays_beneath(path) || last.empty()) {
    errno = EXDEV;
    return -1;
  }
  name = std::move(last);
  return open_beneath(root, parent, O_PATH | O_DIRECTORY);
}

Result<std::string> PosixFiles::canonical(const std::string& path) {
  std::string head = path.empty() ? "." : path;
  std::string tail;
  for (;;) {
    char* const resolved = ::realpath(head.c_str(), nullptr);
    if (resolved != nullptr) {
      std::string out = resolved;
      std::free(resolved);  // realpath allocates with malloc
      if (!tail.empty() && out.back() != '/') out += '/';
      return out + tail;
    }
    if (errno != ENOENT) return failure("resolve", path, errno);
    while (head.size() > 1 && head.back() == '/') head.pop_back();
    auto [parent, last] = split(head);
    if (last == "." || last == "..") return failure("resolve", path, ENOENT);
    tail = tail.empty() ? last : last + "/" + tail;
    head = !parent.empty() ? parent : head.front() == '/' ? "/" : ".";
  }
}

Result<FileHandle> PosixFiles::open_absolute(const std::string& path, int flags, FolderRule rule) {
  const int opened =
      retried([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags); });
  if (opened < 0) return failure("open the folder", path, errno);
  return FileHandle{this, opened, rule};
}

Result<FileHandle> PosixFiles::open_folder(const std::string& path, bool create) {
  const std::string place = path.empty() ? "." : path;
  auto opened = open_absolute(place, 0, FolderRule::usual);
  if (opened || opened.error().code != Errc::not_found || !create) return opened;
  for (std::size_t end = 1; end <= place.size(); ++end) {
    if (end != place.size() && place[end] != '/') continue;
    const std::string part = place.substr(0, end);
    if (::mkdir(part.c_str(), 0777) == 0) {
      // What is synced inside must be found again after a power cut.
      if (const auto parent = open_absolute(part + "/..", 0, FolderRule::usual))
        (void)sync(*parent);
    } else if (errno != EEXIST && errno != EISDIR) {
      return failure("make the folder", part, errno);
    }
  }
  return open_absolute(place, 0, FolderRule::usual);
}

Result<FileHandle> PosixFiles::open_folder_to_read(const std::string& path) {
  return open_absolute(path.empty() ? "." : path, 0, FolderRule::follows_links);
}

Result<FileHandle> PosixFiles::open_private_folder(const std::string& path) {
  if (auto made = make_private_folder(path, true); !made) return made.error();
  return open_absolute(path, O_NOFOLLOW, FolderRule::owner_only);
}

Result<FileHandle> PosixFiles::open(const FileHandle& root, const std::string& path, OpenMode mode,
                                    bool executable) {
  // O_NONBLOCK: a planted FIFO must not hold us; it means nothing for regular files.
  int flags = O_NOCTTY | O_NONBLOCK | (mode == OpenMode::read ? O_RDONLY : O_RDWR);
  const bool create = mode == OpenMode::create || mode == OpenMode::create_new;
  if (create) flags |= O_CREAT;
  if (mode == OpenMode::create_new) flags |= O_EXCL;
  const unsigned mode_bits = (root.rule() == FolderRule::owner_only) ? 0600U
                             : executable                            ? 0777U
                                                                     : 0666U;
  const bool follow = root.rule() == FolderRule::follows_links;
  if (follow && mode != OpenMode::read) return failure("write to", whole_path(root, path), EROFS);
  const int opened = follow ? open_by_links(root.id(), path, flags)
                            : open_beneath(root.id(), path, flags, create ? mode_bits : 0);
  if (opened < 0) {
    const int error = errno;
    const std::string whole = whole_path(root, path);
    const char* const what = mode == OpenMode::create_new ? "create" : "open";
    if (!create) return search_failure(what, whole, error);
    std::string name;
    const int parent = error == ENOENT ? open_parent(root.id(), path, name) : -1;
    Error refused = name_failure(what, whole, error, parent);
    if (parent >= 0) ::close(parent);
    return refused;
  }
  FileHandle handle = adopt(opened);
  struct stat status {};
  if (::fstat(opened, &status) < 0) return failure("look at", whole_path(root, path), errno);
  if (!S_ISREG(status.st_mode)) {
    return Error{Errc::permission_denied,
                 "cannot open " + whole_path(root, path) + ": it is not a regular file"};
  }
  // Where it cannot be done (a file system without permissions) the folder still keeps others out.
  if ((root.rule() == FolderRule::owner_only) && (status.st_mode & 077) != 0)
    (void)::fchmod(opened, 0600);
  return handle;
}

void PosixFiles::make_executable(const FileHandle& root, const std::string& path) {
  const auto handle = open(root, path, OpenMode::read, false);
  struct stat status {};
  if (!handle || ::fstat(handle->id(), &status) < 0) return;
  const mode_t readers = status.st_mode & 0444U;
  if (((status.st_mode << 2U) & readers) == readers) return;
  (void)::fchmod(handle->id(), (status.st_mode & 07777U) | (readers >> 2U));
}

Result<void> PosixFiles::make_folders(const FileHandle& root, const std::string& path) {
  for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    std::string name;
    const int parent = open_parent(root.id(), part, name);
    if (parent < 0) return name_failure("make the folder", part, errno);
    const FileHandle owner = adopt(parent);
    if (::mkdirat(parent, name.c_str(), 0777) < 0 && errno != EEXIST) {
      return name_failure("make the folder", part, errno, parent);
    }
    if (end == std::string::npos) break;
  }
  // What exists may be something else: a file, or a planted link.
  const int opened = open_beneath(root.id(), path, O_PATH | O_DIRECTORY);
  if (opened < 0) {
    const int number = errno;
    Error error = failure("make the folder", path, number);
    if (number == ENOTDIR) error.code = Errc::not_possible;  // a file is where a folder should be
    return error;
  }
  ::close(opened);
  return {};
}

Result<FileInfo> PosixFiles::look(const FileHandle& root, const std::string& path) {
  if (path.empty()) return look(root);
  if (root.rule() == FolderRule::follows_links) return look_by_links(root, path);
  std::string name;
  const int parent = open_parent(root.id(), path, name);
  if (parent < 0) return search_failure("look at", path, errno);
  struct statx status {};
  const int looked = ::statx(parent, name.c_str(), AT_SYMLINK_NOFOLLOW, wanted_status, &status);
  const int error = errno;
  ::close(parent);
  if (looked < 0) return search_failure("look at", path, error);
  return info_of(status);
}

// A link that leads nowhere, or to itself, is told as that.
Result<FileInfo> PosixFiles::look_by_links(const FileHandle& root, const std::string& path) {
  if (!stays_beneath(path)) return search_failure("look at", path, EXDEV);
  struct statx status {};
  if (::statx(root.id(), path.c_str(), 0, wanted_status, &status) == 0) return info_of(status);
  const int error = errno;
  if (::statx(root.id(), path.c_str(), AT_SYMLINK_NOFOLLOW, wanted_status, &status) == 0) {
    return info_of(status);
  }
  return search_failure("look at", path, error);
}

Result<FileInfo> PosixFiles::look(const FileHandle& handle) {
  struct statx status {};
  if (::statx(handle.id(), "", AT_EMPTY_PATH, wanted_status, &status) < 0) {
    return failure("look at", handle, errno);
  }
  return info_of(status);
}

Result<void> PosixFiles::rename(const FileHandle& root, const std::string& from,
                                const std::string& to) {
  std::string from_name;
  std::string to_name;
  const int from_folder = open_parent(root.id(), from, from_name);
  if (from_folder < 0) return failure("rename", from, errno);
  const FileHandle from_owner = adopt(from_folder);
  const int to_folder = open_parent(root.id(), to, to_name);
  if (to_folder < 0) return failure("rename to", to, errno);
  const FileHandle to_owner = adopt(to_folder);
  if (::renameat(from_folder, from_name.c_str(), to_folder, to_name.c_str()) < 0) {
    return failure("rename", from, errno);
  }
  return {};
}

Result<void> PosixFiles::rename_new(const FileHandle& root, const std::string& from,
                                    const std::string& to) {
  std::string from_name;
  std::string to_name;
  const int from_folder = open_parent(root.id(), from, from_name);
  if (from_folder < 0) return failure("rename", from, errno);
  const FileHandle from_owner = adopt(from_folder);
  const int to_folder = open_parent(root.id(), to, to_name);
  if (to_folder < 0) return failure("rename to", to, errno);
  const FileHandle to_owner = adopt(to_folder);
  const char* const old_name = from_name.c_str();
  const char* const new_name = to_name.c_str();
  const auto refused = [&](int error) {
    struct stat status {};
    const bool is_there = ::fstatat(from_folder, old_name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    return name_failure("rename to", to, error, is_there ? to_folder : -1);
  };
  if (::renameat2(from_folder, old_name, to_folder, new_name, RENAME_NOREPLACE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return refused(errno);
  // Network and FUSE file systems know no such flag. A hard link never
  // takes the place of anything either.
  if (::linkat(from_folder, old_name, to_folder, new_name, 0) == 0) {
    if (::unlinkat(from_folder, old_name, 0) < 0) return failure("rename", from, errno);
    return {};
  }
  if (errno == EEXIST) return failure("rename to", to, errno);
  // And where there are no hard links, nothing is left but to look first.
  struct stat status {};
  if (::fstatat(to_folder, new_name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
    return failure("rename to", to, EEXIST);
  }
  if (::renameat(from_folder, old_name, to_folder, new_name) < 0) return refused(errno);
  return {};
}

Result<void> PosixFiles::remove(const FileHandle& root, const std::string& path) {
  std::string name;
  const int parent = open_parent(root.id(), path, name);
  if (parent < 0) return failure("remove", path, errno);
  const FileHandle owner = adopt(parent);
  if (::unlinkat(parent, name.c_str(), 0) == 0) return {};
  if (errno == EISDIR && ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) return {};
  return failure("remove", path, errno);
}

Result<void> PosixFiles::make_link(const FileHandle& root, const std::string& path,
                                   const std::string& target) {
  std::string name;
  const int parent = open_parent(root.id(), path, name);
  if (parent < 0) return failure("make the link", path, errno);
  const FileHandle owner = adopt(parent);
  if (::symlinkat(target.c_str(), parent, name.c_str()) < 0) {
    return failure("make the link", path, errno);
  }
  return {};
}

Result<std::vector<std::string>> PosixFiles::list(const FileHandle& folder, std::size_t most) {
  // A description of its own: the place in the folder belongs to it.
  const int opened =
      retried([&] { return ::openat(folder.id(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (opened < 0) return failure("read the folder", folder, errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(opened), &::closedir);
  if (!entries) {
    const int error = errno;
    ::close(opened);
    return failure("read the folder", folder, error);
  }
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(entries.get());
    if (entry == nullptr && errno != 0) return failure("read the folder", folder, errno);
    if (entry == nullptr || names.size() == most) return names;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
}

Result<std::size_t> PosixFiles::read(const FileHandle& file, std::uint64_t offset,
                                     std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = retried([&] {
      return ::pread(file.id(), out.data() + done, out.size() - done,
                     static_cast<off_t>(offset + done));
    });
    if (got < 0) return failure("read", file, errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<bool> PosixFiles::read_cached(const FileHandle& file, std::uint64_t offset,
                                     std::span<std::byte> out) {
  const auto read_all = [&]() -> Result<bool> {
    const auto all = read(file, offset, out);
    if (!all) return all.error();
    return *all == out.size();
  };
  if (in_memory(file.id())) return read_all();
  iovec part{out.data(), out.size()};
  const ssize_t got = retried(
      [&] { return ::preadv2(file.id(), &part, 1, static_cast<off_t>(offset), RWF_NOWAIT); });
  if (got >= 0) return static_cast<std::size_t>(got) == out.size();
  if (errno == EAGAIN) return false;
  if (errno != EOPNOTSUPP) return failure("read", file, errno);
  struct statfs system {};
  if (::fstatfs(file.id(), &system) < 0 || system.f_type != TMPFS_MAGIC) return false;
  note_in_memory(file.id(), true);
  return read_all();
}

void PosixFiles::advise(const FileHandle& file, std::uint64_t offset, std::uint64_t length,
                        Advice advice) {
  const auto tell = [&](std::uint64_t from, std::uint64_t bytes, int what) {
    ::posix_fadvise(file.id(), static_cast<off_t>(from), static_cast<off_t>(bytes), what);
  };
  switch (advice) {
    case Advice::will_need:
      for (std::uint64_t done = 0; done < length; done += FetchAhead::most_a_call) {
        tell(offset + done, std::min(length - done, FetchAhead::most_a_call), POSIX_FADV_WILLNEED);
      }
      return;
    case Advice::done_with:
      return tell(offset, length, POSIX_FADV_DONTNEED);
    case Advice::only_asked:
      return tell(0, 0, POSIX_FADV_RANDOM);
    case Advice::as_usual:
      return tell(0, 0, POSIX_FADV_NORMAL);
  }
}

Result<void> PosixFiles::write(const FileHandle& file, std::uint64_t offset,
                               std::span<const std::span<const std::byte>> parts) {
  std::array<iovec, 1024> vector;
  static_assert(vector.size() <= IOV_MAX);
  std::size_t next = 0;  // part
  std::size_t skip = 0;  // bytes of it that are written
  while (next < parts.size()) {
    std::size_t count = 0;
    for (std::size_t i = next; i < parts.size() && count < vector.size(); ++i, ++count) {
      const std::size_t from = i == next ? skip : 0;
      // writev takes no const; it does not write there.
      vector[count] = {const_cast<std::byte*>(parts[i].data()) + from, parts[i].size() - from};
    }
    const ssize_t wrote = retried([&] {
      return ::pwritev(file.id(), vector.data(), static_cast<int>(count),
                       static_cast<off_t>(offset));
    });
    if (wrote < 0) return failure("write", file, errno);
    offset += static_cast<std::uint64_t>(wrote);
    skip += static_cast<std::size_t>(wrote);
    while (next < parts.size() && skip >= parts[next].size()) skip -= parts[next++].size();
    // A disk that takes nothing and reports nothing would hold us for ever.
    if (wrote == 0 && next < parts.size()) return failure("write", file, ENOSPC);
  }
  return {};
}

Result<void> PosixFiles::sync(const FileHandle& handle) {
  if (retried([&] { return ::fsync(handle.id()); }) < 0 && errno != EROFS && errno != EINVAL) {
    return failure("sync", handle, errno);
  }
  return {};
}

Result<bool> PosixFiles::sync_file_system(const FileHandle& folder) {
  struct statfs system {};
  if (!syncfs_tells_ || ::fstatfs(folder.id(), &system) < 0) return false;
  // Layers (overlayfs, FUSE) and network file systems pass on neither the flush nor its failure.
  constexpr std::array<std::uint32_t, 4> local{EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
                                               F2FS_SUPER_MAGIC};
  if (std::find(local.begin(), local.end(), static_cast<std::uint32_t>(system.f_type)) ==
      local.end()) {
    return false;
  }
  if (retried([&] { return ::syncfs(folder.id()); }) < 0) {
    return failure("sync the file system of", folder, errno);
  }
  return true;
}

Result<void> PosixFiles::sync_folder(const FileHandle& root, const std::string& path) {
  const int folder = open_beneath(root.id(), path, O_RDONLY | O_DIRECTORY);
  if (folder < 0) return failure("open the folder", path, errno);
  return sync(adopt(folder));
}

Result<void> PosixFiles::truncate(const FileHandle& file, std::uint64_t size) {
  if (retried([&] { return ::ftruncate(file.id(), static_cast<off_t>(size)); }) == 0) return {};
  const int error = errno;
  // Some mounts refuse that for any file, and take writes beyond the end.
  const auto info = look(file);
  const bool refused = error == EPERM || error == EOPNOTSUPP || error == EINVAL || error == ENOSYS;
  if (!refused || !info || info->size > size) return failure("resize", file, error);
  if (info->size == size) return {};
  const std::byte last{};
  const std::span<const std::byte> part(&last, 1);
  return write(file, size - 1, {&part, 1});
}

Result<void> PosixFiles::allocate(const FileHandle& file, std::uint64_t size) {
  if (size == 0) return {};
  if (retried([&] { return ::fallocate(file.id(), 0, 0, static_cast<off_t>(size)); }) < 0 &&
      errno != EOPNOTSUPP && errno != ENOSYS) {
    return failure("allocate", file, errno);
  }
  return {};
}

Result<std::uint64_t> PosixFiles::next_data(const FileHandle& file, std::uint64_t offset) {
  const off_t found = ::lseek(file.id(), static_cast<off_t>(offset), SEEK_DATA);
  if (found >= 0) return static_cast<std::uint64_t>(found);
  if (errno == EINVAL || errno == EOPNOTSUPP) return offset;  // cannot tell: all may be data
  if (errno != ENXIO) return failure("look into", file, errno);
  const auto info = look(file);
  if (!info) return info.error();
  return info->size;
}

Result<void> PosixFiles::lock(const FileHandle& handle, Lock kind) {
  const int operation = kind == Lock::shared ? LOCK_SH : LOCK_EX;
  if (retried([&] { return ::flock(handle.id(), operation | LOCK_NB); }) == 0) return {};
  if (errno != EWOULDBLOCK) return failure("lock", handle, errno);
  const std::string holder = lock_holder(handle.id());
  return Error{Errc::locked,
               path_of(handle) + " is locked by " + (holder.empty() ? "another program" : holder)};
}

Result<std::uint64_t> PosixFiles::free_space(const FileHandle& folder) {
  struct statvfs system {};
  if (::fstatvfs(folder.id(), &system) < 0) return failure("ask for the space of", folder, errno);
  return std::uint64_t{system.f_bavail} * system.f_frsize;
}

Result<std::uint64_t> PosixFiles::file_system(const FileHandle& folder) {
  struct statfs system {};
  if (::fstatfs(folder.id(), &system) < 0) return failure("look at", folder, errno);
  std::uint64_t id = 0;
  static_assert(sizeof id == sizeof system.f_fsid);
  std::memcpy(&id, &system.f_fsid, sizeof id);
  if (id != 0) return id;
  struct stat status {};  // some file systems have no id of their own
  if (::fstat(folder.id(), &status) < 0) return failure("look at", folder, errno);
  return std::uint64_t{status.st_dev};
}

bool PosixFiles::exact_times(const FileHandle& folder) {
  struct statfs system {};
  if (::fstatfs(folder.id(), &system) < 0) return false;
  constexpr std::array<std::uint32_t, 10> kept_elsewhere{
      NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,  CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC, FUSE_SUPER_MAGIC,
      V9FS_MAGIC,      CEPH_SUPER_MAGIC, AFS_SUPER_MAGIC,  CODA_SUPER_MAGIC, vboxsf_magic};
  return std::find(kept_elsewhere.begin(), kept_elsewhere.end(),
                   static_cast<std::uint32_t>(system.f_type)) == kept_elsewhere.end();
}

std::string PosixFiles::boot_id() {
  const int file = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const FileHandle owner = adopt(file);
  std::array<char, 64> text{};
  const ssize_t size = retried([&] { return ::read(file, text.data(), text.size()); });
  std::string id(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

}  // namespace

std::unique_ptr<Files> posix_files(bool use_openat2) {
  return std::make_unique<PosixFiles>(use_openat2);
}

}  // namespace barter
