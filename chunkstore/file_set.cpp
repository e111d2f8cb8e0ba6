#include "chunkstore/file_set.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <utility>

#include "chunkstore/sparse_write.hpp"

namespace barter {

namespace {

constexpr const char* side_name = "side";
constexpr std::size_t copy_bytes = 256 * 1024;

// The folder part of a path; "" for the root.
std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string{} : path.substr(0, slash);
}

// Reused by each thread: the block path allocates nothing.
std::vector<FileRange>& scratch_ranges() {
  thread_local std::vector<FileRange> ranges;
  ranges.clear();
  return ranges;
}

}  // namespace

FileSet::FileSet(Files& files, const Layout& layout, const std::vector<File>& list, Options options)
    : files_(files),
      layout_(layout),
      list_(list),
      names_(list),
      options_(options),
      aside_(list.size()) {
  assert(layout.files().size() == list.size());
  options_.max_open = std::max<std::size_t>(options_.max_open, 1);
}

FileSet::~FileSet() {
  if (options_.written != nullptr) options_.written->release(this);
}

void FileSet::set_root(FileHandle root) {
  const std::lock_guard alone(locking_);
  for (auto& [file, handle] : writing_) retired_.push_back(std::move(handle));
  writing_.clear();
  pinned_ = nullptr;
  std::vector<Open> closed;  // outside the lock
  const std::lock_guard lock(mutex_);
  closed.swap(open_);
  ++root_number_;
  root_ = root ? std::make_shared<const FileHandle>(std::move(root)) : nullptr;
}

bool FileSet::has_root() const {
  return root() != nullptr;
}

FileSet::Shared FileSet::root() const {
  const std::lock_guard lock(mutex_);
  return root_;
}

bool FileSet::is_real(FileIndex file) const {
  return !list_[file].pad && list_[file].symlink_target.empty();
}

Result<FileHandle> FileSet::open_now(FileIndex file, bool write) {
  if (file == side_file) {
    if (side_folder_ == nullptr) return Error{Errc::not_found, "there is no side file"};
    auto side = files_.open(*side_folder_, side_name, write ? OpenMode::write : OpenMode::read);
    if (side || !write || side.error().code != Errc::not_found) return side;
    side = files_.open(*side_folder_, side_name, OpenMode::create);
    if (!side) return side;
    // Its name must last as long as what is synced into it.
    if (auto done = files_.sync(*side_folder_); !done) return done.error();
    return side;
  }
  const Shared root = this->root();
  if (!root) return Error{Errc::not_found, "the download folder is not there"};
  std::string name = path(file);
  auto opened = files_.open(*root, name, write ? OpenMode::write : OpenMode::read);
  if (!opened && opened.error().code == Errc::not_found) {
    // It may be given its final name at this moment.
    { const std::lock_guard wait(naming_); }
    if (std::string now = path(file); now != name) {
      name = std::move(now);
      opened = files_.open(*root, name, write ? OpenMode::write : OpenMode::read);
    }
  }
  if (!opened || !write) return opened;
  const auto info = files_.look(*opened);
  if (!info) return info.error();
  if (info->links > 1 && !options_.force) return has_other_names(name);
  if (options_.written != nullptr) {
    auto claimed = options_.written->claim(this, options_.torrent, name, *info);
    if (!claimed) return claimed.error();
  }
  return opened;
}

Error FileSet::has_other_names(const std::string& name) {
  return {Errc::permission_denied, "will not write to " + name +
                                       ": it has other names (hard links) that would change too; "
                                       "use --force to allow it"};
}

FileSet::Shared FileSet::find_open(FileIndex file, bool write) {
  const std::lock_guard lock(mutex_);
  // At most max_open entries, the likely one at the end: a search beats any index.
  for (std::size_t i = open_.size(); i-- > 0;) {
    if (open_[i].file != file) continue;
    if (write && !open_[i].writable) break;
    const auto entry = open_.begin() + static_cast<std::ptrdiff_t>(i);
    std::rotate(entry, entry + 1, open_.end());
    return open_.back().handle;
  }
  return {};
}

