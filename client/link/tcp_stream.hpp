// TcpStream: a Stream over a TCP socket. The kernel is told to keep little unsent
// (TCP_NOTSENT_LOWAT), as much as the line takes in a few milliseconds: what is sent next stays the
// swarm's decision, and the socket does not run dry between two turns of ours.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <optional>

#include "client/link/stream.hpp"

namespace barter::link {

class TcpStream final : public Stream {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  // Of a socket that is connected, or will be by connect().
  explicit TcpStream(Socket socket);

  Socket& socket() { return socket_; }
  boost::asio::awaitable<boost::system::error_code> connect(
      boost::asio::ip::tcp::endpoint endpoint);

  Written write(std::span<Segment* const> offered, std::vector<Segment>& done) override;
  std::size_t backlog() const override { return begun_ ? begun_->size() - begun_bytes_ : 0; }
  void wait_writable(std::shared_ptr<Waiter> waiter) override;
  void close() override;
  bool move_to(boost::asio::io_context& context) override;

 private:
  Received receive(std::span<const iovec> rooms) override;
  void wait_for_bytes(std::shared_ptr<Waiter> waiter, bool at_once) override;
  void set_options();
  void append(Segment& segment, std::size_t from);
  std::size_t account(std::span<Segment* const> offered, std::size_t bytes,
                      std::vector<Segment>& done);
  void follow_rate(std::size_t wrote);

  Socket socket_;
  int descriptor_ = -1;           // -1: none
  std::optional<Segment> begun_;  // by a write that was short
  std::size_t begun_bytes_ = 0;   // of it
  std::vector<iovec> vectors_;
  std::size_t sent_since_look_ = 0;  // bytes
  std::chrono::steady_clock::time_point looked_{};
  std::size_t unsent_low_water_ = 0;  // as last set; 0: as set_options() did
};

}  // namespace barter::link
