#include "client/net/reply_head.hpp"

#include <algorithm>

namespace barter::net {

std::optional<std::size_t> end_of_head(std::string_view bytes) {
  for (std::size_t at = bytes.find('\n'); at != std::string_view::npos;
       at = bytes.find('\n', at + 1)) {
    const std::string_view rest = bytes.substr(at + 1);
    if (rest.starts_with('\n')) return at + 2;
    if (rest.starts_with("\r\n")) return at + 3;
  }
  return std::nullopt;
}

std::string tidy_head(std::string_view head) {
  std::string out;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find('\n'), head.size());
    std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 1, head.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const bool no_reason = out.empty() && std::count(line.begin(), line.end(), ' ') == 1;
    out.append(line).append(no_reason ? " \r\n" : "\r\n");
  }
  return out;
}

}  // namespace barter::net