Result<FileSet::Shared> FileSet::open(FileIndex file, Want want) {
  if (auto handle = find_open(file, want == Want::write)) return handle;
  if (want == Want::cached) return Shared{};
  if (want == Want::write && file != side_file) return writable(file);
  std::uint64_t root_number = 0;
  {
    const std::lock_guard lock(mutex_);
    root_number = root_number_;
  }
  auto opened = open_now(file, want == Want::write);
  if (!opened) return opened.error();
  auto kept = keep(file, want == Want::write,
                   std::make_shared<const FileHandle>(std::move(*opened)), root_number);
  if (locked_left_.exchange(false, std::memory_order_relaxed)) {
    const std::lock_guard alone(locking_);
    close_idle();
  }
  return kept;
}

Result<FileSet::Shared> FileSet::writable(FileIndex file) {
  const std::lock_guard alone(locking_);
  if (auto handle = find_open(file, true)) return handle;  // another thread was faster
  std::uint64_t root_number = 0;
  {
    const std::lock_guard lock(mutex_);
    root_number = root_number_;
  }
  Shared& handle = writing_[file];
  if (!handle) {
    auto opened = open_now(file, true);
    Result<void> locked;
    if (opened) locked = take_lock(file, *opened, path(file));
    if (!opened || !locked) {
      writing_.erase(file);
      return opened ? locked.error() : opened.error();
    }
    handle = std::make_shared<const FileHandle>(std::move(*opened));
    if (pinned_file_ == file) pinned_ = handle;
  }
  auto kept = keep(file, true, handle, root_number);
  close_idle();
  return kept;
}

// What another program writes at the same time is nobody's: neither of the two would be right.
Result<void> FileSet::take_lock(FileIndex file, const FileHandle& handle, const std::string& name) {
  const auto own = writing_.find(file);
  const bool only_read = own == writing_.end() || !own->second;
  if (pinned_file_ == file && only_read) pinned_ = nullptr;  // it would be in our own way
  std::erase_if(retired_, [](const Shared& handle) { return handle.use_count() <= 1; });
  const auto locked = files_.lock(handle, Files::Lock::exclusive);
  if (locked || locked.error().code != Errc::locked) return {};
  // A thread that writes by a handle from before the file was closed.
  if (!retired_.empty()) return {};
  return Error{Errc::locked, "another program is writing " + name + "; stop it first (" +
                                 locked.error().message + ")"};
}

void FileSet::close_idle() {
  std::erase_if(writing_, [](const auto& entry) { return entry.second.use_count() <= 1; });
  std::erase_if(retired_, [](const Shared& handle) { return handle.use_count() <= 1; });
}

