// The addresses of this machine that are worth telling to somebody on another one: what `share` and
// `tracker` print. The choice is a pure function; only usable_addresses() looks at the machine.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tracker/reachability.hpp"

namespace barter::cli {

struct UsableAddresses {
  std::vector<Address> addresses;  // never empty; the best first
  bool loopback_only = false;      // nobody else can use them
};

struct NetworkState {
  std::vector<tracker::InterfaceAddress> all;
  std::string ipv4_routes;     // the text of /proc/net/route
  std::string ipv6_routes;     // of /proc/net/ipv6_route
  std::string ipv6_addresses;  // of /proc/net/if_inet6: which ones are temporary
};

// Without loopback, link-local and short-lived addresses, and those of container bridges; of the
// interface with the default route first, IPv4 before IPv6.
UsableAddresses choose_addresses(const NetworkState& state);
UsableAddresses usable_addresses();
// Where a server that listens there is reached: for "all addresses" at each that is of use to
// others. `loopback_only` is set where that is nobody.
std::vector<HostPort> reached_at(const std::vector<Address>& listen, std::uint16_t port,
                                 bool& loopback_only);

// The interface of the default route with the lowest metric.
std::optional<std::string> default_ipv4_interface(std::string_view routes);
std::optional<std::string> default_ipv6_interface(std::string_view routes);

}  // namespace barter::cli
