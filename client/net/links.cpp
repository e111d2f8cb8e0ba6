#include "client/net/links.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "client/net/endpoints.hpp"
#include "client/swarm/metadata_server.hpp"

namespace barter::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// How soon a link that found the block pool empty looks again, if nothing was stored meanwhile.
constexpr auto starved_retry = std::chrono::milliseconds(50);

// The pool has been empty for so many of these in a row: memory has to be freed.
constexpr unsigned starved_rounds_max = 4;

// Messages, not blocks, that may wait for a peer, besides the metadata that is handed to it at
// once.
constexpr std::size_t max_control_bytes = 1 << 20;

std::uint32_t number(ConnectionId id) {
  return static_cast<std::uint32_t>(id);
}

}  // namespace

Links::Links(LinksOwner& owner, const DriverShared& shared, NetThread& thread,
             const WireInfoHash& info_hash)
    : owner_(owner),
      shared_(shared),
      thread_(thread),
      info_hash_(info_hash),
      starved_timer_(thread.context) {}

void Links::set_pieces(std::uint32_t pieces) {
  limits_.bitfield_bytes = (pieces + 7) / 8;
}

std::uint16_t Links::dht_port() const {
  return owner_.has_dht() ? shared_.finders.dht_port() : std::uint16_t{0};
}

std::shared_ptr<HandshakeOwner> Links::alive() {
  return {owner_.alive(), this};
}

link::PeerLink* Links::find(ConnectionId id) {
  const auto found = links_.find(number(id));
  return found == links_.end() ? nullptr : found->second.link.get();
}

void Links::touch(link::PeerLink& link) {
  if (std::exchange(link.dirty, true)) return;
  dirty_.push_back(link.shared_from_this());
}

void Links::flush() {
  flushing_.swap(dirty_);
  for (const auto& link : flushing_) {
    link->dirty = false;
    link->flush();
  }
  flushing_.clear();
}

void Links::close() {
  for (const auto& [id, linked] : links_) linked.link->close();
  links_.clear();
  for (const auto& handshaking : handshakes_) handshaking->close();
  starved_.clear();
  starved_timer_.cancel();
}

// ---- actions

void Links::connect(const Connect& action) {
  auto token = shared_.budget.take(true);
  if (!token || !owner_.live()) {
    return owner_.connect_failed(action.endpoint, ConnectFailure::no_room);
  }
  auto stream = std::make_unique<link::TcpStream>(tcp::socket(thread_.context));
  link::TcpStream& dialled = *stream;
  if (const error_code error =
          bind_source(dialled.socket(), shared_.connect_from, action.endpoint)) {
    return owner_.connect_failed(action.endpoint, failure_of(error, false));
  }
  const auto handshaking = std::make_shared<Handshaking>(std::move(stream), thread_.context);
  handshaking->token = std::move(*token);
  handshaking->remote = action.endpoint;
  handshakes_.insert(handshaking);
  asio::co_spawn(thread_.context, connect_peer(alive(), handshaking, dialled, action.source),
                 asio::detached);
}

void Links::disconnect(ConnectionId id) {
  const auto found = links_.find(number(id));
  if (found == links_.end()) return;
  const Linked linked = std::move(found->second);
  links_.erase(found);
  linked.link->flush();  // what was said before: a reject, say
  linked.link->close();
}

void Links::send(const Send& action) {
  if (link::PeerLink* link = find(action.connection)) {
    link->send(action.message);
    if (std::holds_alternative<wire::MetadataData>(action.message)) link->tell_when_written();
    touch(*link);
  }
}

void Links::send_have(const SendHave& action) {
  for (const ConnectionId id : action.connections) {
    if (link::PeerLink* link = find(id)) {
      link->send_have(action.piece);
      touch(*link);
    }
  }
}

void Links::send_block(const SendBlock& action) {
  if (link::PeerLink* link = find(action.connection)) {
    link->send_block(action.range);
    touch(*link);
  }
}

bool Links::cancel_block(const CancelBlock& action) {
  link::PeerLink* link = find(action.connection);
  if (link == nullptr || !link->cancel_block(action.range)) return false;
  touch(*link);
  return true;
}

