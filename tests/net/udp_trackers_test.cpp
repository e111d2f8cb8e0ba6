#include "client/net/udp_trackers.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "announce_fixture.hpp"
#include "own_network.hpp"
#include "tracker/http_server.hpp"
#include "tracker/udp_server.hpp"

using namespace barter;
using namespace barter::testing;
using namespace barter::tracker;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

Packet packet_of(const std::function<void(Packet&)>& write) {
  Packet out;
  write(out);
  return out;
}
Packet connected(std::uint32_t transaction, std::uint64_t id = 77) {
  return packet_of([&](Packet& out) { write_udp_connected(transaction, id, out); });
}
Packet announced(std::uint32_t transaction, std::uint8_t peer, IpFamily family = IpFamily::v4) {
  AnnounceReply reply;
  reply.interval = 900;
  reply.complete = 3;
  reply.incomplete = 2;
  auto six = *Address::parse("2001:db8::");
  const std::vector<Endpoint> peers{{Address::v4({1, 2, 3, peer}), 6881}, {six, peer}};
  return packet_of(
      [&](Packet& out) { write_udp_announced(transaction, reply, peers, family, out); });
}
Packet refused(std::uint32_t transaction, std::string_view why) {
  return packet_of([&](Packet& out) { write_udp_error(transaction, why, out); });
}

int bound(const Endpoint& at) {
  const bool v4 = at.address.is_v4();
  const int out = ::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in four{};
  sockaddr_in6 six{};
  four.sin_family = AF_INET;
  six.sin6_family = AF_INET6;
  four.sin_port = six.sin6_port = htons(at.port);
  inet_pton(AF_INET, to_string(at.address).c_str(), &four.sin_addr);
  inet_pton(AF_INET6, to_string(at.address).c_str(), &six.sin6_addr);
  const int failed = v4 ? ::bind(out, reinterpret_cast<sockaddr*>(&four), sizeof four)
                        : ::bind(out, reinterpret_cast<sockaddr*>(&six), sizeof six);
  if (failed != 0) throw std::runtime_error("the test's tracker cannot bind");
  return out;
}

// A tracker that does what a test says: each packet goes to the script, which sends what it likes.
class FakeTracker {
 public:
  struct Request {
    UdpHead head;
    Packet packet;
    std::size_t number = 0;  // counts them all, from 0
    std::function<void(const Packet&)> reply;
    std::function<void(const Packet&)> reply_from_elsewhere;  // another port
  };
  using Script = std::function<void(const Request&)>;

  explicit FakeTracker(Script script, Endpoint at = {Address::v4({127, 0, 0, 1}), 0})
      : script_(std::move(script)), socket_(bound(at)), elsewhere_(bound({at.address, 0})) {
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&own), &length);
    port_ = ntohs(reinterpret_cast<sockaddr_in*>(&own)->sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeTracker() {
    stopping_ = true;
    thread_.join();
    ::close(socket_);
    ::close(elsewhere_);
  }
  std::uint16_t port() const { return port_; }
  std::string url(const std::string& path = "") const {
    return "udp://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    while (!stopping_) {
      pollfd readable{socket_, POLLIN, 0};
      if (::poll(&readable, 1, 20) <= 0) continue;
      Request request;
      request.packet.resize(4096);
      sockaddr_storage from{};
      socklen_t length = sizeof from;
      const auto bytes = ::recvfrom(socket_, request.packet.data(), request.packet.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &length);
      if (bytes < 0) continue;
      request.packet.resize(static_cast<std::size_t>(bytes));
      const auto send = [=](int socket) {
        return [=](const Packet& packet) {
          ::sendto(socket, packet.data(), packet.size(), 0,
                   reinterpret_cast<const sockaddr*>(&from), length);
        };
      };
      request.reply = send(socket_);
      request.reply_from_elsewhere = send(elsewhere_);
      if (const auto head = parse_udp_head(request.packet)) request.head = *head;
      {
        const std::lock_guard lock(mutex_);
        request.number = requests_.size();
        requests_.push_back(request);
      }
      script_(request);
    }
  }

  Script script_;
  int socket_, elsewhere_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::thread thread_;
};

