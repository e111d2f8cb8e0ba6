#include "chunkstore/name_search.hpp"

#include "torrent/name_key.hpp"

namespace barter {

namespace {

std::string below(const std::string& folder, std::string_view name) {
  return folder.empty() ? std::string(name) : folder + "/" + std::string(name);
}

// The folder, and the name in it.
std::pair<std::string, std::string> split(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

// What is there may be less than the whole: another program was at it.
std::optional<NameSearch::Found> NameSearch::part_at(const std::string& path,
                                                     std::uint64_t length) {
  auto info = look_(path);
  if (!info || info->kind != FileKind::file || info->size > length) return std::nullopt;
  if (info->size == 0 && length > 0) return std::nullopt;
  return Found{path, *info};
}

std::optional<NameSearch::Found> NameSearch::raw(const Metainfo& metainfo, std::uint32_t file) {
  for (const std::string& path : metainfo.raw_paths(file)) {
    if (auto found = part_at(path, metainfo.files()[file].length)) return found;
  }
  return std::nullopt;
}

std::optional<NameSearch::Found> NameSearch::spelled(const Metainfo& metainfo, std::uint32_t file) {
  const File& wanted = metainfo.files()[file];
  const auto path = respell(wanted.path, wanted.length);
  if (!path || *path == wanted.path) return std::nullopt;
  return part_at(*path, wanted.length);
}

const NameSearch::Entries& NameSearch::entries(const std::string& folder) {
  const auto [found, first] = folders_.try_emplace(folder);
  if (!first) return found->second;
  const auto handle = files_.open_folder(below(root_path_, folder), false);
  if (!handle) return found->second;
  const auto names = files_.list(*handle, most_entries);
  if (!names) return found->second;
  for (const std::string& name : *names) found->second.emplace(name_key(name), name);
  return found->second;
}

// A folder of the torrent as it is called here, by its own name or by its key.
std::optional<std::string> NameSearch::folder_at(const std::string& path) {
  if (path.empty()) return path;
  const auto known = respelled_.find(path);
  if (known != respelled_.end()) return known->second;
  const auto [above, name] = split(path);
  std::optional<std::string> out = folder_at(above);
  if (out && !look_(below(*out, name))) {
    const auto& there = entries(*out);
    const auto found = there.find(name_key(name));
    out = found == there.end() ? std::nullopt : std::optional(below(*out, found->second));
  } else if (out) {
    out = below(*out, name);
  }
  respelled_.emplace(path, out);
  return out;
}

// Of several files that spell the same the one with the right length.
std::optional<std::string> NameSearch::respell(const std::string& path, std::uint64_t length) {
  const auto [above, name] = split(path);
  const auto folder = folder_at(above);
  if (!folder) return std::nullopt;
  const auto [begin, end] = entries(*folder).equal_range(name_key(name));
  if (begin == end) return std::nullopt;
  for (auto it = begin; it != end; ++it) {
    const auto info = look_(below(*folder, it->second));
    if (info && info->kind == FileKind::file && info->size == length) {
      return below(*folder, it->second);
    }
  }
  return below(*folder, begin->second);
}

}  // namespace barter
