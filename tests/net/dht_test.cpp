// The DHT between whole clients on loopback; nobody is asked but whom the test names.
#include "client/net/dht_socket.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <mutex>
#include <thread>

#include "client/net/io_threads.hpp"
#include "harness.hpp"
#include "script_server.hpp"

using namespace barter;
using namespace barter::testing;
using namespace std::chrono_literals;

namespace {

ClientOptions with_dht(std::vector<HostPort> bootstrap, const std::string& state = {}) {
  ClientOptions out;
  out.dht = true;
  out.dht_bootstrap = std::move(bootstrap);
  out.state_folder = state;
  return out;
}

HostPort node_of(TestClient& client) {
  return {"127.0.0.1", client->dht_port()};
}

// A node that everybody may begin at: it takes part in a torrent of its own.
struct Router {
  Folder folder;
  std::shared_ptr<const Metainfo> metainfo =
      make_torrent(folder.path(), "other", {{"", 1000}}, 16384);
  TestClient client{with_dht({})};
  Router() { client.seed(metainfo, folder.path()); }
};

// Where a client shall enter the DHT: hears what it asks, and answers nothing.
class Ear {
 public:
  Ear() {
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof here;
    REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&here), size) == 0);
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&here), &size);
    port_ = ntohs(here.sin_port);
  }
  ~Ear() { ::close(socket_); }
  Ear(const Ear&) = delete;
  Ear& operator=(const Ear&) = delete;
  HostPort address() const { return {"127.0.0.1", port_}; }
  // Whether anything at all comes in that time.
  bool hears(std::chrono::milliseconds time) {
    const timeval patience{time.count() / 1000,
                           static_cast<suseconds_t>(time.count() % 1000 * 1000)};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char byte = 0;
    return ::recv(socket_, &byte, 1, 0) > 0;
  }

 private:
  const int socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  std::uint16_t port_ = 0;
};

WireInfoHash hash(int n) {
  WireInfoHash out;
  out.bytes.fill(static_cast<std::byte>(n));
  return out;
}

}  // namespace

TEST_CASE("a client finds a seed by the DHT alone") {
  Router router;
  Folder from, to;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 300'000}}, 16384);
  TestClient seed(with_dht({node_of(router.client)})), get(with_dht({node_of(router.client)}));
  REQUIRE(seed->dht_port() != 0);
  const TorrentId seeding = seed.seed(metainfo, from.path());
  const TorrentId id = get.get(metainfo, to.path(), {});
  REQUIRE(get.wait<Completed>(id, 40s));
  CHECK(same_content(*metainfo, from.path(), to.path()));
  // Who called, had heard of the other by the DHT; the other was called.
  const auto first = get.notice<FirstPeer>(id), other = seed.notice<FirstPeer>(seeding);
  REQUIRE(first);
  REQUIRE(other);
  CHECK((first->source == PeerSource::dht || other->source == PeerSource::dht));
}

TEST_CASE("two clients are a DHT") {
  Folder from, to;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 300'000}}, 16384);
  TestClient seed(with_dht({}));
  seed.seed(metainfo, from.path());
  std::this_thread::sleep_for(500ms);  // it looks for others, and there are none
  TestClient get(with_dht({node_of(seed)}));
  const auto begin = std::chrono::steady_clock::now();
  const TorrentId id = get.get(metainfo, to.path(), {});
  REQUIRE(get.wait<Completed>(id, 40s));
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  CHECK(same_content(*metainfo, from.path(), to.path()));
}

TEST_CASE("of a private torrent the DHT hears nothing, nor a peer of the DHT") {
  Router router;
  Folder from, to;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 100'000}}, 16384, {}, true);
  TestClient seed(with_dht({node_of(router.client)})), get(with_dht({node_of(router.client)}));
  seed.seed(metainfo, from.path());
  const TorrentId id = get.get(metainfo, to.path(), {});
  REQUIRE(get.wait<TransferBegan>(id));
  std::this_thread::sleep_for(1s);
  CHECK(get->progress(id).known_peers == 0);
}

