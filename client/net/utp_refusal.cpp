#include "client/net/utp_refusal.hpp"

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>

#include "client/net/clock.hpp"
#include "client/net/datagrams.hpp"
#include "client/net/endpoints.hpp"

namespace barter::net {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;

namespace {
constexpr unsigned max_errors = 1000;        // in a row, of a socket; then it is left alone
constexpr unsigned datagrams_in_a_row = 16;  // then others have their turn
}  // namespace

void UtpRefusal::open(const std::vector<Address>& addresses, std::uint16_t port) {
  if (addresses.empty()) {
    open(Address(), port);
    open(Address::v6({}), port);
  }
  for (const Address& address : addresses) open(address, port);
  asio::post(context_, [self = shared_from_this()] {
    for (const auto& socket : self->sockets_) self->receive(socket);
  });
}

void UtpRefusal::open(const Address& address, std::uint16_t port) {
  auto socket = std::make_shared<Socket>(context_);
  error_code error;
  socket->udp.open(address.is_v4() ? udp::v4() : udp::v6(), error);
  if (!error && !address.is_v4()) socket->udp.set_option(asio::ip::v6_only(true), error);
  if (!error) socket->udp.bind({to_asio(address), port}, error);
  if (!error) socket->udp.non_blocking(true, error);
  if (!error) tell_own_addresses(socket->udp.native_handle(), address.is_v4());
  if (!error) sockets_.push_back(std::move(socket));
}

void UtpRefusal::stop() {
  asio::post(context_, [self = shared_from_this()] {
    error_code ignored;
    for (const auto& socket : self->sockets_) socket->udp.close(ignored);
    self->sockets_.clear();
  });
}

void UtpRefusal::receive(const std::shared_ptr<Socket>& socket) {
  socket->udp.async_wait(udp::socket::wait_read,
                         [weak = weak_from_this(), socket](const error_code& error) {
                           const auto self = weak.lock();
                           if (!self || error || !socket->udp.is_open()) return;
                           const int descriptor = socket->udp.native_handle();
                           for (unsigned i = 0; i < datagrams_in_a_row; ++i) {
                             const auto datagram = receive_datagram(descriptor, socket->received);
                             if (!datagram && errno == EAGAIN) break;
                             if (!datagram && ++socket->errors == max_errors) return;
                             if (!datagram) continue;
                             socket->errors = 0;
                             const auto call = std::span(socket->received).first(datagram->size);
                             if (const auto reset = self->refusals_.answer(call, current_time()))
                               send_datagram(descriptor, *reset, datagram->from, datagram->ours);
                           }
                           self->receive(socket);
                         });
}

}  // namespace barter::net
