// Links between nodes: how they begin and end, and what arrives over them.
#include <cstring>
#include <stdexcept>

#include "sim/checkers.hpp"
#include "sim/world.hpp"

namespace barter::sim {

namespace {
constexpr int flood_requests = 200;  // at a time, to each peer
constexpr Duration flood_pause = std::chrono::milliseconds(200);
}  // namespace

Endpoint World::remote_of(const Node& node, std::uint32_t connection) const {
  const std::uint32_t number = end_of(node, ConnectionId{connection});
  if (number == no_end) return {};
  Endpoint remote = nodes_[network_.end(number ^ 1).node]->endpoint;
  if (network_.end(number).remote_port != 0) remote.port = network_.end(number).remote_port;
  return remote;
}

const Node* World::far_end(const Node& node, std::uint32_t connection) const {
  const std::uint32_t number = end_of(node, ConnectionId{connection});
  return number == no_end ? nullptr : nodes_[network_.end(number ^ 1).node].get();
}

// ---- a link begins

void World::link_up(Node& from, Node& to, PeerSource source) {
  const std::uint32_t link = network_.make_link(from.number, to.number);
  network_.hold(link);
  network_.end(link ^ 1).remote_port = static_cast<std::uint16_t>(40'000 + random_.below(20'000));
  later(now_ + network_.one_way(link), [this, link, source, &from, remote = to.endpoint] {
    if (!network_.end(link).up) {
      connect_failed(from, remote, ConnectFailure::handshake_failed);
    } else if (from.online) {
      open_end(link, true, source);
    } else {
      link_down(link);  // it left while it was calling
    }
    network_.let_go(link);
  });
  open_end(link ^ 1, false, PeerSource::incoming);
}

void World::open_end(std::uint32_t number, bool outgoing, PeerSource source) {
  End& end = network_.end(number);
  Node& node = *nodes_[end.node];
  if (!end.up || !node.online) return;
  end.open = true;
  if (node.ends.empty()) node.ends.push_back(no_end);  // connections count from 1
  end.connection = static_cast<std::uint32_t>(node.ends.size());
  node.ends.push_back(number);
  ++node.links;
  if (checkers_) checkers_->linked(node, end.connection);
  PeerInfo info;
  info.remote = remote_of(node, end.connection);
  info.peer_id = nodes_[network_.end(number ^ 1).node]->peer_id;
  info.outgoing = outgoing;
  info.source = source;
  info.fast = options_.fast;
  info.extended = true;
  node.swarm->peer_connected(ConnectionId{end.connection}, info, now_);
  perform(node);
  if (!node.options.sends_back) return;
  network_.send(number, wire::Unchoke{});
  perform(node);
}

void World::connect_failed(Node& node, const Endpoint& endpoint, ConnectFailure why) {
  if (!node.online) return;
  node.swarm->connect_failed(endpoint, why, now_);
  perform(node);
}

// ---- a link ends

// The side of `number` closes it. The other is told after a while.
void World::link_down(std::uint32_t number) {
  const std::uint32_t other = number ^ 1;
  if (!network_.end(number).up) return;
  network_.hold(other);
  const std::uint32_t connection = network_.end(other).connection;
  const bool known = network_.end(other).open;
  close_end(number);
  close_end(other);
  const Duration one_way = network_.one_way(number);
  Node& node = *nodes_[network_.end(other).node];
  network_.cut(number);
  later(now_ + one_way, [this, other, known, connection, &node] {
    network_.let_go(other);
    if (!known || !node.online) return;
    node.swarm->peer_disconnected(ConnectionId{connection}, DisconnectReason::closed_by_peer, now_);
    perform(node);
  });
}

void World::close_end(std::uint32_t number) {
  End& end = network_.end(number);
  if (!end.open) return;
  Node& node = *nodes_[end.node];
  watch(node, number, true, false);
  end.open = false;
  --node.links;
  node.ends[end.connection] = no_end;
  if (checkers_) checkers_->unlinked(node, end.connection);
}

// ---- what arrives

// Keeps the node's counts of who is interested, and who of them is served.
void World::watch(Node& node, std::uint32_t number, bool am_choking, bool interested) {
  End& end = network_.end(number);
  if (end.peer_interested) {
    --node.interested;
    if (!end.am_choking) --node.served;
  }
  end.am_choking = am_choking;
  end.peer_interested = interested;
  if (interested) {
    ++node.interested;
    if (!am_choking) ++node.served;
  }
}

void World::on_arrive(std::uint32_t number, std::uint32_t item) {
  const End& end = network_.end(number);
  Node& node = *nodes_[end.node];
  const Node& from = *nodes_[network_.end(number ^ 1).node];
  const bool heard = end.open && node.online && !network_.line(node.number).frozen;
  Items& items = network_.items();
  while (item != no_item) {
    const std::uint32_t next = items.next(item);
    if (heard) {
      messages_.push_back(items.is_block(item) ? block_message(from, node, items.block(item))
                                               : items.message(item));
      const wire::Message& message = messages_.back();
      const bool interested = std::holds_alternative<wire::Interested>(message);
      if (interested || std::holds_alternative<wire::NotInterested>(message))
        watch(node, number, end.am_choking, interested);
      if (checkers_) checkers_->delivered(node, end.connection, message);
      if (node.options.sends_back && std::holds_alternative<wire::Request>(message)) {
        send_back(number, std::get<wire::Request>(message));
        messages_.pop_back();
      }
    }
    items.free(item);
    item = next;
  }
  if (heard) {
    node.swarm->messages_received(ConnectionId{end.connection}, messages_, now_);
    messages_.clear();
    perform(node);
  }
  network_.let_go(number);
}

wire::Message World::block_message(const Node& from, Node& to, const BlockRange& range) {
  BlockBuffer buffer = pool_->take();
  if (!buffer) throw std::runtime_error("the pool of buffers is empty");
  const bool corrupt =
      from.options.corrupts > 0 &&
      random_.below(1000) < static_cast<std::uint64_t>(from.options.corrupts * 1000);
  const BlockRef block{range.piece, range.begin / block_length};
  const std::uint64_t tag = right_tag(block) ^ (corrupt ? random_.next() | 1 : 0);
  std::memcpy(buffer.data(), &tag, sizeof tag);
  buffer.set_size(range.length);
  to.payload_in += range.length;
  return wire::Piece{to_number(range.piece), range.begin, std::move(buffer)};
}

// Hostile clients in the place of the node's own Swarm, or beside it. Whoever asks must ask again.
void World::send_back(std::uint32_t number, const wire::Request& request) {
  network_.send(number, wire::Choke{});
  network_.send(number, wire::Reject{request.piece, request.begin, request.length});
  network_.send(number, wire::Unchoke{});
}

// Asks everybody for everything, far beyond any
// limit.
void World::flood(Node& node) {
  if (!node.online) return;
  for (const std::uint32_t end : node.ends) {
    if (end == no_end) continue;
    for (int i = 0; i < flood_requests; ++i) {
      const PieceIndex piece{static_cast<std::uint32_t>(random_.below(layout().piece_count()))};
      network_.send(end, wire::Request{to_number(piece), 0, layout().range({piece, 0}).length});
    }
  }
  perform(node);
  later(now_ + flood_pause, [this, &node] { flood(node); });
}

}  // namespace barter::sim
