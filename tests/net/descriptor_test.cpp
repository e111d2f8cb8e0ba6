// No program that is started beside us gets a descriptor of ours: each is close-on-exec from its
// birth, so that there is no moment in which another thread's fork() could take it along.
#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "raw_peer.hpp"
#include "tracker/http_server.hpp"
#include "tracker/udp_server.hpp"

using namespace barter;
using namespace barter::testing;

namespace {

// Open ones that a program would inherit, and what they are.
std::set<std::string> inherited() {
  std::set<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int descriptor = std::stoi(entry.path().filename().string());
    const int flags = ::fcntl(descriptor, F_GETFD);
    if (flags < 0 || (flags & FD_CLOEXEC) != 0) continue;
    std::error_code gone;
    out.insert(std::to_string(descriptor) + " " +
               std::filesystem::read_symlink(entry.path(), gone).string());
  }
  return out;
}

}  // namespace

TEST_CASE("no socket, file or timer of a client or a tracker is inherited by a program") {
  const auto before = inherited();
  Folder from, to, state;
  tracker::HttpServerOptions http;
  http.listen = {*Endpoint::parse("127.0.0.1:0")};
  auto server = tracker::HttpServer::start(http);
  REQUIRE(server.has_value());
  const std::string at = "127.0.0.1:" + std::to_string((*server)->port()) + "/announce";
  tracker::UdpServerOptions udp;
  udp.listen = {*Endpoint::parse("127.0.0.1:" + std::to_string((*server)->port()))};
  auto udp_server = tracker::UdpServer::start(udp, (*server)->introducer());
  REQUIRE(udp_server.has_value());

  const auto metainfo =
      make_torrent(from.path(), "data", {{"a", 4 << 20}, {"b", 1 << 20}}, 64 << 10);
  ClientOptions options = TestClient::loopback();
  options.dht = true;
  options.dht_bootstrap = {};
  options.state_folder = state.path();
  options.trace_file = (to / "trace").string();
  options.upload_limit = 20 << 20;
  TestClient seed(options);
  const auto add = [&](TestClient& client, const std::string& folder, bool read_only) {
    AddTorrent torrent;
    torrent.metainfo = metainfo;
    torrent.folder = folder;
    torrent.read_only = read_only;
    torrent.trackers = {{"http://" + at}, {"udp://" + at}};
    return client.add(std::move(torrent));
  };
  const TorrentId seeding = add(seed, from.path(), true);
  REQUIRE(seed.wait<TransferBegan>(seeding));
  TestClient get;
  const Raw stranger(seed);
  const TorrentId id = add(get, to.path(), false);
  REQUIRE(get.wait_until([&] {
    CHECK(inherited() == before);
    return get.saw<Completed>(id);
  }));
  CHECK(inherited() == before);
}
