// dht::Node. The bytes are choices: a node among liars is asked, answered, told of nodes, and has
// to answer within its limits, whatever comes. One input drives a whole node, so this is slow; the
// messages alone are krpc_fuzz.cpp's.
// fuzz-links: barter::client
// fuzz-max-len: 4096
#include "dht/node.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "dht/krpc.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace barter;
using namespace barter::dht;
using fuzz::require;

namespace {

class Harness {
 public:
  Harness(const std::uint8_t* data, std::size_t size) : in_(data, size) {
    auto config = std::make_shared<Config>();
    config->searches = 4;
    config->waiting_searches = 20;
    config->pending = 40;
    config->sources = 32;
    config->votes_needed = 2;
    config->peer_store.info_hashes = 10;
    config->peer_store.peers_each = 5;
    config->item_store.items = 5;
    node_ = std::make_unique<Node>(config, SipKey{in_.byte(), 1});
  }

  void run() {
    if (in_.below(4) == 0) static_cast<void>(node_->load(in_.bytes(in_.below(600))));
    node_->start(now_);
    drain();
    int steps = 0;
    while (!in_.empty() && ++steps < 600) {
      step();
      drain();
    }
    const std::string state = node_->save();
    Node other(std::make_shared<Config>(), SipKey{1, 2});
    require(other.load(state).has_value(), "what was saved is loaded");
    // What was begun comes to its end without another answer, and does not end again.
    for (int i = 0, idle = 0; i < 300 && idle < 20; ++i) {
      now_ = std::max(now_, node_->next_deadline());
      node_->time_passed(now_);
      drain();
      if (open_ == 0) ++idle;
    }
    require(open_ == 0, "every request ends once");
  }

 private:
  void step() {
    now_ += std::chrono::milliseconds(in_.below(4) == 0 ? in_.number(2) : in_.below(8));
    switch (in_.below(12)) {
      case 0:
        return receive(endpoint(), std::string(in_.bytes(in_.below(300))));
      case 1:
        return node_->time_passed(now_);
      case 2:
        return command();
      case 3:
      case 4:
      case 5:
        return query();
      default:
        return answer();
    }
  }

  Endpoint endpoint() {
    const auto n = static_cast<std::uint8_t>(in_.below(32));
    const auto port = static_cast<std::uint16_t>(6880 + n % 4);
    if (n % 8 == 7)
      return {Address::v6({0x20, 1, 0xd, 0xb8, n, 0, 0, n, 0, 0, 0, 0, 0, 0, 0, 1}), port};
    if (n % 8 == 6) return {Address::v4({127, 0, 0, 1}), port};
    return {Address::v4({8, n, n, n}), port};
  }
  NodeId id() {
    NodeId out = in_.below(2) ? target_of("i1e") : node_->status(now_).v4.id;
    out.bytes[in_.below(20)] = static_cast<std::byte>(in_.byte());
    out.bytes[19] = static_cast<std::byte>(in_.byte());
    return out;
  }
  std::vector<NodeInfo> nodes() {
    std::vector<NodeInfo> out(in_.below(10));
    for (NodeInfo& node : out) node = {id(), endpoint()};
    return out;
  }

  // The item that is put and got, wrong here and there.
  Item item() {
    static const Item mutable_item = [] { return sign_item(KeySeed{}, "3:abc", 4, "salt"); }();
    Item out = mutable_item;
    if (in_.below(2)) out = Item{"i1e", {}, {}, 0, {}};
    if (in_.below(4) == 0) out.value = std::string(in_.bytes(in_.below(20))) + "0:";
    if (in_.below(8) == 0) out.sequence = static_cast<std::int64_t>(in_.number(8));
    return out;
  }

  void query() {
    Query query;
    query.method = static_cast<Method>(in_.below(7));
    query.transaction = "tt";
    query.id = id();
    query.target = id();
    if (in_.below(2)) query.target = target_of("i1e");
    query.token = in_.below(4) ? std::string_view(token_) : "wrong";
    query.port = static_cast<std::uint16_t>(in_.number(2));
    query.implied_port = in_.below(2) != 0;
    query.seed = in_.below(2) != 0;
    query.scrape = in_.below(2) != 0;
    query.read_only = in_.below(8) == 0;
    if (in_.below(2)) query.want = Want{in_.below(2) != 0, in_.below(2) != 0};
    const Item content = item();
    if (query.method == Method::put) query.item = fields_of(content);
    if (in_.below(4) == 0) query.item.cas = 3;
    receive(endpoint(), encode(query));
  }