void answer(const FakeTracker::Request& request) {
  const std::uint32_t transaction = request.head.transaction;
  request.reply(request.head.action == UdpAction::connect ? connected(transaction)
                                                          : announced(transaction, 4));
}

net::TrackerClientOptions hasty() {
  net::TrackerClientOptions out;
  out.udp.first_timeout = 50ms;
  out.udp_deadline = 2s;
  return out;
}

}  // namespace

TEST_CASE("an announce over UDP says who we are, and learns who else is there") {
  FakeTracker server(answer);
  AnnounceFixture client;
  const AnnounceOutcome out = client.announce(server.url("/dir/announce?pass=1"));
  CHECK(out.ok);
  CHECK(out.failure.empty());
  CHECK(out.interval == 900s);
  CHECK(out.complete == 3);
  CHECK(out.incomplete == 2);
  REQUIRE(out.peers.size() == 1);
  CHECK(to_string(out.peers[0]) == "1.2.3.4:6881");
  const auto requests = server.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].head.action == UdpAction::connect);
  CHECK(requests[1].head.connection_id == 77);
  CHECK(requests[0].head.transaction != requests[1].head.transaction);
  const auto announce = parse_udp_announce(requests[1].packet);
  REQUIRE(announce.has_value());
  CHECK(announce->announce.info_hash.view() == "01234567890123456789");
  CHECK(announce->announce.peer_id.view() == "-Ba0100-abcdefghijkl");
  CHECK(announce->announce.port == 6881);
  CHECK(announce->announce.left == 1000);
  CHECK(announce->announce.event == Event::started);
  CHECK(announce->key == 0xabcd);
  CHECK(announce->url_data == "/dir/announce?pass=1");
}

TEST_CASE("a connection id is used again, until it is old") {
  FakeTracker server(answer);
  {
    AnnounceFixture client;
    for (int i = 0; i < 3; ++i) CHECK(client.announce(server.url()).ok);
    CHECK(server.requests().size() == 4);
  }
  net::TrackerClientOptions options;
  options.udp.connection_id_lifetime = 100ms;
  AnnounceFixture client(options);
  CHECK(client.announce(server.url()).ok);
  std::this_thread::sleep_for(150ms);
  CHECK(client.announce(server.url()).ok);
  CHECK(server.requests().size() == 8);
}

TEST_CASE("what is lost is sent again, under another number") {
  FakeTracker server([](const FakeTracker::Request& request) {
    if (request.number % 3 == 2) answer(request);  // two of three are lost
  });
  AnnounceFixture client(hasty());
  CHECK(client.announce(server.url()).ok);
  const auto requests = server.requests();
  REQUIRE(requests.size() == 6);
  CHECK(requests[2].head.action == UdpAction::connect);
  CHECK(requests[3].head.action == UdpAction::announce);
  CHECK(requests[0].head.transaction != requests[1].head.transaction);
}

TEST_CASE("a silent tracker is asked ever less often, and not for ever") {
  FakeTracker server([](const FakeTracker::Request&) {});
  net::TrackerClientOptions options = hasty();
  options.udp_deadline = 600ms;  // at 0, 50, 150 and 350 ms
  AnnounceFixture client(options);
  const auto begin = steady_clock::now();
  const AnnounceOutcome out = client.announce(server.url());
  const auto took = steady_clock::now() - begin;
  CHECK_FALSE(out.ok);
  CHECK(out.retryable);
  CHECK(out.failure == server.url() + ": no reply in time");
  CHECK(took >= 600ms);
  CHECK(took < 2s);
  CHECK(server.requests().size() == 4);
}

TEST_CASE("a `stopped` to a silent tracker is sent again, and is not waited for") {
  FakeTracker server([](const FakeTracker::Request&) {});
  net::TrackerClientOptions options;
  options.stopped_deadline = 300ms;
  AnnounceFixture client(options);
  const auto begin = steady_clock::now();
  CHECK_FALSE(client.begin(server.url(), Event::stopped).get().ok);
  CHECK(steady_clock::now() - begin < 2s);
  CHECK(server.requests().size() == 2);
}

