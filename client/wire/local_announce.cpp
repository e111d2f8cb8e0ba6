#include "client/wire/local_announce.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>

#include "torrent/ascii.hpp"

namespace barter::wire {

namespace {

constexpr std::uint16_t local_port = 6771;
constexpr std::string_view first_line = "BT-SEARCH * HTTP/1.1";

// Takes one line, without its end; LF alone ends one too.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_header(std::string_view name, std::string_view wanted) {
  return std::equal(name.begin(), name.end(), wanted.begin(), wanted.end(),
                    [](char a, char b) { return lower(a) == b; });
}

std::uint16_t parse_port(std::string_view text) {
  std::uint16_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() ? out : std::uint16_t{0};
}

void read_header(std::string_view line, LocalAnnounce& out) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = trimmed(line.substr(0, colon));
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (is_header(name, "port")) {
    out.port = parse_port(value);
  } else if (is_header(name, "cookie")) {
    out.cookie = trimmed(value.substr(0, max_cookie_bytes));
  } else if (is_header(name, "infohash") && out.info_hashes.size() < max_local_info_hashes) {
    WireInfoHash hash;
    const auto& known = out.info_hashes;
    if (from_hex(value, hash.bytes) && std::find(known.begin(), known.end(), hash) == known.end())
      out.info_hashes.push_back(hash);
  }
}

}  // namespace

Endpoint local_group(bool v6) {
  return {*Address::parse(v6 ? "ff15::efc0:988f" : "239.192.152.143"), local_port};
}

std::string to_datagram(const LocalAnnounce& announce, bool v6) {
  assert(announce.info_hashes.size() <= max_local_info_hashes);
  std::string out = fmt::format("{}\r\nHost: {}\r\nPort: {}\r\n", first_line,
                                to_string(local_group(v6)), announce.port);
  for (const WireInfoHash& hash : announce.info_hashes)
    out += fmt::format("Infohash: {}\r\n", to_hex(hash));
  if (!announce.cookie.empty())
    out += fmt::format("cookie: {}\r\n",
                       std::string_view(announce.cookie).substr(0, max_cookie_bytes));
  return out + "\r\n\r\n";
}

std::optional<LocalAnnounce> parse_local_announce(std::string_view datagram) {
  if (take_line(datagram) != first_line) return std::nullopt;
  LocalAnnounce out;
  while (!datagram.empty()) {
    const std::string_view line = take_line(datagram);
    if (line.empty()) break;
    read_header(line, out);
  }
  if (out.port == 0 || out.info_hashes.empty()) return std::nullopt;
  return out;
}

}  // namespace barter::wire
