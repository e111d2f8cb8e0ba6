#include "sim/dht_world.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "dht/node.hpp"
#include "sim/dht_liars.hpp"
#include "sim/event_queue.hpp"
#include "sim/slab.hpp"
#include "torrent/random.hpp"

namespace barter::sim {

namespace {

constexpr std::uint16_t peer_port = 7000;
constexpr std::size_t routers = 5;  // honest nodes that newcomers are told of
constexpr TimePoint beginning{std::chrono::hours(1)};

bool is_query(std::string_view datagram) {
  return datagram.ends_with("1:y1:qe");  // canonical: all in this world is
}

class DhtWorld {
 public:
  explicit DhtWorld(const DhtOptions& options)
      : options_(options),
        random_(options.seed),
        config_(std::make_shared<dht::Config>(config())) {}

  DhtReport run() {
    make_hosts();
    plan();
    while (!queue_.empty()) {
      const Event event = queue_.pop();
      now_ = event.time;
      handle(event);
      if (event.kind == EventKind::call && event.a == end_) break;
    }
    return report();
  }

 private:
  enum class Kind : std::uint8_t { honest, firewalled, leaving, liar };
  struct Host {
    std::unique_ptr<dht::Node> node;
    Endpoint endpoint;
    Kind kind = Kind::honest;
    std::uint32_t liar = 0;  // its number among them
    Duration access{};       // its share of the delay
    TimePoint wake = never;
    bool gone = false;
  };
  struct Packet {
    std::uint32_t from = 0, to = 0;
    std::string bytes;
  };
  struct Command {
    std::uint32_t host = 0, torrent = 0;
    bool announce = false;
  };
  struct Search {
    std::uint32_t torrent = 0;
    bool announce = false, done = false;
    TimePoint began{};
    Duration first = Duration::max();
    std::uint32_t true_peers = 0, false_peers = 0;
    dht::RequestDone result;
  };

  static dht::Config config() {
    dht::Config out;
    out.v6 = false;
    return out;
  }

  Endpoint free_address() {
    for (;;) {
      const auto byte = [&] { return static_cast<std::uint8_t>(random_.below(256)); };
      const Address address =
          Address::v4({static_cast<std::uint8_t>(20 + random_.below(80)), byte(), byte(), byte()});
      if (!by_endpoint_.contains({address, 6881})) return {address, 6881};
    }
  }