TEST_CASE("lies are ignored: other numbers, other actions, other places, parts") {
  FakeTracker server([](const FakeTracker::Request& request) {
    const std::uint32_t right = request.head.transaction;
    const bool connects = request.head.action == UdpAction::connect;
    request.reply({});
    request.reply(Packet(7));
    request.reply(connected(right + 1, 13));
    request.reply(announced(right + 1, 66));
    request.reply(refused(right + 1, "no"));
    request.reply(connects ? announced(right, 66) : connected(right, 13));
    request.reply_from_elsewhere(connected(right, 13));
    request.reply_from_elsewhere(announced(right, 66));
    request.reply_from_elsewhere(refused(right, "no"));
    Packet part = connects ? connected(right, 13) : announced(right, 66);
    part.resize(15);
    request.reply(part);
    std::this_thread::sleep_for(20ms);
    answer(request);
  });
  AnnounceFixture client;
  const AnnounceOutcome out = client.announce(server.url());
  CHECK(out.ok);
  REQUIRE(out.peers.size() == 1);
  CHECK(to_string(out.peers[0]) == "1.2.3.4:6881");
  const auto requests = server.requests();
  REQUIRE(requests.size() == 2);  // no lie made us ask again
  CHECK(requests[1].head.connection_id == 77);
}

TEST_CASE("an error is the tracker's word, in plain letters") {
  FakeTracker server([](const FakeTracker::Request& request) {
    const std::uint32_t transaction = request.head.transaction;
    request.reply(request.head.action == UdpAction::connect ? connected(transaction)
                                                            : refused(transaction, "no\x1b[31m!"));
  });
  AnnounceFixture client;
  const AnnounceOutcome out = client.announce(server.url());
  CHECK_FALSE(out.ok);
  CHECK(out.failure.starts_with("no"));
  CHECK(out.failure.find('\x1b') == std::string::npos);
  CHECK(server.requests().size() == 4);  // a new id was tried, once
}

TEST_CASE("a tracker that began anew gives a new id") {
  std::atomic<std::uint64_t> current = 1;
  FakeTracker server([&](const FakeTracker::Request& request) {
    const std::uint32_t transaction = request.head.transaction;
    if (request.head.action == UdpAction::connect) {
      request.reply(connected(transaction, current));
    } else {
      request.reply(request.head.connection_id == current ? announced(transaction, 4)
                                                          : refused(transaction, "who is that?"));
    }
  });
  AnnounceFixture client;
  CHECK(client.announce(server.url()).ok);
  current = 2;
  CHECK(client.announce(server.url()).ok);
}

TEST_CASE("where nobody listens, it is known at once") {
  std::uint16_t port = 0;
  { port = FakeTracker(answer).port(); }
  AnnounceFixture client;
  const auto begin = steady_clock::now();
  const AnnounceOutcome out = client.announce("udp://127.0.0.1:" + std::to_string(port));
  CHECK_FALSE(out.ok);
  CHECK(out.failure.find("cannot be reached: Connection refused") != std::string::npos);
  CHECK(steady_clock::now() - begin < 5s);
}

TEST_CASE("URLs that no UDP tracker could be told of fail for good") {
  AnnounceFixture client;
  const auto out = client.announce("udp://127.0.0.1:1/" + std::string(max_url_data_bytes, 'x'));
  CHECK_FALSE(out.ok);
  CHECK_FALSE(out.retryable);
  CHECK_FALSE(client.announce("udp://127.0.0.1/announce").retryable);  // no port
}

