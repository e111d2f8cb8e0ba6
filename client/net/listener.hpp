// Listener: where peers reach us. Two sockets on one port, IPv4 and IPv6 (IPV6_V6ONLY). Reads the
// head of each stranger's handshake, learns the info-hash, puts the bytes back and hands the stream
// to the torrents; what is no handshake, or of no torrent of ours, is closed silently. Owned by the
// Client, on its service thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/net/peer_handshake.hpp"
#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"

namespace barter::net {

struct ListenerOptions {
  std::uint16_t port = 0;          // 0: 6881
  bool fixed_port = false;         // busy is an error; else the next free one
  std::vector<Address> addresses;  // empty: all
};

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  // Takes a stranger, whose handshake names this torrent and has not been read; closes the stream
  // where there is no such torrent.
  using Deliver =
      std::function<void(const WireInfoHash&, std::unique_ptr<link::Stream>, const Endpoint&)>;

  Listener(boost::asio::io_context& context, Deliver deliver, WaitingRoom& room)
      : context_(context), deliver_(std::move(deliver)), room_(room) {}
  ~Listener();

  // Binds and listens: at once, before anything else is called. Errors: address_in_use,
  // permission_denied, network.
  Result<void> open(const ListenerOptions& options);
  std::uint16_t port() const { return port_; }
  void start();  // accepts; any thread
  void stop();   // any thread

  // A connection accepted elsewhere, with what was read of it. Takes the descriptor. Any thread.
  void adopt(int descriptor, Endpoint remote, std::string received);

 private:
  using Acceptor = boost::asio::ip::tcp::acceptor;
  Result<void> try_port(const std::vector<Address>& addresses, std::uint16_t port, bool all);
  static boost::asio::awaitable<void> accept(std::shared_ptr<Listener> self,
                                             std::shared_ptr<Acceptor> acceptor);
  static boost::asio::awaitable<void> route(std::shared_ptr<Listener> self,
                                            std::shared_ptr<Handshaking> stranger);
  void admit(std::unique_ptr<link::Stream> stream, Endpoint remote);
  void no_descriptor(Acceptor& acceptor);
  void turn_away(Acceptor& acceptor);

  boost::asio::io_context& context_;
  Deliver deliver_;
  WaitingRoom& room_;
  std::uint16_t port_ = 0;
  std::vector<std::shared_ptr<Acceptor>> acceptors_;
  std::set<std::shared_ptr<Handshaking>> strangers_;
  bool stopped_ = false;
  // Given up for a moment to accept and close when no descriptor is left: whoever calls learns at
  // once that there is no room, and the kernel's queue does not fill up.
  int spare_descriptor_ = -1;
  TimePoint warned_{};  // that there is none left
};

}  // namespace barter::net
