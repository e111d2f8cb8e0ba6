#include "tests/unit/chunkstore/fake_files.hpp"

#include <algorithm>
#include <cstring>

namespace barter {

namespace {

constexpr std::uint64_t sector = 512;

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

Error absent(const std::string& path) {
  return {Errc::not_found, path + " is absent"};
}

}  // namespace

Result<void> FakeFiles::step() {
  ++operations_;
  clock_ += 1'000'000;
  if (operations_ == crash_at_) throw Crash{};
  if (operations_ >= fail_from_ && operations_ < fail_to_) return Error{fail_code_, "made to fail"};
  return {};
}

// An operation that needs room.
Result<void> FakeFiles::step_below(const std::string& path) {
  if (auto done = step(); !done) return done;
  if (bad_folder_.empty() || !path.starts_with(bad_folder_ + "/")) return {};
  return Error{bad_code_, path + ": made to fail"};
}

FileHandle FakeFiles::adopt(Opened opened) {
  const int id = next_id_++;
  open_[id] = std::move(opened);
  most_open_ = std::max(most_open_, open_files());
  return {this, id};
}

std::size_t FakeFiles::open_files() const {
  return static_cast<std::size_t>(std::count_if(
      open_.begin(), open_.end(), [](const auto& entry) { return entry.second.node; }));
}

void FakeFiles::close(int id) {
  const auto found = open_.find(id);
  if (found == open_.end()) return;  // the machine stopped meanwhile
  std::erase_if(locked_, [&](const auto& lock) { return lock.handle == id; });
  open_.erase(found);
}

std::string FakeFiles::full(const FileHandle& root, const std::string& path) const {
  const std::string& folder = open_.at(root.id()).path;
  if (path.empty()) return folder;
  if (!fold_) return folder == "/" ? "/" + path : folder + "/" + path;
  // Element by element: what is there already, by whatever name.
  std::string out = folder == "/" ? "" : folder;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string element = path.substr(begin, end - begin);
    std::string name = out + "/" + element;
    const auto is_one = [&](const std::string& other) {
      return other.size() > out.size() + 1 && other.starts_with(out + "/") &&
             other.find('/', out.size() + 1) == std::string::npos &&
             fold_(other.substr(out.size() + 1)) == fold_(element);
    };
    for (const auto& [there, node] : names_) {
      if (is_one(there)) name = there;
    }
    for (const auto& there : folders_) {
      if (is_one(there)) name = there;
    }
    out = name;
    begin = end + 1;
  }
  return out;
}

bool FakeFiles::is_refused(const std::string& path) const {
  return bad_name_ && bad_name_(path.substr(path.rfind('/') + 1));
}

void FakeFiles::set_name(const std::string& path, Node node) {
  const auto old = names_.find(path);
  unsynced_[folder_of(path)].push_back(
      {path, old == names_.end() ? nullptr : old->second, node, false});
  if (node) {
    names_[path] = std::move(node);
  } else {
    names_.erase(path);
  }
}

void FakeFiles::make_folder(const std::string& path) {
  if (!folders_.insert(path).second) return;
  unsynced_[folder_of(path)].push_back({path, nullptr, nullptr, true});
}

Result<FileHandle> FakeFiles::open_folder(const std::string& path, bool create) {
  if (folders_refused_) return Error{*folders_refused_, "cannot open the folder " + path};
  if (!folders_.contains(path)) {
    if (!create) return absent(path);
    if (auto done = step(); !done) return done.error();
    // Durable at once, as the interface promises.
    for (std::string part = path; folders_.insert(part).second;) part = folder_of(part);
  }
  return adopt({path, nullptr});
}

Result<FileHandle> FakeFiles::open(const FileHandle& root, const std::string& path, OpenMode mode,
                                   bool) {
  const std::string name = full(root, path);
  if (mode != OpenMode::read && refused_.contains(name)) {
    return Error{refused_.at(name), "cannot open " + name};
  }
  auto found = names_.find(name);
  if (found == names_.end()) {
    if (mode == OpenMode::read || mode == OpenMode::write) return absent(name);
    if (folders_.contains(name)) return Error{Errc::already_exists, name + " is a folder"};
    if (is_refused(name)) return Error{Errc::invalid_name, name};
    if (!folders_.contains(folder_of(name))) return absent(folder_of(name));
    if (auto done = step_below(name); !done) return done.error();
    auto node = std::make_shared<Inode>();
    node->number = next_inode_++;
    node->now.mtime = node->durable.mtime = node->birth = clock_;
    set_name(name, node);
    found = names_.find(name);
  } else if (mode == OpenMode::create_new) {
    return Error{Errc::already_exists, name};
  }
  if (!found->second->link.empty()) return Error{Errc::permission_denied, name + ": a link"};
  return adopt({name, found->second});
}

