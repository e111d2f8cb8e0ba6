// URLs of trackers, web seeds and torrents: http, https and udp, cut into parts and bounded. A
// value type. Nothing is resolved here, and nothing said about where a host is allowed to lie.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "torrent/result.hpp"

namespace barter {

inline constexpr std::size_t max_url_bytes = 8192;

struct Url {
  std::string scheme;      // "http", "https" or "udp"
  std::string userinfo;    // as written, still percent-encoded; empty if there is none
  std::string host;        // lower case, a name or an address, without brackets
  std::uint16_t port = 0;  // that of the scheme if none is written
  std::string
      path;  // as written, begins with '/' ("/" if none is written); empty for udp without one
  std::string query;  // as written, without '?'

  // Blanks and bytes that may not stand in a URL are percent-encoded, control characters are an
  // error, a fragment is dropped.
  static Result<Url> parse(std::string_view text);
  // Where `reference` (absolute or relative, as in a Location header) leads from here (RFC 3986).
  Result<Url> resolve(std::string_view reference) const;

  bool is_http() const { return scheme != "udp"; }
  // Host and port as in a Host header: brackets around IPv6, no port where it is the scheme's.
  std::string authority() const;
  // Path and query, as in the first line of a request.
  std::string target() const;
  // Scheme, host and port are equal: credentials may follow a redirect.
  bool same_origin(const Url& other) const;

  friend bool operator==(const Url&, const Url&) = default;
};

std::string to_string(const Url& url);

// Everything but letters, digits and "-._~" becomes %XX.
std::string percent_encode(std::string_view bytes);
// Nothing if a '%' is not followed by two hexadecimal digits. '+' stays as it is.
std::optional<std::string> percent_decode(std::string_view text);

// The URL as it may be logged, valid or not: user names, passkeys and tokens are shown as "***",
// and what a terminal should not see is escaped. When in doubt, it hides.
std::string redacted(std::string_view url);

}  // namespace barter
