// Asio's endpoints from and to ours, and the word for an Asio error.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <vector>

#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"

namespace barter::net {

boost::asio::ip::tcp::endpoint to_asio(const Endpoint& endpoint);
Endpoint from_asio(const boost::asio::ip::tcp::endpoint& endpoint);  // mapped IPv4 is unmapped
boost::asio::ip::address to_asio(const Address& address);

// Has one of `ours` the family of `remote`? Without any of ours any address will do.
bool has_source(const std::vector<Address>& ours, const Endpoint& remote);
// Opens a closed socket and binds it to that one; that there is none is an error. Without any of
// ours the socket stays as it is.
boost::system::error_code bind_source(boost::asio::ip::tcp::socket& socket,
                                      const std::vector<Address>& ours, const Endpoint& remote);

}  // namespace barter::net
