#include "torrent/create_walk.hpp"

#include "torrent/file_name.hpp"
#include "torrent/write_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>
#include <set>

namespace barter {
namespace {

constexpr std::size_t most_named = 20;

// What cannot go into a torrent, and what to do about that.
class Refused {
 public:
  void add_link(const std::string& path, std::string_view why) {
    add(path, why);
    links_ = true;
  }
  void add(const std::string& path, std::string_view why, bool name = false) {
    if (count_++ < most_named)
      text_ += fmt::format("{}{}: {}", text_.empty() ? "" : "; ", path, why);
    names_ = names_ || name;
  }
  std::optional<Error> error() const {
    if (count_ == 0) return std::nullopt;
    std::string out = text_;
    if (count_ > most_named) out += fmt::format("; and {} more", count_ - most_named);
    out += count_ == 1 ? "; leave it out with --exclude" : "; leave them out with --exclude";
    if (links_) out += ", or take what links lead to with --follow-links";
    if (names_) out += ", or let the torrent have simpler names with --replace-names";
    return Error{Errc::invalid_argument, std::move(out)};
  }

 private:
  std::string text_;
  std::size_t count_ = 0;
  bool names_ = false;  // other names would do
  bool links_ = false;  // some leave the folder
};

std::string_view kind_of(mode_t mode) {
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

std::optional<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr),
                                                         &std::free);
  if (real == nullptr) return std::nullopt;
  return std::string(real.get());
}

