#include "client/net/datagrams.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/ip/udp.hpp>
#include <cerrno>
#include <cstring>

#include "client/net/endpoints.hpp"

namespace barter::net {

namespace {

struct Control {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> bytes{};
};

std::optional<Address> own_address(msghdr& message) {
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(at), sizeof info);
      std::array<std::uint8_t, 4> bytes{};
      std::memcpy(bytes.data(), &info.ipi_spec_dst, bytes.size());
      return Address::v4(bytes);
    }
    if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(at), sizeof info);
      std::array<std::uint8_t, 16> bytes{};
      std::memcpy(bytes.data(), &info.ipi6_addr, bytes.size());
      const Address address = Address::v6(bytes);
      // To a link-local one belongs an interface, which the route knows.
      if (!address.is_link_local()) return address;
    }
  }
  return std::nullopt;
}

template <class Info>
void put(msghdr& message, Control& control, int level, int type, const Info& info) {
  message.msg_control = control.bytes.data();
  message.msg_controllen = CMSG_SPACE(sizeof info);
  cmsghdr* const head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = level;
  head->cmsg_type = type;
  head->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(head), &info, sizeof info);
}

void put_own_address(msghdr& message, Control& control, const Address& ours) {
  if (ours.is_v4()) {
    in_pktinfo info{};
    const auto bytes = ours.v4_bytes();
    std::memcpy(&info.ipi_spec_dst, bytes.data(), bytes.size());
    put(message, control, IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    const auto bytes = ours.v6_bytes();
    std::memcpy(&info.ipi6_addr, bytes.data(), bytes.size());
    put(message, control, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

}  // namespace

bool tell_own_addresses(int descriptor, bool v4) {
  const int yes = 1;
  return 0 == (v4 ? ::setsockopt(descriptor, IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes)
                  : ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof yes));
}

std::optional<Datagram> receive_datagram(int descriptor, std::span<char> bytes) {
  sockaddr_storage from{};
  iovec part{bytes.data(), bytes.size()};
  Control control;
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof from;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  const ssize_t size = ::recvmsg(descriptor, &message, MSG_DONTWAIT);
  if (size < 0) return std::nullopt;
  const auto* any = reinterpret_cast<const sockaddr*>(&from);
  const auto address = from_system(any);
  if (!address) {
    errno = EPROTO;
    return std::nullopt;
  }
  // The port stands at the same place in both families.
  const std::uint16_t port = ntohs(reinterpret_cast<const sockaddr_in*>(any)->sin_port);
  return Datagram{{*address, port}, own_address(message), static_cast<std::size_t>(size)};
}

void send_datagram(int descriptor, std::span<const std::byte> bytes, const Endpoint& to,
                   const std::optional<Address>& ours) {
  const boost::asio::ip::udp::endpoint there{to_asio(to.address), to.port};
  iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  Control control;
  msghdr message{};
  message.msg_name = const_cast<sockaddr*>(there.data());
  message.msg_namelen = static_cast<socklen_t>(there.size());
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (ours && ours->is_v4() == to.address.is_v4()) put_own_address(message, control, *ours);
  (void)::sendmsg(descriptor, &message, MSG_DONTWAIT);
}

}  // namespace barter::net
