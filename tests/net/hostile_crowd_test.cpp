// Crowds of hostile peers against whole clients over loopback: liars that come again under new
// names, and links that take places and make no use of them.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <thread>

#include "raw_peer.hpp"

using namespace barter;
using namespace barter::testing;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

// Many at once call a client, offer everything, and answer each request with nonsense. Whoever is
// thrown out comes again at once as somebody else. All of them on a thread of their own.
class Liars {
 public:
  Liars(const TestClient& client, std::shared_ptr<const Metainfo> metainfo, std::size_t count)
      : port_(client.client->port()), metainfo_(std::move(metainfo)), links_(count) {
    thread_ = std::thread([this] { lie(); });
  }
  ~Liars() {
    ending_ = true;
    thread_.join();
  }
  int came() const { return came_; }

 private:
  struct Link {
    int descriptor = -1;
    std::string heard;
    bool greeted = false;
  };

  void lie() {
    std::vector<pollfd> wanted(links_.size());
    while (!ending_) {
      for (std::size_t i = 0; i < links_.size(); ++i) {
        if (links_[i].descriptor < 0) come(links_[i]);
        wanted[i] = {links_[i].descriptor, POLLIN, 0};
      }
      ::poll(wanted.data(), wanted.size(), 20);
      for (std::size_t i = 0; i < links_.size(); ++i)
        if (wanted[i].revents != 0) listen(links_[i]);
    }
    for (Link& link : links_) leave(link);
  }
  void come(Link& link) {
    link.descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(link.descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      return leave(link);
    ++came_;
    ScriptServer::Peer(link.descriptor)
        .write(hello(*metainfo_, new_peer_id()) + raw(wire::HaveAll{}) + raw(wire::Unchoke{}));
  }
  void leave(Link& link) {
    if (link.descriptor >= 0) ::close(link.descriptor);
    link = {};
  }
  void listen(Link& link) {
    char bytes[16384];
    const ssize_t size = ::recv(link.descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
    if (size <= 0) return leave(link);
    link.heard.append(bytes, static_cast<std::size_t>(size));
    if (!link.greeted) {
      if (link.heard.size() < wire::handshake_length) return;
      link.heard.erase(0, wire::handshake_length);
      link.greeted = true;
    }
    std::string answer;
    while (link.heard.size() >= 4) {
      const std::size_t length = number_at(link.heard, 0);
      if (link.heard.size() < 4 + length) break;
      if (length == 13 && link.heard[4] == 6) answer += lie_about(link.heard.substr(5, 12));
      link.heard.erase(0, 4 + length);
    }
    if (!answer.empty() && !ScriptServer::Peer(link.descriptor).write(answer)) leave(link);
  }
  static std::string lie_about(const std::string& request) {
    const std::uint32_t length = number_at(request, 8);
    std::array<std::byte, wire::piece_header_length> header{};
    wire::encode_piece_header(number_at(request, 0), number_at(request, 4), length, header);
    return text(header) + std::string(length, 'x');
  }

  const std::uint16_t port_;
  const std::shared_ptr<const Metainfo> metainfo_;
  std::vector<Link> links_;
  std::atomic<bool> ending_ = false;
  std::atomic<int> came_ = 0;
  std::thread thread_;
};

// A client with few places, that finds out soon who makes no use of one.
ClientOptions few_places(std::uint32_t places) {
  ClientOptions options;
  options.swarm.max_connections = places;
  options.swarm.slot_lapses_after = 500ms;
  options.swarm.wasteful_after = 2s;
  return options;
}

std::uint32_t links_of(TestClient& client, TorrentId id) {
  return client->progress(id).connections;
}

}  // namespace

TEST_CASE("forty liars of one address that come again cost a download a few pieces") {
  Folder from, to;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 16 << 20}}, 256 << 10);
  ClientOptions slow;  // so that they have the time to come again
  slow.download_limit = 8 << 20;
  TestClient seed, get(slow);
  seed.seed(metainfo, from.path());
  const TorrentId id = get.get(metainfo, to.path(), {});
  REQUIRE(get.wait<TransferBegan>(id));
  const Liars liars(get, metainfo, 40);
  REQUIRE(get.wait_until([&] { return links_of(get, id) >= 30; }));
  get->add_peers(id, {seed.address()});
  const auto began = Clock::now();
  REQUIRE(get.wait<Completed>(id, 60s));
  const std::chrono::duration<double> took = Clock::now() - began;
  const Progress progress = get->progress(id);
  INFO("in " << took.count() << " s, wasted " << progress.wasted << ", came " << liars.came());
  CHECK(same_content(*metainfo, from.path(), to.path()));
  CHECK(progress.wasted < 2 << 20);  // an eighth of the torrent; 0.9 MiB seen
  CHECK(liars.came() > 40);
}

TEST_CASE("links that only say they are interested do not keep a newcomer from being served") {
  constexpr std::uint32_t places = 16;
  Folder from, to;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 1 << 20}}, 64 << 10);
  TestClient seed(few_places(places));
  const TorrentId id = seed.seed(metainfo, from.path());
  std::vector<std::unique_ptr<Raw>> idle;
  for (int i = 0; i < 80; ++i) {
    idle.push_back(std::make_unique<Raw>(seed));
    idle.back()->peer.write(hello(*metainfo, new_peer_id()) + raw(wire::HaveNone{}) +
                            raw(wire::Interested{}));
  }
  REQUIRE(seed.wait_until([&] { return links_of(seed, id) >= places - places / 8; }));
  const auto began = Clock::now();
  ClientOptions patient;
  patient.swarm.reconnect_min = 500ms;
  patient.swarm.reconnect_max = 1s;
  TestClient get(patient);
  const TorrentId got = get.get(metainfo, to.path(), {seed.address()});
  REQUIRE(get.wait<Completed>(got, 90s));
  const std::chrono::duration<double> took = Clock::now() - began;
  INFO("served in " << took.count() << " s");
  CHECK(took < 15s);  // 3 s seen, and 63 s where idle links keep their slots
  CHECK(same_content(*metainfo, from.path(), to.path()));
}
