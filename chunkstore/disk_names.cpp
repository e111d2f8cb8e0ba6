#include "chunkstore/disk_names.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "torrent/file_name.hpp"
#include "torrent/utf8.hpp"

namespace barter {

namespace {

constexpr std::string_view part_suffix = ".part";
constexpr std::size_t short_name_bytes = 143;  // what eCryptfs takes, the least of all

std::size_t name_begin(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? 0 : slash + 1;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// "COM1", "nul.txt": devices where Windows rules.
bool is_device(std::string_view name) {
  const std::string stem = lower(name.substr(0, name.find('.')));
  constexpr std::array<std::string_view, 4> devices{"con", "prn", "aux", "nul"};
  if (std::find(devices.begin(), devices.end(), stem) != devices.end()) return true;
  return stem.size() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")) &&
         stem[3] >= '0' && stem[3] <= '9';
}

std::string without_reserved(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (std::string_view("<>:\"|?*\\").find(c) != std::string_view::npos) c = '_';
  }
  for (std::size_t i = out.size(); i-- > 0 && (out[i] == '.' || out[i] == ' ');) out[i] = '_';
  if (is_device(out)) out.insert(std::min(out.find('.'), out.size()), "_");
  return out;
}

std::string shortened(std::string_view name) {
  if (name.size() <= short_name_bytes) return std::string(name);
  const std::size_t dot = name.rfind('.');
  const bool has_extension = dot != std::string_view::npos && dot > 0 && name.size() - dot <= 32;
  const std::string_view extension = has_extension ? name.substr(dot) : std::string_view{};
  return std::string(cut_utf8(name, short_name_bytes - extension.size())) + std::string(extension);
}

std::string in_ascii(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); i += decode_utf8(name, i).length) {
    out += static_cast<unsigned char>(name[i]) < 0x80 ? name[i] : '_';
  }
  return out;
}

template <class Change>
std::string each_element(std::string_view path, Change change) {
  std::string out;
  for (;;) {
    const auto slash = path.find('/');
    out += change(path.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    out += '/';
    path.remove_prefix(slash + 1);
  }
}

bool is_part_name(std::string_view path) {
  return path.ends_with(part_suffix) || path.find(".part/") != std::string_view::npos;
}

}  // namespace

std::string simpler_path(std::string_view path) {
  for (const auto change : {without_reserved, shortened, in_ascii}) {
    std::string out = each_element(path, change);
    if (out != path) return out;
  }
  return {};
}

DiskNames::DiskNames(const std::vector<File>& files)
    : files_(files),
      has_part_names_(std::any_of(files.begin(), files.end(),
                                  [](const File& file) { return is_part_name(file.path); })),
      partial_(files.size()) {}

std::string DiskNames::path(FileIndex file) const {
  const std::lock_guard lock(mutex_);
  return partial_[file] ? part_now(file) : final_now(file);
}

std::string DiskNames::final_path(FileIndex file) const {
  const std::lock_guard lock(mutex_);
  return final_now(file);
}

std::string DiskNames::part_path(FileIndex file) {
  const std::lock_guard lock(mutex_);
  claim_part(file);
  return part_now(file);
}

bool DiskNames::is_partial(FileIndex file) const {
  const std::lock_guard lock(mutex_);
  return partial_[file];
}

void DiskNames::set_partial(FileIndex file, bool partial) {
  const std::lock_guard lock(mutex_);
  partial_[file] = partial;
  if (partial) claim_part(file);
}

std::optional<DiskName> DiskNames::remembered(FileIndex file) const {
  const std::lock_guard lock(mutex_);
  const auto found = changed_.find(file);
  if (found == changed_.end()) return std::nullopt;
  return found->second;
}

void DiskNames::restore(FileIndex file, DiskName name) {
  const std::lock_guard lock(mutex_);
  given_.insert(name.path);
  if (!name.part.empty()) given_.insert(name.part);
  changed_[file] = std::move(name);
}