  // What an honest node would say to the oldest of our queries, or nearly.
  void answer() {
    if (asked_.empty()) return;
    const std::size_t index = in_.below(asked_.size());
    const SendDatagram sent = asked_[index];
    asked_.erase(asked_.begin() + static_cast<std::ptrdiff_t>(index));
    const auto message = parse(sent.bytes);
    const Query& asked = std::get<Query>(*message);
    if (in_.below(8) == 0)
      return receive(sent.to, encode(ErrorMessage{asked.transaction, 203, "no", {}}));
    Response response;
    response.transaction = asked.transaction;
    response.id = id();
    response.nodes = nodes();
    if (in_.below(4) != 0) response.token = "token";
    response.ip = Endpoint{in_.below(2) ? endpoint().address : Address::v4({9, 9, 9, 9}), 1};
    for (std::uint64_t i = in_.below(4); i > 0; --i) response.values.push_back(endpoint());
    const Item content = item();
    if (asked.method == Method::get) response.item = fields_of(content);
    response.item.salt = {};
    if (in_.below(4) == 0) response.samples.emplace();
    if (in_.below(4) == 0) response.seeds = response.peers = BloomFilter{};
    receive(in_.below(16) ? sent.to : endpoint(), encode(response));
  }

  void began(RequestId) { ++open_; }

  void command() {
    WireInfoHash hash{target_of("i1e").bytes};
    switch (in_.below(10)) {
      case 0:
        return began(node_->find_peers(hash, now_, in_.below(2) != 0));
      case 1:
        return began(node_->announce(hash, {7, in_.below(2) != 0, false}, now_));
      case 2:
        return began(node_->get_item(
            in_.below(2) ? target_of("i1e") : target_of(public_key({}), "salt"), "salt", now_));
      case 3:
        return began(node_->put_item(item(), {}, now_));
      case 4:
        return began(node_->ping(endpoint(), now_));
      case 5:
        return began(node_->sample(endpoint(), id(), now_));
      case 6: {
        const Endpoint some[] = {endpoint(), endpoint()};
        return node_->add_bootstrap(some, now_);
      }
      case 7:
        return node_->add_node(endpoint(), now_);
      case 8:
        return node_->set_external_address(endpoint().address, now_);
      default:
        return began(node_->find_node(id(), now_));
    }
  }

  void receive(const Endpoint& from, const std::string& bytes) {
    answers_ = 0;
    from_ = from;
    node_->datagram_received(from, bytes, now_);
  }

  void drain() {
    std::vector<Action> actions;
    node_->take_actions(actions);
    const std::string broken = node_->broken_invariant();
    require(broken.empty(), broken.c_str());
    require(node_->memory_bytes() < 300'000, "memory is bounded");
    for (const Action& action : actions) {
      if (const auto* send = std::get_if<SendDatagram>(&action)) sent(*send);
      if (std::holds_alternative<RequestDone>(action)) --open_;
      require(open_ >= 0, "a request ends once");
      if (const auto* found = std::get_if<ItemFound>(&action))
        require(!fault_of(found->item), "items that are told are right");
    }
  }

  void sent(const SendDatagram& datagram) {
    require(datagram.bytes.size() <= 1400, "datagrams are small");
    const auto message = parse(datagram.bytes);
    require(message.has_value(), "what is sent can be read");
    if (std::holds_alternative<Query>(*message)) {
      asked_.push_back(datagram);
      if (asked_.size() > 100) asked_.erase(asked_.begin());
      return;
    }
    require(datagram.to == from_ && ++answers_ == 1, "one answer, to who asked");
    if (const auto* response = std::get_if<Response>(&*message))
      if (!response->token.empty()) token_ = response->token;
  }

  fuzz::ByteSource in_;
  std::unique_ptr<Node> node_;
  TimePoint now_{std::chrono::hours(1)};
  std::vector<SendDatagram> asked_;
  Endpoint from_;
  std::string token_;
  int open_ = 0, answers_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8192) return 0;
  Harness(data, size).run();
  return 0;
}
