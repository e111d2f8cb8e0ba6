// Asio's endpoints from and to ours, and the word for an Asio error.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"

namespace barter::net {

boost::asio::ip::tcp::endpoint to_asio(const Endpoint& endpoint);
Endpoint from_asio(const boost::asio::ip::tcp::endpoint& endpoint);  // mapped IPv4 is unmapped
boost::asio::ip::address to_asio(const Address& address);

}  // namespace barter::net
