#include "torrent/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "torrent/ascii.hpp"
#include "torrent/endpoint.hpp"

namespace barter {
namespace {

bool is_unreserved(char c) {
  return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

void append_encoded(std::string& out, char c) {
  static constexpr char digits[] = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out.push_back('%');
  out.push_back(digits[byte >> 4]);
  out.push_back(digits[byte & 15]);
}

// What may not stand in a URL, but does in those that people write.
bool needs_encoding(char c) {
  return static_cast<unsigned char>(c) >= 0x80 ||
         std::string_view(" \"<>\\^`{|}").find(c) != std::string_view::npos;
}

Error url_error(std::string_view what) {
  return Error{Errc::invalid_url, fmt::format("URL: {}", what)};
}

std::optional<std::uint16_t> default_port(std::string_view scheme) {
  if (scheme == "http") return std::uint16_t{80};
  if (scheme == "https") return std::uint16_t{443};
  return std::nullopt;  // udp trackers have none
}

// The scheme before ':', or nothing if `text` does not begin with one (RFC 3986, 3.1).
std::optional<std::string_view> scheme_of(std::string_view text) {
  const std::size_t end = text.find_first_of(":/?#");
  if (end == std::string_view::npos || text[end] != ':' || end == 0 || !is_alpha(text[0])) {
    return std::nullopt;
  }
  const std::string_view scheme = text.substr(0, end);
  const bool legal = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
  if (!legal) return std::nullopt;
  return scheme;
}

// Bounded, without controls, without surrounding blanks and fragment,
// and with all odd bytes encoded.
Result<std::string> tidy(std::string_view text) {
  if (text.size() > max_url_bytes)
    return url_error(fmt::format("longer than {} bytes", max_url_bytes));
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  text = text.substr(0, text.find('#'));
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return url_error("a control character");
    if (needs_encoding(c)) {
      append_encoded(out, c);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

// RFC 3986, 5.2.4, for a path that begins with '/'.
std::string remove_dot_segments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end);
    const bool up = segment == "/..";
    if (up) out.erase(std::min(out.rfind('/'), out.size()));
    if (!up && segment != "/.") {
      out += segment;
    } else if (path.empty()) {
      out.push_back('/');
    }
  }
  return out.empty() ? "/" : out;
}

struct Counts {
  std::size_t digits = 0, letters = 0, others = 0;
};

Counts count(std::string_view text) {
  Counts out;
  for (const char c : text) {
    if (is_digit(c)) {
      ++out.digits;
    } else if (is_alpha(c)) {
      ++out.letters;
    } else {
      ++out.others;
    }
  }
  return out;
}

// Passkeys are long runs of letters and digits mixed; words and file names are broken by marks. An
// '@' may follow a password in a URL that is written wrong.
bool looks_secret(std::string_view text) {
  if (std::any_of(text.begin(), text.end(), [](char c) { return c == '@'; })) return true;
  const Counts whole = count(text);
  const bool hexadecimal =
      std::all_of(text.begin(), text.end(), [](char c) { return hex_value(c) >= 0 || c == '-'; });
  if (hexadecimal && whole.digits + whole.letters >= 12) return true;
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos && text.size() >= 20 && whole.digits >= 3) return true;
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = begin;
    while (end < text.size() && (is_alpha(text[end]) || is_digit(text[end]))) ++end;
    const Counts run = count(text.substr(begin, end - begin));
    const std::size_t length = end - begin;
    if (length >= 24 || (length >= 10 && run.digits >= 2)) return true;
    begin = end + 1;
  }
  return false;
}

// Parameters of announces that are known to hold no secret.
bool is_plain_parameter(std::string_view name) {
  static constexpr std::string_view names[] = {"compact",       "corrupt",    "downloaded", "event",
                                               "left",          "no_peer_id", "numwant",    "port",
                                               "supportcrypto", "uploaded"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool is_short_word(std::string_view value) {
  return value.size() <= 12 && std::all_of(value.begin(), value.end(), is_alpha);
}

bool is_number(std::string_view value) {
  return value.size() <= 20 && std::all_of(value.begin(), value.end(), is_digit);
}

bool sounds_secret(std::string_view name) {
  const std::string low = lower(name);
  for (const std::string_view word :
       {"pass", "key", "auth", "token", "secret", "pid", "uid", "sid", "user", "sign", "pwd"}) {
    if (low.find(word) != std::string::npos) return true;
  }
  return false;
}

void append_safe(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f) {
      append_encoded(out, c);
    } else {
      out.push_back(c);
    }
  }
}

// Appends the parts of `text` between the separators, those that `hide` says as "***".
template <class Hide>
void append_parts(std::string& out, std::string_view text, char separator, Hide hide) {
  for (bool first = true;; first = false) {
    if (!first) out.push_back(separator);
    const std::size_t end = std::min(text.find(separator), text.size());
    const std::string_view part = text.substr(0, end);
    if (hide(part)) {
      out += "***";
    } else {
      append_safe(out, part);
    }
    if (end == text.size()) return;
    text.remove_prefix(end + 1);
  }
}

