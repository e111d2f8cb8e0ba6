#include <algorithm>
#include <cmath>

#include "dht/node_core.hpp"

namespace barter::dht {

namespace {
constexpr std::uint16_t asked_again = 0xffff;  // instead of a candidate's number
constexpr Duration wait_for_somebody = std::chrono::seconds(5);
constexpr std::size_t begin_with = 16;  // nodes of our own
}  // namespace

Node::Core::Search* Node::Core::find_search(std::uint64_t number) {
  for (const auto& search : searches_)
    if (search->number == number && search->phase != Phase::over) return search.get();
  return nullptr;
}

Node::Core::Job* Node::Core::find_job(RequestId id) {
  for (const auto& job : jobs_)
    if (job->id == id) return job.get();
  return nullptr;
}

RequestId Node::Core::new_job(Job job, TimePoint now) {
  now_ = now;
  job.id = RequestId{next_number_++};
  job.result.request = job.id;
  job.began = now;
  jobs_.push_back(std::make_unique<Job>(std::move(job)));
  Job& added = *jobs_.back();
  const RequestId id = added.id;
  const bool wrong = added.aim == Aim::put && fault_of(*added.item);
  for (const bool v4 : {true, false}) {
    if (wrong || !family(v4).enabled || !started_ || searches_.size() >= config_->waiting_searches)
      continue;
    ++added.searches_left;
    begin_search(added.aim, v4, added.target, id);
  }
  if (added.searches_left == 0) {
    added.result.failure = wrong       ? "the item is not valid"
                           : !started_ ? "not started"
                                       : "too many requests";
    finish(added, now);
    sweep();
  } else {
    if (added.aim == Aim::peers || added.aim == Aim::announce) search_own_store(added, now);
    pump_all(now);
  }
  return id;
}

void Node::Core::begin_search(Aim aim, bool v4, const NodeId& target, RequestId job) {
  searches_.push_back(
      std::make_unique<Search>(Search{next_number_++, aim, v4, job, Lookup(target, v4)}));
}

bool Node::Core::anybody_to_ask(bool v4) const {
  if (!family(v4).table.empty() || !family(v4).remembered.empty()) return true;
  return std::any_of(bootstrap_.begin(), bootstrap_.end(),
                     [&](const Endpoint& endpoint) { return endpoint.address.is_v4() == v4; });
}

void Node::Core::seed_lookup(Lookup& lookup, bool v4) {
  const Family& ours = family(v4);
  std::vector<NodeInfo> nodes;
  ours.table.nearest(lookup.target(), begin_with, nodes);
  if (nodes.size() < Lookup::k) {
    for (const Endpoint& endpoint : bootstrap_) lookup.begin_at(endpoint);
    std::vector<NodeInfo> old = ours.remembered;
    std::sort(old.begin(), old.end(), [&](const NodeInfo& a, const NodeInfo& b) {
      return nearer(lookup.target(), a.id, b.id);
    });
    old.resize(std::min(old.size(), 2 * begin_with));
    nodes.insert(nodes.end(), old.begin(), old.end());
  }
  lookup.begin(nodes);
}

void Node::Core::start_waiting(TimePoint now) {
  std::size_t active = 0;
  for (const auto& search : searches_)
    if (search->phase != Phase::waiting && search->phase != Phase::over) ++active;
  for (const auto& search : searches_) {
    if (active >= config_->searches) return;
    if (search->phase != Phase::waiting) continue;
    const Job* job = find_job(search->job);
    // Just started, and nobody has told us of a node yet.
    if (job != nullptr && now - job->began < wait_for_somebody && !anybody_to_ask(true) &&
        !anybody_to_ask(false))
      continue;
    search->phase = Phase::searching;
    seed_lookup(search->lookup, search->v4);
    ++active;
  }
}

void Node::Core::pump_all(TimePoint now) {
  start_waiting(now);
  // By index: what ends may begin another, behind it.
  for (std::size_t i = 0; i < searches_.size(); ++i) pump(*searches_[i], now);
  sweep();
}

void Node::Core::sweep() {
  std::erase_if(searches_, [](const auto& search) { return search->phase == Phase::over; });
  std::erase_if(jobs_, [](const auto& job) { return job->searches_left == 0; });
}

Query Node::Core::lookup_query(const Search& search) const {
  Query query;
  query.target = search.lookup.target();
  switch (search.aim) {
    case Aim::bootstrap:
      if (family(true).enabled && family(false).enabled) query.want = Want{true, true};
      [[fallthrough]];
    case Aim::refresh:
    case Aim::find_node:
      query.method = Method::find_node;
      break;
    case Aim::peers:
    case Aim::announce:
      query.method = Method::get_peers;
      break;
    case Aim::get:
    case Aim::put:
      query.method = Method::get;
      break;
  }
  return query;
}

void Node::Core::pump(Search& search, TimePoint now) {
  if (search.phase != Phase::searching) return;
  while (pending_.size() < config_->pending) {
    const auto ask = search.lookup.next(now);
    if (!ask) break;
    Query query = lookup_query(search);
    if (const Job* job = find_job(search.job)) query.scrape = job->scrape;
    Pending pending;
    pending.purpose = Purpose::lookup;
    pending.owner = search.number;
    pending.candidate = ask->candidate;
    if (!send_query(ask->endpoint, query, pending, now)) search.lookup.failed(ask->candidate);
  }
  if (search.lookup.done(now)) lookup_over(search, now);
}

void Node::Core::lookup_answered(const Pending& pending, const Response& response, TimePoint now) {
  Search* search = find_search(pending.owner);
  if (search == nullptr) return;
  Job* job = find_job(search->job);
  if (pending.candidate != asked_again && search->phase == Phase::searching) {
    search->lookup.answered(pending.candidate, response.id, response.token, response.nodes);
    // Nodes of the other family help where that one knows nobody (BEP 32).
    Family& other = family(!search->v4);
    if (search->aim == Aim::bootstrap && other.enabled && other.table.size() < Lookup::k)
      for (const NodeInfo& node : response.nodes)
        if (node.endpoint.address.is_v4() == other.v4 && other.remembered.size() < 64)
          other.remembered.push_back(node);
  }
  if (job != nullptr && (job->aim == Aim::peers || job->aim == Aim::announce))
    peers_told(*job, pending.to, response);
  bool enough = false;
  if (job != nullptr && job->aim == Aim::get) enough = item_told(*job, response);
  if (enough) {
    for (const auto& one : searches_)
      if (one->job == job->id && one->phase != Phase::over) search_over(*one, now);
    return;
  }
  if (pending.candidate == asked_again && --search->under_way == 0) search_over(*search, now);
}

void Node::Core::lookup_failed(const Pending& pending, TimePoint now) {
  Search* search = find_search(pending.owner);
  if (search == nullptr) return;
  if (pending.candidate == asked_again) {
    if (--search->under_way == 0) search_over(*search, now);
  } else if (search->phase == Phase::searching) {
    search->lookup.failed(pending.candidate);
  }
}

void Node::Core::peers_told(Job& job, const Endpoint& from, const Response& response) {
  PeersFound found{job.id, {job.target.bytes}, {}};
  for (const Endpoint& peer : response.values) {
    if (job.seen.size() >= config_->peers_of_one_request) break;
    // Who is not in a local network has nothing to say about ours.
    if (peer.address.is_local() && !from.address.is_local()) continue;
    const auto at = std::lower_bound(job.seen.begin(), job.seen.end(), peer);
    if (at != job.seen.end() && *at == peer) continue;
    job.seen.insert(at, peer);
    found.peers.push_back(peer);
  }
  if (job.scrape && response.seeds && response.peers) {
    job.seeds.unite(*response.seeds);
    job.leechers.unite(*response.peers);
  }
  if (found.peers.empty()) return;
  job.result.peers += static_cast<std::uint32_t>(found.peers.size());
  actions_.emplace_back(std::move(found));
}

// True if nothing better can come.
bool Node::Core::item_told(Job& job, const Response& response) {
  auto item = item_of(response.item, job.salt);
  if (!item || target_of(*item) != job.target) return false;
  if (job.item && (!item->key || item->sequence <= job.item->sequence)) return false;
  if (fault_of(*item)) return false;
  job.item = *item;
  const bool immutable = !item->key;
  actions_.emplace_back(ItemFound{job.id, std::move(*item)});
  return immutable;
}

void Node::Core::lookup_over(Search& search, TimePoint now) {
  Job* job = find_job(search.job);
  if (search.aim == Aim::bootstrap) bootstrap_over(family(search.v4), now);
  if (job == nullptr) return search_over(search, now);
  switch (search.aim) {
    case Aim::announce:
    case Aim::put:
      return store(search, *job, now);
    case Aim::get:
      if (!job->item) return ask_again(search, now);
      break;
    case Aim::find_node:
      actions_.emplace_back(NodesFound{job->id, search.lookup.nearest(Lookup::k)});
      break;
    case Aim::peers:
      if (job->scrape) return ask_again(search, now);
      break;
    case Aim::bootstrap:
    case Aim::refresh:
      break;
  }
  search_over(search, now);
}

void Node::Core::store(Search& search, Job& job, TimePoint now) {
  search.phase = Phase::storing;
  for (const Lookup::Target& target : search.lookup.targets()) {
    Query query;
    query.token = target.token;
    if (job.aim == Aim::announce) {
      query.method = Method::announce_peer;
      query.target = job.target;
      query.port = job.announce.port;
      query.implied_port = job.announce.implied_port;
      query.seed = job.announce.seed;
    } else {
      query.method = Method::put;
      query.item = fields_of(*job.item);
      query.item.cas = job.cas;
    }
    Pending pending;
    pending.purpose = Purpose::store;
    pending.owner = search.number;
    if (send_query(target.node.endpoint, query, pending, now)) ++search.under_way;
  }
  if (search.under_way == 0) search_over(search, now);
}

// A node to which we have not shown where we are may not give more than three times the bytes that
// we sent, so that a large item or the filters of a scrape do not come the first time. With the
// token that it gave us we have shown it.
void Node::Core::ask_again(Search& search, TimePoint now) {
  search.phase = Phase::asking_again;
  for (const Lookup::Target& target : search.lookup.targets()) {
    Query query = lookup_query(search);
    query.token = target.token;
    if (const Job* job = find_job(search.job)) query.scrape = job->scrape;
    Pending pending;
    pending.purpose = Purpose::lookup;
    pending.owner = search.number;
    pending.candidate = asked_again;
    if (send_query(target.node.endpoint, query, pending, now)) ++search.under_way;
  }
  if (search.under_way == 0) search_over(search, now);
}

void Node::Core::store_answered(const Pending& pending, const ErrorMessage* error, TimePoint now) {
  Search* search = find_search(pending.owner);
  if (search == nullptr) return;
  if (Job* job = find_job(search->job)) {
    if (error == nullptr) {
      ++job->result.stored;
    } else if (error->code != 0) {
      ++job->result.refused;
      job->refusal = error->text.substr(0, 100);
    }
  }
  if (--search->under_way == 0) search_over(*search, now);
}

void Node::Core::search_over(Search& search, TimePoint now) {
  search.phase = Phase::over;
  Job* job = find_job(search.job);
  if (job == nullptr) return;
  job->result.asked += search.lookup.asked();
  job->result.answers += search.lookup.answers();
  job->result.hops = std::max(job->result.hops, search.lookup.hops());
  if (--job->searches_left == 0) finish(*job, now);
}

void Node::Core::finish(Job& job, TimePoint now) {
  RequestDone& result = job.result;
  result.took = now - job.began;
  const bool stores = job.aim == Aim::announce || job.aim == Aim::put;
  result.ok = stores ? result.stored > 0 : result.answers > 0;
  if (job.aim == Aim::get) result.ok = job.item.has_value();
  if (job.scrape) {
    // Whom nobody counted as a seed (BEP 33: of nodes that do not know scrapes).
    for (const Endpoint& peer : job.seen)
      if (!job.seeds.contains(peer.address)) job.leechers.insert(peer.address);
    result.seeds = job.seeds.estimate();
    result.leechers = job.leechers.estimate();
  }
  if (!result.ok && result.failure.empty()) {
    if (result.asked == 0)
      result.failure = "no node is known";
    else if (result.answers == 0)
      result.failure = "no node answered";
    else if (!job.refusal.empty())
      result.failure = "refused: " + job.refusal;
    else
      result.failure = stores ? "no node stored it" : "nobody has it";
  }
  actions_.emplace_back(std::move(result));
}

void Node::Core::finish_simple(const Pending& pending, bool ok, std::string failure,
                               TimePoint now) {
  RequestDone done;
  done.request = RequestId{pending.owner};
  done.ok = ok;
  done.asked = 1;
  done.answers = ok ? 1 : 0;
  done.took = now - pending.sent;
  done.failure = std::move(failure);
  actions_.emplace_back(std::move(done));
}

}  // namespace barter::dht
