// Who can be reached where: the addresses of this machine, blocks of
// addresses, and which address of a member is of use to an asker. Pure
// functions but for interface_addresses(), which asks the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"

struct sockaddr;

namespace barter::tracker {

// Nothing for other families than IPv4 and IPv6.
std::optional<Address> to_address(const ::sockaddr* address);

struct InterfaceAddress {
  std::string interface;  // "eth0"
  Address address;
  friend bool operator==(const InterfaceAddress&, const InterfaceAddress&) = default;
};

// The addresses of the interfaces that are up, loopback among them, in the kernel's order.
std::vector<InterfaceAddress> interface_addresses();

// "10.0.0.0/8", "fd00::/8", or a single address.
class AddressBlock {
 public:
  static Result<AddressBlock> parse(std::string_view text);
  bool contains(const Address& address) const;

 private:
  Address network_;
  unsigned bits_ = 0;  // of the IPv6 form, in which IPv4 is mapped
};

// One request, as far as addresses go.
struct Viewpoint {
  Address asker;                 // from where it came
  Address reached;               // the address of ours that it used
  std::span<const Address> own;  // of this machine, sorted; loopback need not be among them
};

// The address under which the asker can reach a member, or nothing. A member on this machine may
// have announced itself from a loopback address or from any other of ours: to those elsewhere it is
// where they have reached us. Loopback is for those on loopback alone: some clients never connect
// to it. Link-local addresses mean something to link-local neighbours only.
std::optional<Address> address_for(const Viewpoint& view, const Address& member);

// The members as the asker can reach them; those whom it cannot are left out.
std::vector<Endpoint> as_seen_by(const Viewpoint& view, std::span<const Endpoint> members);

// The text of a Host header (RFC 9110), if it names this machine: an
// address of ours, loopback, or one of `names` (lower case); else where
// the connection came in. Lower case, without a trailing dot.
std::string validated_host(std::string_view host, const Endpoint& local,
                           std::span<const Address> own, std::span<const std::string> names);

// What proxies say in the headers of a request of whom they pass on, as one list, the last proxy's
// word last. X-Forwarded-For, else `Forwarded` (RFC 7239), else X-Real-IP; where the last is there
// and X-Forwarded-For does not end with it, the asker has written the latter.
std::string forwarded_chain(std::string_view forwarded_for, std::string_view forwarded,
                            std::string_view real_ip);

// From where a request came that was passed on by proxies: the last address in the chain that
// is not a listed proxy. Only believed where `remote` is one itself.
Address forwarded_address(const Address& remote, std::string_view forwarded_for,
                          std::span<const AddressBlock> proxies);

}  // namespace barter::tracker
