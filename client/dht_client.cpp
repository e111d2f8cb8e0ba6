#include "client/dht_client.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <future>
#include <limits>
#include <thread>
#include <utility>

#include "client/net/dht_socket.hpp"
#include "client/net/endpoints.hpp"
#include "torrent/bencode.hpp"
#include "torrent/overloaded.hpp"

namespace barter {

namespace asio = boost::asio;
using asio::ip::udp;
using std::chrono::milliseconds;

namespace {

constexpr const char* too_big = "an item has at most 1000 bytes, bencoded";

DhtAnswer failed(std::string why) {
  DhtAnswer out;
  out.failure = std::move(why);
  return out;
}

DhtFamilyStatus family_of(const dht::FamilyStatus& status) {
  DhtFamilyStatus out;
  out.enabled = status.enabled;
  out.id = to_hex(status.id);
  out.nodes = status.nodes;
  out.good_nodes = status.good_nodes;
  out.bootstrapped = status.bootstrapped;
  out.external = status.external;
  out.network_estimate = status.network_estimate;
  return out;
}

void gather(const dht::Action& action, DhtAnswer& answer) {
  std::visit(Overloaded{[&](const dht::PeersFound& found) {
                          answer.peers.insert(answer.peers.end(), found.peers.begin(),
                                              found.peers.end());
                        },
                        [&](const dht::ItemFound& found) {
                          answer.value = found.item.value;
                          if (found.item.key) answer.sequence = found.item.sequence;
                        },
                        [&](const dht::Pong& pong) {
                          answer.id = to_hex(pong.from.id);
                          answer.version = pong.version;
                          answer.seen_as = pong.seen_as;
                        },
                        [&](const dht::RequestDone& done) {
                          answer.ok = done.ok;
                          answer.failure = done.failure;
                          answer.asked = done.asked;
                          answer.answers = done.answers;
                          answer.stored = done.stored;
                          answer.took = std::chrono::duration_cast<milliseconds>(done.took);
                        },
                        [](const auto&) {}},
             action);
}

}  // namespace

const std::vector<HostPort>& well_known_dht_routers() {
  static const std::vector<HostPort> routers = {{"router.bittorrent.com", 6881},
                                                {"dht.transmissionbt.com", 6881},
                                                {"dht.libtorrent.org", 25401}};
  return routers;
}

class DhtClient::Impl {
 public:
  explicit Impl(DhtClientOptions options) {
    net::DhtSocketOptions socket;
    socket.port = options.port;
    socket.addresses = std::move(options.addresses);
    socket.bootstrap =
        options.bootstrap.empty() ? well_known_dht_routers() : std::move(options.bootstrap);
    socket.state_folder = std::move(options.state_folder);
    socket.read_only = true;  // soon gone: nobody shall wait for us
    socket_ = std::make_shared<net::DhtSocket>(context_, std::move(socket),
                                               [](const auto&, const auto&) {});
  }
  ~Impl() {
    if (!thread_.joinable()) return;
    socket_->stop();
    work_.reset();
    thread_.join();
  }
  bool open() {
    if (!socket_->open()) return false;
    thread_ = std::thread([this] { context_.run(); });
    return true;
  }

  DhtAnswer ask(net::DhtSocket::Request request, milliseconds patience) {
    const auto state = std::make_shared<std::pair<DhtAnswer, std::promise<DhtAnswer>>>();
    auto answered = state->second.get_future();
    socket_->request(std::move(request), [state](const dht::Action& action) {
      gather(action, state->first);
      if (std::holds_alternative<dht::RequestDone>(action)) state->second.set_value(state->first);
    });
    if (answered.wait_for(patience) == std::future_status::ready) return answered.get();
    return failed("no answer in time");
  }

  dht::Status status() {
    std::promise<dht::Status> told;
    socket_->question([&](const dht::Node& node) {
      told.set_value(node.status(std::chrono::steady_clock::now()));
    });
    return told.get_future().get();
  }

