// Address and Endpoint: where a peer is, without a socket library. A value type; IPv4 addresses are
// kept as IPv4 (a mapped IPv6 address is unmapped on the way in).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "torrent/result.hpp"

namespace barter {

class Address {
 public:
  Address() = default;  // 0.0.0.0
  static Address v4(std::array<std::uint8_t, 4> bytes);
  static Address v6(std::array<std::uint8_t, 16> bytes);       // ::ffff:a.b.c.d becomes IPv4
  static std::optional<Address> parse(std::string_view text);  // no names, no brackets, no zone
  static std::optional<Address> from(std::string_view bytes);  // 4 or 16, in network order
  std::string_view view() const {                              // the same
    return {reinterpret_cast<const char*>(bytes_.data()), v4_ ? 4U : 16U};
  }

  bool is_v4() const { return v4_; }
  std::array<std::uint8_t, 4> v4_bytes() const;   // requires is_v4()
  std::array<std::uint8_t, 16> v6_bytes() const;  // IPv4 is given mapped
  bool is_unspecified() const;
  bool is_loopback() const;
  bool is_link_local() const;
  bool is_private() const;    // RFC 1918, RFC 6598 (100.64/10), fc00::/7
  bool is_multicast() const;  // and the IPv4 broadcast address
  // Loopback, link-local or private: the networks whose hosts share
  // one address or trust each other.
  bool is_local() const { return is_loopback() || is_link_local() || is_private(); }

  friend auto operator<=>(const Address&, const Address&) = default;

 private:
  bool v4_ = true;
  std::array<std::uint8_t, 16> bytes_{};
};

struct Endpoint {
  Address address;
  std::uint16_t port = 0;  // host byte order
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
  static std::optional<Endpoint> parse(std::string_view text);  // "1.2.3.4:80", "[::1]:80"
  // May somebody be there? Not without a port, nor where the address is unspecified or multicast.
  bool is_place() const {
    return port != 0 && !address.is_unspecified() && !address.is_multicast();
  }
};

// The compact form (BEP 23, BEP 7): the address's bytes and the port's, 6 or 18 in all.
constexpr std::size_t compact_bytes(bool v4) {
  return v4 ? 6 : 18;
}
void append_compact(const Endpoint& endpoint, std::string& out);
std::optional<Endpoint> from_compact(std::string_view record);

std::string to_string(const Address& address);    // IPv6 in the form of RFC 5952
std::string to_string(const Endpoint& endpoint);  // IPv6 in brackets

// Host and port as the user or a tracker wrote them: the host may be a name that must be resolved.
struct HostPort {
  std::string host;  // without brackets
  std::uint16_t port = 0;
  friend bool operator==(const HostPort&, const HostPort&) = default;
  // "host:port", "[v6]:port"; a missing port is an error unless `default_port` is given.
  static Result<HostPort> parse(std::string_view text,
                                std::optional<std::uint16_t> default_port = {});
};
std::string to_string(const HostPort& host_port);

}  // namespace barter

template <>
struct std::hash<barter::Endpoint> {
  std::size_t operator()(const barter::Endpoint& endpoint) const noexcept;
};
template <>
struct std::hash<barter::Address> {
  std::size_t operator()(const barter::Address& address) const noexcept;
};
