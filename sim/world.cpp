#include "sim/world.hpp"

#include <algorithm>
#include <stdexcept>
#include <variant>

#include "sim/checkers.hpp"
#include "sim/mix.hpp"
#include "torrent/bencode.hpp"

namespace barter::sim {

namespace {
// A Swarm keeps the vector that it gets back: not a large one, where there are thousands of them.
constexpr std::size_t kept_actions = 24;
constexpr std::uint64_t events_between_questions = 1 << 15;

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

tracker::RegistryConfig registry_config(const WorldOptions& options) {
  tracker::RegistryConfig config;
  config.interval = options.announce_interval;
  config.interval_jitter = options.announce_interval / 6;
  config.min_interval = options.announce_min_interval;
  return config;
}

// Each node in a /24 of its own, all over the address space as peers are; or all in one network.
Address address_of(std::uint32_t number, std::uint64_t seed, bool one_network) {
  if (one_network)
    return Address::v4(
        {10, 77, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)});
  const std::uint64_t place = (number * 0x9e3779b1ull + mix(seed)) & 0x1fffff;  // odd: one to one
  return Address::v4({static_cast<std::uint8_t>(11 + (place >> 16)),
                      static_cast<std::uint8_t>(place >> 8), static_cast<std::uint8_t>(place), 7});
}
}  // namespace

std::uint64_t World::right_tag(BlockRef block) {
  return mix(std::uint64_t{to_number(block.piece)} << 32 | block.block | 1ull << 63);
}

World::World(std::uint64_t seed, WorldOptions options)
    : seed_(seed),
      random_(seed),
      options_(std::move(options)),
      config_(options_.config ? options_.config : std::make_shared<SwarmConfig>()),
      metainfo_(make_metainfo(options_)),
      registry_(registry_config(options_), seed),
      pool_(std::make_unique<BlockPool>(options_.buffers, 8)),
      checkers_(options_.checked ? std::make_unique<Checkers>(*this) : nullptr),
      network_(events_, options_),
      had_(layout().piece_count()),
      out_(layout().piece_count()) {}

// Buffers go back to the pool before it ends.
World::~World() {
  jobs_ = {};
  actions_.clear();
  messages_.clear();
  nodes_.clear();
}