TEST_CASE("hundreds of silent trackers do not keep us from the one that lives") {
  FakeTracker silent([](const FakeTracker::Request&) {}, {Address::v4({0, 0, 0, 0}), 0});
  FakeTracker live(answer);
  AnnounceFixture client;
  std::vector<std::future<AnnounceOutcome>> dead, alive;
  const auto begin = steady_clock::now();
  for (int torrent = 0; torrent < 40; ++torrent) {
    for (int i = 0; i < 300; ++i) {
      dead.push_back(client.begin("udp://127.1." + std::to_string(i / 100) + "." +
                                  std::to_string(1 + i % 100) + ":" +
                                  std::to_string(silent.port())));
    }
    alive.push_back(client.begin(live.url()));
  }
  for (auto& one : alive) CHECK(one.get().ok);
  CHECK(steady_clock::now() - begin < 5s);
  for (const auto& one : dead) REQUIRE(one.wait_for(0s) == std::future_status::timeout);
  CHECK(silent.requests().size() <= 300);  // of each host by one torrent
}

TEST_CASE("barter's own tracker introduces us by UDP") {
  HttpServerOptions options;
  options.listen = {{Address::v4({127, 0, 0, 1}), 0}};
  auto http = HttpServer::start(options);
  REQUIRE(http.has_value());
  auto udp = UdpServer::start({.listen = {{Address::v4({127, 0, 0, 1}), (*http)->port()}}},
                              (*http)->introducer());
  REQUIRE(udp.has_value());
  const auto place = "://127.0.0.1:" + std::to_string((*http)->port()) + "/announce";
  AnnounceFixture client;
  const AnnounceOutcome first = client.announce("udp" + place);
  CHECK(first.ok);
  CHECK(first.incomplete == 1);
  const AnnounceOutcome second = client.announce("http" + place);
  CHECK(second.incomplete == 1);  // the same member
  client.begin("udp" + place, Event::stopped).wait();
  CHECK((*http)->stats().members == 0);
}

TEST_CASE("both address families of a host are told by UDP; a silent one is not waited for long") {
  const auto complaint =
      in_own_network("", "127.0.0.1 both.test\n::1 both.test\n::1 six.test\n", [] {
        const auto answer_six = [](const FakeTracker::Request& request) {
          const std::uint32_t transaction = request.head.transaction;
          request.reply(request.head.action == UdpAction::connect
                            ? connected(transaction)
                            : announced(transaction, 6, IpFamily::v6));
        };
        std::string out;
        FakeTracker v4(answer);
        const std::string port = std::to_string(v4.port());
        net::TrackerClientOptions options;
        options.other_family_grace = 200ms;
        {
          FakeTracker v6(answer_six, {*Address::parse("::1"), v4.port()});
          AnnounceFixture client(options);
          const AnnounceOutcome both = client.announce("udp://both.test:" + port);
          if (!both.ok || both.peers.size() != 2) out += "not the peers of both; ";
          const auto keys = [](const FakeTracker& of) {
            return parse_udp_announce(of.requests().at(1).packet)->key;
          };
          if (keys(v4) != keys(v6)) out += "not one key; ";
          const AnnounceOutcome one = client.announce("udp://six.test:" + port);
          if (!one.ok || one.peers.size() != 1) out += "a host of one family; ";
          if (v4.requests().size() != 2) out += "not by its family; ";
        }
        FakeTracker silent([](const FakeTracker::Request&) {}, {*Address::parse("::1"), v4.port()});
        AnnounceFixture client(options);
        const auto begin = steady_clock::now();
        const AnnounceOutcome half = client.announce("udp://both.test:" + port);
        if (!half.ok || half.peers.size() != 1) out += "one family must do; ";
        if (steady_clock::now() - begin > 3s) out += "waited for the silent one; ";
        return out;
      });
  CHECK(complaint.value_or("") == "");
}

TEST_CASE("packets leave from the address that was chosen, and from no other") {
  FakeTracker server(answer);
  net::TrackerClientOptions options;
  options.fetch.connect_from = {*Address::parse("::1")};
  AnnounceFixture elsewhere(options);
  const AnnounceOutcome out = elsewhere.announce(server.url());
  CHECK_FALSE(out.ok);
  CHECK(out.failure == server.url() + ": the name has no address to use");
  CHECK(server.requests().empty());
}
