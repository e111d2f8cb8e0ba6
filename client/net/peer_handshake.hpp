// Handshakes of a torrent's peers, in both directions, each within its time: connect 15 s,
// handshake 10 s. Coroutines on the torrent's network thread; what they hold is a Handshaking,
// which its owner can close at any time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <vector>

#include "client/link/tcp_stream.hpp"
#include "client/net/budget.hpp"
#include "client/net/waiting_room.hpp"
#include "client/swarm/action.hpp"
#include "client/wire/handshake.hpp"

namespace barter::net {

inline constexpr auto connect_timeout = std::chrono::seconds(15);
inline constexpr auto handshake_timeout = std::chrono::seconds(10);

struct Handshaking {
  Handshaking(std::unique_ptr<link::Stream> taken, boost::asio::io_context& context)
      : stream(std::move(taken)), deadline(context) {}
  void close() {
    if (stream) stream->close();
    deadline.cancel();
  }
  std::unique_ptr<link::Stream> stream;  // until it travels on
  boost::asio::steady_timer deadline;
  bool expired = false;
  ConnectionBudget::Token token;  // of one that calls us: taken at its end
  WaitingRoom::Place place;       // of one that calls us, until then
  Endpoint remote;
  bool outgoing = false;
};

// Of a stream that somebody has called us by. Where others have to
// wait too long for a place, it is closed.
std::shared_ptr<Handshaking> hear_from(std::unique_ptr<link::Stream> stream,
                                       boost::asio::io_context& context, const Endpoint& remote,
                                       WaitingRoom& room);

// What the swarm is told of a call that has failed; `expired`: by its deadline.
ConnectFailure failure_of(const boost::system::error_code& error, bool expired);

// Closes the stream at the deadline; a later call replaces an earlier one.
void set_deadline(const std::shared_ptr<Handshaking>& handshaking, std::chrono::seconds after);

// Whose handshakes they are, of one torrent: told how each ends.
class HandshakeOwner {
 public:
  virtual wire::Handshake our_handshake() const = 0;
  virtual const WireInfoHash& info_hash() const = 0;
  // It is with nobody any more; shaken() or connect_failed() may follow.
  virtual void handshake_ended(const std::shared_ptr<Handshaking>& handshaking) = 0;
  virtual void connect_failed(const Endpoint& endpoint, ConnectFailure failure) = 0;
  // Its stream, token and place are for the taking.
  virtual void shaken(Handshaking& handshaking, const wire::Handshake& theirs,
                      PeerSource source) = 0;

 protected:
  ~HandshakeOwner() = default;
};

// Connects to handshaking->remote by `stream`, which is the handshaking's, and shakes hands. Ends
// in shaken() or connect_failed().
boost::asio::awaitable<void> connect_peer(std::shared_ptr<HandshakeOwner> owner,
                                          std::shared_ptr<Handshaking> handshaking,
                                          link::TcpStream& stream, PeerSource source);
// Answers a peer that has called. Ends in shaken(), or silently.
boost::asio::awaitable<void> answer_peer(std::shared_ptr<HandshakeOwner> owner,
                                         std::shared_ptr<Handshaking> handshaking);

}  // namespace barter::net