// ---- of links

void Links::received(link::PeerLink& link, std::span<wire::Message> messages) {
  if (find(link.id()) != nullptr) owner_.received(link.id(), messages);
}

void Links::sent(link::PeerLink& link, std::span<const BlockRange> blocks) {
  if (find(link.id()) != nullptr) owner_.sent(link.id(), blocks);
}

void Links::metadata_sent(link::PeerLink& link) {
  if (find(link.id()) != nullptr) owner_.metadata_sent(link.id());
}

void Links::not_sent(link::PeerLink& link, std::span<const BlockRange> blocks,
                     SendFailure failure) {
  if (find(link.id()) == nullptr) return;
  touch(link);
  owner_.not_sent(link.id(), blocks, failure);
}

void Links::lost(link::PeerLink& link, DisconnectReason reason, const std::string& detail) {
  const ConnectionId id = link.id();
  if (links_.erase(number(id)) > 0) owner_.disconnected(id, reason, detail);
}

// ---- memory

void Links::await_buffers(std::shared_ptr<link::PeerLink> link) {
  starved_.push_back(std::move(link));
  if (std::exchange(starved_armed_, true)) return;
  starved_timer_.expires_after(starved_retry);
  const std::weak_ptr<void> weak = owner_.alive();
  starved_timer_.async_wait([this, weak](const error_code& error) {
    const auto keeps = weak.lock();
    if (error || !keeps) return;
    starved_armed_ = false;
    starved_for_long();
    retry_starved();
  });
}

void Links::starved_for_long() {
  const BlockPool& pool = shared_.blocks;
  starved_rounds_ = pool.in_use() >= pool.max_buffers() ? starved_rounds_ + 1 : 0;
  if (starved_rounds_ < starved_rounds_max) return;
  starved_rounds_ = 0;
  ++shared_.shortages;  // it may be the others who hold too much
  owner_.memory_short();
}

void Links::release_spare() {
  for (const auto& [id, linked] : links_) linked.link->release_spare();
}

void Links::retry_starved() {
  if (starved_.empty()) return;
  const auto waiting = std::exchange(starved_, {});
  for (const auto& link : waiting) link->buffers_returned();
}

// ---- handshakes

void Links::hear(std::unique_ptr<link::Stream> stream, const Endpoint& remote) {
  if (!owner_.wants_connection(remote)) return;
  const auto handshaking = hear_from(std::move(stream), thread_.context, remote, shared_.room);
  handshakes_.insert(handshaking);
  asio::co_spawn(thread_.context, answer_peer(alive(), handshaking), asio::detached);
}

wire::Handshake Links::our_handshake() const {
  return wire::our_handshake(info_hash_, shared_.peer_id, dht_port() != 0);
}

void Links::handshake_ended(const std::shared_ptr<Handshaking>& handshaking) {
  handshakes_.erase(handshaking);
}

void Links::shaken(Handshaking& handshaking, const wire::Handshake& theirs, PeerSource source) {
  if (!handshaking.outgoing) {
    auto token = shared_.budget.take(false);
    if (!token) return handshaking.close();
    handshaking.token = std::move(*token);
    handshaking.place = {};
  }
  if (!owner_.live()) return handshaking.close();
  const ConnectionId id{next_id_++};
  PeerInfo info;
  info.remote = handshaking.remote;
  info.peer_id = theirs.peer_id;
  info.outgoing = handshaking.outgoing;
  info.source = source;
  info.fast = theirs.fast();
  info.extended = theirs.extended();
  constexpr std::size_t most_control =
      max_control_bytes + MetadataServer::max_unsent + 2 * block_length;
  const auto link =
      std::make_shared<link::PeerLink>(std::move(handshaking.stream), id, *this, thread_.context,
                                       thread_.links, shared_.blocks, limits_, most_control);
  links_[number(id)] = {link, std::move(handshaking.token)};
  owner_.connected(id, info);  // it may not be wanted, and our bitfield goes first
  if (theirs.dht() && dht_port() != 0 && find(id) != nullptr) {
    link->send(wire::Port{dht_port()});
    link->flush();
  }
  link->start();
}

}  // namespace barter::net