void append_query(std::string& out, std::string_view query) {
  for (bool first = true;; first = false) {
    if (!first) out.push_back('&');
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view parameter = query.substr(0, end);
    const std::size_t equals = parameter.find('=');
    if (equals == std::string_view::npos) {
      // A lone word may be the passkey itself.
      out += is_short_word(parameter) ? std::string(parameter) : "***";
    } else {
      const std::string_view name = parameter.substr(0, equals);
      const std::string_view value = parameter.substr(equals + 1);
      if (looks_secret(name)) {
        out += "***";
      } else {
        append_safe(out, name);
      }
      const bool shown = (is_plain_parameter(name) && is_number(value)) ||
                         (is_short_word(value) && !sounds_secret(name));
      out.push_back('=');
      if (shown) {
        out += value;
      } else {
        out += "***";
      }
    }
    if (end == query.size()) return;
    query.remove_prefix(end + 1);
  }
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  const auto tidied = tidy(text);
  if (!tidied) return tidied.error();
  std::string_view rest = *tidied;
  const auto scheme = scheme_of(rest);
  if (!scheme) return url_error("no scheme; write http://, https:// or udp://");
  Url out;
  out.scheme = lower(*scheme);
  if (out.scheme != "http" && out.scheme != "https" && out.scheme != "udp") {
    return url_error("only http, https and udp are supported");
  }
  rest.remove_prefix(scheme->size() + 1);
  if (!rest.starts_with("//")) return url_error("expected '//' after the scheme");
  rest.remove_prefix(2);
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, end);
  rest.remove_prefix(end);
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    out.userinfo = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  const auto port = default_port(out.scheme);
  if (port && authority.ends_with(':')) authority.remove_suffix(1);  // an empty port is the default
  if (port && !authority.starts_with('[') &&
      std::count(authority.begin(), authority.end(), ':') > 1) {
    return url_error("write IPv6 addresses in brackets");
  }
  auto host_port = HostPort::parse(authority, port);
  if (!host_port) return url_error(host_port.error().message);
  if (host_port->port == 0) return url_error("port 0");
  out.host = lower(host_port->host);
  out.port = host_port->port;
  const std::size_t mark = std::min(rest.find('?'), rest.size());
  out.path = rest.substr(0, mark);
  if (mark < rest.size()) out.query = rest.substr(mark + 1);
  if (out.path.empty() && out.is_http()) out.path = "/";
  return out;
}

Result<Url> Url::resolve(std::string_view reference) const {
  const auto tidied = tidy(reference);
  if (!tidied) return tidied.error();
  const std::string_view text = *tidied;
  if (scheme_of(text)) return parse(text);
  if (text.starts_with("//")) return parse(scheme + ":" + *tidied);
  Url out = *this;
  const std::size_t mark = std::min(text.find('?'), text.size());
  const std::string_view new_path = text.substr(0, mark);
  if (new_path.empty()) {
    if (mark < text.size()) out.query = text.substr(mark + 1);
    return out;
  }
  out.query = mark < text.size() ? std::string(text.substr(mark + 1)) : std::string();
  if (new_path.front() == '/') {
    out.path = remove_dot_segments(new_path);
  } else {
    const std::string folder = path.substr(0, path.rfind('/') + 1);
    out.path = remove_dot_segments((folder.empty() ? "/" : folder) + std::string(new_path));
  }
  if (to_string(out).size() > max_url_bytes) return url_error("too long after a redirect");
  return out;
}

std::string Url::authority() const {
  if (default_port(scheme) != port) return to_string(HostPort{host, port});
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

std::string Url::target() const {
  return query.empty() ? path : path + "?" + query;
}

bool Url::same_origin(const Url& other) const {
  return scheme == other.scheme && host == other.host && port == other.port;
}

std::string to_string(const Url& url) {
  return fmt::format("{}://{}{}{}{}", url.scheme, url.userinfo, url.userinfo.empty() ? "" : "@",
                     url.authority(), url.target());
}

std::string percent_encode(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (const char c : bytes) {
    if (is_unreserved(c)) {
      out.push_back(c);
    } else {
      append_encoded(out, c);
    }
  }
  return out;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

std::string redacted(std::string_view url) {
  std::string out;
  const bool cut = url.size() > max_url_bytes;
  url = url.substr(0, std::min({max_url_bytes, url.find('#'), url.size()}));
  const std::size_t scheme_end = url.find("://");
  if (scheme_end != std::string_view::npos && scheme_end <= 12 &&
      scheme_of(url) == url.substr(0, scheme_end)) {
    append_safe(out, url.substr(0, scheme_end + 3));
    url.remove_prefix(scheme_end + 3);
  }
  const std::size_t authority_end = std::min(url.find_first_of("/?\\"), url.size());
  std::string_view authority = url.substr(0, authority_end);
  url.remove_prefix(authority_end);
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    out += "***@";
    authority.remove_prefix(at + 1);
  }
  if (authority.starts_with('[') && HostPort::parse(authority, 0)) {
    append_safe(out, authority);
  } else {
    append_parts(out, authority, '.', looks_secret);
  }
  const std::size_t mark = std::min(url.find('?'), url.size());
  if (mark > 0) append_parts(out, url.substr(0, mark), '/', looks_secret);
  if (mark < url.size()) {
    out.push_back('?');
    append_query(out, url.substr(mark + 1));
  }
  if (cut) out += "...";
  return out;
}

}  // namespace barter
