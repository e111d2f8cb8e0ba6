#include "cli/mounts.hpp"

#include <fstream>
#include <sstream>

namespace barter::cli {
namespace {

// Blanks and backslashes stand there as \040 and the like.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t at) {
      return at < text.size() && text[at] >= '0' && text[at] <= '7';
    };
    if (text[i] != '\\' || !digit(i + 1) || !digit(i + 2) || !digit(i + 3)) {
      out += text[i];
      continue;
    }
    out +=
        static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + text[i + 3] - '0');
    i += 3;
  }
  return out;
}

bool is_above(std::string_view point, std::string_view path) {
  if (point == "/") return path.starts_with('/');
  return path.starts_with(point) && (path.size() == point.size() || path[point.size()] == '/');
}

}  // namespace

std::vector<Mount> parse_mounts(std::string_view text) {
  std::vector<Mount> out;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) {
    // "36 35 98:0 /root /point options [fields] - type source super-options"
    std::istringstream words(line);
    std::string word, point, type, source;
    for (int i = 0; i < 5 && words >> word; ++i) point = word;
    while (words >> word && word != "-") {
    }
    if (!(words >> type >> source)) continue;
    out.push_back({unescaped(point), type, unescaped(source)});
  }
  return out;
}

std::vector<Mount> current_mounts() {
  std::ifstream in("/proc/self/mountinfo");
  std::ostringstream text;
  text << in.rdbuf();
  return parse_mounts(text.str());
}

std::optional<Mount> mount_of(const std::vector<Mount>& mounts, std::string_view path) {
  std::optional<Mount> out;
  for (const Mount& mount : mounts) {
    if (!is_above(mount.point, path)) continue;
    if (!out || mount.point.size() >= out->point.size()) out = mount;
  }
  return out;
}

}  // namespace barter::cli
