#include "dht/krpc.hpp"

#include <algorithm>

#include "torrent/bencode.hpp"

namespace barter::dht {

namespace {

constexpr std::array<std::string_view, 7> method_names{
    "ping", "find_node", "get_peers", "announce_peer", "get", "put", "sample_infohashes"};
constexpr bencode::Limits limits{max_received_bytes, 32, 1000, false};
constexpr std::size_t max_listed = 200;  // peers or samples of one message
constexpr std::size_t max_nodes = 400;   // of one compact string

Error malformed(const char* what) {
  return {Errc::protocol, std::string("krpc: ") + what};
}

// Not of a mapped IPv4 address: nobody can mean that.
std::optional<Endpoint> endpoint_of(std::string_view bytes) {
  const auto out = from_compact(bytes);
  return out && compact_bytes(out->address.is_v4()) == bytes.size() ? out : std::nullopt;
}

std::optional<NodeId> id_of(const bencode::Node& dictionary, std::string_view key) {
  const auto text = dictionary.find_string(key);
  return text ? NodeId::from(*text) : std::nullopt;
}

bool flag_of(const bencode::Node& dictionary, std::string_view key) {
  return dictionary.find_integer(key).value_or(0) == 1;
}

// "k" and "sig" of the wrong size make the message malformed; the rest is the store's to judge.
bool read_item(const bencode::Node& fields, ItemFields& item) {
  if (const auto value = fields.find("v")) item.value = value->raw();
  item.salt = fields.find_string("salt").value_or("");
  item.sequence = fields.find_integer("seq");
  item.cas = fields.find_integer("cas");
  if (const auto key = fields.find_string("k")) {
    item.key = PublicKey::from(*key);
    if (!item.key) return false;
  }
  if (const auto signature = fields.find_string("sig")) {
    item.signature = Signature::from(*signature);
    if (!item.signature) return false;
  }
  return true;
}

std::optional<Method> method_of(std::string_view name, const bencode::Node& arguments) {
  const auto found = std::find(method_names.begin(), method_names.end(), name);
  if (found != method_names.end()) return static_cast<Method>(found - method_names.begin());
  if (id_of(arguments, "target") || id_of(arguments, "info_hash")) return Method::find_node;
  return std::nullopt;
}

void read_want(const bencode::Node& arguments, Query& query) {
  const auto want = arguments.find_list("want");
  if (!want) return;
  query.want.emplace();
  for (const auto& item : want->items()) {
    if (item.string() == "n4") query.want->v4 = true;
    if (item.string() == "n6") query.want->v6 = true;
  }
}

// What is wrong with the arguments of this method; empty if nothing is.
std::string_view read_arguments(const bencode::Node& arguments, Query& query) {
  const auto id = id_of(arguments, "id");
  if (!id) return "missing id";
  query.id = *id;
  if (query.method != Method::ping && query.method != Method::put) {
    const bool hash = query.method == Method::get_peers || query.method == Method::announce_peer;
    auto target = id_of(arguments, hash ? "info_hash" : "target");
    if (!target && query.method == Method::find_node) target = id_of(arguments, "info_hash");
    if (!target) return hash ? "missing info_hash" : "missing target";
    query.target = *target;
  }
  query.token = arguments.find_string("token").value_or("");
  if (query.token.size() > max_token_bytes) return "token too long";
  read_want(arguments, query);
  query.seed = flag_of(arguments, "seed");
  query.no_seed = flag_of(arguments, "noseed");
  query.scrape = flag_of(arguments, "scrape");
  query.implied_port = arguments.find_integer("implied_port").value_or(0) != 0;
  if (query.method == Method::announce_peer) {
    const std::int64_t port = arguments.find_integer("port").value_or(0);
    if (port < 0 || port > 65535 || (port == 0 && !query.implied_port)) return "invalid port";
    query.port = static_cast<std::uint16_t>(port);
  }
  if (query.method == Method::put || query.method == Method::get) {
    if (!read_item(arguments, query.item)) return "invalid key or signature";
    if (query.method == Method::put && query.item.value.empty()) return "missing v";
  }
  return {};
}

Result<Message> parse_query(const bencode::Node& root, std::string_view transaction) {
  const auto name = root.find_string("q");
  const auto arguments = root.find_dictionary("a");
  if (!name || !arguments) return Message(BadQuery{transaction, error_code::protocol, "no query"});
  const auto method = method_of(*name, *arguments);
  if (!method) return Message(BadQuery{transaction, error_code::unknown_method, "unknown method"});
  Query query;
  query.method = *method;
  query.transaction = transaction;
  query.read_only = flag_of(root, "ro");
  query.version = root.find_string("v").value_or("");
  const std::string_view problem = read_arguments(*arguments, query);
  if (!problem.empty()) return Message(BadQuery{transaction, error_code::protocol, problem});
  return Message(std::move(query));
}

bool read_nodes(const bencode::Node& fields, std::vector<NodeInfo>& out) {
  for (const bool v4 : {true, false}) {
    const auto text = fields.find_string(v4 ? "nodes" : "nodes6");
    if (!text) continue;
    const auto nodes = nodes_from_compact(*text, v4);
    if (!nodes) return false;
    out.insert(out.end(), nodes->begin(), nodes->end());
  }
  return true;
}

bool read_samples(const bencode::Node& fields, Response& response) {
  response.interval =
      std::clamp<std::int64_t>(fields.find_integer("interval").value_or(0), 0, 21600);
  response.num = std::max<std::int64_t>(fields.find_integer("num").value_or(0), 0);
  const auto text = fields.find_string("samples");
  if (!text) return true;
  if (text->size() % 20 != 0) return false;
  auto& samples = response.samples.emplace();
  for (std::size_t at = 0; at < text->size() && samples.size() < max_listed; at += 20)
    samples.push_back(*WireInfoHash::from(text->substr(at, 20)));
  return true;
}

void read_values(const bencode::Node& fields, Response& response) {
  const auto values = fields.find_list("values");
  if (!values) return;
  response.has_values = true;
  for (const auto& item : values->items()) {
    if (response.values.size() >= max_listed) return;
    const auto text = item.string();
    const auto endpoint = text ? endpoint_of(*text) : std::nullopt;
    if (endpoint && endpoint->is_place()) response.values.push_back(*endpoint);
  }
}

std::optional<Endpoint> read_ip(const bencode::Node& root) {
  const auto text = root.find_string("ip");
  return text ? endpoint_of(*text) : std::nullopt;
}

Result<Message> parse_response(const bencode::Node& root, std::string_view transaction) {
  const auto fields = root.find_dictionary("r");
  if (!fields) return malformed("a response without r");
  const auto id = id_of(*fields, "id");
  if (!id) return malformed("a response without id");
  Response response;
  response.transaction = transaction;
  response.id = *id;
  response.token = fields->find_string("token").value_or("");
  if (response.token.size() > max_token_bytes) return malformed("token too long");
  if (!read_nodes(*fields, response.nodes)) return malformed("nodes of a wrong length");
  if (!read_samples(*fields, response)) return malformed("samples of a wrong length");
  if (!read_item(*fields, response.item)) return malformed("key or signature of a wrong length");
  read_values(*fields, response);
  response.seeds = BloomFilter::from(fields->find_string("BFsd").value_or(""));
  response.peers = BloomFilter::from(fields->find_string("BFpe").value_or(""));
  response.ip = read_ip(root);
  response.version = root.find_string("v").value_or("");
  return Message(std::move(response));
}

Result<Message> parse_error(const bencode::Node& root, std::string_view transaction) {
  ErrorMessage error;
  error.transaction = transaction;
  error.ip = read_ip(root);
  const auto list = root.find_list("e");
  if (!list) return malformed("an error without e");
  for (const auto& item : list->items()) {
    if (const auto code = item.integer()) error.code = *code;
    if (const auto text = item.string()) error.text = *text;
  }
  return Message(error);
}

void write_want(const Query& query, bencode::Writer& out) {
  out.key("want").begin_list();
  if (query.want->v4) out.string("n4");
  if (query.want->v6) out.string("n6");
  out.end();
}

void write_arguments(const Query& query, bencode::Writer& out) {
  const ItemFields& item = query.item;
  const bool hash = query.method == Method::get_peers || query.method == Method::announce_peer;
  const bool announce = query.method == Method::announce_peer;
  const bool target = !hash && query.method != Method::ping && query.method != Method::put;
  if (item.cas) out.key("cas").integer(*item.cas);
  out.key("id").string(query.id.view());
  if (announce && query.implied_port) out.key("implied_port").integer(1);
  if (hash) out.key("info_hash").string(query.target.view());
  if (item.key) out.key("k").string(item.key->view());
  if (query.no_seed) out.key("noseed").integer(1);
  if (announce) out.key("port").integer(query.port);
  if (!item.salt.empty()) out.key("salt").string(item.salt);
  if (query.scrape) out.key("scrape").integer(1);
  if (query.seed) out.key("seed").integer(1);
  if (item.sequence) out.key("seq").integer(*item.sequence);
  if (item.signature) out.key("sig").string(item.signature->view());
  if (target) out.key("target").string(query.target.view());
  if (!query.token.empty()) out.key("token").string(query.token);
  if (!item.value.empty()) out.key("v").raw(item.value);
  if (query.want) write_want(query, out);
}

void write_nodes(const Response& response, bencode::Writer& out) {
  for (const bool v4 : {true, false}) {
    const std::string nodes = compact_nodes(response.nodes, v4);
    if (!nodes.empty()) out.key(v4 ? "nodes" : "nodes6").string(nodes);
  }
}

void write_fields(const Response& response, bencode::Writer& out) {
  const ItemFields& item = response.item;
  if (response.peers) out.key("BFpe").string(response.peers->view());
  if (response.seeds) out.key("BFsd").string(response.seeds->view());
  out.key("id").string(response.id.view());
  if (response.samples) out.key("interval").integer(response.interval);
  if (item.key) out.key("k").string(item.key->view());
  write_nodes(response, out);
  if (response.samples) {
    out.key("num").integer(response.num);
    std::string text;
    for (const WireInfoHash& sample : *response.samples) text += sample.view();
    out.key("samples").string(text);
  }
  if (item.sequence) out.key("seq").integer(*item.sequence);
  if (item.signature) out.key("sig").string(item.signature->view());
  if (!response.token.empty()) out.key("token").string(response.token);
  if (!item.value.empty()) out.key("v").raw(item.value);
  if (!response.has_values && response.values.empty()) return;
  out.key("values").begin_list();
  std::string compact;
  for (const Endpoint& peer : response.values) {
    compact.clear();
    append_compact(peer, compact);
    out.string(compact);
  }
  out.end();
}

void write_ip(const std::optional<Endpoint>& ip, bencode::Writer& out) {
  if (!ip) return;
  std::string compact;
  append_compact(*ip, compact);
  out.key("ip").string(compact);
}

}  // namespace

std::string_view to_string(Method method) {
  return method_names[static_cast<std::size_t>(method)];
}

Result<Message> parse(std::string_view datagram) {
  if (datagram.empty() || datagram.front() != 'd') return malformed("no dictionary");
  const auto document = bencode::parse(datagram, limits);
  if (!document) return document.error();
  const bencode::Node root = document->root();
  const auto kind = root.find_string("y");
  const auto transaction = root.find_string("t");
  if (!kind || !transaction) return malformed("no type or no transaction");
  if (transaction->size() > max_transaction_bytes) return malformed("transaction too long");
  if (*kind == "q") return parse_query(root, *transaction);
  if (*kind == "r") return parse_response(root, *transaction);
  if (*kind == "e") return parse_error(root, *transaction);
  return malformed("an unknown type of message");
}

std::string encode(const Query& query) {
  bencode::Writer out;
  out.begin_dictionary().key("a").begin_dictionary();
  write_arguments(query, out);
  out.end();
  out.key("q").string(to_string(query.method));
  if (query.read_only) out.key("ro").integer(1);
  out.key("t").string(query.transaction);
  if (!query.version.empty()) out.key("v").string(query.version);
  out.key("y").string("q").end();
  return out.take();
}

std::string encode(const Response& response) {
  bencode::Writer out;
  out.begin_dictionary();
  write_ip(response.ip, out);
  out.key("r").begin_dictionary();
  write_fields(response, out);
  out.end();
  out.key("t").string(response.transaction);
  if (!response.version.empty()) out.key("v").string(response.version);
  out.key("y").string("r").end();
  return out.take();
}

std::string encode(const ErrorMessage& error) {
  bencode::Writer out;
  out.begin_dictionary();
  out.key("e").begin_list().integer(error.code).string(error.text).end();
  write_ip(error.ip, out);
  out.key("t").string(error.transaction);
  out.key("y").string("e").end();
  return out.take();
}

std::optional<std::vector<NodeInfo>> nodes_from_compact(std::string_view bytes, bool v4) {
  const std::size_t each = NodeId::size + compact_bytes(v4);
  if (bytes.size() % each != 0 || bytes.size() / each > max_nodes) return std::nullopt;
  std::vector<NodeInfo> out;
  out.reserve(bytes.size() / each);
  for (; !bytes.empty(); bytes.remove_prefix(each)) {
    const auto endpoint = endpoint_of(bytes.substr(20, each - 20));
    if (endpoint && endpoint->is_place())
      out.push_back({*NodeId::from(bytes.substr(0, 20)), *endpoint});
  }
  return out;
}

std::string compact_nodes(const std::vector<NodeInfo>& nodes, bool v4) {
  std::string out;
  for (const NodeInfo& node : nodes) {
    if (node.endpoint.address.is_v4() != v4) continue;
    out += node.id.view();
    append_compact(node.endpoint, out);
  }
  return out;
}

}  // namespace barter::dht