Result<void> FakeFiles::make_folders(const FileHandle& root, const std::string& path) {
  for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const std::string name = full(root, path.substr(0, end));
    if (names_.contains(name)) return Error{Errc::permission_denied, name + " is a file"};
    if (!folders_.contains(name)) {
      if (is_refused(name)) return Error{Errc::invalid_name, name};
      if (auto done = step(); !done) return done;
      make_folder(name);
    }
    if (end == std::string::npos) return {};
  }
}

Result<FileInfo> FakeFiles::look(const FileHandle& root, const std::string& path) {
  const std::string name = full(root, path);
  FileInfo info;
  if (folders_.contains(name)) {
    info.kind = FileKind::folder;
    info.inode = 1'000'000;
    return info;
  }
  const auto found = names_.find(name);
  if (found == names_.end()) return absent(name);
  return look(adopt({name, found->second}));
}

Result<FileInfo> FakeFiles::look(const FileHandle& handle) {
  const Opened& opened = open_.at(handle.id());
  FileInfo info;
  if (!opened.node) {
    info.kind = FileKind::folder;
    info.inode = 1'000'000;
    return info;
  }
  info.kind = opened.node->link.empty() ? FileKind::file : FileKind::link;
  info.size = opened.node->now.bytes.size();
  info.allocated = opened.node->now.pages.size() * page;
  info.mtime_ns = opened.node->now.mtime;
  info.inode = opened.node->number;
  info.birth_ns = births_ ? opened.node->birth : 0;
  const auto name = names_.find(opened.path);
  info.links = name != names_.end() && name->second == opened.node ? 1 : 0;
  info.links += linked_.contains(opened.node->number) ? 1 : 0;
  return info;
}

Result<void> FakeFiles::rename(const FileHandle& root, const std::string& from,
                               const std::string& to) {
  if (auto done = step(); !done) return done;
  const Node node = names_.at(full(root, from));
  // One step, also for a power cut: the new name comes with it, and the old one goes.
  const std::string new_name = full(root, to);
  set_name(new_name, node);
  unsynced_[folder_of(new_name)].back().from = full(root, from);
  names_.erase(full(root, from));
  for (auto& [id, opened] : open_) {
    if (opened.node == node) opened.path = new_name;
  }
  return {};
}

Result<void> FakeFiles::rename_new(const FileHandle& root, const std::string& from,
                                   const std::string& to) {
  const std::string name = full(root, to);
  if (names_.contains(name) || folders_.contains(name)) return Error{Errc::already_exists, name};
  if (is_refused(to)) return Error{Errc::invalid_name, name};
  if (!names_.contains(full(root, from))) return absent(full(root, from));
  return rename(root, from, to);
}

Result<void> FakeFiles::remove(const FileHandle& root, const std::string& path) {
  if (auto done = step(); !done) return done;
  if (!names_.contains(full(root, path))) return absent(path);
  set_name(full(root, path), nullptr);
  return {};
}

Result<void> FakeFiles::make_link(const FileHandle& root, const std::string& path,
                                  const std::string& target) {
  if (auto done = step(); !done) return done;
  if (names_.contains(full(root, path))) return Error{Errc::already_exists, path};
  auto node = std::make_shared<Inode>();
  node->number = next_inode_++;
  node->link = target;
  set_name(full(root, path), std::move(node));
  return {};
}

Result<std::vector<std::string>> FakeFiles::list(const FileHandle& folder, std::size_t most) {
  std::vector<std::string> names;
  const std::string place = full(folder, "");
  const auto add = [&](const std::string& path) {
    if (path == "/" || folder_of(path) != place || names.size() == most) return;
    names.push_back(path.substr(path.rfind('/') + 1));
  };
  for (const auto& path : folders_) add(path);
  for (const auto& [path, node] : names_) add(path);
  return names;
}

Result<std::size_t> FakeFiles::read(const FileHandle& file, std::uint64_t offset,
                                    std::span<std::byte> out) {
  const std::string& bytes = open_.at(file.id()).node->now.bytes;
  if (offset >= bytes.size()) return std::size_t{0};
  const std::size_t size = std::min<std::size_t>(out.size(), bytes.size() - offset);
  std::memcpy(out.data(), bytes.data() + offset, size);
  if (cold_) {
    bool waited = false;
    for_pages(file, offset, size, [&](auto one) { waited = memory_.insert(one).second || waited; });
    waits_ += waited ? 1 : 0;
  }
  read_bytes_ += size;
  return size;
}

Result<bool> FakeFiles::read_cached(const FileHandle& file, std::uint64_t offset,
                                    std::span<std::byte> out) {
  bool all = true;
  for_pages(file, offset, cold_ ? out.size() : 0,
            [&](auto one) { all = all && memory_.contains(one); });
  return all && *read(file, offset, out) == out.size();
}