TEST_CASE("a link whose tracker brings the metadata of a private torrent never gets to the DHT") {
  Folder from, to;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 100'000}}, 16384, {}, true);
  TestClient seed;
  seed.seed(metainfo, from.path());
  const auto port = seed->port();
  std::string peers{127, 0, 0, 1};
  peers += {static_cast<char>(port >> 8), static_cast<char>(port & 0xff)};
  ScriptServer tracker([&](ScriptServer::Peer& peer, const std::string&) {
    peer.write(http("d8:intervali900e5:peers6:" + peers + "e"));
  });
  Ear ear;
  TestClient get(with_dht({ear.address()}));
  const auto id = get->add(AddMagnet{metainfo->info_hash(), {{tracker.url("/announce")}}, {}});
  REQUIRE(id.has_value());
  REQUIRE(get.wait_notice<MetadataComplete>(*id));
  AddTorrent with;
  with.metainfo = get.notice<MetadataComplete>(*id)->metainfo;
  with.folder = to.path();
  REQUIRE(get->begin(*id, with).has_value());
  REQUIRE(get.wait<Completed>(*id));
  CHECK_FALSE(ear.hears(200ms));
}

TEST_CASE("a link whose tracker is dead is looked for in the DHT at once") {
  Ear ear;
  TestClient get(with_dht({ear.address()}));
  const ScriptServer gone([](ScriptServer::Peer&, const std::string&) {});
  InfoHash wanted;
  wanted.v1 = Sha1Digest{};
  REQUIRE(get->add(AddMagnet{wanted, {{gone.url("/announce")}}, {}}).has_value());
  CHECK(ear.hears(2s));
}

TEST_CASE("a peer's PORT message leads into the DHT") {
  Router router;
  Folder from, to, other_from, other_to;
  const auto shared = make_torrent(from.path(), "shared", {{"", 100'000}}, 16384);
  const auto hidden = make_torrent(other_from.path(), "hidden", {{"", 100'000}}, 16384);
  TestClient a(with_dht({node_of(router.client)})), b(with_dht({}));
  a.seed(shared, from.path());
  TestClient seed(with_dht({node_of(router.client)}));
  seed.seed(hidden, other_from.path());
  const TorrentId first = b.get(shared, to.path(), {a.address()});
  REQUIRE(b.wait<Completed>(first));
  // Known to it is nobody but `a`, by what `a` said when they met; and by `a` the others.
  const TorrentId second = b.get(hidden, other_to.path(), {});
  CHECK(b.wait<Completed>(second, 60s));
}

TEST_CASE("the DHT's table is kept from run to run, by one of two in a state folder") {
  net::IoThreads threads(1);
  Folder state;
  std::mutex mutex;
  std::vector<Endpoint> found;
  const auto node = [&](std::vector<HostPort> bootstrap, const std::string& folder) {
    net::DhtSocketOptions options;
    options.addresses = {*Address::parse("127.0.0.1")};
    options.bootstrap = std::move(bootstrap);
    options.state_folder = folder;
    options.port = 0;
    options.retry_min = 500ms;
    auto out = std::make_shared<net::DhtSocket>(
        threads.service(), options, [&](const WireInfoHash&, std::span<const Endpoint> peers) {
          const std::lock_guard lock(mutex);
          found.insert(found.end(), peers.begin(), peers.end());
        });
    REQUIRE(out->open());
    return out;
  };
  const auto router = node({}, {});
  router->begin(hash(1));
  const std::vector<HostPort> at_router = {{"127.0.0.1", router->port()}};
  {
    const auto first = node(at_router, state.path());
    first->begin(hash(2));
    std::this_thread::sleep_for(1500ms);
    const auto beside = node({}, state.path());  // leaves the table alone
    beside->begin(hash(3));
    std::this_thread::sleep_for(100ms);
    beside->stop();
    first->stop();
  }
  std::this_thread::sleep_for(200ms);
  const std::string kept = read_file(state / "dht");
  CHECK(kept.size() > 26);
  // It names the router, by its compact address.
  const char compact[] = {127,
                          0,
                          0,
                          1,
                          static_cast<char>(router->port() >> 8),
                          static_cast<char>(router->port() & 0xff)};
  CHECK(kept.find(std::string(compact, sizeof compact)) != std::string::npos);
  router->stop();
  threads.stop();
}
