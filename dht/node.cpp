#include "dht/node.hpp"

#include <algorithm>
#include <utility>

#include "dht/node_core.hpp"
#include "torrent/bencode.hpp"

namespace barter::dht {

namespace {

constexpr std::size_t max_bootstrap = 64;
constexpr std::size_t max_saved_nodes = 300;  // of a family
constexpr std::size_t max_state_bytes = 64 << 10;

// Keys for different ends, of which none gives away another.
SipKey derive(SipKey seed, std::uint64_t use) {
  const std::array<std::uint64_t, 2> low{use, 0}, high{use, 1};
  return {siphash(seed, std::as_bytes(std::span(low))),
          siphash(seed, std::as_bytes(std::span(high)))};
}

}  // namespace

Node::Core::Core(std::shared_ptr<const Config> config, SipKey seed)
    : config_(std::move(config)),
      random_(derive(seed, 1).low),
      transaction_key_(derive(seed, 2)),
      tokens_(derive(seed, 3)),
      sources_(config_->sources, config_->queries_per_source, config_->burst_per_source,
               derive(seed, 4)),
      peer_store_(config_->peer_store),
      item_store_(config_->item_store),
      read_only_(config_->read_only) {
  for (const bool v4 : {true, false}) {
    Family& ours = family(v4);
    ours.v4 = v4;
    ours.enabled = v4 ? config_->v4 : config_->v6;
    ours.table = RoutingTable(random_id(random_));
  }
}

// Of what save() writes; without a number it is 1.
static constexpr std::int64_t state_version = 1;

Result<void> Node::Core::load(std::string_view state) {
  bencode::Limits limits;
  limits.bytes = max_state_bytes;
  limits.depth = 4;
  limits.tokens = 64;
  const auto document = bencode::parse(state, limits);
  if (!document) return document.error();
  if (document->root().type() == bencode::Type::dictionary &&
      document->root().find_integer("version").value_or(state_version) > state_version) {
    return Error{Errc::unsupported, "dht: the saved state is of a newer version"};
  }
  std::vector<std::pair<Family*, NodeId>> ids;
  std::array<std::vector<NodeInfo>, 2> nodes;  // in the order of `ids`
  for (Family& family : families_) {
    const auto saved = document->root().find_dictionary(family.v4 ? "v4" : "v6");
    if (!saved) continue;
    const auto id = saved->find_string("id");
    const auto compact = saved->find_string("nodes");
    const auto own = id ? NodeId::from(*id) : std::nullopt;
    auto known = compact ? nodes_from_compact(*compact, family.v4) : std::nullopt;
    if (!own || !known) return Error{Errc::protocol, "dht: the saved state is damaged"};
    nodes[ids.size()] = std::move(*known);
    ids.emplace_back(&family, *own);
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids[i].first->table = RoutingTable(ids[i].second);
    ids[i].first->remembered = std::move(nodes[i]);
  }
  return {};
}

std::string Node::Core::save() const {
  bencode::Writer out;
  out.begin_dictionary();
  for (const Family& family : families_) {
    std::vector<NodeInfo> nodes;
    family.table.nodes(nodes);
    if (nodes.empty()) nodes = family.remembered;
    if (nodes.size() > max_saved_nodes) nodes.resize(max_saved_nodes);
    out.key(family.v4 ? "v4" : "v6").begin_dictionary();
    out.key("id").string(family.table.own().view());
    out.key("nodes").string(compact_nodes(nodes, family.v4));
    out.end();
  }
  out.key("version").integer(state_version);
  out.end();
  return out.take();
}

void Node::Core::start(TimePoint now) {
  if (started_) return;
  started_ = true;
  now_ = last_answer_ = now;
  next_upkeep_ = now + config_->upkeep_every;
  next_expiry_ = now + std::chrono::minutes(1);
  for (Family& family : families_) bootstrap(family, now);
  pump_all(now);
}

void Node::Core::add_bootstrap(std::span<const Endpoint> endpoints, TimePoint now) {
  now_ = now;
  for (const Endpoint& endpoint : endpoints) {
    const bool known =
        std::find(bootstrap_.begin(), bootstrap_.end(), endpoint) != bootstrap_.end();
    if (known || endpoint.port == 0 || bootstrap_.size() >= max_bootstrap) continue;
    bootstrap_.push_back(endpoint);
  }
  if (!started_) return;
  for (Family& family : families_)
    if (!family.bootstrapped) bootstrap(family, now);
  pump_all(now);
}

void Node::Core::add_node(const Endpoint& endpoint, TimePoint now) {
  now_ = now;
  if (started_ && endpoint.port != 0) send_ping(endpoint, Purpose::upkeep, 0, now);
}

void Node::Core::set_external_address(const Address& address, TimePoint now) {
  now_ = now;
  if (address.is_local() || address.is_unspecified()) return;
  adopt_address(family(address.is_v4()), address, now);
  if (started_) pump_all(now);
}

RequestId Node::Core::find_peers(const WireInfoHash& info_hash, TimePoint now, bool scrape) {
  Job job;
  job.aim = Aim::peers;
  job.target = key_of(info_hash);
  job.scrape = scrape;
  return new_job(std::move(job), now);
}

RequestId Node::Core::announce(const WireInfoHash& info_hash, const AnnounceOptions& options,
                               TimePoint now) {
  Job job;
  job.aim = Aim::announce;
  job.target = key_of(info_hash);
  job.announce = options;
  remember_own(job.target, options, now);
  return new_job(std::move(job), now);
}

RequestId Node::Core::get_item(const NodeId& target, std::string salt, TimePoint now) {
  Job job;
  job.aim = Aim::get;
  job.target = target;
  job.salt = std::move(salt);
  return new_job(std::move(job), now);
}

RequestId Node::Core::put_item(Item item, std::optional<std::int64_t> cas, TimePoint now) {
  Job job;
  job.aim = Aim::put;
  job.target = target_of(item);
  job.item = std::move(item);
  job.cas = cas;
  return new_job(std::move(job), now);
}

RequestId Node::Core::find_node(const NodeId& target, TimePoint now) {
  Job job;
  job.aim = Aim::find_node;
  job.target = target;
  return new_job(std::move(job), now);
}

RequestId Node::Core::ping(const Endpoint& endpoint, TimePoint now) {
  now_ = now;
  Pending pending;
  pending.owner = next_number_++;
  if (!started_ || !send_ping(endpoint, Purpose::ping, pending.owner, now)) {
    pending.sent = now;
    finish_simple(pending, false, "not sent", now);
  }
  return RequestId{pending.owner};
}

RequestId Node::Core::sample(const Endpoint& endpoint, const NodeId& target, TimePoint now) {
  now_ = now;
  Query query;
  query.method = Method::sample_infohashes;
  query.target = target;
  Pending pending;
  pending.purpose = Purpose::sample;
  pending.owner = next_number_++;
  if (!started_ || !send_query(endpoint, query, pending, now)) {
    pending.sent = now;
    finish_simple(pending, false, "not sent", now);
  }
  return RequestId{pending.owner};
}

void Node::Core::cancel(RequestId request) {
  for (const auto& search : searches_)
    if (search->job == request) search->phase = Phase::over;
  for (const auto& job : jobs_)
    if (job->id == request) job->searches_left = 0;
  std::erase_if(pending_, [&](const Pending& pending) {
    return (pending.purpose == Purpose::ping || pending.purpose == Purpose::sample) &&
           pending.owner == static_cast<std::uint64_t>(request);
  });
  sweep();
}

void Node::Core::time_passed(TimePoint now) {
  if (!started_) return;
  now_ = now;
  expire_pending(now);
  for (Family& family : families_)
    if (now >= family.bootstrap_at) bootstrap(family, now);
  if (now >= next_upkeep_) upkeep(now);
  pump_all(now);
}

void Node::Core::take_actions(std::vector<Action>& out) {
  std::move(actions_.begin(), actions_.end(), std::back_inserter(out));
  actions_.clear();
}

TimePoint Node::Core::next_deadline() const {
  if (!started_) return never;
  TimePoint out = next_upkeep_;
  if (!pending_.empty()) out = std::min(out, pending_.front().sent + config_->query_timeout);
  for (const Family& family : families_) out = std::min(out, family.bootstrap_at);
  for (const auto& search : searches_)
    if (search->phase == Phase::searching) out = std::min(out, search->lookup.next_deadline(now_));
  return out;
}

Status Node::Core::status(TimePoint now) const {
  Status out = counters_;
  for (const Family& family : families_) {
    FamilyStatus& status = family.v4 ? out.v4 : out.v6;
    status.enabled = family.enabled;
    status.id = family.table.own();
    status.nodes = family.table.size();
    status.good_nodes = family.table.good(now);
    status.buckets = family.table.buckets();
    status.bootstrapped = family.bootstrapped;
    status.external = family.external;
    status.network_estimate = network_estimate(family);
  }
  out.searches = searches_.size();
  out.pending = pending_.size();
  out.info_hashes = peer_store_.info_hashes();
  out.peers = peer_store_.size();
  out.items = item_store_.size();
  return out;
}

std::vector<NodeInfo> Node::Core::nodes(bool v4) const {
  std::vector<NodeInfo> out;
  family(v4).table.nodes(out);
  return out;
}

std::size_t Node::Core::memory_bytes() const {
  std::size_t out = sizeof(Core) + sources_.memory_bytes() + peer_store_.memory_bytes() +
                    item_store_.memory_bytes();
  for (const Family& family : families_)
    out += family.table.memory_bytes() + family.remembered.capacity() * sizeof(NodeInfo) +
           family.votes.capacity() * sizeof(Vote);
  out += pending_.capacity() * sizeof(Pending) + actions_.capacity() * sizeof(Action) +
         bootstrap_.capacity() * sizeof(Endpoint) + sample_.capacity() * sizeof(WireInfoHash);
  for (const auto& search : searches_) out += sizeof(Search) + search->lookup.memory_bytes();
  for (const auto& job : jobs_) out += sizeof(Job) + job->seen.capacity() * sizeof(Endpoint);
  return out;
}

std::string Node::Core::broken_invariant() const {
  if (pending_.size() > config_->pending) return "more queries under way than allowed";
  if (searches_.size() > config_->waiting_searches + 8) return "more searches than allowed";
  for (const auto& job : jobs_) {
    const auto left = std::count_if(searches_.begin(), searches_.end(), [&](const auto& search) {
      return search->job == job->id && search->phase != Phase::over;
    });
    if (static_cast<std::uint32_t>(left) != job->searches_left)
      return "a request counts other searches than it has";
  }
  for (const auto& search : searches_) {
    const auto waits = std::count_if(pending_.begin(), pending_.end(), [&](const auto& pending) {
      return pending.owner == search->number &&
             (pending.purpose == Purpose::store ||
              (pending.purpose == Purpose::lookup && pending.candidate == 0xffff));
    });
    if (static_cast<std::uint32_t>(waits) != search->under_way)
      return "a search counts other queries than it has";
  }
  return {};
}

Node::Node(std::shared_ptr<const Config> config, SipKey seed)
    : core_(std::make_unique<Core>(std::move(config), seed)) {}
Node::~Node() = default;
Node::Node(Node&&) noexcept = default;
Node& Node::operator=(Node&&) noexcept = default;

Result<void> Node::load(std::string_view state) {
  return core_->load(state);
}
std::string Node::save() const {
  return core_->save();
}
void Node::start(TimePoint now) {
  core_->start(now);
}
void Node::add_bootstrap(std::span<const Endpoint> endpoints, TimePoint now) {
  core_->add_bootstrap(endpoints, now);
}
void Node::add_node(const Endpoint& endpoint, TimePoint now) {
  core_->add_node(endpoint, now);
}
void Node::set_external_address(const Address& address, TimePoint now) {
  core_->set_external_address(address, now);
}
void Node::set_read_only(bool read_only) {
  core_->set_read_only(read_only);
}
RequestId Node::find_peers(const WireInfoHash& info_hash, TimePoint now, bool scrape) {
  return core_->find_peers(info_hash, now, scrape);
}
RequestId Node::announce(const WireInfoHash& info_hash, const AnnounceOptions& options,
                         TimePoint now) {
  return core_->announce(info_hash, options, now);
}
RequestId Node::get_item(const NodeId& target, std::string salt, TimePoint now) {
  return core_->get_item(target, std::move(salt), now);
}
RequestId Node::put_item(Item item, std::optional<std::int64_t> cas, TimePoint now) {
  return core_->put_item(std::move(item), cas, now);
}
RequestId Node::find_node(const NodeId& target, TimePoint now) {
  return core_->find_node(target, now);
}
RequestId Node::ping(const Endpoint& endpoint, TimePoint now) {
  return core_->ping(endpoint, now);
}
RequestId Node::sample(const Endpoint& endpoint, const NodeId& target, TimePoint now) {
  return core_->sample(endpoint, target, now);
}
void Node::withdraw(const WireInfoHash& info_hash) {
  core_->withdraw(info_hash);
}
void Node::cancel(RequestId request) {
  core_->cancel(request);
}
void Node::datagram_received(const Endpoint& from, std::string_view bytes, TimePoint now) {
  core_->datagram_received(from, bytes, now);
}
void Node::time_passed(TimePoint now) {
  core_->time_passed(now);
}
void Node::take_actions(std::vector<Action>& out) {
  core_->take_actions(out);
}
TimePoint Node::next_deadline() const {
  return core_->next_deadline();
}
Status Node::status(TimePoint now) const {
  return core_->status(now);
}
std::vector<NodeInfo> Node::nodes(bool v4) const {
  return core_->nodes(v4);
}
std::size_t Node::memory_bytes() const {
  return core_->memory_bytes();
}
std::string Node::broken_invariant() const {
  return core_->broken_invariant();
}

}  // namespace barter::dht