Node& World::add(NodeOptions options) {
  auto fresh = std::make_unique<Node>();
  Node& node = *fresh;
  node.number = network_.add_line(options);
  node.options = std::move(options);
  node.endpoint = {address_of(node.number, seed_, options_.one_network),
                   static_cast<std::uint16_t>(6881 + random_.below(5))};
  if (node.options.host)  // as another process on that machine
    node.endpoint = {nodes_[*node.options.host]->endpoint.address,
                     static_cast<std::uint16_t>(10'000 + node.number)};
  by_endpoint_[node.endpoint] = node.number;
  for (auto& byte : node.peer_id.bytes) byte = static_cast<std::byte>(random_.below(256));
  node.config = config_;
  if (node.options.configure) {
    auto own = std::make_shared<SwarmConfig>(*config_);
    node.options.configure(*own);
    node.config = std::move(own);
  }
  give_pieces(node);
  if (node.options.must_finish && !node.stored.all()) ++unfinished_;
  nodes_.push_back(std::move(fresh));
  const auto at = [&](TimePoint time) { return std::max(now_, began_ + time.time_since_epoch()); };
  events_.push({at(node.options.joins), EventKind::join, node.number, 0});
  if (node.options.leaves != never) later(at(node.options.leaves), [this, &node] { vanish(node); });
  if (node.options.freezes != never)
    later(at(node.options.freezes), [this, &node] { network_.line(node.number).frozen = true; });
  return node;
}

// What a node has at the start.
void World::give_pieces(Node& node) {
  const std::uint32_t pieces = layout().piece_count();
  node.stored = Bitfield(pieces, node.options.seed);
  if (node.options.seed) return;
  for (std::uint32_t i = 0; i < pieces; ++i) {
    bool has = node.options.has > 0 &&
               random_.below(1000) < static_cast<std::uint64_t>(node.options.has * 1000);
    if (i == 0) has = node.options.first_piece.value_or(has);
    if (!has) continue;
    node.stored.set(i);
    node.had_bytes += layout().piece_size(PieceIndex{i});
    if (had_.set(i)) out_.set(i);
  }
}

void World::later(TimePoint time, Closure what) {
  events_.push({time, EventKind::call, closures_.put(std::move(what)), 0});
}

void World::join(Node& node) {
  std::vector<std::vector<std::string>> trackers{{"http://tracker.example/announce"}};
  node.swarm = std::make_unique<Swarm>(metainfo_, node.config, node.peer_id, trackers,
                                       seed_ * 1'000'003 + node.number);
  node.online = true;
  node.joined_at = now_;
  network_.line(node.number).usage.begin(now_);
  node.swarm->set_listen_port(node.endpoint.port);
  node.swarm->pieces_checked(node.stored, {}, now_);
  node.swarm->start(now_);
  std::vector<Endpoint> knows;
  for (const std::uint32_t other : node.options.knows) knows.push_back(nodes_[other]->endpoint);
  if (!knows.empty()) node.swarm->add_peers(PeerSource::user, knows, now_);
  perform(node);
  if (node.options.floods) flood(node);
}

void World::vanish(Node& node) {
  if (!node.online) return;
  node.online = false;
  Line& line = network_.line(node.number);
  line.usage.end(now_, line.up_free);
  for (std::size_t i = 0; i < node.ends.size(); ++i)
    if (node.ends[i] != no_end) link_down(node.ends[i]);
  if (node.options.must_finish && !node.finished_at && !node.stored.all()) --unfinished_;
}

bool World::run(Duration limit, const std::function<bool()>& go_on) {
  const TimePoint end = began_ + limit;
  while (unfinished_ > 0 && !events_.empty() && events_.next_time() <= end) {
    handle(events_.pop());
    if (go_on && event_count_ % events_between_questions == 0 && !go_on()) return false;
  }
  if (unfinished_ == 0 && checkers_) checkers_->finished();
  return unfinished_ == 0;
}

void World::run_for(Duration duration) {
  const TimePoint end = now_ + duration;
  while (!events_.empty() && events_.next_time() <= end) handle(events_.pop());
  now_ = end;
}

void World::handle(const Event& event) {
  now_ = event.time;
  ++event_count_;
  switch (event.kind) {
    case EventKind::join:
      return join(*nodes_[event.a]);
    case EventKind::wake:
      return on_wake(*nodes_[event.a]);
    case EventKind::arrive:
      return on_arrive(event.a, event.b);
    case EventKind::ready: {
      const std::uint32_t number = network_.end(event.a).node;
      network_.on_ready(event.a, now_);
      return perform(*nodes_[number]);
    }
    case EventKind::pump:
      network_.on_pump(event.a, now_);
      return perform(*nodes_[event.a]);
    case EventKind::stored:
      return on_stored(event.a);
    case EventKind::spilled:
      return on_spilled(event.a);
    case EventKind::call:
      return closures_.take(event.a)();
  }
}

// ---- one node

// As the client's driver: the actions, then what the connections can write, until nothing is left.
void World::perform(Node& node) {
  while (node.online) {
    node.swarm->take_actions(actions_);
    if (digest_ != nullptr) digest_->add(node.number, now_, actions_);
    if (actions_.empty() && !network_.dirty(node.number)) break;
    for (Action& action : actions_) {
      if (!node.online) break;
      std::visit([&](auto& one) { act(node, one); }, action);
    }
    actions_.clear();
    if (actions_.capacity() > kept_actions) actions_ = std::vector<Action>();
    network_.flush(node.number, sent_, now_);
    for (const auto& [end, range] : sent_)
      if (network_.end(end).open)
        node.swarm->block_sent(ConnectionId{network_.end(end).connection}, range, now_);
    sent_.clear();
    network_.pump(node.number, now_);
  }
  after(node);
}

void World::after(Node& node) {
  if (!node.online) return;
  if (checkers_) checkers_->settled(node);
  if (!node.finished_at && !node.options.seed && node.swarm->have().all()) finished(node);
  note_use(node);
  wake(node);
}

void World::finished(Node& node) {
  node.finished_at = now_;
  note_use(node);
  node.usage_at_finish = network_.line(node.number).usage;
  node.sums_at_finish = network_.line(node.number).sums;
  node.sent_at_finish = node.swarm->progress(now_).uploaded;
  if (node.options.must_finish) --unfinished_;
  if (node.options.leaves_when_complete) later(now_, [this, &node] { vanish(node); });
}

void World::wake(Node& node) {
  const TimePoint deadline = node.swarm->next_deadline();
  if (deadline == never || deadline >= node.wakes_at) return;
  node.wakes_at = std::max(deadline, now_);
  events_.push({node.wakes_at, EventKind::wake, node.number, 0});
}

void World::on_wake(Node& node) {
  if (node.wakes_at != now_) return;  // an earlier one took its place
  node.wakes_at = never;
  if (!node.online) return;
  node.swarm->time_passed(now_);
  perform(node);
}

// ---- what the uplinks do

Idle World::idle_reason(const Node& node) const {
  const Line& line = network_.line(node.number);
  if (line.window_waits > 0) return Idle::window;
  if (line.receiver_waits > 0) return Idle::receiver_full;
  if (node.links == 0) return Idle::no_peers;
  if (node.stored.none()) return Idle::no_piece;
  if (node.interested == 0) return Idle::not_wanted;
  if (node.served == 0) return Idle::choked;
  return node.config->upload_limit != unlimited ? Idle::limit : Idle::no_requests;
}

void World::note_use(Node& node) {
  Line& line = network_.line(node.number);
  line.usage.advance(now_, line.up_free);
  line.usage.set_reason(idle_reason(node));
}

std::uint64_t World::only_at_seeds() const {
  std::uint64_t bytes = 0;
  for (std::uint32_t i = 0; i < layout().piece_count(); ++i)
    if (!had_.test(i)) bytes += layout().piece_size(PieceIndex{i});
  return bytes;
}

void World::settle_usage() {
  for (const auto& node : nodes_) {
    Line& line = network_.line(node->number);
    line.usage.advance(now_, line.up_free);
  }
}

}  // namespace barter::sim
