#include "cli/selection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace barter::cli {
namespace {

// Within the torrent's folder.
std::vector<std::string_view> paths_of(const Metainfo& metainfo) {
  std::vector<std::string_view> out;
  for (const File& file : metainfo.files()) {
    std::string_view path = file.path;
    if (metainfo.multi_file()) path.remove_prefix(std::min(path.find('/') + 1, path.size()));
    out.push_back(path);
  }
  return out;
}

// Sets `value` for all that one of the patterns selects.
void apply(const std::vector<Glob>& globs, const std::vector<std::string_view>& paths, bool value,
           std::vector<bool>& selected) {
  for (const Glob& glob : globs) {
    const bool literal = std::any_of(paths.begin(), paths.end(), [&](std::string_view path) {
      return glob.selects_literally(path);
    });
    for (std::size_t i = 0; i < paths.size(); ++i) {
      if (literal ? glob.selects_literally(paths[i]) : glob.selects(paths[i])) selected[i] = value;
    }
  }
}

}  // namespace

Result<std::vector<bool>> select_files(const Metainfo& metainfo, const Selection& selection,
                                       const Magnet& link) {
  if (selection.is_all() && link.selected.empty()) return std::vector<bool>();
  const auto paths = paths_of(metainfo);
  std::vector<bool> selected(paths.size(), selection.select.empty());
  if (selection.select.empty() && !link.selected.empty()) {
    for (std::uint32_t i = 0; i < selected.size(); ++i) selected[i] = link.is_selected(i);
  }
  apply(selection.select, paths, true, selected);
  apply(selection.exclude, paths, false, selected);
  for (std::size_t i = 0; i < selected.size(); ++i) {
    if (metainfo.files()[i].pad) selected[i] = false;
  }
  if (std::none_of(selected.begin(), selected.end(), [](bool wanted) { return wanted; })) {
    return Error{Errc::invalid_argument,
                 fmt::format("{}: no file matches {}", metainfo.name(),
                             !selection.exclude.empty()  ? "--select and --exclude"
                             : !selection.select.empty() ? "--select"
                                                         : "the selection of the link (so)")};
  }
  return selected;
}

}  // namespace barter::cli
