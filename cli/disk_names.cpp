#include "cli/disk_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "chunkstore/posix_files.hpp"
#include "cli/state_folder.hpp"
#include "cli/text.hpp"
#include "torrent/name_key.hpp"

namespace barter::cli {

namespace {

constexpr std::size_t most_told = 20;

std::string_view kind_of(NameNote::Kind kind) {
  switch (kind) {
    case NameNote::Kind::clash:
      return "clash";
    case NameNote::Kind::refused:
      return "refused";
    case NameNote::Kind::found:
      return "found";
    case NameNote::Kind::in_place:
      return "in_place";
    case NameNote::Kind::taken:
      return "taken";
    case NameNote::Kind::no_link:
      return "no_link";
  }
  return "unknown";
}

std::string sentence_of(const NameNote& note, const std::string& name) {
  switch (note.kind) {
    case NameNote::Kind::clash:
      return fmt::format(
          "{}: this disk takes the name for that of another file of the torrent; it is called {}",
          name, note.path);
    case NameNote::Kind::refused:
      return fmt::format("{}: this disk cannot hold the name; it is called {}", name, note.path);
    case NameNote::Kind::found:
      return fmt::format("{}: found as {}", name, note.path);
    case NameNote::Kind::in_place:
      return fmt::format("{}: is there already, and not whole; it is changed in place", note.path);
    case NameNote::Kind::taken:
      return fmt::format(
          "{}: something else was put there meanwhile; what was fetched is whole, as {}", name,
          note.path);
    case NameNote::Kind::no_link:
      return fmt::format("{}: a symbolic link, which this disk does not take; left out", note.path);
  }
  return name;
}

}  // namespace

std::string below(const std::string& folder, const std::string& name) {
  if (folder.empty() || folder == ".") return name;
  return folder + (folder.ends_with('/') ? "" : "/") + name;
}

Result<Target> target_of(const Metainfo& metainfo, const std::string& folder,
                         const std::string& output) {
  if (output.empty()) return Target{folder, {}};
  if (metainfo.multi_file()) {
    const auto& files = metainfo.files();
    const auto count =
        std::count_if(files.begin(), files.end(), [](const File& f) { return !f.pad; });
    return Error{
        Errc::invalid_argument,
        fmt::format("--output {}: {} is a folder with {}; --output names the file of a torrent "
                    "of one file. Give --dir FOLDER for where the folder goes",
                    output, metainfo.name(), counted(static_cast<std::size_t>(count), "file"))};
  }
  const std::string path = output.front() == '/' ? output : below(folder, output);
  std::error_code ignored;
  const auto slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == ".." || std::filesystem::is_directory(path, ignored)) {
    return Error{
        Errc::invalid_argument,
        fmt::format("--output {}: that is a folder; --output names a file, --dir the folder "
                    "for it",
                    output)};
  }
  if (slash == std::string::npos) return Target{".", name};
  return Target{slash == 0 ? "/" : path.substr(0, slash), name};
}

Result<std::vector<std::string>> remembered_names(const Metainfo& metainfo,
                                                  const std::string& folder,
                                                  const std::string& given_state) {
  const auto state = state_folder(given_state);
  return names_on_disk(metainfo, folder, state ? *state : std::string{}, *posix_files());
}

namespace {

void tell(const std::vector<NameNote>& notes, const Metainfo& metainfo, Output& output) {
  std::size_t told = 0;
  for (const NameNote& note : notes) {
    const std::string& name = metainfo.files()[note.file].path;
    output.event("name", {{"name", metainfo.name()},
                          {"path", name},
                          {"disk_path", note.path},
                          {"reason", kind_of(note.kind)}});
    if (++told <= most_told) output.warning(sentence_of(note, name));
  }
  if (told > most_told) {
    output.warning(fmt::format("{}: {} more such files", metainfo.name(), told - most_told));
  }
}

}  // namespace

void tell_found_names(const Metainfo& metainfo, std::span<const std::string> names,
                      Output& output) {
  std::vector<NameNote> notes;
  for (std::uint32_t file = 0; file < names.size(); ++file) {
    if (names[file] == metainfo.files()[file].path) continue;
    const auto raw = metainfo.raw_paths(file);
    if (std::find(raw.begin(), raw.end(), names[file]) == raw.end() &&
        name_key(names[file]) != name_key(metainfo.files()[file].path)) {
      continue;
    }
    notes.push_back({NameNote::Kind::found, file, names[file]});
  }
  tell(notes, metainfo, output);
}

void tell_names(const std::vector<NameNote>& notes, Watched& watched, Output& output) {
  for (const NameNote& note : notes) {
    if (note.kind == NameNote::Kind::taken) watched.unnamed.push_back(note.path);
  }
  tell(notes, *watched.metainfo, output);
}

Error unnamed_error(const std::vector<std::string>& parts) {
  return {Errc::already_exists,
          fmt::format("{}{} could not be given its name, which something else has: all is fetched; "
                      "move that away, and the same command gives the name",
                      parts.front(),
                      parts.size() == 1 ? "" : fmt::format(" and {} more", parts.size() - 1))};
}

}  // namespace barter::cli
