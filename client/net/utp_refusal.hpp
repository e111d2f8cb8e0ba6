// UtpRefusals: the answers to those who call us by uTP, at most so many a second. A value type.
// UtpRefusal: a UDP socket a family on the number of the peers' port, that gives them and nothing
// else. Where there is a DHT, the sockets are its own, and it gives them (dht_socket.hpp). Where
// the port is somebody else's, callers wait as they do for a client that is older. Owned by the
// Client, on its service thread.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "client/wire/utp.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/time.hpp"

namespace barter::net {

class UtpRefusals {
 public:
  static constexpr std::uint32_t per_second = 200;  // and as many at once

  // Nothing if it is no call, or one too many.
  std::optional<wire::UtpHeader> answer(std::span<const char> datagram, TimePoint now) {
    if (next_ > now) return std::nullopt;
    auto out = wire::utp_reset(std::as_bytes(datagram));
    if (!out) return out;
    constexpr Duration second = std::chrono::seconds(1);
    next_ = std::max(next_, now - second) + second / per_second;
    return out;
  }

 private:
  TimePoint next_{};
};

class UtpRefusal : public std::enable_shared_from_this<UtpRefusal> {
 public:
  explicit UtpRefusal(boost::asio::io_context& context) : context_(context) {}

  // `addresses` of ours; empty: all. Where a socket cannot be had there is none.
  void open(const std::vector<Address>& addresses, std::uint16_t port);
  void stop();  // any thread

 private:
  struct Socket {
    explicit Socket(boost::asio::io_context& context) : udp(context) {}
    boost::asio::ip::udp::socket udp;
    std::array<char, 64> received{};  // what is longer is cut: the head is enough
    unsigned errors = 0;
  };
  void open(const Address& address, std::uint16_t port);
  void receive(const std::shared_ptr<Socket>& socket);

  boost::asio::io_context& context_;
  std::vector<std::shared_ptr<Socket>> sockets_;
  UtpRefusals refusals_;
};

}  // namespace barter::net
