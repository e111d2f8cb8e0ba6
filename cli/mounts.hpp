// Which file system a path lies on, so that one that is not mounted is told from data that is gone.
// The choice is a pure function; only current_mounts() looks at the machine.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace barter::cli {

struct Mount {
  std::string point;   // where it is
  std::string type;    // "ext4", "nfs4"
  std::string source;  // a device, an export; of no meaning for some types
  friend bool operator==(const Mount&, const Mount&) = default;
};

// Of the text of /proc/self/mountinfo; where several are at one point, the last is what one sees.
std::vector<Mount> parse_mounts(std::string_view text);
// The text, parsed; empty where it cannot be read.
std::vector<Mount> current_mounts();
// The one that an absolute path, cleaned, lies on.
std::optional<Mount> mount_of(const std::vector<Mount>& mounts, std::string_view path);

}  // namespace barter::cli
