#include "client/net/utp_refusal.hpp"

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>

#include "client/net/clock.hpp"
#include "client/net/endpoints.hpp"

namespace barter::net {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;

namespace {
constexpr unsigned max_errors = 1000;  // in a row, of a socket; then it is left alone
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
  socket->udp.async_receive_from(
      asio::buffer(socket->received), socket->from,
      [weak = weak_from_this(), socket](const error_code& error, std::size_t size) {
        const auto self = weak.lock();
        if (!self || !socket->udp.is_open()) return;
        if (error && ++socket->errors == max_errors) return;
        if (!error) {
          socket->errors = 0;
          error_code ignored;  // lost, as datagrams are
          if (const auto reset =
                  self->refusals_.answer(std::span(socket->received).first(size), current_time()))
            socket->udp.send_to(asio::buffer(*reset), socket->from, 0, ignored);
        }
        self->receive(socket);
      });
}

}  // namespace barter::net