void DiskNames::number(FileIndex file, NameReason why) {
  const std::lock_guard lock(mutex_);
  // Counted from the first name: "a.1.txt" is followed by "a.2.txt".
  const auto found = changed_.find(file);
  const bool other = found != changed_.end() && (found->second.why == NameReason::refused ||
                                                 found->second.why == NameReason::asked ||
                                                 found->second.why == NameReason::found);
  const std::string path = free_path(other ? found->second.path : files_[file].path);
  changed_[file] = {path, why, {}};
  if (partial_[file]) claim_part(file);
}

void DiskNames::number_folder(FileIndex file, const std::string& folder) {
  const std::lock_guard lock(mutex_);
  std::string& other = folders_[folder];
  if (other.empty()) other = free_path(folder);
  const std::string path = other + final_now(file).substr(folder.size());
  given_.insert(path);
  changed_[file] = {path, NameReason::clash, {}};
  if (partial_[file]) claim_part(file);
}

void DiskNames::number_part(FileIndex file) {
  const std::lock_guard lock(mutex_);
  const std::string usual = final_now(file) + std::string(part_suffix);
  const std::string part = free_path(usual);
  changed_.try_emplace(file, DiskName{files_[file].path, {}, {}}).first->second.part = part;
}

void DiskNames::keep_part(FileIndex file, std::string path) {
  const std::lock_guard lock(mutex_);
  changed_.try_emplace(file, DiskName{files_[file].path, {}, {}}).first->second.part =
      std::move(path);
}

bool DiskNames::is_free(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return !is_taken(path);
}

bool DiskNames::simplify(FileIndex file) {
  const std::lock_guard lock(mutex_);
  std::string path = simpler_path(final_now(file));
  if (path.empty()) return false;
  if (is_taken(path)) path = free_path(path);
  given_.insert(path);
  changed_[file] = {std::move(path), NameReason::refused, {}};
  if (partial_[file]) claim_part(file);
  return true;
}

// Under the lock from here on.

std::string DiskNames::final_now(FileIndex file) const {
  const auto found = changed_.find(file);
  return found == changed_.end() ? files_[file].path : found->second.path;
}

std::string DiskNames::part_now(FileIndex file) const {
  const auto found = changed_.find(file);
  if (found != changed_.end() && !found->second.part.empty()) return found->second.part;
  return final_now(file) + std::string(part_suffix);
}

// The usual part name cannot be had where the torrent uses it, or where it becomes too long.
void DiskNames::claim_part(FileIndex file) {
  const std::string part = part_now(file);
  const bool too_long = part.size() - name_begin(part) > max_name_bytes;
  if (!too_long && !(has_part_names_ && is_taken(part))) return;
  DiskName& name = changed_.try_emplace(file, DiskName{files_[file].path, {}, {}}).first->second;
  if (!name.part.empty()) return;
  name.part = part;
  if (too_long) {
    const std::size_t begin = name_begin(part);
    const auto stem =
        cut_utf8(std::string_view(part).substr(begin), max_name_bytes - part_suffix.size());
    name.part = part.substr(0, begin) + std::string(stem) + std::string(part_suffix);
  }
  if (is_taken(name.part)) name.part = free_path(name.part);
  given_.insert(name.part);
}

std::string DiskNames::free_path(const std::string& like) {
  std::uint32_t& counter = counters_[lower(like)];
  for (;;) {
    std::string path = numbered_path(like, ++counter);
    if (is_taken(path)) continue;
    given_.insert(path);
    return path;
  }
}

bool DiskNames::is_taken(const std::string& path) {
  if (given_.contains(path)) return true;
  if (paths_.empty()) {
    for (const File& file : files_) {
      if (file.pad) continue;
      for (std::string_view part = file.path; !part.empty();) {
        if (!paths_.insert(part).second) break;
        part = part.substr(0, std::max<std::size_t>(name_begin(part), 1) - 1);
      }
    }
  }
  return paths_.contains(path);
}

}  // namespace barter