  std::optional<Endpoint> resolve(const HostPort& node) {
    if (const auto address = Address::parse(node.host)) return Endpoint{*address, node.port};
    udp::resolver resolver(context_);
    boost::system::error_code error;
    const auto found = resolver.resolve(node.host, std::to_string(node.port), error);
    if (error || found.empty()) return std::nullopt;
    return net::from_asio(found.begin()->endpoint());
  }

 private:
  asio::io_context context_{1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_{
      context_.get_executor()};
  std::shared_ptr<net::DhtSocket> socket_;
  std::thread thread_;
};

DhtClient::DhtClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DhtClient::~DhtClient() = default;

Result<std::unique_ptr<DhtClient>> DhtClient::start(DhtClientOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  if (!impl->open()) return Error{Errc::network, "no UDP socket can be opened"};
  return std::unique_ptr<DhtClient>(new DhtClient(std::move(impl)));
}

DhtStatus DhtClient::status(milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (true) {
    const dht::Status status = impl_->status();
    const bool settled = (!status.v4.enabled || status.v4.bootstrapped) &&
                         (!status.v6.enabled || status.v6.bootstrapped);
    if (settled || std::chrono::steady_clock::now() >= end)
      return {family_of(status.v4), family_of(status.v6)};
    std::this_thread::sleep_for(milliseconds(50));
  }
}

DhtAnswer DhtClient::ping(const HostPort& node, milliseconds patience) {
  const auto endpoint = impl_->resolve(node);
  if (!endpoint) return failed(node.host + ": no such host");
  return impl_->ask([to = *endpoint](dht::Node& us, TimePoint now) { return us.ping(to, now); },
                    patience);
}

DhtAnswer DhtClient::find_peers(const WireInfoHash& info_hash, milliseconds patience) {
  return impl_->ask(
      [info_hash](dht::Node& us, TimePoint now) { return us.find_peers(info_hash, now); },
      patience);
}

DhtAnswer DhtClient::get(const std::string& target, const std::string& salt,
                         milliseconds patience) {
  dht::NodeId id;
  if (target.size() != 2 * id.bytes.size() || !from_hex(target, id.bytes))
    return failed("'" + target + "' is not 40 hexadecimal digits");
  return impl_->ask([id, salt](dht::Node& us, TimePoint now) { return us.get_item(id, salt, now); },
                    patience);
}

DhtAnswer DhtClient::put(const std::string& text, milliseconds patience) {
  dht::Item item;
  item.value = bencode::Writer().string(text).take();
  if (item.value.size() > dht::max_value_bytes) return failed(too_big);
  DhtAnswer out = impl_->ask(
      [item](dht::Node& us, TimePoint now) { return us.put_item(item, std::nullopt, now); },
      patience);
  out.target = to_hex(dht::target_of(item));
  return out;
}

Result<std::int64_t> DhtClient::next_sequence(const DhtMutableItem& item, const std::string& target,
                                              const std::string& value, milliseconds patience) {
  if (item.sequence) return *item.sequence;
  const DhtAnswer there = get(target, item.salt, patience);
  if (!there.sequence) return 1;
  if (there.value == value) return *there.sequence;
  if (*there.sequence < std::numeric_limits<std::int64_t>::max()) return *there.sequence + 1;
  return Error{Errc::rejected, "the item there has the highest sequence number that there is"};
}

DhtAnswer DhtClient::put(const DhtMutableItem& item, milliseconds patience) {
  const std::string value = bencode::Writer().string(item.text).take();
  if (value.size() > dht::max_value_bytes) return failed(too_big);
  if (item.salt.size() > dht::max_salt_bytes) return failed("a salt has at most 64 bytes");
  const dht::KeySeed seed{item.key.seed().bytes};
  const dht::PublicKey key = dht::public_key(seed);
  const std::string target = to_hex(dht::target_of(key, item.salt));
  const auto sequence = next_sequence(item, target, value, patience);
  if (!sequence) return failed(sequence.error().message);
  DhtAnswer out = impl_->ask(
      [ours = dht::sign_item(seed, value, *sequence, item.salt), replaces = item.replaces](
          dht::Node& us, TimePoint now) { return us.put_item(ours, replaces, now); },
      patience);
  out.target = target;
  out.public_key = to_hex(key);
  out.sequence = *sequence;
  return out;
}

}  // namespace barter
