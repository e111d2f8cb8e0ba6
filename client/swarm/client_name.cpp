#include "client/swarm/client_name.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace barter {

namespace {
constexpr std::array<std::pair<std::string_view, std::string_view>, 18> clients{{
    {"AZ", "Vuze"},
    {"BA", "barter"},
    {"BC", "BitComet"},
    {"BI", "BiglyBT"},
    {"BT", "BitTorrent"},
    {"DE", "Deluge"},
    {"FD", "Free Download Manager"},
    {"KT", "KTorrent"},
    {"LT", "libtorrent"},
    {"TR", "Transmission"},
    {"TX", "Tixati"},
    {"UM", "uTorrent Mac"},
    {"UT", "uTorrent"},
    {"WW", "WebTorrent"},
    {"lt", "rTorrent"},
    {"qB", "qBittorrent"},
    {"rQ", "rqbit"},
    {"GT", "anacrolix"},
}};

bool printable(char c) {
  return c > ' ' && c <= '~';
}
}  // namespace

std::string client_name(const PeerId& peer_id) {
  const std::string_view id = peer_id.view();
  if (!std::all_of(id.begin(), id.begin() + 8, printable)) return {};
  if (id.starts_with("A2-")) {  // aria2: "A2-1-36-0-"
    std::string version(id.substr(3, id.find_last_of('-', 10) - 3));
    if (!std::all_of(version.begin(), version.end(), printable)) return "aria2";
    std::replace(version.begin(), version.end(), '-', '.');
    return "aria2 " + version;
  }
  if (id[0] != '-' || id[7] != '-') return {};
  const std::string_view code = id.substr(1, 2);
  std::string version;
  for (const char c : id.substr(3, 4)) {
    if (!version.empty()) version += '.';
    version += c;
  }
  while (version.ends_with(".0") && version.size() > 3) version.resize(version.size() - 2);
  for (const auto& [known, name] : clients)
    if (known == code) return std::string(name) + ' ' + version;
  return std::string(code) + ' ' + version;
}

}  // namespace barter
