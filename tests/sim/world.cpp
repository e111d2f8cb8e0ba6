#include "tests/sim/world.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <deque>

#include <fmt/format.h>

#include "tests/sim/checkers.hpp"
#include "torrent/bencode.hpp"

namespace barter::sim {

namespace {
std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9;
  x ^= x >> 27;
  x *= 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

Duration transfer_time(std::uint64_t bytes, std::uint64_t rate) {
  return Duration(
      static_cast<Duration::rep>(bytes * 1'000'000'000ull / std::max<std::uint64_t>(rate, 1)));
}

std::shared_ptr<const Metainfo> make_metainfo(const WorldOptions& options) {
  const std::uint64_t size =
      std::uint64_t{options.pieces - 1} * options.piece_length + options.last_piece;
  bencode::Writer info;
  info.begin_dictionary();
  info.key("length").integer(static_cast<std::int64_t>(size));
  info.key("name").string("simulated");
  info.key("piece length").integer(options.piece_length);
  info.key("pieces").string(std::string(20ull * options.pieces, 'x'));
  if (options.is_private) info.key("private").integer(1);
  info.end();
  auto parsed = Metainfo::from_info(info.take());
  if (!parsed) throw std::runtime_error(parsed.error().message);
  return *parsed;
}
}  // namespace

struct World::Item {
  std::optional<wire::Message> message;  // else a block:
  BlockRange range;
  bool stalled = false;
  std::uint64_t bytes() const {
    if (!message) return range.length + 13;
    if (const auto* bits = std::get_if<wire::BitfieldMessage>(&*message))
      return bits->bits.size() + 5;
    if (std::holds_alternative<wire::ExtensionHandshake>(*message)) return 150;
    return 17;
  }
};

struct Link {
  struct End {
    Node* node = nullptr;
    std::uint32_t connection = 0;
    Endpoint remote;  // as this end sees the other
    std::deque<World::Item> sending;
  };
  End ends[2];
  bool up = true;
  End& own(const Node& node, std::uint32_t connection) {
    return ends[0].node == &node && ends[0].connection == connection ? ends[0] : ends[1];
  }
  End& other(const Node& node, std::uint32_t connection) {
    return ends[0].node == &node && ends[0].connection == connection ? ends[1] : ends[0];
  }
};

std::uint64_t World::right_tag(BlockRef block) {
  return mix(std::uint64_t{to_number(block.piece)} << 32 | block.block | 1ull << 63);
}

World::World(std::uint64_t seed, WorldOptions options)
    : seed_(seed),
      random_(seed),
      options_(options),
      metainfo_(make_metainfo(options)),
      registry_({.interval = 30, .interval_jitter = 5, .min_interval = 5}, seed),
      pool_(std::make_unique<BlockPool>(options.buffers, 8)),
      checkers_(std::make_unique<Checkers>(*this)) {}

World::~World() {
  // Buffers go back to the pool before it ends.
  queue_ = {};
  links_.clear();
  nodes_.clear();
}

Node& World::add(NodeOptions options) {
  auto node = std::make_unique<Node>();
  node->number = nodes_.size();
  node->options = std::move(options);
  const auto n = static_cast<std::uint8_t>(node->number);
  node->endpoint = {Address::v4({11, static_cast<std::uint8_t>(random_.below(200)), n, 7}),
                    static_cast<std::uint16_t>(6881 + random_.below(5))};
  for (auto& byte : node->peer_id.bytes) byte = static_cast<std::byte>(random_.below(256));
  node->config = std::make_shared<SwarmConfig>();
  if (node->options.configure) node->options.configure(*node->config);
  node->stored.assign(layout().piece_count(), node->options.seed);
  for (std::uint32_t i = 0; node->options.has > 0 && i < layout().piece_count(); ++i) {
    if (random_.below(1000) >= static_cast<std::uint64_t>(node->options.has * 1000)) continue;
    node->stored[i] = true;
    node->had_bytes += layout().piece_size(PieceIndex{i});
  }
  if (node->options.must_finish && !node->options.seed) ++unfinished_;
  Node& added = *node;
  nodes_.push_back(std::move(node));
  at(std::max(now_, began_ + added.options.joins.time_since_epoch()),
     [this, &added] { join(added); });
  if (added.options.leaves != never)
    at(began_ + added.options.leaves.time_since_epoch(), [this, &added] { vanish(added); });
  if (added.options.freezes != never)
    added.options.freezes = began_ + added.options.freezes.time_since_epoch();
  return added;
}

void World::at(TimePoint time, std::function<void()> what) {
  queue_.push({time, sequence_++, std::make_shared<std::function<void()>>(std::move(what))});
}

void World::join(Node& node) {
  std::vector<std::vector<std::string>> trackers{{"http://tracker.example/announce"}};
  node.swarm = std::make_unique<Swarm>(metainfo_, node.config, node.peer_id, trackers,
                                       seed_ * 1000 + node.number);
  node.online = true;
  node.swarm->set_listen_port(node.endpoint.port);
  Bitfield have(layout().piece_count());
  for (std::uint32_t i = 0; i < layout().piece_count(); ++i)
    if (node.stored[i]) have.set(i);
  node.swarm->pieces_checked(have, {}, now_);
  node.swarm->start(now_);
  perform(node);
  if (node.options.floods) flood(node);
}

void World::vanish(Node& node) {
  if (!node.online) return;
  node.online = false;
  while (!node.links.empty()) link_down(*node.links.begin()->second, node);
}

bool World::run(Duration limit) {
  const TimePoint end = began_ + limit;
  while (!queue_.empty() && unfinished_ > 0 && queue_.top().time <= end) {
    const Event event = queue_.top();
    queue_.pop();
    now_ = event.time;
    ++events_;
    (*event.what)();
  }
  if (unfinished_ == 0) checkers_->finished();
  return unfinished_ == 0;
}

void World::run_for(Duration duration) {
  const TimePoint end = now_ + duration;
  while (!queue_.empty() && queue_.top().time <= end) {
    const Event event = queue_.top();
    queue_.pop();
    now_ = event.time;
    ++events_;
    (*event.what)();
  }
  now_ = end;
}

// ---- one node

void World::perform(Node& node) {
  std::vector<Action> actions;
  node.swarm->take_actions(actions);
  for (Action& action : actions) do_action(node, action);
  checkers_->settled(node);
  if (!node.finished_at && !node.options.seed && node.swarm->progress(now_).complete) {
    node.finished_at = now_;
    if (node.options.must_finish) --unfinished_;
    for (const auto& other : nodes_)
      if (other->options.leaves_when_copied && other->online) vanish(*other);
  }
  wake(node);
}

void World::wake(Node& node) {
  const TimePoint deadline = node.swarm->next_deadline();
  if (deadline == never || deadline >= node.wakes_at) return;
  node.wakes_at = std::max(deadline, now_);
  at(node.wakes_at, [this, &node, due = node.wakes_at] {
    if (node.wakes_at != due) return;  // an earlier one took its place
    node.wakes_at = never;
    if (!node.online) return;
    node.swarm->time_passed(now_);
    perform(node);
  });
}

void World::do_action(Node& node, Action& action) {
  if (!node.online) return;
  if (auto* connect = std::get_if<Connect>(&action)) return do_connect(node, *connect);
  if (auto* close = std::get_if<Disconnect>(&action)) {
    const auto link = node.links.find(static_cast<std::uint32_t>(close->connection));
    if (link != node.links.end()) link_down(*link->second, node);
    return;
  }
  if (auto* one = std::get_if<Send>(&action)) {
    checkers_->sent(node, static_cast<std::uint32_t>(one->connection), one->message);
    return enqueue(node, one->connection, Item{std::move(one->message), {}, false});
  }
  if (auto* have = std::get_if<SendHave>(&action)) {
    for (const ConnectionId connection : have->connections)
      enqueue(node, connection, Item{wire::Have{to_number(have->piece)}, {}, false});
    return;
  }
  if (auto* block = std::get_if<SendBlock>(&action)) return do_send_block(node, *block);
  if (auto* cancel = std::get_if<CancelBlock>(&action)) return do_cancel(node, *cancel);
  if (auto* store = std::get_if<StorePiece>(&action)) return do_store(node, *store);
  if (auto* spill = std::get_if<SpillBlock>(&action)) return do_spill(node, *spill);
  if (auto* drop = std::get_if<DropSpilled>(&action)) {
    std::erase_if(node.spilled, [&](const auto& one) { return one.first.piece == drop->piece; });
    return;
  }
  if (auto* announce = std::get_if<Announce>(&action)) return do_announce(node, *announce);
  if (auto* notify = std::get_if<Notify>(&action))
    if (auto* banned = std::get_if<PeerBanned>(&notify->notice)) {
      node.banned.push_back(banned->endpoint);
      checkers_->banned(node, banned->endpoint);
    }
}

// ---- links

Endpoint World::remote_of(const Node& node, std::uint32_t connection) const {
  const auto link = node.links.find(connection);
  return link == node.links.end() ? Endpoint{} : link->second->own(node, connection).remote;
}

const Node& World::far_end(const Node& node, std::uint32_t connection) const {
  return *node.links.at(connection)->other(node, connection).node;
}

void World::do_connect(Node& node, const Connect& action) {
  Node* target = nullptr;
  for (const auto& other : nodes_)
    if (other->endpoint == action.endpoint) target = other.get();
  const bool reachable = target != nullptr && target->online && target->options.connectable;
  const auto fail = [this, &node, endpoint = action.endpoint](ConnectFailure why) {
    if (!node.online) return;
    node.swarm->connect_failed(endpoint, why, now_);
    perform(node);
  };
  if (!reachable) {
    const bool refused = target != nullptr && !target->online;
    at(now_ + (refused ? Duration(std::chrono::milliseconds(50)) : std::chrono::seconds(15)),
       [fail, refused] { fail(refused ? ConnectFailure::refused : ConnectFailure::timed_out); });
    return;
  }
  // SYN, SYN+ACK, our handshake; then theirs.
  const Duration one_way = node.options.delay + target->options.delay;
  at(now_ + 3 * one_way, [this, &node, target, fail, one_way, source = action.source] {
    if (!target->online || !target->swarm->wants_connection(node.endpoint, now_)) {
      at(now_ + one_way, [fail] { fail(ConnectFailure::handshake_failed); });
      return;
    }
    link_up(node, *target, source);
  });
}

void World::link_up(Node& from, Node& to, PeerSource source) {
  auto link = std::make_unique<Link>();
  Link& raw = *link;
  links_.push_back(std::move(link));
  raw.ends[0].node = &from;
  raw.ends[0].connection = from.next_connection++;
  raw.ends[0].remote = to.endpoint;
  raw.ends[1].node = &to;
  raw.ends[1].connection = to.next_connection++;
  raw.ends[1].remote = {from.endpoint.address,
                        static_cast<std::uint16_t>(40'000 + random_.below(20'000))};
  const auto open = [this, &raw](int index, PeerSource why) {
    Link::End& end = raw.ends[index];
    const Link::End& far = raw.ends[1 - index];
    if (!raw.up || !end.node->online) return;
    end.node->links[end.connection] = &raw;
    checkers_->linked(*end.node, end.connection);
    PeerInfo info;
    info.remote = end.remote;
    info.peer_id = far.node->peer_id;
    info.outgoing = index == 0;
    info.source = why;
    info.fast = options_.fast;
    info.extended = true;
    end.node->swarm->peer_connected(ConnectionId{end.connection}, info, now_);
    perform(*end.node);
  };
  const Duration one_way = from.options.delay + to.options.delay;
  at(now_, [open] { open(1, PeerSource::incoming); });
  at(now_ + one_way, [this, open, source, &raw, &from, remote = to.endpoint] {
    if (raw.up) return open(0, source);
    if (!from.online) return;
    from.swarm->connect_failed(remote, ConnectFailure::handshake_failed, now_);
    perform(from);
  });
}

void World::link_down(Link& link, Node& by) {
  if (!link.up) return;
  link.up = false;
  for (Link::End& end : link.ends) {
    end.sending.clear();
    if (end.node->links.erase(end.connection) == 0) continue;  // its side was not up yet
    checkers_->unlinked(*end.node, end.connection);
    if (end.node == &by) continue;
    at(now_ + by.options.delay + end.node->options.delay, [this, &end] {
      if (!end.node->online) return;
      end.node->swarm->peer_disconnected(ConnectionId{end.connection},
                                         DisconnectReason::closed_by_peer, now_);
      perform(*end.node);
    });
  }
}

// ---- bytes

void World::do_send_block(Node& node, const SendBlock& action) {
  const auto connection = static_cast<std::uint32_t>(action.connection);
  checkers_->block_given(node, connection, action.range);
  Item item{std::nullopt, action.range, false};
  item.stalled = random_.below(1000) < static_cast<std::uint64_t>(node.options.stalls * 1000);
  enqueue(node, action.connection, std::move(item));
}

void World::do_cancel(Node& node, const CancelBlock& action) {
  const auto connection = static_cast<std::uint32_t>(action.connection);
  const auto found = node.links.find(connection);
  if (found == node.links.end()) return;
  auto& sending = found->second->own(node, connection).sending;
  const auto item = std::find_if(sending.begin(), sending.end(), [&](const Item& queued) {
    return !queued.message && queued.range == action.range;
  });
  if (item == sending.end()) return;
  sending.erase(item);
  at(now_, [this, &node, action] {
    if (!node.online) return;
    node.swarm->block_not_sent(action.connection, action.range, SendFailure::cancelled, now_);
    perform(node);
  });
}

void World::enqueue(Node& node, ConnectionId connection, Item item) {
  const auto number = static_cast<std::uint32_t>(connection);
  const auto found = node.links.find(number);
  if (found == node.links.end()) return;
  found->second->own(node, number).sending.push_back(std::move(item));
  pump(node);
}

void World::pump(Node& node) {
  if (node.uplink_busy || node.links.empty() || frozen(node)) return;
  // The next link with something to send, after the one served last.
  auto turn = node.links.upper_bound(node.last_served);
  Link::End* end = nullptr;
  for (std::size_t i = 0; i < node.links.size(); ++i, ++turn) {
    if (turn == node.links.end()) turn = node.links.begin();
    Link::End& own = turn->second->own(node, turn->first);
    // A stalled block is never sent, and what stands behind it waits for ever with it: it is put
    // aside.
    while (!own.sending.empty() && own.sending.front().stalled) own.sending.pop_front();
    if (own.sending.empty()) continue;
    end = &own;
    break;
  }
  if (end == nullptr) return;
  node.last_served = end->connection;
  Link& link = *node.links.at(end->connection);
  auto item = std::make_shared<Item>(std::move(end->sending.front()));
  end->sending.pop_front();
  node.uplink_busy = true;
  const Duration spent = transfer_time(item->bytes(), node.options.up);
  at(now_ + spent, [this, &node, &link, connection = end->connection, item] {
    node.uplink_busy = false;
    if (link.up && node.online) {
      const Link::End& far = link.other(node, connection);
      deliver(node, *far.node, ConnectionId{far.connection}, item);
      if (!item->message) {
        node.swarm->block_sent(ConnectionId{connection}, item->range, now_);
        perform(node);
      }
    }
    if (node.online) pump(node);
  });
}

void World::deliver(const Node& from, Node& to, ConnectionId connection,
                    std::shared_ptr<Item> item) {
  const auto number = static_cast<std::uint32_t>(connection);
  const TimePoint arrives = now_ + from.options.delay + to.options.delay;
  const bool corrupt = !item->message && random_.below(1000) < static_cast<std::uint64_t>(
                                                                   from.options.corrupts * 1000);
  at(arrives, [this, &to, connection, number, item, corrupt] {
    to.down_free = std::max(to.down_free, now_) + transfer_time(item->bytes(), to.options.down);
    at(to.down_free, [this, &to, connection, number, item, corrupt] {
      if (!to.online || !to.links.contains(number) || frozen(to)) return;
      wire::Message message;
      if (item->message) {
        message = std::move(*item->message);
      } else {
        BlockBuffer buffer = pool_->take();
        if (!buffer) throw Violation("the pool of buffers is empty");
        const BlockRef block{item->range.piece, item->range.begin / block_length};
        const std::uint64_t tag = right_tag(block) ^ (corrupt ? random_.next() | 1 : 0);
        std::memcpy(buffer.data(), &tag, sizeof tag);
        buffer.set_size(item->range.length);
        to.payload_in += item->range.length;
        message = wire::Piece{to_number(item->range.piece), item->range.begin, std::move(buffer)};
      }
      checkers_->delivered(to, number, message);
      to.swarm->messages_received(connection, {&message, 1}, now_);
      perform(to);
    });
  });
}

// ---- the store and the tracker

void World::do_store(Node& node, StorePiece& action) {
  auto blocks = std::make_shared<std::vector<BlockBuffer>>(std::move(action.blocks));
  at(now_ + options_.disk_delay,
     [this, &node, piece = action.piece, blocks, want = action.want_digests] {
       if (!node.online) return;
       StoreOutcome outcome;
       bool right = true;
       for (std::uint32_t i = 0; i < blocks->size(); ++i) {
         std::uint64_t tag = 0;
         if ((*blocks)[i]) {
           std::memcpy(&tag, (*blocks)[i].data(), sizeof tag);
         } else if (const auto kept = node.spilled.find({piece, i}); kept != node.spilled.end()) {
           tag = kept->second;
         }
         right = right && tag == right_tag({piece, i});
         outcome.block_digests.push_back(mix(tag ^ 0x5eed));
       }
       outcome.result = right ? StoreResult::stored : StoreResult::hash_mismatch;
       if (right) {
         node.stored[to_number(piece)] = true;
         std::erase_if(node.spilled, [&](const auto& one) { return one.first.piece == piece; });
         if (!want) outcome.block_digests.clear();
       }
       blocks->clear();
       node.swarm->piece_stored(piece, outcome, now_);
       perform(node);
     });
}

void World::do_spill(Node& node, SpillBlock& action) {
  std::uint64_t tag = 0;
  std::memcpy(&tag, action.buffer.data(), sizeof tag);
  auto buffer = std::make_shared<BlockBuffer>(std::move(action.buffer));
  at(now_ + options_.disk_delay, [this, &node, block = action.block, tag, buffer] {
    *buffer = {};
    if (!node.online) return;
    node.spilled[block] = tag;
    node.swarm->block_spilled(block, true, now_);
    perform(node);
  });
}

void World::do_announce(Node& node, const Announce& action) {
  tracker::AnnounceRequest request;
  request.info_hash = metainfo_->info_hash().wire();
  request.peer_id = node.peer_id;
  request.port = node.endpoint.port;
  request.uploaded = action.uploaded;
  request.downloaded = action.downloaded;
  request.left = action.left;
  request.event = static_cast<tracker::Event>(action.event);
  request.peers_wanted = action.peers_wanted;
  const TrackerId tracker = action.tracker;
  at(now_ + 2 * node.options.delay, [this, &node, request, tracker] {
    AnnounceOutcome outcome;
    const auto answer = registry_.announce(request, node.endpoint, now_, random_, outcome.peers);
    outcome.ok = true;
    outcome.interval = std::chrono::seconds(answer.interval);
    outcome.min_interval = std::chrono::seconds(answer.min_interval);
    at(now_ + 2 * node.options.delay, [this, &node, tracker, outcome] {
      if (!node.online) return;
      node.swarm->announce_finished(tracker, outcome, now_);
      perform(node);
    });
  });
}

// A hostile client beside the node's own Swarm: asks everybody for everything, far beyond any
// limit.
void World::flood(Node& node) {
  if (!node.online) return;
  for (const auto& [connection, link] : node.links) {
    for (int i = 0; i < 200; ++i) {
      const PieceIndex piece{static_cast<std::uint32_t>(random_.below(layout().piece_count()))};
      const BlockRange range = layout().range({piece, 0});
      link->own(node, connection)
          .sending.push_back(Item{wire::Request{to_number(piece), 0, range.length}, {}, false});
    }
  }
  pump(node);
  at(now_ + std::chrono::milliseconds(200), [this, &node] { flood(node); });
}

double World::efficiency() const {
  // Kumar and Ross: no swarm is faster than the seeds' uplink, the slowest downlink, or all uplinks
  // together allow.
  double seeds_up = 0, all_up = 0, slowest_down = 1e18, leechers = 0;
  TimePoint last = began_;
  for (const auto& node : nodes_) {
    const auto up = static_cast<double>(node->options.up);
    all_up += up;
    if (node->options.seed) {
      seeds_up += up;
      continue;
    }
    ++leechers;
    slowest_down = std::min(slowest_down, static_cast<double>(node->options.down));
    if (node->finished_at) last = std::max(last, *node->finished_at);
  }
  const auto size = static_cast<double>(metainfo_->layout().total_size());
  const double bound = std::max({size / slowest_down, size / seeds_up, leechers * size / all_up});
  return bound / std::chrono::duration<double>(last - began_).count();
}

}  // namespace barter::sim
