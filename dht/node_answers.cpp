#include <algorithm>

#include "dht/node_core.hpp"

namespace barter::dht {

namespace {

constexpr std::size_t max_item_answer_bytes = 1400;  // an item of 1000 bytes and its signature
constexpr std::size_t ping_bytes = 72;
constexpr std::size_t nodes_told = 8;
constexpr std::size_t max_values = 100;
constexpr std::size_t list_overhead = 16;  // a key and the length of what follows

std::size_t value_bytes(bool v4) {
  return v4 ? 8 : 21;  // "6:......" and "18:.................."
}

// A budget in units a second, with a second's worth at once.
bool pay(TimePoint& paid, std::uint64_t amount, std::uint64_t per_second, TimePoint now) {
  if (paid > now) return false;
  paid = std::max(paid, now - std::chrono::seconds(1)) +
         std::chrono::nanoseconds(1'000'000'000 * amount / std::max<std::uint64_t>(1, per_second));
  return true;
}

}  // namespace

bool Node::Core::admit(const Endpoint& from, std::size_t bytes, TimePoint now) {
  ++counters_.queries_in;
  bytes_paid_ = std::max(bytes_paid_, now - std::chrono::seconds(1));
  if (sources_.query_came(from, bytes, now) &&
      pay(queries_paid_, 1, config_->queries_overall, now) && bytes_paid_ <= now)
    return true;
  ++counters_.dropped_in;
  return false;
}

std::size_t Node::Core::room_for(const Endpoint& to, std::size_t most, TimePoint now) const {
  return std::min(most, sources_.allowance(to, now));
}

void Node::Core::send_answer(const Endpoint& to, std::string bytes) {
  sources_.sent(to, bytes.size());
  bytes_paid_ += std::chrono::nanoseconds(1'000'000'000 * bytes.size() /
                                          std::max(1u, config_->answer_bytes_overall));
  ++counters_.answers_out;
  send(to, std::move(bytes));
}

void Node::Core::refuse(const Endpoint& from, std::string_view transaction, std::int64_t code,
                        std::string_view text, TimePoint now) {
  std::string bytes = encode(ErrorMessage{transaction, code, text, from});
  if (bytes.size() <= room_for(from, max_sent_bytes, now)) send_answer(from, std::move(bytes));
}

void Node::Core::query_received(const Endpoint& from, const Query& query, std::size_t bytes,
                                TimePoint now) {
  if (read_only_ || !admit(from, bytes, now)) return;
  if (query.id == family_of(from).table.own()) return;  // ourselves, or one who says so
  if (query.method == Method::announce_peer && !take_announce(from, query, now)) return;
  if (query.method == Method::put && !take_put(from, query, now)) return;
  const bool may_prove = query.method == Method::get || query.method == Method::get_peers;
  if (may_prove && tokens_.valid(query.token, from.address, query.target, now))
    sources_.proven(from, now);
  Response answer;
  answer.transaction = query.transaction;
  answer.id = family_of(from).table.own();
  answer.ip = from;
  answer.version = config_->version;
  const std::size_t most = query.method == Method::get ? max_item_answer_bytes : max_sent_bytes;
  const std::size_t frame = encode(answer).size();
  std::size_t room = room_for(from, most, now);
  // The ping counts as what else we send. Two nodes less in an answer now, one more known for long.
  const bool ping = worth_a_ping(from, query, now) && room >= frame + ping_bytes;
  if (frame > room) return;
  room -= frame + (ping ? ping_bytes : 0);
  std::string storage;  // what the answer's views look at
  switch (query.method) {
    case Method::ping:
    case Method::announce_peer:
    case Method::put:
      break;
    case Method::find_node:
      name_nodes(from, query, answer, room);
      break;
    case Method::get_peers:
    case Method::get: {
      const std::size_t token_bytes = Tokens::bytes + list_overhead;
      const bool full = query.method == Method::get_peers && peer_store_.full(query.target);
      if (!full && room >= token_bytes) {
        storage = tokens_.token(from.address, query.target, now);
        answer.token = storage;
        room -= token_bytes;
      }
      if (query.method == Method::get)
        answer_get(from, query, answer, room, now);
      else
        answer_get_peers(from, query, answer, room, now);
      break;
    }
    case Method::sample_infohashes:
      answer_sample(from, query, answer, room, now);
      break;
  }
  send_answer(from, encode(answer));
  if (ping) send_ping(from, Purpose::upkeep, 0, now);
}

// As many of the nearest as there is room for; of the family of the asker unless it wants another.
void Node::Core::name_nodes(const Endpoint& from, const Query& query, Response& answer,
                            std::size_t room) const {
  Want want = query.want.value_or(Want{});
  if (!want.v4 && !want.v6) (from.address.is_v4() ? want.v4 : want.v6) = true;
  for (const bool v4 : {true, false}) {
    if (!(v4 ? want.v4 : want.v6) || room < list_overhead) continue;
    room -= list_overhead;
    std::vector<NodeInfo> nodes;
    family(v4).table.nearest(query.target, nodes_told + 1, nodes);
    std::erase_if(nodes, [&](const NodeInfo& node) { return node.endpoint == from; });
    if (nodes.size() > nodes_told) nodes.pop_back();
    for (const NodeInfo& node : nodes) {
      if (room < compact_bytes(node)) return;
      room -= compact_bytes(node);
      answer.nodes.push_back(node);
    }
  }
}

void Node::Core::answer_get_peers(const Endpoint& from, const Query& query, Response& answer,
                                  std::size_t room, TimePoint now) {
  const Own* own = find_own(query.target, now);
  if (own != nullptr && query.no_seed && own->options.seed) own = nullptr;
  const auto ours = own != nullptr ? own_endpoint(*own, from) : std::nullopt;
  const bool has = ours || peer_store_.has(query.target, now);
  const std::size_t filters = 2 * (BloomFilter::bytes + list_overhead);
  if (has && query.scrape && room >= filters + list_overhead + nodes_told * 26) {
    auto both = peer_store_.filters(query.target, now);
    answer.seeds = both.seeds;
    answer.peers = both.peers;
    room -= filters;
  }
  // Where there is little room, half of it for the peers, half for the way to more of them.
  const std::size_t each = from.address.is_v4() ? 26 : 38;
  const std::size_t all_nodes = list_overhead + nodes_told * each;
  const std::size_t for_nodes = has && room < 2 * all_nodes ? room / 2 : room;
  name_nodes(from, query, answer, for_nodes);
  if (!has) return;
  std::size_t used = 0;
  for (const NodeInfo& node : answer.nodes) used += compact_bytes(node);
  used += 3 * list_overhead;
  if (room <= used) return;
  const bool v4 = from.address.is_v4();
  std::size_t count = std::min(max_values, (room - used) / value_bytes(v4));
  if (ours && count > 0) {
    answer.values.push_back(*ours);
    --count;
  }
  peer_store_.peers(query.target, v4, query.no_seed, count, now, random_, answer.values);
}

void Node::Core::answer_get(const Endpoint& from, const Query& query, Response& answer,
                            std::size_t room, TimePoint now) {
  const Item* item = item_store_.find(query.target, now);
  if (item != nullptr) {
    const bool newer = !item->key || !query.item.sequence || item->sequence > *query.item.sequence;
    const std::size_t needed =
        item->value.size() + list_overhead + (item->key ? 32 + 64 + 4 * list_overhead : 0);
    if (item->key) answer.item.sequence = item->sequence;
    if (newer && needed <= room) {
      answer.item = fields_of(*item);
      answer.item.salt = {};  // who asks knows it
      room -= needed;
    } else if (item->key) {
      room -= std::min<std::size_t>(room, 2 * list_overhead);
    }
  }
  name_nodes(from, query, answer, room);
}

void Node::Core::answer_sample(const Endpoint& from, const Query& query, Response& answer,
                               std::size_t room, TimePoint now) {
  constexpr std::size_t most = 20;
  if (!sampled_ || now >= sample_until_) {
    sample_ = peer_store_.sample(most, random_);
    sample_until_ = now + config_->sample_interval;
    sampled_ = true;
  }
  answer.samples.emplace();
  answer.interval = std::chrono::duration_cast<std::chrono::seconds>(sample_until_ - now).count();
  answer.num = static_cast<std::int64_t>(peer_store_.info_hashes());
  room -= std::min<std::size_t>(room, 6 * list_overhead);
  const std::size_t count = std::min(sample_.size(), room / 2 / 20);
  answer.samples->assign(sample_.begin(), sample_.begin() + static_cast<std::ptrdiff_t>(count));
  name_nodes(from, query, answer, room - count * 20);
}

bool Node::Core::take_announce(const Endpoint& from, const Query& query, TimePoint now) {
  if (!tokens_.valid(query.token, from.address, query.target, now)) {
    refuse(from, query.transaction, error_code::protocol, "invalid token", now);
    return false;
  }
  sources_.proven(from, now);
  const std::uint16_t port = query.implied_port ? from.port : query.port;
  peer_store_.announce(query.target, {from.address, port}, query.seed, now, random_);
  announced_to_us(query.target, {from.address, port}, now);
  return true;
}

bool Node::Core::take_put(const Endpoint& from, const Query& query, TimePoint now) {
  auto item = item_of(query.item, query.item.salt);
  if (!item) {
    refuse(from, query.transaction, error_code::protocol, "incomplete item", now);
    return false;
  }
  if (!tokens_.valid(query.token, from.address, target_of(*item), now)) {
    refuse(from, query.transaction, error_code::protocol, "invalid token", now);
    return false;
  }
  sources_.proven(from, now);
  const auto fault = item_store_.put(std::move(*item), query.item.cas, now, random_);
  if (!fault) return true;
  std::string_view text = "invalid value";
  if (*fault == error_code::value_too_big) text = "value too big";
  if (*fault == error_code::invalid_signature) text = "invalid signature";
  if (*fault == error_code::salt_too_big) text = "salt too big";
  if (*fault == error_code::cas_mismatch) text = "cas mismatch";
  if (*fault == error_code::old_sequence) text = "sequence number less than current";
  refuse(from, query.transaction, *fault, text, now);
  return false;
}

// Whoever asks may be a node for our table: a ping tells.
bool Node::Core::worth_a_ping(const Endpoint& from, const Query& query, TimePoint now) {
  if (query.read_only || !family_of(from).table.queried({query.id, from}, now)) return false;
  return std::none_of(pending_.begin(), pending_.end(),
                      [&](const Pending& pending) { return pending.to == from; });
}

}  // namespace barter::dht
