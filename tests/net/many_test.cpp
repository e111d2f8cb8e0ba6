// Several torrents in one client, and several address families.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "harness.hpp"

using namespace barter;
using namespace barter::testing;
using namespace std::chrono_literals;

namespace {

bool have_v6() {
  const int descriptor = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return false;
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool can = ::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(descriptor);
  return can;
}

struct Torrents {  // of one folder
  Folder from;
  std::vector<std::shared_ptr<const Metainfo>> all;
  Torrents(int count, std::uint64_t size, std::uint32_t piece_length) {
    for (int i = 0; i < count; ++i) {
      all.push_back(
          make_torrent(from.path(), "data" + std::to_string(i), {{"", size}}, piece_length));
    }
  }
};

}  // namespace

TEST_CASE("several torrents go both ways between two clients at once") {
  Torrents one(4, 3'000'000, 64 << 10);
  Folder to_a, to_b, state;
  ClientOptions options;
  options.network_threads = 2;
  options.state_folder = state.path();
  TestClient a(options), b;
  std::vector<std::pair<TestClient*, TorrentId>> gets;
  for (std::size_t i = 0; i < one.all.size(); ++i) {
    TestClient& seed = i % 2 == 0 ? a : b;
    TestClient& get = i % 2 == 0 ? b : a;
    seed.seed(one.all[i], one.from.path());
    gets.emplace_back(&get,
                      get.get(one.all[i], (i % 2 == 0 ? to_b : to_a).path(), {seed.address()}));
  }
  for (std::size_t i = 0; i < gets.size(); ++i) {
    REQUIRE(gets[i].first->wait<Completed>(gets[i].second));
    CHECK(same_content(*one.all[i], one.from.path(), (i % 2 == 0 ? to_b : to_a).path()));
  }
  // One that goes leaves the others at work, and may come again.
  b->remove(gets[0].second, 1s);
  CHECK(b->peers(gets[0].second).empty());
  Folder again;
  const TorrentId id = b.get(one.all[0], again.path(), {a.address()});
  CHECK(b.wait<Completed>(id));
  AddTorrent same;
  same.metainfo = one.all[0];
  same.folder = again.path();
  const auto twice = b->add(same);
  REQUIRE(twice.has_error());
  CHECK(twice.error().code == Errc::already_exists);
}

TEST_CASE("downloads side by side with next to no memory all end, without a state folder, too") {
  for (const bool with_state : {false, true}) {
    INFO("with a state folder: " << with_state);
    Torrents six(6, 6 << 20, 256 << 10);
    Folder to, state;
    net::ClientHooks tiny;
    tiny.block_bytes_beyond = 0;
    ClientOptions options;
    options.max_connections = 24;
    options.swarm.open_piece_bytes = 64 << 10;  // so two pieces for each
    if (with_state) options.state_folder = state.path();
    TestClient seeds[3];
    std::vector<HostPort> peers;
    for (TestClient& seed : seeds) {
      for (const auto& metainfo : six.all) seed.seed(metainfo, six.from.path());
      peers.push_back(seed.address());
    }
    TestClient get(options, tiny);
    std::vector<TorrentId> ids;
    for (const auto& metainfo : six.all) ids.push_back(get.get(metainfo, to.path(), peers));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      REQUIRE(get.wait<Completed>(ids[i], 60s));
      CHECK(same_content(*six.all[i], six.from.path(), to.path()));
    }
  }
}

TEST_CASE("both families are listened to on one port, each by a socket of its own") {
  if (!have_v6()) return;
  Torrents one(1, 300'000, 16384);
  ClientOptions options = TestClient::loopback();
  SECTION("of one machine") {
    options.listen_addresses = {*Address::parse("127.0.0.1"), *Address::parse("::1")};
  }
  SECTION("all addresses") {
    options.listen_addresses = {*Address::parse("0.0.0.0"), *Address::parse("::")};
  }
  TestClient seed(options);
  const TorrentId seeded = seed.seed(one.all[0], one.from.path());
  for (const char* address : {"127.0.0.1", "::1"}) {
    INFO(address);
    Folder to;
    TestClient get(options);
    const TorrentId id = get.get(one.all[0], to.path(), {{address, seed->port()}});
    REQUIRE(get.wait<Completed>(id));
    REQUIRE(seed.wait_notice<PeerLeft>(seeded));
    CHECK(same_content(*one.all[0], one.from.path(), to.path()));
  }
  // An IPv4 peer is one, not a mapped IPv6 one.
  CHECK(seed.notice<PeerLeft>(seeded)->peer.remote.address.is_v4());
}

TEST_CASE("a peer that has IPv6 alone trades") {
  if (!have_v6()) return;
  Torrents one(1, 300'000, 16384);
  ClientOptions options = TestClient::loopback();
  options.listen_addresses = {*Address::parse("::1")};
  TestClient seed(options), get(options);
  Folder to;
  seed.seed(one.all[0], one.from.path());
  const TorrentId id = get.get(one.all[0], to.path(), {{"::1", seed->port()}});
  REQUIRE(get.wait<Completed>(id));
  CHECK(same_content(*one.all[0], one.from.path(), to.path()));
}