// The handle that is used from now on.
FileSet::Shared FileSet::keep(FileIndex file, bool write, Shared handle,
                              std::uint64_t root_number) {
  std::vector<Shared> closed;  // outside the lock
  const std::lock_guard lock(mutex_);
  if (root_number != root_number_) return handle;
  for (std::size_t i = open_.size(); i-- > 0;) {
    if (open_[i].file != file) continue;
    // Another thread was faster, or the handle we had could only read.
    if (open_[i].writable && !write) return open_[i].handle;
    closed.push_back(std::move(open_[i].handle));
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  while (open_.size() >= options_.max_open) {
    if (open_.front().writable) locked_left_.store(true, std::memory_order_relaxed);
    closed.push_back(std::move(open_.front().handle));
    open_.erase(open_.begin());
  }
  open_.push_back({file, write, handle});
  return handle;
}

void FileSet::close(FileIndex file) {
  const std::lock_guard alone(locking_);
  if (const auto written = writing_.find(file); written != writing_.end()) {
    retired_.push_back(std::move(written->second));
    writing_.erase(written);
  }
  if (pinned_file_ == file) pinned_ = nullptr;
  Shared closed;
  const std::lock_guard lock(mutex_);
  const auto entry =
      std::find_if(open_.begin(), open_.end(), [&](const Open& open) { return open.file == file; });
  if (entry == open_.end()) return;
  closed = std::move(entry->handle);
  open_.erase(entry);
}

std::size_t FileSet::open_count() const {
  const std::lock_guard lock(mutex_);
  return open_.size();
}

Result<bool> FileSet::read(std::uint64_t offset, std::span<std::byte> out, bool may_block) {
  auto& ranges = scratch_ranges();
  layout_.file_ranges(offset, out.size(), ranges);
  for (const auto& range : ranges) {
    const auto part = out.first(range.length);
    out = out.subspan(range.length);
    const auto file = static_cast<FileIndex>(range.file);
    if (!is_real(file)) {
      std::memset(part.data(), 0, part.size());
      continue;
    }
    // The side file keeps every byte at its place in the torrent; its holes cost nothing.
    const bool aside = aside_[file];
    const std::uint64_t at = aside ? layout_.files()[file].offset + range.offset : range.offset;
    const auto handle = open(aside ? side_file : file, may_block ? Want::read : Want::cached);
    if (!handle) return handle.error();
    if (!*handle) return false;
    if (!may_block) {
      const auto cached = files_.read_cached(**handle, at, part);
      if (!cached || !*cached) return cached;
      continue;
    }
    const auto got = files_.read(**handle, at, part);
    if (!got) return got.error();
    if (*got != part.size()) {
      return Error{Errc::file_changed, path(file) + " is shorter than it was"};
    }
  }
  return true;
}

void FileSet::advise(std::uint64_t offset, std::uint64_t length, Files::Advice advice) {
  auto& ranges = scratch_ranges();
  layout_.file_ranges(offset, length, ranges);
  for (const auto& range : ranges) {
    const auto file = static_cast<FileIndex>(range.file);
    if (!is_real(file) || aside_[file]) continue;
    const auto handle = open(file, Want::read);
    if (handle && *handle) files_.advise(**handle, range.offset, range.length, advice);
  }
}

// The handle is at hand here: to open the file again for a look would cost more than the look.
Result<void> FileSet::write_to(FileIndex file, const FileHandle& handle, std::uint64_t offset,
                               std::span<const std::span<const std::byte>> parts,
                               WriteWatch& watch) {
  const auto before = files_.look(handle);
  if (!before) return before.error();
  if (auto go_on = watch.before(file, *before); !go_on) return go_on;
  auto done =
      sparse_ ? write_sparse(files_, handle, offset, parts) : files_.write(handle, offset, parts);
  const auto after = files_.look(handle);
  if (after) watch.after(file, *after);
  if (done && !after) return after.error();
  return done;
}

Result<void> FileSet::write(std::uint64_t offset, std::span<const std::span<const std::byte>> parts,
                            WriteWatch& watch) {
  std::uint64_t size = 0;
  for (const auto& part : parts) size += part.size();
  std::vector<FileRange> ranges;
  layout_.file_ranges(offset, size, ranges);
  std::vector<std::span<const std::byte>> pieces;  // of one file
  std::size_t next = 0;                            // part
  std::size_t skip = 0;                            // bytes of it that are done
  for (const auto& range : ranges) {
    pieces.clear();
    for (std::uint64_t left = range.length; left > 0;) {
      const auto bytes = parts[next].subspan(skip);
      const auto taken = bytes.first(std::min<std::uint64_t>(left, bytes.size()));
      if (!taken.empty()) pieces.push_back(taken);
      left -= taken.size();
      skip += taken.size();
      if (skip == parts[next].size()) {
        ++next;
        skip = 0;
      }
    }
    const auto file = static_cast<FileIndex>(range.file);
    if (!is_real(file)) continue;
    const bool aside = aside_[file];
    const auto handle = open(aside ? side_file : file, Want::write);
    if (!handle) return handle.error();
    const auto done =
        aside ? files_.write(**handle, layout_.files()[file].offset + range.offset, pieces)
              : write_to(file, **handle, range.offset, pieces, watch);
    if (!done) return done;
  }
  return {};
}

FileSet::Touched FileSet::touched(std::uint64_t offset, std::uint64_t length) const {
  auto& ranges = scratch_ranges();
  layout_.file_ranges(offset, length, ranges);
  Touched out;
  for (const auto& range : ranges) {
    const auto file = static_cast<FileIndex>(range.file);
    if (!is_real(file)) continue;
    if (aside_[file]) {
      out.side = true;
    } else {
      out.files.push_back(file);
    }
  }
  return out;
}

Result<FileInfo> FileSet::look(FileIndex file) {
  const Shared root = this->root();
  if (!root) return Error{Errc::not_found, "the download folder is not there"};
  return files_.look(*root, path(file));
}

Result<FileInfo> FileSet::look_open(FileIndex file) {
  const auto handle = open(file, Want::read);
  if (!handle) return handle.error();
  return files_.look(**handle);
}

Result<void> FileSet::sync(FileIndex file) {
  const auto handle = open(file, Want::read);
  if (!handle) return handle.error();
  return files_.sync(**handle);
}

Result<bool> FileSet::sync_together() {
  const Shared root = this->root();
  if (!root) return Error{Errc::not_found, "the download folder is not there"};
  const auto done = files_.sync_file_system(*root);
  if (done && *done) new_folders_.clear();
  return done;
}

Result<void> FileSet::lock(FileIndex file) {
  const auto handle = open(file, Want::write);
  if (!handle) return handle.error();
  return {};
}

Result<void> FileSet::pin(FileIndex file) {
  {
    const std::lock_guard alone(locking_);
    pinned_file_ = side_file;
    pinned_ = nullptr;
  }
  auto handle = open(file, Want::write);
  if (!handle && handle.error().code == Errc::locked) return handle.error();
  const std::lock_guard alone(locking_);
  if (!handle) {
    auto opened = open_now(file, false);
    if (!opened) return opened.error();
    if (auto locked = take_lock(file, *opened, path(file)); !locked) return locked;
    handle = std::make_shared<const FileHandle>(std::move(*opened));
  }
  pinned_file_ = file;
  pinned_ = std::move(*handle);
  return {};
}

Result<FileInfo> FileSet::look_at_root() {
  const Shared root = this->root();
  if (!root) return Error{Errc::not_found, "the download folder is not there"};
  return files_.look(*root);
}

Result<void> FileSet::sync_side() {
  return sync(side_file);
}

Result<void> FileSet::sync_new_folders() {
  const Shared root = this->root();
  if (!root) return Error{Errc::not_found, "the download folder is not there"};
  while (!new_folders_.empty()) {
    const std::string& folder = *new_folders_.begin();
    if (folder.empty()) {
      if (auto done = files_.sync(*root); !done) return done;
    } else if (auto done = files_.sync_folder(*root, folder); !done) {
      return done;
    }
    new_folders_.erase(new_folders_.begin());
  }
  return {};
}

void FileSet::note_new_folders(FileIndex file) {
  for (std::string part = folder_of(path(file));; part = folder_of(part)) {
    if (!new_folders_.insert(part).second || part.empty()) break;
  }
}

Result<FileInfo> FileSet::create(FileIndex file, bool allocate, bool only_new) {
  const Shared root = this->root();
  if (!root) return Error{Errc::not_found, "the download folder is not there"};
  const std::string name = path(file);
  const std::string folder = folder_of(name);
  if (!folder.empty() && folder != made_folder_) {
    if (auto done = files_.make_folders(*root, folder); !done) return done.error();
    made_folder_ = folder;
  }
  note_new_folders(file);
  const std::lock_guard alone(locking_);
  const auto handle = files_.open(*root, name, only_new ? OpenMode::create_new : OpenMode::create,
                                  list_[file].executable);
  if (!handle) return handle.error();
  const auto info = files_.look(*handle);
  if (!info) return info.error();
  if (info->links > 1 && !options_.force) return has_other_names(name);
  if (options_.written != nullptr) {
    auto claimed = options_.written->claim(this, options_.torrent, name, *info);
    if (!claimed) return claimed.error();
  }
  if (!writing_.contains(file)) {
    if (auto locked = take_lock(file, *handle, name); !locked) return locked.error();
  }
  Result<void> done;
  if (info->size != length(file)) done = files_.truncate(*handle, length(file));
  if (done && allocate && info->allocated < length(file)) {
    done = files_.allocate(*handle, length(file));
  }
  if (done) return info;
  if (only_new) (void)files_.remove(*root, name);
  return done.error();
}

Result<FileInfo> FileSet::look_at(const std::string& path) {
  const Shared root = this->root();
  if (!root) return Error{Errc::not_found, "the download folder is not there"};
  return files_.look(*root, path);
}

Result<void> FileSet::remove(const std::string& path) {
  const Shared root = this->root();
  if (!root) return Error{Errc::not_found, "the download folder is not there"};
  return files_.remove(*root, path);
}

Result<void> FileSet::give_final_name(FileIndex file, bool replace) {
  const Shared root = this->root();
  if (!root) return Error{Errc::not_found, "the download folder is not there"};
  const std::string from = names_.part_path(file);
  const std::string to = names_.final_path(file);
  {
    const std::lock_guard lock(naming_);
    auto done = replace ? files_.rename(*root, from, to) : files_.rename_new(*root, from, to);
    if (!done) return done;
    names_.set_partial(file, false);
  }
  note_new_folders(file);
  return {};
}

void FileSet::make_executable(FileIndex file) {
  if (const Shared root = this->root()) files_.make_executable(*root, path(file));
}

Result<void> FileSet::open_to_write(FileIndex file) {
  const auto opened = open(file, Want::write);
  return opened ? Result<void>() : opened.error();
}

Result<void> FileSet::fetch_aside(FileIndex file, std::uint64_t offset, std::uint64_t length) {
  const auto from = open(side_file, Want::read);
  if (!from) return from.error();
  const auto to = open(file, Want::write);
  if (!to) return to.error();
  std::vector<std::byte> buffer(std::min<std::uint64_t>(length, copy_bytes));
  while (length > 0) {
    const auto part = std::span(buffer).first(std::min<std::uint64_t>(length, buffer.size()));
    const auto got = files_.read(**from, layout_.files()[file].offset + offset, part);
    if (!got) return got.error();
    if (*got != part.size()) return Error{Errc::file_changed, "the side file is too short"};
    const std::span<const std::byte> bytes = part;
    if (auto done = files_.write(**to, offset, {&bytes, 1}); !done) return done;
    offset += part.size();
    length -= part.size();
  }
  return {};
}

Result<std::uint64_t> FileSet::next_data(FileIndex file, std::uint64_t offset) {
  const auto handle = open(file, Want::read);
  if (!handle) return handle.error();
  return files_.next_data(**handle, offset);
}

Result<bool> FileSet::only_zeros(FileIndex file, std::uint64_t begin, std::uint64_t end) {
  const auto handle = open(file, Want::read);
  if (!handle) return handle.error();
  std::vector<std::byte> buffer(std::min<std::uint64_t>(end - begin, copy_bytes));
  while (begin < end) {
    const auto data = files_.next_data(**handle, begin);
    if (!data) return data.error();
    begin = std::max(begin, *data);
    if (begin >= end) break;
    const auto part = std::span(buffer).first(std::min<std::uint64_t>(end - begin, buffer.size()));
    const auto got = files_.read(**handle, begin, part);
    if (!got) return got.error();
    if (*got == 0) break;
    const auto bytes = part.first(*got);
    if (std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b != std::byte{}; })) {
      return false;
    }
    begin += *got;
  }
  return true;
}

