#include "cli/usable_addresses.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "torrent/digest.hpp"

namespace barter::cli {
namespace {

bool has_prefix(std::string_view name, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// Bridges behind which there are only containers and virtual machines of this host. A bridge that
// an administrator made is called br0 or the like, and is the way to the network.
bool is_container_bridge(std::string_view interface) {
  return has_prefix(interface, {"docker", "br-", "virbr", "cni", "podman", "lxcbr", "lxdbr", "lxc",
                                "flannel", "cali", "kube-", "vmnet", "vboxnet", "nerdctl"});
}

// One end of a cable to a network namespace: of the host's end nobody needs to know, but in the
// namespace it may be all there is.
bool is_veth(std::string_view interface) {
  return interface.starts_with("veth");
}

std::vector<std::string> words(const std::string& line) {
  std::istringstream in(line);
  return {std::istream_iterator<std::string>(in), {}};
}

std::optional<std::uint64_t> hex_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The interface with the lowest metric of the lines for which `route` gives one.
template <class Route>
std::optional<std::string> best_interface(std::string_view routes, Route route) {
  std::istringstream in{std::string(routes)};
  std::optional<std::pair<std::uint64_t, std::string>> best;
  for (std::string line; std::getline(in, line);) {
    const std::optional<std::pair<std::uint64_t, std::string>> found = route(words(line));
    if (found && (!best || found->first < best->first)) best = found;
  }
  if (!best) return std::nullopt;
  return best->second;
}

constexpr std::uint64_t route_up = 1, route_reject = 0x200;

// IPv6 addresses that will not last (RFC 4941), or are not ready: by the flags of the kernel.
std::set<Address> passing_ipv6_addresses(std::string_view text) {
  constexpr std::uint64_t temporary = 0x01, duplicate = 0x08, deprecated = 0x20, tentative = 0x40;
  std::set<Address> out;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) {
    const auto fields = words(line);
    if (fields.size() < 6) continue;
    std::array<std::uint8_t, 16> bytes{};
    const auto flags = hex_number(fields[4]);
    if (!flags || !from_hex(fields[0], std::as_writable_bytes(std::span(bytes)))) continue;
    if ((*flags & (temporary | duplicate | deprecated | tentative)) != 0) {
      out.insert(Address::v6(bytes));
    }
  }
  return out;
}

std::string contents(const char* path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

std::optional<std::string> default_ipv4_interface(std::string_view routes) {
  using Found = std::optional<std::pair<std::uint64_t, std::string>>;
  return best_interface(routes, [](const std::vector<std::string>& field) -> Found {
    // Iface Destination Gateway Flags RefCnt Use Metric Mask ...
    if (field.size() < 8 || field[1] != "00000000" || field[7] != "00000000") return std::nullopt;
    const auto flags = hex_number(field[3]);
    if (!flags || (*flags & route_up) == 0 || (*flags & route_reject) != 0) return std::nullopt;
    std::uint64_t metric = 0;  // decimal
    std::from_chars(field[6].data(), field[6].data() + field[6].size(), metric);
    return std::pair(metric, field[0]);
  });
}

std::optional<std::string> default_ipv6_interface(std::string_view routes) {
  using Found = std::optional<std::pair<std::uint64_t, std::string>>;
  return best_interface(routes, [](const std::vector<std::string>& field) -> Found {
    // destination length source length gateway metric references uses flags interface
    if (field.size() < 10 || field[0] != std::string(32, '0') || field[1] != "00") {
      return std::nullopt;
    }
    const auto metric = hex_number(field[5]), flags = hex_number(field[8]);
    if (!metric || !flags || (*flags & route_up) == 0 || (*flags & route_reject) != 0) {
      return std::nullopt;
    }
    if (field[9] == "lo") return std::nullopt;
    return std::pair(*metric, field[9]);
  });
}

UsableAddresses choose_addresses(const NetworkState& state) {
  const auto route4 = default_ipv4_interface(state.ipv4_routes);
  const auto route6 = default_ipv6_interface(state.ipv6_routes);
  const auto passing = passing_ipv6_addresses(state.ipv6_addresses);
  const auto has_route = [&](const tracker::InterfaceAddress& one) {
    return one.interface == (one.address.is_v4() ? route4 : route6);
  };
  std::vector<tracker::InterfaceAddress> good, veth;
  for (const auto& one : state.all) {
    const Address& address = one.address;
    if (address.is_loopback() || address.is_link_local() || address.is_unspecified()) continue;
    if (passing.count(address) != 0 || one.interface == "lo") continue;
    if (is_container_bridge(one.interface) && !has_route(one)) continue;
    (is_veth(one.interface) && !has_route(one) ? veth : good).push_back(one);
  }
  if (good.empty()) good = std::move(veth);
  std::stable_sort(good.begin(), good.end(), [&](const auto& a, const auto& b) {
    const auto rank = [&](const auto& one) {
      return std::pair(!has_route(one), !one.address.is_v4());
    };
    return rank(a) < rank(b);
  });
  UsableAddresses out;
  for (const auto& one : good) {
    if (std::find(out.addresses.begin(), out.addresses.end(), one.address) == out.addresses.end()) {
      out.addresses.push_back(one.address);
    }
  }
  if (out.addresses.empty()) {
    out.addresses.push_back(Address::v4({127, 0, 0, 1}));
    out.loopback_only = true;
  }
  return out;
}

UsableAddresses usable_addresses() {
  return choose_addresses({tracker::interface_addresses(), contents("/proc/net/route"),
                           contents("/proc/net/ipv6_route"), contents("/proc/net/if_inet6")});
}

std::vector<HostPort> reached_at(const std::vector<Address>& listen, std::uint16_t port,
                                 bool& loopback_only) {
  std::vector<HostPort> out;
  for (const Address& listening : listen) {
    if (!listening.is_unspecified()) {
      out.push_back({to_string(listening), port});
      continue;
    }
    const UsableAddresses usable = usable_addresses();
    for (const Address& address : usable.addresses) {
      const bool heard = address.is_v4() || !listening.is_v4();
      if (heard) out.push_back({to_string(address), port});
    }
    loopback_only = loopback_only || usable.loopback_only;
  }
  return out;
}

}  // namespace barter::cli
