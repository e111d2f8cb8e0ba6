#include "torrent/magnet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

#include "torrent/ascii.hpp"
#include "torrent/url.hpp"

namespace barter {
namespace {

constexpr std::size_t max_link_bytes = 64 * 1024;
constexpr std::size_t max_entries = 1000;  // of each list; more are skipped
constexpr std::string_view scheme = "magnet:";
constexpr std::string_view v1_topic = "urn:btih:";
constexpr std::string_view v2_topic = "urn:btmh:";
constexpr std::string_view sha256_tag = "1220";  // multihash: SHA-256, 32 bytes

bool starts_with(std::string_view text, std::string_view low) {
  return text.size() >= low.size() && std::equal(low.begin(), low.end(), text.begin(),
                                                 [](char a, char b) { return a == lower(b); });
}

Error magnet_error(std::string_view what) {
  return Error{Errc::invalid_magnet, fmt::format("magnet link: {}", what)};
}

// RFC 4648 base 32 without padding: 32 characters are the 20 bytes of a v1 hash.
std::optional<Sha1Digest> from_base32(std::string_view text) {
  Sha1Digest out;
  if (text.size() * 5 != out.bytes.size() * 8) return std::nullopt;
  std::uint32_t bits = 0;
  unsigned count = 0;
  std::size_t at = 0;
  for (const char c : text) {
    const char low = lower(c);
    std::uint32_t value = 0;
    if (low >= 'a' && low <= 'z') {
      value = static_cast<std::uint32_t>(low - 'a');
    } else if (low >= '2' && low <= '7') {
      value = static_cast<std::uint32_t>(low - '2') + 26;
    } else {
      return std::nullopt;
    }
    bits = (bits << 5 | value) & 0xfff;
    count += 5;
    if (count >= 8) {
      count -= 8;
      out.bytes[at++] = static_cast<std::byte>(bits >> count & 0xff);
    }
  }
  return out;
}

std::optional<Sha1Digest> v1_hash(std::string_view text) {
  Sha1Digest out;
  if (from_hex(text, out.bytes)) return out;
  return from_base32(text);
}

std::optional<Sha256Digest> v2_hash(std::string_view text) {
  Sha256Digest out;
  if (!text.starts_with(sha256_tag) || !from_hex(text.substr(sha256_tag.size()), out.bytes)) {
    return std::nullopt;
  }
  return out;
}

// As strict as percent_decode, but what is malformed stays as it is written.
std::string decoded(std::string_view text) {
  auto plain = percent_decode(text);
  return plain ? std::move(*plain) : std::string(text);
}

// A repeated `xt` must say the same again.
template <class Digest>
std::optional<Error> take_hash(const std::optional<Digest>& found, std::optional<Digest>& out) {
  if (!found) return magnet_error("an info-hash of the wrong length, or with wrong characters");
  if (out && *out != *found) return magnet_error("two different info-hashes of one kind");
  out = found;
  return std::nullopt;
}

std::optional<Error> take_topic(std::string_view topic, InfoHash& out) {
  if (starts_with(topic, v1_topic))
    return take_hash(v1_hash(topic.substr(v1_topic.size())), out.v1);
  if (starts_with(topic, v2_topic))
    return take_hash(v2_hash(topic.substr(v2_topic.size())), out.v2);
  return std::nullopt;  // another network's
}

void take_text(std::string text, std::vector<std::string>& out) {
  if (text.empty() || out.size() >= max_entries) return;
  if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
}

std::optional<std::uint32_t> parse_index(std::string_view text) {
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

// "0,2,4,6-8" (BEP 53)
void take_selection(std::string_view text, std::vector<Magnet::FileRange>& out) {
  for (std::size_t at = 0; at < text.size() && out.size() < max_entries;) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string_view part = text.substr(at, comma - at);
    at = comma + 1;
    const std::size_t dash = std::min(part.find('-'), part.size());
    const auto first = parse_index(part.substr(0, dash));
    const auto last = dash < part.size() ? parse_index(part.substr(dash + 1)) : first;
    if (first && last && *first <= *last) out.push_back({*first, *last});
  }
}

// Sorted, with what overlaps or touches joined.
void normalize(std::vector<Magnet::FileRange>& ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.last < b.last;
  });
  std::vector<Magnet::FileRange> out;
  for (const Magnet::FileRange& range : ranges) {
    if (!out.empty() && (range.first == 0 || range.first - 1 <= out.back().last)) {
      out.back().last = std::max(out.back().last, range.last);
    } else {
      out.push_back(range);
    }
  }
  ranges = std::move(out);
}

