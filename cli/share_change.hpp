// ShareChange: that a file of what is shared is no longer as it was hashed, as far as the events of
// the client tell.
#pragma once

#include <optional>
#include <string>

#include "cli/share_item.hpp"
#include "client/client.hpp"

namespace barter::cli {

struct ShareChange {
  std::string path, how;     // "is missing"
  bool may_be_same = false;  // its bytes, as after a touch
  bool incomplete = false;   // the client began without some of it, and will not look again
};

std::optional<ShareChange> find_change(const TorrentEvent& event, const ShareItem& item);

}  // namespace barter::cli
