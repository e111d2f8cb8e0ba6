#include "torrent/endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>
#include <iterator>

#include "torrent/ascii.hpp"

namespace barter {
namespace {

// A decimal number without sign or leading zeros, at most `limit`.
std::optional<std::uint32_t> parse_decimal(std::string_view text, std::uint32_t limit) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (value > limit) return std::nullopt;
  return value;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto value = parse_decimal(text, 65535);
  if (!value) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

std::optional<std::array<std::uint8_t, 4>> parse_v4(std::string_view text) {
  std::array<std::uint8_t, 4> bytes{};
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t dot = i < 3 ? text.find('.') : text.size();
    if (dot == std::string_view::npos) return std::nullopt;
    const auto value = parse_decimal(text.substr(0, dot), 255);
    if (!value) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>(*value);
    text.remove_prefix(std::min(text.size(), dot + 1));
  }
  return bytes;
}

// The 16-bit groups of one side of "::", the last of which may be an IPv4 address. Appends their
// bytes to `out` from `count` on; false if malformed or too long.
bool parse_groups(std::string_view text, bool v4_allowed, std::array<std::uint8_t, 16>& out,
                  std::size_t& count) {
  if (text.empty()) return true;
  for (;;) {
    const std::size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    const bool last = colon == std::string_view::npos;
    if (last && v4_allowed && group.find('.') != std::string_view::npos) {
      const auto v4 = parse_v4(group);
      if (!v4 || count + 4 > out.size()) return false;
      for (const std::uint8_t byte : *v4) out[count++] = byte;
      return true;
    }
    std::uint16_t value = 0;
    const char* const end = group.data() + group.size();
    if (group.empty() || group.size() > 4 || count + 2 > out.size()) return false;
    const auto parsed = std::from_chars(group.data(), end, value, 16);
    if (parsed.ec != std::errc() || parsed.ptr != end) return false;
    out[count++] = static_cast<std::uint8_t>(value >> 8);
    out[count++] = static_cast<std::uint8_t>(value & 0xff);
    if (last) return true;
    text.remove_prefix(colon + 1);
  }
}

std::optional<std::array<std::uint8_t, 16>> parse_v6(std::string_view text) {
  std::array<std::uint8_t, 16> bytes{};
  std::size_t count = 0;
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    if (!parse_groups(text, true, bytes, count) || count != 16) return std::nullopt;
    return bytes;
  }
  std::array<std::uint8_t, 16> tail{};
  std::size_t tail_count = 0;
  if (!parse_groups(text.substr(0, gap), false, bytes, count)) return std::nullopt;
  if (!parse_groups(text.substr(gap + 2), true, tail, tail_count)) return std::nullopt;
  if (count + tail_count > 14) return std::nullopt;  // "::" stands for at least one group
  std::copy_n(tail.begin(), tail_count, bytes.end() - static_cast<std::ptrdiff_t>(tail_count));
  return bytes;
}

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::string format_v6(const std::array<std::uint8_t, 16>& bytes) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) groups[i] = bytes[2 * i] * 256U + bytes[2 * i + 1];
  // RFC 5952: the first of the longest runs of at least two zero groups becomes "::".
  std::size_t best = 8, best_length = 1;
  for (std::size_t i = 0; i < 8;) {
    std::size_t length = 0;
    while (i + length < 8 && groups[i + length] == 0) ++length;
    if (length > best_length) {
      best = i;
      best_length = length;
    }
    i += std::max<std::size_t>(length, 1);
  }
  std::string out;
  for (std::size_t i = 0; i < 8;) {
    if (i == best) {
      out += "::";
      i += best_length;
      continue;
    }
    if (!out.empty() && out.back() != ':') out.push_back(':');
    fmt::format_to(std::back_inserter(out), "{:x}", groups[i]);
    ++i;
  }
  return out;
}

// What may stand in a host: a DNS name (underscores occur) or, without brackets, an IPv6 address.
bool is_host(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  if (host.find(':') != std::string_view::npos) return Address::parse(host).has_value();
  return std::all_of(host.begin(), host.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
  });
}

}  // namespace

Address Address::v4(std::array<std::uint8_t, 4> bytes) {
  Address out;
  std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
  return out;
}

Address Address::v6(std::array<std::uint8_t, 16> bytes) {
  if (std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes.begin())) {
    return v4({bytes[12], bytes[13], bytes[14], bytes[15]});
  }
  Address out;
  out.v4_ = false;
  out.bytes_ = bytes;
  return out;
}

std::optional<Address> Address::parse(std::string_view text) {
  if (text.size() > 45) return std::nullopt;
  if (text.find(':') != std::string_view::npos) {
    const auto bytes = parse_v6(text);
    if (!bytes) return std::nullopt;
    return v6(*bytes);
  }
  const auto bytes = parse_v4(text);
  if (!bytes) return std::nullopt;
  return v4(*bytes);
}

std::optional<Address> Address::from(std::string_view bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
  std::array<std::uint8_t, 16> out{};
  std::memcpy(out.data(), bytes.data(), bytes.size());
  return bytes.size() == 16 ? v6(out) : v4({out[0], out[1], out[2], out[3]});
}

std::array<std::uint8_t, 4> Address::v4_bytes() const {
  assert(v4_);
  return {bytes_[0], bytes_[1], bytes_[2], bytes_[3]};
}