void FakeFiles::advise(const FileHandle& file, std::uint64_t offset, std::uint64_t length,
                       Advice advice) {
  for_pages(file, offset, cold_ ? length : 0, [&](auto one) {
    if (advice == Advice::will_need) memory_.insert(one);
    if (advice == Advice::done_with) memory_.erase(one);
  });
}

void FakeFiles::apply(Image& image, const Change& change) const {
  image.mtime = std::max(image.mtime, change.mtime);
  if (change.size) {
    image.bytes.resize(*change.size);
    image.pages.erase(image.pages.lower_bound((*change.size + page - 1) / page), image.pages.end());
    return;
  }
  const std::uint64_t end = change.offset + change.bytes.size();
  if (image.bytes.size() < end) image.bytes.resize(end);
  image.bytes.replace(change.offset, change.bytes.size(), change.bytes);
  for (std::uint64_t i = change.offset / page; i * page < end; ++i) image.pages.insert(i);
}

void FakeFiles::change(Inode& inode, Change change) {
  change.mtime = clock_;
  apply(inode.now, change);
  inode.changes.push_back(std::move(change));
}

std::uint64_t FakeFiles::used() const {
  std::uint64_t pages = 0;
  for (const auto& [path, node] : names_) pages += node->now.pages.size();
  return pages * page;
}

Result<void> FakeFiles::write(const FileHandle& file, std::uint64_t offset,
                              std::span<const std::span<const std::byte>> parts) {
  if (const auto refused = refused_.find(open_.at(file.id()).path); refused != refused_.end()) {
    return Error{refused->second, "cannot write " + refused->first};
  }
  Inode& inode = *open_.at(file.id()).node;
  std::string bytes;
  for (const auto& part : parts)
    bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
  // Whatever stops a write stops it anywhere.
  const std::string some = bytes.substr(0, random_.below(bytes.size() + 1));
  try {
    if (auto done = step_below(open_.at(file.id()).path); !done) {
      if (!some.empty()) change(inode, {offset, some, {}, 0});
      return done;
    }
  } catch (const Crash&) {
    if (!some.empty()) change(inode, {offset, some, {}, 0});
    throw;
  }
  std::uint64_t fresh = 0;  // pages it takes
  for (std::uint64_t i = offset / page; i * page < offset + bytes.size(); ++i) {
    fresh += inode.now.pages.contains(i) ? 0 : 1;
  }
  if (fresh * page > capacity_ - std::min(capacity_, used())) {
    return Error{Errc::no_space, "the disk is full"};
  }
  if (!bytes.empty()) change(inode, {offset, std::move(bytes), {}, 0});
  if (during_write_) std::exchange(during_write_, nullptr)();
  return {};
}

Result<void> FakeFiles::sync(const FileHandle& handle) {
  ++single_syncs_;
  if (auto done = step_below(open_.at(handle.id()).path + "/"); !done) return done;
  const Opened& opened = open_.at(handle.id());
  if (opened.node) {
    opened.node->durable = opened.node->now;
    opened.node->changes.clear();
  } else {
    unsynced_.erase(opened.path);
  }
  return {};
}

Result<bool> FakeFiles::sync_file_system(const FileHandle&) {
  if (!joint_sync_) return false;
  ++joint_syncs_;
  if (auto done = step(); !done) return done.error();
  for (const auto& [path, node] : names_) {
    node->durable = node->now;
    node->changes.clear();
  }
  unsynced_.clear();
  return true;
}

Result<void> FakeFiles::sync_folder(const FileHandle& root, const std::string& path) {
  ++single_syncs_;
  if (auto done = step(); !done) return done;
  unsynced_.erase(full(root, path));
  return {};
}

Result<void> FakeFiles::truncate(const FileHandle& file, std::uint64_t size) {
  if (auto done = step(); !done) return done;
  if (size > largest_) return Error{Errc::not_possible, "cannot resize: file too large"};
  change(*open_.at(file.id()).node, {0, {}, size, 0});
  return {};
}

Result<void> FakeFiles::allocate(const FileHandle& file, std::uint64_t size) {
  if (auto done = step(); !done) return done;
  Image& image = open_.at(file.id()).node->now;
  std::set<std::uint64_t> pages = image.pages;
  for (std::uint64_t i = 0; i * page < size; ++i) pages.insert(i);
  if ((pages.size() - image.pages.size()) * page > capacity_ - std::min(capacity_, used())) {
    return Error{Errc::no_space, "the disk is full"};
  }
  image.pages = std::move(pages);
  return {};
}

