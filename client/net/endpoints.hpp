// Asio's and the system's endpoints from and to ours.
#pragma once

#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <optional>
#include <vector>

#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"

namespace barter::net {

boost::asio::ip::tcp::endpoint to_asio(const Endpoint& endpoint);
boost::asio::ip::address to_asio(const Address& address);
Address from_asio(const boost::asio::ip::address& address);  // mapped IPv4 is unmapped
template <class Protocol>
Endpoint from_asio(const boost::asio::ip::basic_endpoint<Protocol>& endpoint) {
  return {from_asio(endpoint.address()), endpoint.port()};
}
// Nothing of null, or of another family than IPv4 and IPv6.
std::optional<Address> from_system(const ::sockaddr* address);

// Has one of `ours` the family of `remote`? Without any of ours any address will do.
bool has_source(const std::vector<Address>& ours, const Endpoint& remote);
// Opens a closed socket and binds it to that one; that there is none is an error. Without any of
// ours the socket stays as it is.
boost::system::error_code bind_source(boost::asio::ip::tcp::socket& socket,
                                      const std::vector<Address>& ours, const Endpoint& remote);

}  // namespace barter::net