std::array<std::uint8_t, 16> Address::v6_bytes() const {
  if (!v4_) return bytes_;
  std::array<std::uint8_t, 16> out{};
  std::copy(mapped_prefix.begin(), mapped_prefix.end(), out.begin());
  std::copy_n(bytes_.begin(), 4, out.begin() + 12);
  return out;
}

bool Address::is_unspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool Address::is_loopback() const {
  if (v4_) return bytes_[0] == 127;
  return bytes_[15] == 1 &&
         std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::uint8_t byte) { return byte == 0; });
}

bool Address::is_link_local() const {
  if (v4_) return bytes_[0] == 169 && bytes_[1] == 254;
  return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool Address::is_private() const {
  if (!v4_) return (bytes_[0] & 0xfe) == 0xfc;
  return bytes_[0] == 10 || (bytes_[0] == 172 && (bytes_[1] & 0xf0) == 16) ||
         (bytes_[0] == 192 && bytes_[1] == 168) || (bytes_[0] == 100 && (bytes_[1] & 0xc0) == 64);
}

bool Address::is_multicast() const {
  if (!v4_) return bytes_[0] == 0xff;
  return (bytes_[0] & 0xf0) == 0xe0 || *this == v4({255, 255, 255, 255});
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_port(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  // Brackets stand around IPv6 and nothing else; without them the port could not be told apart.
  if (bracketed != (host.find(':') != std::string_view::npos)) return std::nullopt;
  const auto address = Address::parse(host);
  if (!address || !port) return std::nullopt;
  return Endpoint{*address, *port};
}

void append_compact(const Endpoint& endpoint, std::string& out) {
  out += endpoint.address.view();
  out += static_cast<char>(endpoint.port >> 8);
  out += static_cast<char>(endpoint.port & 0xff);
}

std::optional<Endpoint> from_compact(std::string_view record) {
  if (record.size() < 2) return std::nullopt;
  const auto address = Address::from(record.substr(0, record.size() - 2));
  if (!address) return std::nullopt;
  const auto high = static_cast<std::uint8_t>(record[record.size() - 2]);
  const auto low = static_cast<std::uint8_t>(record.back());
  return Endpoint{*address, static_cast<std::uint16_t>(high << 8 | low)};
}

std::string to_string(const Address& address) {
  if (!address.is_v4()) return format_v6(address.v6_bytes());
  const auto bytes = address.v4_bytes();
  return fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
}

std::string to_string(const Endpoint& endpoint) {
  if (endpoint.address.is_v4())
    return fmt::format("{}:{}", to_string(endpoint.address), endpoint.port);
  return fmt::format("[{}]:{}", to_string(endpoint.address), endpoint.port);
}

Result<HostPort> HostPort::parse(std::string_view text, std::optional<std::uint16_t> default_port) {
  std::string_view host = text, port;
  bool has_port = false;
  if (!text.empty() && text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) {
      return Error{Errc::invalid_argument, "host: '[' without ']'"};
    }
    host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    has_port = !rest.empty();
    if (has_port && rest.front() != ':') {
      return Error{Errc::invalid_argument, "host: expected ':' and a port after ']'"};
    }
    if (has_port) port = rest.substr(1);
    if (!Address::parse(host) || host.find(':') == std::string_view::npos) {
      return Error{Errc::invalid_argument, "host: no IPv6 address between '[' and ']'"};
    }
  } else if (!(default_port && Address::parse(text))) {  // a bare IPv6 address is full of colons
    const std::size_t colon = text.rfind(':');
    has_port = colon != std::string_view::npos;
    host = text.substr(0, colon);
    if (has_port) port = text.substr(colon + 1);
    if (host.find(':') != std::string_view::npos) {
      return Error{Errc::invalid_argument,
                   "host: write IPv6 addresses in brackets, as in [::1]:6881"};
    }
  }
  if (!is_host(host)) return Error{Errc::invalid_argument, "host: not a host name or address"};
  if (!has_port && !default_port) {
    return Error{Errc::invalid_argument, "host: the port is missing; write HOST:PORT"};
  }
  const auto number = has_port ? parse_port(port) : default_port;
  if (!number) return Error{Errc::invalid_argument, "host: the port is no number from 0 to 65535"};
  return HostPort{std::string(host), *number};
}

std::string to_string(const HostPort& host_port) {
  const bool v6 = host_port.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", host_port.host, v6 ? "]" : "", host_port.port);
}

}  // namespace barter

namespace {

// Spreads every bit of two words over the result (the finaliser of splitmix64, twice).
std::size_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a;
  for (const std::uint64_t word : {b, std::uint64_t{0x9e3779b97f4a7c15}}) {
    x ^= word;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    x ^= x >> 31;
  }
  return x;
}

}  // namespace

std::size_t std::hash<barter::Address>::operator()(const barter::Address& address) const noexcept {
  const auto bytes = address.v6_bytes();
  std::uint64_t words[2];
  std::memcpy(words, bytes.data(), sizeof words);
  return mix(words[0], words[1]);
}

std::size_t std::hash<barter::Endpoint>::operator()(
    const barter::Endpoint& endpoint) const noexcept {
  return mix(std::hash<barter::Address>{}(endpoint.address), endpoint.port);
}
