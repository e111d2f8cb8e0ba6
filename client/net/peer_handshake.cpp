#include "client/net/peer_handshake.hpp"

#include <boost/asio/post.hpp>

#include "client/link/stream_io.hpp"
#include "client/net/endpoints.hpp"

namespace barter::net {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

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

// Ours, and theirs if it comes whole.
asio::awaitable<std::optional<wire::Handshake>> exchange(std::shared_ptr<HandshakeOwner> owner,
                                                         HandshakingPtr handshaking) {
  set_deadline(handshaking, handshake_timeout);
  link::Stream& stream = *handshaking->stream;
  const auto ours = wire::encode(owner->our_handshake());
  bool good = co_await link::write_all(stream, {ours.begin(), ours.end()});
  std::vector<std::byte> received;
  while (good && received.size() < wire::handshake_length) {
    good = co_await link::read_some(stream, received, wire::handshake_length - received.size());
    good = good && wire::may_be_handshake(received);
  }
  handshaking->deadline.cancel();
  owner->handshake_ended(handshaking);
  if (!good) co_return std::nullopt;
  co_return wire::decode_handshake(std::span(received).first<wire::handshake_length>());
}

}  // namespace

HandshakingPtr hear_from(std::unique_ptr<link::Stream> stream, asio::io_context& context,
                         const Endpoint& remote, WaitingRoom& room) {
  auto out = std::make_shared<Handshaking>(std::move(stream), context);
  out->remote = remote;
  const std::weak_ptr<Handshaking> weak = out;
  out->place = room.enter(remote.address, [weak, &context] {
    asio::post(context, [weak] {
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

asio::awaitable<void> connect_peer(std::shared_ptr<HandshakeOwner> owner,
                                   HandshakingPtr handshaking, link::TcpStream& stream,
                                   PeerSource source) {
  const Endpoint remote = handshaking->remote;
  handshaking->outgoing = true;
  set_deadline(handshaking, connect_timeout);
  if (const error_code error = co_await stream.connect(to_asio(remote))) {
    owner->handshake_ended(handshaking);
    owner->connect_failed(remote, failure_of(error, handshaking->expired));
    co_return;
  }
  const auto theirs = co_await exchange(owner, handshaking);
  if (!theirs) {
    owner->connect_failed(remote, handshaking->expired ? ConnectFailure::timed_out
                                                       : ConnectFailure::handshake_failed);
  } else if (theirs->info_hash != owner->info_hash()) {
    owner->connect_failed(remote, ConnectFailure::wrong_torrent);
  } else {
    owner->shaken(*handshaking, *theirs, source);
  }
}

asio::awaitable<void> answer_peer(std::shared_ptr<HandshakeOwner> owner,
                                  HandshakingPtr handshaking) {
  const auto theirs = co_await exchange(owner, handshaking);
  if (theirs) owner->shaken(*handshaking, *theirs, PeerSource::incoming);
}

}  // namespace barter::net
