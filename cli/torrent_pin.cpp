#include "cli/torrent_pin.hpp"

#include <fmt/format.h>

#include "cli/text.hpp"
#include "torrent/magnet.hpp"

namespace barter::cli {
namespace {

constexpr std::size_t v2_digits = 64;

std::string in_hex(const InfoHash& hash, bool v2) {
  if (v2) return hash.v2 ? to_hex(*hash.v2) : std::string("none of version 2");
  return hash.v1 ? to_hex(*hash.v1) : std::string("none of version 1");
}

}  // namespace

Result<TorrentPin> TorrentPin::parse(const std::string& hash) {
  const bool v2 = hash.size() == v2_digits;
  const auto magnet = Magnet::parse("magnet:?xt=urn:" + (v2 ? "btmh:1220" + hash : "btih:" + hash));
  if (!magnet || hash.find('&') != std::string::npos) {
    return Error{Errc::invalid_argument,
                 fmt::format("{} is no info-hash: give 40 hexadecimal digits, or 64 of version 2",
                             cli::quoted(hash))};
  }
  TorrentPin out;
  out.hash_ = magnet->info_hash;
  return out;
}

Result<std::optional<TorrentPin>> TorrentPin::of_url(const std::string& url) {
  const std::size_t at = url.find('#');
  if (at == std::string::npos) return std::optional<TorrentPin>();
  const std::string fragment = url.substr(at + 1);
  if (!fragment.starts_with("btih=") && !fragment.starts_with("btmh=")) {
    return std::optional<TorrentPin>();
  }
  auto pin = parse(fragment.substr(5));
  if (!pin) {
    return Error{pin.error().code, fmt::format("the URL ends in #{}: {}", fragment.substr(0, 4),
                                               pin.error().message)};
  }
  return std::optional<TorrentPin>(*pin);
}

Result<void> TorrentPin::check(const InfoHash& found, const std::string& what) const {
  const bool v2 = hash_.v2.has_value();
  if (v2 ? found.v2 == hash_.v2 : found.v1 == hash_.v1) return {};
  return Error{Errc::unexpected,
               fmt::format("{} is another torrent: its info-hash is {}, and {} is expected", what,
                           in_hex(found, v2), in_hex(hash_, v2))};
}

bool TorrentPin::contradicts(const TorrentPin& other) const {
  return (hash_.v1 && other.hash_.v1 && hash_.v1 != other.hash_.v1) ||
         (hash_.v2 && other.hash_.v2 && hash_.v2 != other.hash_.v2);
}

std::string pin_text(const InfoHash& hash) {
  return hash.v1 ? "#btih=" + to_hex(*hash.v1) : "#btmh=" + to_hex(*hash.v2);
}

}  // namespace barter::cli