// "tr.1" and the like are numbered forms of "tr".
bool is_parameter(std::string_view key, std::string_view name) {
  if (!starts_with(key, name)) return false;
  key.remove_prefix(name.size());
  if (key.empty()) return true;
  return key.size() > 1 && key[0] == '.' && std::all_of(key.begin() + 1, key.end(), is_digit);
}

std::optional<Error> take_parameter(std::string_view key, std::string_view value, Magnet& out) {
  if (is_parameter(key, "xt")) return take_topic(decoded(value), out.info_hash);
  if (is_parameter(key, "dn")) {
    if (out.name.empty()) {
      std::string text(value);
      std::replace(text.begin(), text.end(), '+', ' ');  // many sites encode names as forms do
      out.name = decoded(text);
    }
  } else if (is_parameter(key, "tr")) {
    take_text(decoded(value), out.trackers);
  } else if (is_parameter(key, "ws")) {
    take_text(decoded(value), out.web_seeds);
  } else if (is_parameter(key, "x.pe")) {
    auto peer = HostPort::parse(decoded(value));
    if (peer && peer->port != 0 && out.peers.size() < max_entries &&
        std::find(out.peers.begin(), out.peers.end(), *peer) == out.peers.end()) {
      out.peers.push_back(std::move(*peer));
    }
  } else if (is_parameter(key, "so")) {
    take_selection(decoded(value), out.selected);
  }
  return std::nullopt;
}

}  // namespace

bool is_magnet(std::string_view text) {
  return starts_with(text, scheme);
}

Result<Magnet> Magnet::parse(std::string_view link) {
  if (link.size() > max_link_bytes) {
    return magnet_error(fmt::format("longer than {} bytes", max_link_bytes));
  }
  if (!is_magnet(link)) return magnet_error("does not begin with 'magnet:'");
  link.remove_prefix(scheme.size());
  if (!link.starts_with('?')) return magnet_error("expected '?' after 'magnet:'");
  link.remove_prefix(1);
  Magnet out;
  while (!link.empty()) {
    const std::size_t end = std::min(link.find('&'), link.size());
    std::string_view parameter = link.substr(0, end);
    link.remove_prefix(std::min(end + 1, link.size()));
    if (parameter.starts_with("amp;")) parameter.remove_prefix(4);  // copied out of HTML
    const std::size_t equals = parameter.find('=');
    if (equals == std::string_view::npos) continue;
    if (auto error =
            take_parameter(parameter.substr(0, equals), parameter.substr(equals + 1), out)) {
      return std::move(*error);
    }
  }
  if (!out.info_hash.v1 && !out.info_hash.v2) {
    return magnet_error("no info-hash; expected xt=urn:btih:... or xt=urn:btmh:...");
  }
  normalize(out.selected);
  return out;
}

bool Magnet::is_selected(std::uint32_t file) const {
  return selected.empty() || std::any_of(selected.begin(), selected.end(), [&](const FileRange& r) {
           return r.first <= file && file <= r.last;
         });
}

std::string to_string(const Magnet& magnet) {
  std::string out = "magnet:?";
  const auto add = [&](std::string_view key, std::string_view value) {
    if (!out.ends_with('?')) out.push_back('&');
    out.append(key).append("=").append(value);
  };
  if (magnet.info_hash.v1) add("xt", fmt::format("{}{}", v1_topic, to_hex(*magnet.info_hash.v1)));
  if (magnet.info_hash.v2) {
    add("xt", fmt::format("{}{}{}", v2_topic, sha256_tag, to_hex(*magnet.info_hash.v2)));
  }
  if (!magnet.name.empty()) add("dn", percent_encode(magnet.name));
  for (const std::string& tracker : magnet.trackers) add("tr", percent_encode(tracker));
  for (const std::string& web_seed : magnet.web_seeds) add("ws", percent_encode(web_seed));
  for (const HostPort& peer : magnet.peers)
    add("x.pe", to_string(peer));  // libtorrent decodes no x.pe
  if (!magnet.selected.empty()) {
    std::string ranges;
    for (const Magnet::FileRange& range : magnet.selected) {
      if (!ranges.empty()) ranges.push_back(',');
      fmt::format_to(std::back_inserter(ranges), "{}", range.first);
      if (range.last != range.first) fmt::format_to(std::back_inserter(ranges), "-{}", range.last);
    }
    add("so", ranges);
  }
  return out;
}

}  // namespace barter
