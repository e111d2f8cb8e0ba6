// KRPC: the bytes as one datagram, and as a string of compact nodes. What is accepted is bounded,
// can be written, and is read again as the same. And a stranger sends the datagram to a node that
// knows nobody: it answers queries alone, readably, and with no more than three times the bytes.
// What a node makes of many messages is dht_node_fuzz.cpp's.
//
// fuzz-links: barter::client
// fuzz-max-len: 1500
#include "dht/krpc.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "dht/node.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace barter;
using namespace barter::dht;
using fuzz::require;

namespace {

std::string written(const Message& message) {
  if (const auto* query = std::get_if<Query>(&message)) return encode(*query);
  if (const auto* response = std::get_if<Response>(&message)) return encode(*response);
  if (const auto* error = std::get_if<ErrorMessage>(&message)) return encode(*error);
  return {};
}

void require_reachable(const Endpoint& endpoint) {
  require(endpoint.port != 0, "a peer listens somewhere");
  require(!endpoint.address.is_unspecified() && !endpoint.address.is_multicast(), "one host");
}

void require_same(const ItemFields& a, const ItemFields& b) {
  require(a.value == b.value, "the value");
  require(a.key == b.key && a.signature == b.signature, "key and signature");
  require(a.sequence == b.sequence, "the sequence number");
}

void check(const Query& query, const Query& again) {
  require(query.token.size() <= max_token_bytes, "tokens are short");
  require(again.method == query.method, "the method");
  require(again.transaction == query.transaction, "the transaction");
  require(again.id == query.id && again.target == query.target, "id and target");
  require(again.token == query.token, "the token");
  require(again.seed == query.seed && again.no_seed == query.no_seed, "seeds");
  require(again.scrape == query.scrape && again.read_only == query.read_only, "flags");
  require(again.want == query.want, "what it wants");
  require(again.version == query.version, "the version");
  require(again.port == query.port, "the port");
  require_same(again.item, query.item);
  require(again.item.salt == query.item.salt && again.item.cas == query.item.cas, "salt and cas");
  if (query.method != Method::announce_peer) return;
  require(again.implied_port == query.implied_port, "the implied port");
  require(query.port != 0 || query.implied_port, "an announce has a port");
}

void check(const Response& response, const Response& again) {
  require(response.token.size() <= max_token_bytes, "tokens are short");
  for (const NodeInfo& node : response.nodes) require_reachable(node.endpoint);
  for (const Endpoint& peer : response.values) require_reachable(peer);
  require(again.transaction == response.transaction, "the transaction");
  require(again.id == response.id && again.token == response.token, "id and token");
  require(again.nodes == response.nodes, "the nodes");
  require(again.values == response.values && again.has_values == response.has_values, "the peers");
  require(again.seeds == response.seeds && again.peers == response.peers, "the filters");
  require(again.samples == response.samples, "the samples");
  if (response.samples)
    require(again.interval == response.interval && again.num == response.num, "how many there are");
  require(again.ip == response.ip && again.version == response.version, "as whom it saw us");
  require_same(again.item, response.item);
}

void check(const ErrorMessage& error, const ErrorMessage& again) {
  require(again.transaction == error.transaction, "the transaction");
  require(again.code == error.code && again.text == error.text, "code and text");
  require(again.ip == error.ip, "as whom it saw us");
}

void check(const BadQuery&, const BadQuery&) {}

void round_trip(const Result<Message>& message) {
  if (!message) {
    const Errc code = message.error().code;
    require(code == Errc::protocol || code == Errc::invalid_bencoding, "the error is theirs");
    return;
  }
  if (const auto* bad = std::get_if<BadQuery>(&*message)) {
    require(bad->transaction.size() <= max_transaction_bytes, "it can be answered");
    const std::string answer = encode(ErrorMessage{bad->transaction, bad->code, bad->text, {}});
    require(answer.size() <= max_sent_bytes, "in one small datagram");
    const auto read = parse(answer);
    require(read && std::holds_alternative<ErrorMessage>(*read), "that is an error");
    return;
  }
  const std::string once = written(*message);
  if (once.size() > max_received_bytes) return;  // an absent transaction costs nothing, ours does
  const auto again = parse(once);
  require(again.has_value(), "what we write is read");
  require(again->index() == message->index(), "as the same kind");
  require(written(*again) == once, "and as the same message");
  std::visit([&](const auto& one) { check(one, std::get<std::decay_t<decltype(one)>>(*again)); },
             *message);
}

void compact(std::string_view bytes) {
  for (const bool v4 : {true, false}) {
    const auto nodes = nodes_from_compact(bytes, v4);
    if (!nodes) continue;
    require(nodes->size() <= bytes.size() / (v4 ? 26 : 38), "no node from nowhere");
    for (const NodeInfo& node : *nodes) {
      require(node.endpoint.address.is_v4() == v4, "of that family");
      require_reachable(node.endpoint);
    }
    require(nodes_from_compact(compact_nodes(*nodes, v4), v4) == nodes, "the same nodes");
  }
}

void ask_node(std::string_view datagram, const Result<Message>& received) {
  static const auto config = [] {
    auto out = std::make_shared<Config>();
    out->sources = 8;
    return out;
  }();
  static const Endpoint stranger{Address::v4({8, 8, 8, 8}), 6881};
  const TimePoint now{std::chrono::hours(1)};
  Node node(config, SipKey{1, 2});
  node.start(now);
  std::vector<Action> actions;
  node.take_actions(actions);
  require(actions.empty(), "it has nobody to ask");
  node.datagram_received(stranger, datagram, now);
  node.take_actions(actions);
  std::size_t sent_bytes = 0;
  int answers = 0;
  for (const Action& action : actions) {
    const auto* sent = std::get_if<SendDatagram>(&action);
    require(sent != nullptr && sent->to == stranger, "nobody else hears of it");
    sent_bytes += sent->bytes.size();
    const auto message = parse(sent->bytes);
    require(message && !std::holds_alternative<BadQuery>(*message), "what is sent can be read");
    if (const auto* query = std::get_if<Query>(&*message)) {
      require(query->method == Method::ping, "strangers are asked whether they are there");
    } else {
      ++answers;
    }
  }
  require(answers <= 1, "one answer");
  require(sent_bytes <= 3 * datagram.size(), "no amplification");
  const bool asks = received && (std::holds_alternative<Query>(*received) ||
                                 std::holds_alternative<BadQuery>(*received));
  require(asks || actions.empty(), "only queries are answered");
  const std::string broken = node.broken_invariant();
  require(broken.empty(), broken.c_str());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view datagram = fuzz::text_of(data, size);
  const auto message = parse(datagram);
  round_trip(message);
  ask_node(datagram, message);
  compact(datagram);
  return 0;
}
