#include "tracker/reachability.hpp"

#include <algorithm>
#include <charconv>
#include <memory>

#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include "torrent/ascii.hpp"

namespace barter::tracker {
namespace {

bool is_here(const Viewpoint& view, const Address& address) {
  return address.is_loopback() || address.is_unspecified() || address == view.reached ||
         std::binary_search(view.own.begin(), view.own.end(), address);
}

}  // namespace

std::optional<Address> to_address(const sockaddr* address) {
  const auto from = [](const auto& bytes) {
    return Address::from({reinterpret_cast<const char*>(&bytes), sizeof bytes});
  };
  if (address == nullptr) return std::nullopt;
  if (address->sa_family == AF_INET)
    return from(reinterpret_cast<const sockaddr_in*>(address)->sin_addr);
  if (address->sa_family == AF_INET6)
    return from(reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
  return std::nullopt;
}

std::vector<InterfaceAddress> interface_addresses() {
  std::vector<InterfaceAddress> out;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return out;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(all, freeifaddrs);
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    const auto address = to_address(one->ifa_addr);
    if (address && (one->ifa_flags & IFF_UP) != 0) out.push_back({one->ifa_name, *address});
  }
  return out;
}

Result<AddressBlock> AddressBlock::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  const unsigned widest = address && address->is_v4() ? 32 : 128;
  unsigned bits = widest;
  if (slash != text.npos) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, bits);
    if (error != std::errc{} || stop != end) bits = widest + 1;
  }
  if (!address || bits > widest) {
    return Error{Errc::invalid_argument,
                 fmt::format("'{}' is neither an address nor a block like 10.0.0.0/8", text)};
  }
  AddressBlock out;
  out.network_ = *address;
  out.bits_ = bits + (128 - widest);
  return out;
}

bool AddressBlock::contains(const Address& address) const {
  const auto a = address.v6_bytes(), b = network_.v6_bytes();
  const std::size_t whole = bits_ / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin()))
    return false;
  return bits_ % 8 == 0 || ((a[whole] ^ b[whole]) >> (8 - bits_ % 8)) == 0;
}

std::optional<Address> address_for(const Viewpoint& view, const Address& member) {
  const bool asker_here = is_here(view, view.asker);
  if (!is_here(view, member)) {
    const bool useful = !member.is_link_local() || view.asker.is_link_local() || asker_here;
    return useful ? std::optional(member) : std::nullopt;
  }
  const bool nowhere = member.is_loopback() || member.is_unspecified();
  if (nowhere ? view.asker.is_loopback() : asker_here) return member;
  if (!view.reached.is_loopback() && !view.reached.is_unspecified()) return view.reached;
  // It came through a proxy or a tunnel on this machine: where it has reached that, nobody knows.
  return nowhere && !asker_here ? std::nullopt : std::optional(member);
}

std::vector<Endpoint> as_seen_by(const Viewpoint& view, std::span<const Endpoint> members) {
  std::vector<Endpoint> out;
  out.reserve(members.size());
  for (const Endpoint& member : members) {
    const auto address = address_for(view, member.address);
    if (!address) continue;
    const Endpoint peer{*address, member.port};
    // Two addresses of ours may have become one.
    if (*address != member.address && std::find(out.begin(), out.end(), peer) != out.end())
      continue;
    out.push_back(peer);
  }
  return out;
}

std::string validated_host(std::string_view host, const Endpoint& local,
                           std::span<const Address> own, std::span<const std::string> names) {
  const std::string fallback = barter::to_string(local);
  std::string text(trimmed(host));
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const auto parsed = HostPort::parse(text, std::uint16_t{0});  // 0: none was named
  if (!parsed) return fallback;
  HostPort out = *parsed;
  if (out.host.ends_with('.')) out.host.pop_back();
  if (const auto address = Address::parse(out.host)) {
    const bool ours = address->is_loopback() || *address == local.address ||
                      std::binary_search(own.begin(), own.end(), *address) ||
                      std::find(names.begin(), names.end(), out.host) != names.end();
    if (!ours) return fallback;
    return out.port != 0      ? barter::to_string(Endpoint{*address, out.port})
           : address->is_v4() ? barter::to_string(*address)
                              : fmt::format("[{}]", barter::to_string(*address));
  }
  const bool named =
      out.host == "localhost" || std::find(names.begin(), names.end(), out.host) != names.end();
  if (!named) return fallback;
  return out.port == 0 ? out.host : fmt::format("{}:{}", out.host, out.port);
}

namespace {

// An address as a proxy writes it; some add the port.
std::optional<Address> forwarded_one(std::string_view text) {
  text = trimmed(text);
  if (const auto address = Address::parse(text)) return *address;
  if (const auto endpoint = Endpoint::parse(text)) return endpoint->address;
  if (text.starts_with('[') && text.ends_with(']'))
    if (const auto address = Address::parse(text.substr(1, text.size() - 2))) return *address;
  return std::nullopt;
}

// RFC 7239: elements by commas, each of parameters by semicolons; addresses may stand in quotes.
std::string for_parameters(std::string_view forwarded) {
  std::string out;
  while (!forwarded.empty()) {
    const auto end = std::min(forwarded.find_first_of(",;"), forwarded.size());
    std::string_view one = trimmed(forwarded.substr(0, end));
    forwarded.remove_prefix(std::min(end + 1, forwarded.size()));
    if (lower(one.substr(0, 4)) != "for=") continue;
    one = trimmed(one.substr(4), "\"");
    if (!out.empty()) out += ',';
    out += one;
  }
  return out;
}

}  // namespace

std::string forwarded_chain(std::string_view forwarded_for, std::string_view forwarded,
                            std::string_view real_ip) {
  const auto last = forwarded_for.substr(
      forwarded_for.rfind(',') == forwarded_for.npos ? 0 : forwarded_for.rfind(',') + 1);
  const auto real = forwarded_one(real_ip);
  if (real && forwarded_one(last) != real) {
    const std::string standard = for_parameters(forwarded);
    return standard.empty() || !forwarded_for.empty() ? std::string(trimmed(real_ip)) : standard;
  }
  return forwarded_for.empty() ? for_parameters(forwarded) : std::string(forwarded_for);
}

Address forwarded_address(const Address& remote, std::string_view forwarded_for,
                          std::span<const AddressBlock> proxies) {
  const auto is_proxy = [&](const Address& address) {
    return std::any_of(proxies.begin(), proxies.end(),
                       [&](const AddressBlock& block) { return block.contains(address); });
  };
  Address out = remote;
  // Each proxy has appended the address that it saw: from the right, up to the first stranger.
  while (is_proxy(out) && !forwarded_for.empty()) {
    const auto comma = forwarded_for.rfind(',');
    const auto last =
        trimmed(comma == forwarded_for.npos ? forwarded_for : forwarded_for.substr(comma + 1));
    forwarded_for = forwarded_for.substr(0, comma == forwarded_for.npos ? 0 : comma);
    const auto address = forwarded_one(last);
    if (!address) return out;  // what stands further left is no better
    out = *address;
  }
  return out;
}

}  // namespace barter::tracker