// Names of a folder in byte order. The descriptor is closed before the walk goes deeper.
Result<std::vector<std::string>> read_folder(const std::string& path) {
  const auto close = [](DIR* open) { closedir(open); };
  const std::unique_ptr<DIR, decltype(close)> folder(opendir(path.c_str()), close);
  if (folder == nullptr) return system_error(path, errno);
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = readdir(folder.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return system_error(path, errno);
  std::sort(names.begin(), names.end());
  return names;
}

class Walker {
 public:
  Walker(const WalkOptions& options, std::string root)
      : options_(options), root_(std::move(root)) {}

  Result<void> folder(const std::string& path, const struct stat& status) {
    if (ancestors_.size() > options_.max_depth) {
      refused_.add(path, fmt::format("more than {} folders deep", options_.max_depth));
      return {};
    }
    if (++folders_ > options_.max_folders) {
      return Error{Errc::invalid_argument,
                   fmt::format("{}: more than {} folders, those behind links counted each time",
                               root_, options_.max_folders)};
    }
    auto names = read_folder(path);
    if (!names) return names.error();
    ancestors_.push_back(SourceStamp::of(status));
    const std::size_t before = walk_.files.size();
    std::set<std::string> taken;  // names in the torrent
    for (const std::string& name : *names) {
      elements_.push_back(name);
      auto done = entry(path + (path.ends_with('/') ? "" : "/") + name, name, taken);
      elements_.pop_back();
      if (!done) return done.error();
    }
    ancestors_.pop_back();
    if (walk_.files.size() == before && names->empty()) ++walk_.left_out.empty_folders;
    return {};
  }

  Result<Walk> take() {
    if (auto error = refused_.error()) return *error;
    // Replaced names may have another order.
    if (!walk_.replaced.empty()) {
      std::sort(walk_.files.begin(), walk_.files.end(),
                [](const WalkedFile& a, const WalkedFile& b) { return a.path < b.path; });
    }
    return std::move(walk_);
  }

 private:
  // What is left out is left out before anything is asked of it: an unreadable folder, a FIFO.
  Result<void> entry(const std::string& path, const std::string& name,
                     std::set<std::string>& taken) {
    if (name.starts_with('.') && !options_.hidden) {
      ++walk_.left_out.hidden;
      return {};
    }
    struct stat status {};
    if (fstatat(AT_FDCWD, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return system_error(path, errno);
    }
    const bool link = S_ISLNK(status.st_mode);
    const int followed = link ? stat(path.c_str(), &status) : 0;
    const int why = errno;
    const bool is_folder = followed == 0 && S_ISDIR(status.st_mode);
    const std::string relative = relative_path();
    if (is_left_out(path, relative, is_folder)) {
      ++walk_.left_out.excluded;
      return {};
    }
    const std::string called = name_in_torrent(path, name, taken);
    if (called.empty()) return {};
    if (followed != 0) {
      refused_.add(path, why == ELOOP ? "a link that leads to itself" : "a dangling link");
      return {};
    }
    if (link) {
      const auto inside = is_inside(path);
      if (!inside) return inside.error();
      if (!*inside) return {};
    }
    if (!is_folder && !S_ISREG(status.st_mode)) {
      refused_.add(path, kind_of(status.st_mode));
      return {};
    }
    path_.push_back(called);
    auto done = is_folder ? enter(path, status, link) : file(path, status);
    path_.pop_back();
    return done;
  }

  // Empty where it can have none.
  std::string name_in_torrent(const std::string& path, const std::string& name,
                              std::set<std::string>& taken) {
    std::string out = name;
    const std::string_view fault = name_fault(name);
    if (!fault.empty() && !options_.replace_names) {
      refused_.add(path, fmt::format("clients would change the name: {}", fault), true);
      return {};
    }
    if (!fault.empty()) out = clean_name(name);
    if (taken.insert(out).second) {
      if (!fault.empty()) walk_.replaced.push_back({path, out});
      return out;
    }
    refused_.add(path, fmt::format("it would be called {}, as something else there is", out));
    return {};
  }

  bool is_left_out(const std::string& path, const std::string& relative, bool is_folder) const {
    const auto matches = [&](const Glob& glob) { return glob.matches(relative, is_folder); };
    const auto selects = [&](const Glob& glob) { return glob.selects(relative); };
    if (std::any_of(options_.exclude.begin(), options_.exclude.end(), matches)) return true;
    if (!is_folder && !options_.include.empty() &&
        std::none_of(options_.include.begin(), options_.include.end(), selects)) {
      return true;
    }
    return !is_folder && !options_.skip.empty() && path.ends_with(file_name(options_.skip)) &&
           real_path(path) == options_.skip;
  }

  static std::string_view file_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  }

  Result<bool> is_inside(const std::string& path) {
    const auto real = real_path(path);
    if (!real) return system_error(path, errno);
    const bool inside = *real == root_ || root_ == "/" || real->starts_with(root_ + "/");
    if (inside || options_.follow_links) return true;
    refused_.add_link(path, fmt::format("a link that leaves the folder, to {}", *real));
    return false;
  }

  Result<void> enter(const std::string& path, const struct stat& status, bool link) {
    const SourceStamp self = SourceStamp::of(status);
    const bool loop = (link || options_.follow_links) &&
                      std::any_of(ancestors_.begin(), ancestors_.end(), [&](const auto& above) {
                        return above.inode == self.inode && above.device == self.device;
                      });
    if (!loop) return folder(path, status);
    refused_.add(path, "a link to a folder that it is in: a loop");
    return {};
  }

  Result<void> file(const std::string& path, const struct stat& status) {
    if (walk_.files.size() == options_.max_files) {
      return Error{Errc::invalid_argument,
                   fmt::format("{}: more than {} files", root_, options_.max_files)};
    }
    std::size_t length = 0;
    for (const std::string& element : path_) length += element.size() + 1;
    if (length + max_name_bytes > max_path_bytes) {
      refused_.add(path,
                   fmt::format("a path longer than {} bytes", max_path_bytes - max_name_bytes));
      return {};
    }
    const SourceStamp stamp = SourceStamp::of(status);
    walk_.total_size += stamp.size;
    walk_.files.push_back({path_, path, stamp, (status.st_mode & S_IXUSR) != 0});
    return {};
  }

  std::string relative_path() const {
    std::string out;
    for (const std::string& element : elements_) {
      if (!out.empty()) out += '/';
      out += element;
    }
    return out;
  }

  const WalkOptions& options_;
  const std::string root_;             // real path
  std::vector<std::string> elements_;  // below the source
  std::vector<std::string> path_;      // the same as the torrent calls them
  std::vector<SourceStamp> ancestors_;
  Refused refused_;
  std::size_t folders_ = 0;
  Walk walk_;
};

// Where the file system keeps no modes, all files have the same: made up by the mount.
void forget_made_up_modes(const std::string& source, Walk& walk) {
  constexpr std::array<std::uint32_t, 10> without_modes{
      0x4d44,      // FAT
      0x2011bab0,  // exFAT
      0x5346544e,  // NTFS, twice
      0x7366746e,
      0x65735546,  // FUSE
      0xff534d42,  // CIFS, SMB2, SMB
      0xfe534d42, 0x517b,
      0x786f4256,  // VirtualBox's shared folders
      0x01021997,  // 9p
  };
  struct statfs system {};
  if (statfs(source.c_str(), &system) != 0) return;
  const auto type = static_cast<std::uint32_t>(system.f_type);
  if (std::find(without_modes.begin(), without_modes.end(), type) == without_modes.end()) return;
  const auto set = [](const WalkedFile& file) { return file.executable; };
  if (!std::all_of(walk.files.begin(), walk.files.end(), set)) return;
  for (WalkedFile& file : walk.files) file.executable = false;
}

Result<Walk> take_stock(const std::string& source, const WalkOptions& options) {
  struct stat status {};
  if (stat(source.c_str(), &status) != 0) return system_error(source, errno);
  if (S_ISREG(status.st_mode)) {
    Walk walk;
    walk.single_file = true;
    walk.total_size = static_cast<std::uint64_t>(status.st_size);
    walk.files.push_back({{}, source, SourceStamp::of(status), (status.st_mode & S_IXUSR) != 0});
    return walk;
  }
  if (!S_ISDIR(status.st_mode)) {
    return Error{Errc::invalid_argument,
                 fmt::format("{}: {}, not a file or folder", source, kind_of(status.st_mode))};
  }
  auto real = real_path(source);
  if (!real) return system_error(source, errno);
  Walker walker(options, std::move(*real));
  auto done = walker.folder(source, status);
  if (!done) return done.error();
  return walker.take();
}

}  // namespace

Result<Walk> walk_source(const std::string& source, const WalkOptions& options) {
  auto walk = take_stock(source, options);
  if (walk) forget_made_up_modes(source, *walk);
  return walk;
}

}  // namespace barter
