#include "client/net/peer_handshake.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "client/link/peer_link.hpp"
#include "client/net/endpoints.hpp"
#include "client/net/swarm_driver.hpp"

namespace barter::net {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
constexpr asio::as_tuple_t<asio::use_awaitable_t<>> as_values{};

using HandshakingPtr = std::shared_ptr<Handshaking>;

}  // namespace

ConnectFailure failure_of(const error_code& error, bool expired) {
  if (expired || error == asio::error::timed_out) return ConnectFailure::timed_out;
  if (error == asio::error::no_descriptors || error == std::errc::too_many_files_open_in_system ||
      error == asio::error::no_memory || error == asio::error::no_buffer_space) {
    return ConnectFailure::no_room;
  }
  return error == asio::error::connection_refused ? ConnectFailure::refused
                                                  : ConnectFailure::unreachable;
}

namespace {

asio::awaitable<bool> send_ours(std::shared_ptr<SwarmDriver> driver, HandshakingPtr handshaking) {
  const auto ours = wire::encode(
      wire::our_handshake(driver->info_hash(), driver->peer_id(), driver->dht_port() != 0));
  const auto sent = co_await asio::async_write(handshaking->socket, asio::buffer(ours), as_values);
  co_return !std::get<0>(sent);
}

// Reads until the handshake is whole; false if it never will be.
asio::awaitable<bool> receive_theirs(HandshakingPtr handshaking) {
  auto& received = handshaking->received;
  while (received.size() < wire::handshake_length) {
    const std::size_t have = received.size();
    received.resize(wire::handshake_length);
    const auto read = co_await handshaking->socket.async_read_some(
        asio::buffer(received.data() + have, received.size() - have), as_values);
    received.resize(have + std::get<1>(read));
    if (std::get<0>(read) || !wire::may_be_handshake(received)) co_return false;
  }
  co_return true;
}

// Ours, and theirs if it comes whole.
asio::awaitable<std::optional<wire::Handshake>> exchange(std::shared_ptr<SwarmDriver> driver,
                                                         HandshakingPtr handshaking) {
  set_peer_options(handshaking->socket);
  set_deadline(handshaking, handshake_timeout);
  const bool sent = co_await send_ours(driver, handshaking);
  bool whole = false;
  if (sent) whole = co_await receive_theirs(handshaking);
  handshaking->deadline.cancel();
  driver->handshake_ended(handshaking);
  if (!whole) co_return std::nullopt;
  co_return wire::decode_handshake(
      std::span(handshaking->received).first<wire::handshake_length>());
}

}  // namespace

HandshakingPtr hear_from(tcp::socket socket, const Endpoint& remote, WaitingRoom& room) {
  auto out = std::make_shared<Handshaking>(std::move(socket));
  out->remote = remote;
  const std::weak_ptr<Handshaking> weak = out;
  out->place = room.enter(remote.address, [weak, executor = out->socket.get_executor()] {
    asio::post(executor, [weak] {
      if (const auto handshaking = weak.lock()) handshaking->close();
    });
  });
  return out;
}

void set_deadline(const HandshakingPtr& handshaking, std::chrono::seconds after) {
  handshaking->deadline.expires_after(after);
  handshaking->deadline.async_wait([handshaking](const error_code& cancelled) {
    if (cancelled) return;
    handshaking->expired = true;
    handshaking->close();
  });
}

asio::awaitable<void> connect_peer(std::shared_ptr<SwarmDriver> driver, HandshakingPtr handshaking,
                                   PeerSource source) {
  const Endpoint remote = handshaking->remote;
  handshaking->outgoing = true;
  set_deadline(handshaking, connect_timeout);
  const auto connected = co_await handshaking->socket.async_connect(to_asio(remote), as_values);
  if (const error_code error = std::get<0>(connected)) {
    driver->handshake_ended(handshaking);
    driver->connect_failed(remote, failure_of(error, handshaking->expired));
    co_return;
  }
  const auto theirs = co_await exchange(driver, handshaking);
  if (!theirs) {
    driver->connect_failed(remote, handshaking->expired ? ConnectFailure::timed_out
                                                        : ConnectFailure::handshake_failed);
  } else if (theirs->info_hash != driver->info_hash()) {
    driver->connect_failed(remote, ConnectFailure::wrong_torrent);
  } else {
    driver->shaken(*handshaking, *theirs, source);
  }
}

asio::awaitable<void> answer_peer(std::shared_ptr<SwarmDriver> driver, HandshakingPtr handshaking) {
  const auto theirs = co_await exchange(driver, handshaking);
  if (theirs) driver->shaken(*handshaking, *theirs, PeerSource::incoming);
}

}  // namespace barter::net