  void make_hosts() {
    hosts_.resize(options_.nodes);
    std::vector<Endpoint> liars;
    for (std::uint32_t i = 0; i < options_.nodes; ++i) {
      Host& host = hosts_[i];
      host.endpoint = free_address();
      by_endpoint_[host.endpoint] = i;
      host.access = std::chrono::microseconds(3000 + random_.below(40'000));
      if (random_.chance(1, 10)) host.access *= 3;
      const std::uint64_t dice = i < routers ? 99 : random_.below(100);
      if (dice < options_.hostile) {
        host.kind = Kind::liar;
        host.liar = static_cast<std::uint32_t>(liars.size());
        liars.push_back(host.endpoint);
      } else if (dice < options_.hostile + options_.silent) {
        host.kind = dice % 2 == 0 ? Kind::firewalled : Kind::leaving;
      }
    }
    liars_ = std::make_unique<DhtLiars>(std::move(liars), Random(random_.next()));
  }

  std::uint32_t some_honest() {
    for (;;) {
      const auto i = static_cast<std::uint32_t>(random_.below(hosts_.size()));
      if (hosts_[i].kind == Kind::honest) return i;
    }
  }
  TimePoint within(TimePoint from, Duration span) {
    return from + Duration(static_cast<std::int64_t>(
                      random_.below(static_cast<std::uint64_t>(span.count()))));
  }
  void plan_call(TimePoint at, const Command& command) {
    commands_.push_back(command);
    queue_.push({at, EventKind::call, static_cast<std::uint32_t>(commands_.size() - 1), 0});
  }

  void plan() {
    for (std::uint32_t i = 0; i < hosts_.size(); ++i)
      queue_.push(
          {i < routers ? beginning : within(beginning, options_.joining), EventKind::join, i, 0});
    const TimePoint announce = beginning + options_.joining + options_.settling;
    announcers_.resize(options_.torrents);
    for (std::uint32_t torrent = 0; torrent < options_.torrents; ++torrent) {
      info_hashes_.push_back({dht::random_id(random_).bytes});
      while (announcers_[torrent].size() < options_.peers_each) {
        const std::uint32_t host = some_honest();
        if (!announcers_[torrent].emplace(hosts_[host].endpoint.address, host).second) continue;
        plan_call(within(announce, std::chrono::minutes(2)), {host, torrent, true});
      }
    }
    silence_ = announce + std::chrono::minutes(3);
    for (std::uint32_t i = 0; i < options_.lookups; ++i) {
      const auto torrent = static_cast<std::uint32_t>(random_.below(options_.torrents));
      std::uint32_t host = some_honest();
      while (announcers_[torrent].contains(hosts_[host].endpoint.address)) host = some_honest();
      plan_call(within(silence_, std::chrono::minutes(3)), {host, torrent, false});
    }
    commands_.emplace_back();
    end_ = static_cast<std::uint32_t>(commands_.size() - 1);
    queue_.push({silence_ + std::chrono::minutes(4), EventKind::call, end_, 0});
  }

  void handle(const Event& event) {
    switch (event.kind) {
      case EventKind::join:
        return join(event.a);
      case EventKind::wake: {
        Host& host = hosts_[event.a];
        if (host.wake != event.time || silent(host)) return;
        host.wake = never;
        host.node->time_passed(now_);
        return after(event.a);
      }
      case EventKind::arrive:
        return arrive(packets_.take(event.a));
      case EventKind::call:
        if (event.a != end_) call(commands_[event.a]);
        return;
      default:
        return;
    }
  }

  bool silent(const Host& host) const { return host.kind == Kind::leaving && now_ >= silence_; }

  void join(std::uint32_t number) {
    Host& host = hosts_[number];
    host.node = std::make_unique<dht::Node>(config_, SipKey{random_.next(), random_.next()});
    // One in ten must find out from others where it is.
    if (number % 10 != 9) host.node->set_external_address(host.endpoint.address, now_);
    std::vector<Endpoint> known;
    for (std::size_t i = 0; i < routers; ++i)
      if (i != number) known.push_back(hosts_[i].endpoint);
    host.node->add_bootstrap(known, now_);
    host.node->start(now_);
    after(number);
  }

  void arrive(Packet packet) {
    Host& host = hosts_[packet.to];
    if (host.node == nullptr || silent(host)) return;
    const bool query = is_query(packet.bytes);
    if (query && host.kind == Kind::firewalled) return;
    const Endpoint& from = hosts_[packet.from].endpoint;
    if (query && host.kind == Kind::liar) {
      const auto message = dht::parse(packet.bytes);
      if (message && std::holds_alternative<dht::Query>(*message)) {
        std::string lie = liars_->answer(host.liar, host.node->status(now_).v4.id, from,
                                         std::get<dht::Query>(*message));
        if (!lie.empty()) return send(packet.to, from, std::move(lie));
      }
    }
    host.node->datagram_received(from, packet.bytes, now_);
    after(packet.to);
  }

  void send(std::uint32_t from, const Endpoint& to, std::string bytes) {
    ++datagrams_;
    bytes_ += bytes.size();
    const auto found = by_endpoint_.find(to);
    if (found == by_endpoint_.end() || random_.chance(options_.loss, 100)) return;
    const Duration delay = hosts_[from].access + hosts_[found->second].access +
                           std::chrono::microseconds(1000 + random_.below(10'000));
    const std::uint32_t packet = packets_.put({from, found->second, std::move(bytes)});
    queue_.push({now_ + delay, EventKind::arrive, packet, 0});
  }

  void call(const Command& command) {
    Host& host = hosts_[command.host];
    const WireInfoHash& info_hash = info_hashes_[command.torrent];
    const dht::RequestId request =
        command.announce ? host.node->announce(info_hash, {peer_port, false, false}, now_)
                         : host.node->find_peers(info_hash, now_);
    Search& search = searches_[{command.host, request}];
    search.torrent = command.torrent;
    search.announce = command.announce;
    search.began = now_;
    after(command.host);
  }

  // Does what the node wants done, and sees to it that it is woken.
  void after(std::uint32_t number) {
    Host& host = hosts_[number];
    std::vector<dht::Action> actions;
    host.node->take_actions(actions);
    for (dht::Action& action : actions) {
      if (auto* datagram = std::get_if<dht::SendDatagram>(&action)) {
        send(number, datagram->to, std::move(datagram->bytes));
      } else if (const auto* found = std::get_if<dht::PeersFound>(&action)) {
        peers_found(number, *found);
      } else if (const auto* done = std::get_if<dht::RequestDone>(&action)) {
        Search& search = searches_[{number, done->request}];
        search.done = true;
        search.result = *done;
      }
    }
    const TimePoint deadline = host.node->next_deadline();
    if (deadline >= host.wake) return;
    host.wake = std::max(deadline, now_);
    queue_.push({host.wake, EventKind::wake, number, 0});
  }

  void peers_found(std::uint32_t host, const dht::PeersFound& found) {
    if (found.request == dht::RequestId{})
      return;  // it was announced to a host that announces, too
    Search& search = searches_[{host, found.request}];
    for (const Endpoint& peer : found.peers) {
      if (announcers_[search.torrent].contains(peer.address) && peer.port == peer_port) {
        if (search.true_peers++ == 0) search.first = now_ - search.began;
      } else {
        ++search.false_peers;
      }
    }
  }

  DhtReport report() {
    DhtReport out;
    out.nodes = options_.nodes;
    std::uint64_t true_peers = 0, false_peers = 0, wanted = 0;
    for (const auto& [key, search] : searches_) {
      if (search.announce) {
        ++out.announces;
        out.announced += search.done && search.result.ok;
        continue;
      }
      ++out.lookups;
      out.succeeded += search.true_peers > 0;
      true_peers += search.true_peers;
      false_peers += search.false_peers;
      wanted += announcers_[search.torrent].size();
      if (search.true_peers > 0)
        out.first_seconds.push_back(std::chrono::duration<double>(search.first).count());
      if (!search.done) continue;
      ++out.finished;
      out.hops.push_back(search.result.hops);
      out.asked.push_back(search.result.asked);
      out.seconds.push_back(std::chrono::duration<double>(search.result.took).count());
    }
    out.peers_found =
        static_cast<double>(true_peers) / static_cast<double>(std::max<std::uint64_t>(1, wanted));
    out.false_peers = static_cast<double>(false_peers) /
                      static_cast<double>(std::max<std::uint64_t>(1, true_peers + false_peers));
    std::uint64_t good = 0, stored = 0;
    for (const Host& host : hosts_) {
      if (host.kind != Kind::honest) continue;
      const dht::Status status = host.node->status(now_);
      good += status.v4.good_nodes;
      stored += status.peers;
      out.memory.push_back(host.node->memory_bytes());
    }
    out.good_nodes = static_cast<double>(good) / static_cast<double>(out.memory.size());
    out.stored = static_cast<double>(stored) / std::max(1.0, static_cast<double>(out.announces));
    for (auto* list : {&out.hops, &out.asked}) std::sort(list->begin(), list->end());
    for (auto* list : {&out.seconds, &out.first_seconds}) std::sort(list->begin(), list->end());
    std::sort(out.memory.begin(), out.memory.end());
    out.datagrams = datagrams_;
    out.bytes = bytes_;
    out.simulated = now_ - beginning;
    return out;
  }

  DhtOptions options_;
  Random random_;
  std::shared_ptr<const dht::Config> config_;
  EventQueue queue_;
  Slab<Packet> packets_;
  std::vector<Host> hosts_;
  std::unordered_map<Endpoint, std::uint32_t> by_endpoint_;  // never walked
  std::unique_ptr<DhtLiars> liars_;
  std::vector<WireInfoHash> info_hashes_;
  std::vector<std::map<Address, std::uint32_t>> announcers_;  // of each torrent
  std::vector<Command> commands_;
  std::map<std::pair<std::uint32_t, dht::RequestId>, Search> searches_;
  TimePoint now_ = beginning, silence_ = never;
  std::uint32_t end_ = 0;
  std::uint64_t datagrams_ = 0, bytes_ = 0;
};

}  // namespace

DhtReport run_dht(const DhtOptions& options) {
  return DhtWorld(options).run();
}

}  // namespace barter::sim
