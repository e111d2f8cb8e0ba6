#include "client/net/endpoints.hpp"

#include <netinet/in.h>

#include <algorithm>

namespace barter::net {

namespace {
auto find_source(const std::vector<Address>& ours, const Endpoint& remote) {
  return std::find_if(ours.begin(), ours.end(), [&](const Address& address) {
    return address.is_v4() == remote.address.is_v4();
  });
}
}  // namespace

boost::asio::ip::address to_asio(const Address& address) {
  if (address.is_v4()) return boost::asio::ip::address_v4(address.v4_bytes());
  return boost::asio::ip::address_v6(address.v6_bytes());
}

boost::asio::ip::tcp::endpoint to_asio(const Endpoint& endpoint) {
  return {to_asio(endpoint.address), endpoint.port};
}

Address from_asio(const boost::asio::ip::address& address) {
  if (address.is_v4()) return Address::v4(address.to_v4().to_bytes());
  return Address::v6(address.to_v6().to_bytes());
}

std::optional<Address> from_system(const ::sockaddr* address) {
  const auto from = [](const auto& bytes) {
    return Address::from({reinterpret_cast<const char*>(&bytes), sizeof bytes});
  };
  if (address == nullptr) return std::nullopt;
  if (address->sa_family == AF_INET)
    return from(reinterpret_cast<const ::sockaddr_in*>(address)->sin_addr);
  if (address->sa_family == AF_INET6)
    return from(reinterpret_cast<const ::sockaddr_in6*>(address)->sin6_addr);
  return std::nullopt;
}

bool has_source(const std::vector<Address>& ours, const Endpoint& remote) {
  return ours.empty() || find_source(ours, remote) != ours.end();
}

boost::system::error_code bind_source(boost::asio::ip::tcp::socket& socket,
                                      const std::vector<Address>& ours, const Endpoint& remote) {
  boost::system::error_code error;
  if (ours.empty()) return error;
  const auto source = find_source(ours, remote);
  if (source == ours.end()) return boost::asio::error::address_family_not_supported;
  const auto endpoint = to_asio(Endpoint{*source, 0});
  socket.open(endpoint.protocol(), error);
  if (!error) socket.bind(endpoint, error);
  return error;
}

}  // namespace barter::net
