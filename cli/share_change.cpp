#include "cli/share_change.hpp"

#include <fmt/format.h>

namespace barter::cli {

std::optional<ShareChange> find_change(const TorrentEvent& event, const ShareItem& item) {
  const auto first = [&](const std::vector<std::string>& paths) {
    return paths.empty() ? item.source : fmt::format("{}/{}", item.folder, paths.front());
  };
  if (const auto* changed = std::get_if<FilesChanged>(&event)) {
    return ShareChange{first(changed->paths), "has changed", true, false};
  }
  if (const auto* missing = std::get_if<FilesMissing>(&event)) {
    return ShareChange{first(missing->paths), "is missing or too short", false, false};
  }
  if (std::holds_alternative<RootMissing>(event)) {
    return ShareChange{item.folder, "has gone", false, false};
  }
  const auto* began = std::get_if<TransferBegan>(&event);
  if (began != nullptr && began->have_bytes < item.metainfo->content_size()) {
    return ShareChange{find_change(item).value_or(item.source), "has changed", true, true};
  }
  return std::nullopt;
}

}  // namespace barter::cli