Result<std::uint64_t> FakeFiles::next_data(const FileHandle& file, std::uint64_t offset) {
  const Image& image = open_.at(file.id()).node->now;
  const auto next = image.pages.lower_bound(offset / page);
  if (next == image.pages.end()) return std::uint64_t{image.bytes.size()};
  return std::max(offset, *next * page);
}

Result<void> FakeFiles::lock(const FileHandle& handle, Lock kind) {
  const Opened& opened = open_.at(handle.id());
  const std::string what = opened.node ? std::to_string(opened.node->number) : opened.path;
  for (const Locked& other : locked_) {
    if (other.what != what || other.handle == handle.id()) continue;
    if (kind == Lock::shared && other.kind == Lock::shared) continue;
    return Error{Errc::locked, "locked"};
  }
  locked_.push_back({what, handle.id(), kind});
  return {};
}

Result<std::uint64_t> FakeFiles::free_space(const FileHandle&) {
  return capacity_ - std::min(capacity_, used());
}

Result<std::uint64_t> FakeFiles::file_system(const FileHandle&) {
  return file_system_;
}

void FakeFiles::kill() {
  crash_at_ = 0;
  open_.clear();
  locked_.clear();
}

void FakeFiles::power_cut() {
  kill();
  ++boot_;
  // By number: the same seed is to lose the same, wherever in memory they lie.
  const auto is_before = [](const Node& a, const Node& b) { return a->number < b->number; };
  std::set<Node, decltype(is_before)> nodes;
  for (const auto& [path, node] : names_) nodes.insert(node);
  // Names: of each folder a prefix of the changes stays; the rest is undone, last first.
  for (auto& [folder, changes] : unsynced_) {
    const std::size_t kept = random_.below(changes.size() + 1);
    for (std::size_t i = changes.size(); i-- > kept;) {
      const EntryChange& change = changes[i];
      if (!change.from.empty()) {
        names_[change.from] = change.after;
        nodes.insert(change.after);
      }
      if (change.folder) {
        remove_tree(change.path);
      } else if (change.before) {
        names_[change.path] = change.before;
        nodes.insert(change.before);
      } else {
        names_.erase(change.path);
      }
    }
  }
  unsynced_.clear();
  for (const Node& node : nodes) {
    Image image = node->durable;
    // Sizes and times as a prefix, data by sectors.
    const std::size_t kept = random_.below(node->changes.size() + 1);
    for (std::size_t i = 0; i < node->changes.size(); ++i) {
      const Change& change = node->changes[i];
      if (change.size) {
        if (i < kept) apply(image, change);
        continue;
      }
      for (std::uint64_t at = 0; at < change.bytes.size();) {
        const std::uint64_t end = std::min<std::uint64_t>(
            change.bytes.size(), ((change.offset + at) / sector + 1) * sector - change.offset);
        if (random_.chance(1, 2)) {
          Change part{change.offset + at, change.bytes.substr(at, end - at), {}, image.mtime};
          apply(image, part);
        }
        at = end;
      }
      if (i < kept) image.mtime = change.mtime;
    }
    node->now = node->durable = std::move(image);
    node->changes.clear();
  }
}

std::string FakeFiles::content(const std::string& path) const {
  const auto found = names_.find(path);
  return found == names_.end() ? std::string{} : found->second->now.bytes;
}

std::vector<std::string> FakeFiles::names() const {
  std::vector<std::string> out;
  for (const auto& [name, node] : names_) out.push_back(name);
  return out;
}

void FakeFiles::put(const std::string& path, const std::string& content) {
  std::string folder = folder_of(path);
  while (folders_.insert(folder).second) folder = folder_of(folder);
  auto node = std::make_shared<Inode>();
  node->number = next_inode_++;
  clock_ += 1'000'000;
  apply(node->now, {0, content, {}, clock_});
  node->durable = node->now;
  names_[path] = std::move(node);
}

void FakeFiles::put_folder(const std::string& path) {
  for (std::string part = path; folders_.insert(part).second;) part = folder_of(part);
}

void FakeFiles::put_link(const std::string& path) {
  put(path, {});
  names_.at(path)->link = "elsewhere";
}

void FakeFiles::overwrite(const std::string& path, std::uint64_t offset, const std::string& bytes) {
  clock_ += 1'000'000;
  change(*names_.at(path), {offset, bytes, {}, 0});
}

void FakeFiles::resize(const std::string& path, std::uint64_t size) {
  clock_ += 1'000'000;
  change(*names_.at(path), {0, {}, size, 0});
}

void FakeFiles::remove_tree(const std::string& path) {
  std::erase_if(names_, [&](const auto& entry) {
    return entry.first == path || entry.first.starts_with(path + "/");
  });
  std::erase_if(folders_, [&](const std::string& name) {
    return name == path || name.starts_with(path + "/");
  });
}

}  // namespace barter
