#include <algorithm>
#include <array>
#include <cstring>

#include "dht/node_core.hpp"

namespace barter::dht {

namespace {
// Without any answer for so long our own line is to blame, not the nodes.
constexpr Duration line_silent = std::chrono::seconds(20);

std::string text_of(std::uint32_t transaction) {
  std::string out(4, '\0');
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<char>(transaction >> (24 - 8 * i));
  return out;
}
}  // namespace

void Node::Core::send(const Endpoint& to, std::string bytes) {
  counters_.bytes_out += bytes.size();
  actions_.emplace_back(SendDatagram{to, std::move(bytes)});
}

// Transactions are a keyed hash of a counter: nobody who has seen some can guess the next.
bool Node::Core::send_query(const Endpoint& to, Query& query, Pending pending, TimePoint now) {
  if (pending_.size() >= config_->pending || !family_of(to).enabled) return false;
  const std::uint64_t count = next_transaction_++;
  std::array<std::byte, sizeof count> input{};
  std::memcpy(input.data(), &count, sizeof count);
  pending.transaction = static_cast<std::uint32_t>(siphash(transaction_key_, input));
  pending.to = to;
  pending.sent = now;
  pending_.push_back(pending);
  const std::string transaction = text_of(pending.transaction);
  query.transaction = transaction;
  query.id = family_of(to).table.own();
  query.read_only = read_only_;
  query.version = config_->version;
  std::string bytes = encode(query);
  sources_.sent(to, bytes.size());
  send(to, std::move(bytes));
  query.transaction = {};
  ++counters_.queries_out;
  return true;
}

bool Node::Core::send_ping(const Endpoint& to, Purpose purpose, std::uint64_t owner,
                           TimePoint now) {
  Query query;
  query.method = Method::ping;
  Pending pending;
  pending.purpose = purpose;
  pending.owner = owner;
  return send_query(to, query, pending, now);
}

void Node::Core::datagram_received(const Endpoint& from, std::string_view bytes, TimePoint now) {
  if (!started_ || !family_of(from).enabled || from.port == 0) return;
  counters_.bytes_in += bytes.size();
  const auto message = parse(bytes);
  if (!message) {
    ++counters_.malformed_in;
    return;
  }
  now_ = now;
  if (const auto* query = std::get_if<Query>(&*message)) {
    query_received(from, *query, bytes.size(), now);
  } else if (const auto* response = std::get_if<Response>(&*message)) {
    response_received(from, *response, now);
  } else if (const auto* error = std::get_if<ErrorMessage>(&*message)) {
    error_received(from, *error, now);
  } else if (const auto* bad = std::get_if<BadQuery>(&*message)) {
    if (!read_only_ && admit(from, bytes.size(), now))
      refuse(from, bad->transaction, bad->code, bad->text, now);
  }
  if (!searches_.empty()) pump_all(now);
}

std::optional<Node::Core::Pending> Node::Core::take_pending(std::string_view transaction,
                                                            const Endpoint& from) {
  const auto found = std::find_if(pending_.begin(), pending_.end(), [&](const Pending& pending) {
    return pending.to == from && text_of(pending.transaction) == transaction;
  });
  if (found == pending_.end()) {
    ++counters_.unasked_in;
    return std::nullopt;
  }
  const Pending out = *found;
  pending_.erase(found);
  return out;
}

void Node::Core::response_received(const Endpoint& from, const Response& response, TimePoint now) {
  const auto pending = take_pending(response.transaction, from);
  if (!pending) return;
  ++counters_.answers_in;
  last_answer_ = now;
  sources_.proven(from, now);
  Family& family = family_of(from);
  const bool ourselves = response.id == family.table.own();
  if (!ourselves) {
    const bool first = family.table.empty();
    family.table.answered({response.id, from}, now);
    if (first && !family.table.empty()) actions_.emplace_back(NodesKnown{family.v4});
    if (response.ip) vote(from, *response.ip, now);
  }
  switch (pending->purpose) {
    case Purpose::upkeep:
      return;
    case Purpose::lookup:
      return ourselves ? lookup_failed(*pending, now) : lookup_answered(*pending, response, now);
    case Purpose::store:
      return store_answered(*pending, nullptr, now);
    case Purpose::ping:
      actions_.emplace_back(Pong{RequestId{pending->owner},
                                 {response.id, from},
                                 now - pending->sent,
                                 std::string(response.version),
                                 response.ip});
      return finish_simple(*pending, true, {}, now);
    case Purpose::sample:
      if (!response.samples)
        return finish_simple(*pending, false, "the node does not know sample_infohashes", now);
      actions_.emplace_back(SamplesFound{RequestId{pending->owner},
                                         {response.id, from},
                                         *response.samples,
                                         static_cast<std::uint64_t>(response.num),
                                         std::chrono::seconds(response.interval)});
      return finish_simple(*pending, true, {}, now);
  }
}

// Alive, but of no use to us.
void Node::Core::error_received(const Endpoint& from, const ErrorMessage& error, TimePoint now) {
  const auto pending = take_pending(error.transaction, from);
  if (!pending) return;
  last_answer_ = now;
  sources_.proven(from, now);
  switch (pending->purpose) {
    case Purpose::upkeep:
      return;
    case Purpose::lookup:
      return lookup_failed(*pending, now);
    case Purpose::store:
      return store_answered(*pending, &error, now);
    case Purpose::ping:
    case Purpose::sample:
      return finish_simple(*pending, false, "the node answered with an error", now);
  }
}

void Node::Core::expire_pending(TimePoint now) {
  while (!pending_.empty() && now - pending_.front().sent >= config_->query_timeout) {
    const Pending pending = pending_.front();
    pending_.erase(pending_.begin());
    ++counters_.timeouts;
    unanswered(pending, now);
  }
}

void Node::Core::unanswered(const Pending& pending, TimePoint now) {
  if (now - last_answer_ < line_silent) family_of(pending.to).table.failed(pending.to);
  switch (pending.purpose) {
    case Purpose::upkeep:
      return;
    case Purpose::lookup:
      return lookup_failed(pending, now);
    case Purpose::store: {
      const ErrorMessage silent{{}, 0, "no answer", {}};
      return store_answered(pending, &silent, now);
    }
    case Purpose::ping:
    case Purpose::sample:
      return finish_simple(pending, false, "no answer", now);
  }
}

}  // namespace barter::dht