Result<std::vector<FileSet::FileIndex>> FileSet::make_links() {
  const Shared root = this->root();
  if (!root) return Error{Errc::not_found, "the download folder is not there"};
  std::vector<FileIndex> refused;
  std::map<std::string, FileIndex> own;  // built for the rare torrent that has links
  for (FileIndex file = 0; file < list_.size(); ++file) {
    const auto& link = list_[file];
    if (link.symlink_target.empty()) continue;
    if (own.empty()) own = own_paths();
    const auto found = own.find(link.symlink_target);
    if (found == own.end() || own.contains(link.path)) continue;
    const std::string folder = folder_of(link.path);
    if (!folder.empty()) {
      if (auto done = files_.make_folders(*root, folder); !done) return done.error();
    }
    std::string target;
    const auto depth = std::count(link.path.begin(), link.path.end(), '/');
    for (std::ptrdiff_t i = 0; i < depth; ++i) target += "../";
    target += found->second == no_file ? link.symlink_target : names_.final_path(found->second);
    const auto made = files_.make_link(*root, link.path, target);
    if (made || made.error().code == Errc::already_exists) continue;
    const Errc code = made.error().code;
    if (code != Errc::permission_denied && code != Errc::invalid_name) return made.error();
    refused.push_back(file);  // exFAT knows no links, for one
  }
  return refused;
}

// What a link may lead to: the torrent's files, and its folders as no_file.
std::map<std::string, FileSet::FileIndex> FileSet::own_paths() const {
  std::map<std::string, FileIndex> own;
  for (FileIndex file = 0; file < list_.size(); ++file) {
    if (!is_real(file)) continue;
    own.emplace(list_[file].path, file);
    for (std::string part = folder_of(list_[file].path); !part.empty(); part = folder_of(part)) {
      if (!own.emplace(part, no_file).second) break;
    }
  }
  return own;
}

}  // namespace barter
