// What a Swarm wants done, one function for each Action; the disk and the tracker.
#include <algorithm>
#include <cstring>

#include "sim/checkers.hpp"
#include "sim/mix.hpp"
#include "sim/world.hpp"

namespace barter::sim {

namespace {
void forget_spilled(Node& node, PieceIndex piece) {
  const PieceIndex next{to_number(piece) + 1};
  node.spilled.erase(node.spilled.lower_bound({piece, 0}), node.spilled.lower_bound({next, 0}));
}

// What a node of its kind never says, though its Swarm would.
bool is_withheld(const NodeOptions& options, const wire::Message& message) {
  const bool about_choking = std::holds_alternative<wire::Choke>(message) ||
                             std::holds_alternative<wire::Unchoke>(message);
  return (options.idles && std::holds_alternative<wire::Request>(message)) ||
         (options.sends_back && about_choking);
}
}  // namespace

std::uint32_t World::end_of(const Node& node, ConnectionId connection) const {
  const auto number = static_cast<std::uint32_t>(connection);
  return number < node.ends.size() ? node.ends[number] : no_end;
}

void World::act(Node& node, Connect& action) {
  const auto found = by_endpoint_.find(action.endpoint);
  Node* target = found == by_endpoint_.end() ? nullptr : nodes_[found->second].get();
  const auto fail = [this, &node, endpoint = action.endpoint](ConnectFailure why) {
    connect_failed(node, endpoint, why);
  };
  if (target == nullptr || !target->online || !target->options.connectable) {
    const bool refused = target != nullptr && !target->online;
    const auto pause = refused ? 2 * (node.options.delay + target->options.delay)
                               : Duration(std::chrono::seconds(15));
    later(now_ + pause,
          [fail, refused] { fail(refused ? ConnectFailure::refused : ConnectFailure::timed_out); });
    return;
  }
  // SYN, SYN+ACK, our handshake; then theirs.
  const Duration one_way = node.options.delay + target->options.delay;
  later(now_ + 3 * one_way, [this, &node, target, fail, one_way, source = action.source] {
    if (!target->online || !node.online || !target->swarm->wants_connection(node.endpoint, now_)) {
      later(now_ + one_way, [fail] { fail(ConnectFailure::handshake_failed); });
      return;
    }
    link_up(node, *target, source);
  });
}

void World::act(Node& node, Disconnect& action) {
  if (const std::uint32_t end = end_of(node, action.connection); end != no_end) link_down(end);
}

void World::act(Node& node, Send& action) {
  const auto connection = static_cast<std::uint32_t>(action.connection);
  const std::uint32_t end = end_of(node, action.connection);
  if (is_withheld(node.options, action.message)) return;
  if (checkers_) checkers_->sent(node, connection, action.message);
  if (end == no_end) return;
  const bool choke = std::holds_alternative<wire::Choke>(action.message);
  if (choke || std::holds_alternative<wire::Unchoke>(action.message))
    watch(node, end, choke, network_.end(end).peer_interested);
  network_.send(end, std::move(action.message));
}

void World::act(Node& node, SendHave& action) {
  for (const ConnectionId connection : action.connections)
    if (const std::uint32_t end = end_of(node, connection); end != no_end)
      network_.send(end, wire::Have{to_number(action.piece)});
}

void World::act(Node& node, SendBlock& action) {
  if (checkers_)
    checkers_->block_given(node, static_cast<std::uint32_t>(action.connection), action.range);
  // A stalled block is never sent.
  if (node.options.stalls > 0 &&
      random_.below(1000) < static_cast<std::uint64_t>(node.options.stalls * 1000))
    return;
  const std::uint32_t end = end_of(node, action.connection);
  if (end != no_end) network_.send_block(end, action.range);
}

void World::act(Node& node, CancelBlock& action) {
  const std::uint32_t end = end_of(node, action.connection);
  if (end == no_end || !network_.take_back(end, action.range)) return;
  node.swarm->block_not_sent(action.connection, action.range, SendFailure::cancelled, now_);
}

// ---- the disk

void World::act(Node& node, StorePiece& action) {
  DiskJob job;
  job.node = node.number;
  job.piece = action.piece;
  job.want_digests = action.want_digests;
  job.buffers = std::move(action.blocks);
  events_.push({now_ + options_.disk_delay, EventKind::stored, jobs_.put(std::move(job)), 0});
}

void World::on_stored(std::uint32_t number) {
  const DiskJob job = jobs_.take(number);
  Node& node = *nodes_[job.node];
  if (!node.online) return;
  StoreOutcome outcome;
  bool right = true;
  std::vector<std::uint64_t> digests;
  for (std::uint32_t i = 0; i < job.buffers.size(); ++i) {
    std::uint64_t tag = 0;
    if (job.buffers[i]) {
      std::memcpy(&tag, job.buffers[i].data(), sizeof tag);
    } else if (const auto kept = node.spilled.find({job.piece, i}); kept != node.spilled.end()) {
      tag = kept->second;
    }
    right = right && tag == right_tag({job.piece, i});
    digests.push_back(mix(tag ^ 0x5eed));
  }
  outcome.result = right ? StoreResult::stored : StoreResult::hash_mismatch;
  if (!right || job.want_digests) outcome.block_digests = std::move(digests);
  if (right) {
    piece_stored(node, job.piece);
  } else {
    ++node.failed_pieces;
  }
  node.swarm->piece_stored(job.piece, outcome, now_);
  perform(node);
}

void World::piece_stored(Node& node, PieceIndex piece) {
  node.stored.set(to_number(piece));
  if (node.options.watched) node.piece_times.push_back(now_);
  forget_spilled(node, piece);
  if (!out_.set(to_number(piece)) || !out_.all()) return;
  copied_at_ = now_;
  for (const auto& other : nodes_)
    if (other->options.leaves_when_copied)
      later(now_, [this, leaving = other.get()] { vanish(*leaving); });
}

void World::act(Node& node, SpillBlock& action) {
  DiskJob job;
  job.node = node.number;
  job.piece = action.block.piece;
  job.block = action.block.block;
  job.buffers.push_back(std::move(action.buffer));
  events_.push({now_ + options_.disk_delay, EventKind::spilled, jobs_.put(std::move(job)), 0});
}

void World::on_spilled(std::uint32_t number) {
  const DiskJob job = jobs_.take(number);
  Node& node = *nodes_[job.node];
  if (!node.online) return;
  const BlockRef block{job.piece, job.block};
  std::memcpy(&node.spilled[block], job.buffers[0].data(), sizeof(std::uint64_t));
  node.swarm->block_spilled(block, true, now_);
  perform(node);
}

void World::act(Node& node, DropSpilled& action) {
  forget_spilled(node, action.piece);
}

// ---- the tracker, and what is told

void World::act(Node& node, Announce& action) {
  tracker::AnnounceRequest request;
  request.info_hash = metainfo_->info_hash().wire();
  request.peer_id = node.peer_id;
  request.port = node.endpoint.port;
  request.uploaded = action.uploaded;
  request.downloaded = action.downloaded;
  request.left = action.left;
  request.event = static_cast<tracker::Event>(action.event);
  request.peers_wanted = action.peers_wanted;
  // Connect, ask and be answered: two round trips to a tracker in the middle of the network.
  later(now_ + 2 * node.options.delay, [this, &node, request, tracker = action.tracker] {
    AnnounceOutcome outcome;
    if (now_ - began_ < options_.tracker_fails.time_since_epoch()) {
      const auto answer = registry_.announce(request, node.endpoint, now_, random_, outcome.peers);
      outcome.ok = true;
      outcome.interval = std::chrono::seconds(answer.interval);
      outcome.min_interval = std::chrono::seconds(answer.min_interval);
    } else {
      outcome.failure = "connection refused";
    }
    later(now_ + 2 * node.options.delay, [this, &node, tracker, outcome] {
      if (!node.online) return;
      node.swarm->announce_finished(tracker, outcome, now_);
      perform(node);
    });
  });
}

void World::act(Node& node, Notify& action) {
  const auto* banned = std::get_if<PeerBanned>(&action.notice);
  if (banned == nullptr) return;
  node.banned.push_back(banned->endpoint);
  if (checkers_) checkers_->banned(node, banned->endpoint);
}

}  // namespace barter::sim
