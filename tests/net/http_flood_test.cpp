// Many connections that want nothing good, against the tracker's HTTP server.
#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/net/no_descriptors.hpp"
#include "tests/net/sanitized.hpp"
#include "tracker/announce.hpp"
#include "tracker/http_connections.hpp"
#include "tracker/http_server.hpp"

using namespace barter;
using namespace barter::tracker;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

// A connection from 127.0.0.`source`, that does nothing by itself.
class Link {
 public:
  explicit Link(std::uint16_t port, std::uint8_t source = 1, int receive_bytes = 0)
      : Link(prepared(source, receive_bytes)) {
    connect(port);
  }
  // One that is connected later.
  static Link prepared(std::uint8_t source, int receive_bytes = 0) {
    return Link(Unconnected{}, source, receive_bytes);
  }
  Link(Link&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), connected_(other.connected_) {}
  ~Link() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  bool connect(std::uint16_t port) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(port);
    connected_ = ::connect(descriptor_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
    return connected_;
  }
  bool connected() const { return connected_; }
  bool send(const std::string& bytes) {
    return ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // All that comes until the server closes, or nothing came for `patience`.
  std::string receive_all(std::chrono::milliseconds patience = 10s) {
    std::string out;
    while (true) {
      pollfd wanted{descriptor_, POLLIN, 0};
      if (::poll(&wanted, 1, static_cast<int>(patience.count())) != 1) return out;
      char bytes[65536];
      const ssize_t count = ::recv(descriptor_, bytes, sizeof bytes, 0);
      if (count <= 0) return out;
      out.append(bytes, static_cast<std::size_t>(count));
    }
  }
  bool closed_within(std::chrono::milliseconds patience) {
    const auto until = steady_clock::now() + patience;
    while (steady_clock::now() < until) {
      pollfd wanted{descriptor_, POLLIN | POLLRDHUP, 0};
      if (::poll(&wanted, 1, 50) == 1 && (wanted.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
        return true;
      }
    }
    return false;
  }

 private:
  struct Unconnected {};
  Link(Unconnected, std::uint8_t source, int receive_bytes) {
    descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor_ < 0) return;
    if (receive_bytes != 0) {
      ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    }
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(0x7f000000u + source);
    ::bind(descriptor_, reinterpret_cast<sockaddr*>(&at), sizeof at);
  }

  int descriptor_ = -1;
  bool connected_ = false;
};

HttpServerOptions loopback_options() {
  HttpServerOptions options;
  options.listen = {Endpoint{Address::v4({127, 0, 0, 1}), 0}};
  return options;
}

std::unique_ptr<HttpServer> started(HttpServerOptions options) {
  auto server = HttpServer::start(std::move(options));
  if (!server) FAIL(server.error().message);
  return std::move(*server);
}

bool announces(std::uint16_t port, std::uint8_t source = 1) {
  AnnounceRequest request;
  request.info_hash = *WireInfoHash::from("aaaaaaaaaaaaaaaaaaaa");
  request.port = 7000;
  request.left = 1;
  Link link(port, source);
  if (!link.connected()) return false;
  link.send("GET /announce?" + to_query(request) +
            " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  return link.receive_all().find("8:interval") != std::string::npos;
}

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Fewer descriptors for this process while it lives.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t count) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit now = before_;
    now.rlim_cur = std::min(now.rlim_max, count);
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("connections are cut to the descriptors that there are", "[http][flood]") {
  HttpServerOptions options;
  CHECK(connections_that_fit(options, 1 << 20) == 10'000);
  CHECK(connections_that_fit(options, 1024) == 960);
  CHECK(connections_that_fit(options, 256) == 192);
  CHECK(connections_that_fit(options, 64) == 32);
  CHECK(connections_that_fit(options, 0) == 1);
  options.max_connections = 10;
  CHECK(connections_that_fit(options, 256) == 10);

  options = {};
  const HttpCaps whole = caps_of_worker(options, 10'000, 1);
  CHECK(whole.per_address == 200);
  CHECK(whole.per_local_address == 2000);
  // A single address never gets all of them.
  CHECK(caps_of_worker(options, 192, 1).per_address == 144);
  CHECK(caps_of_worker(options, 192, 1).per_local_address == 144);
  const HttpCaps quarter = caps_of_worker(options, 2500, 4);
  CHECK(quarter.per_address == 50);
  CHECK(quarter.per_local_address == 500);
  CHECK(quarter.body_bytes * 4 == options.max_body_bytes);
}

TEST_CASE("a server tells how many connections it takes", "[http][flood]") {
  const FewDescriptors few(512);
  CHECK(started(loopback_options())->max_connections() == 512 - 64);
}

TEST_CASE("silent connections of one address do not keep others out", "[http][flood]") {
  auto options = loopback_options();
  options.max_connections = 100;
  const unsigned threads = GENERATE(1u, 2u);
  options.threads = threads;
  const auto server = started(std::move(options));
  std::vector<Link> silent;
  for (int i = 0; i < 300; ++i) silent.emplace_back(server->port(), std::uint8_t{66});
  for (int i = 0; i < 20; ++i) CHECK(announces(server->port()));
  for (int i = 0; i < 20; ++i) CHECK(announces(server->port(), 66));
}

TEST_CASE("an address at its cap loses one of its own", "[http][flood]") {
  auto options = loopback_options();
  options.max_connections_per_address = options.max_connections_per_local_address = 10;
  const auto server = started(std::move(options));
  Link other(server->port(), 2);
  std::vector<Link> own;
  for (int i = 0; i < 30; ++i) own.emplace_back(server->port(), std::uint8_t{66});
  CHECK(announces(server->port(), 66));
  for (std::size_t i = 0; i < 20; ++i) CHECK(own[i].closed_within(5s));
  CHECK_FALSE(own.back().closed_within(100ms));
  CHECK_FALSE(other.closed_within(10ms));
}

TEST_CASE("when descriptors run out the one idle longest gives way at once", "[http][flood]") {
  if (barter::testing::sanitized) return;
  // As if other parts of the program had taken them: the server knows of none that is missing.
  auto options = loopback_options();
  options.max_connections_per_local_address = 10'000;
  const auto server = started(std::move(options));
  std::vector<Link> silent;
  for (int i = 0; i < 100; ++i) silent.emplace_back(server->port(), std::uint8_t{66});
  REQUIRE(announces(server->port()));
  std::vector<Link> more;
  for (int i = 0; i < 10; ++i) more.push_back(Link::prepared(66));
  const barter::testing::NoDescriptors none;
  for (Link& link : more) REQUIRE(link.connect(server->port()));
  // None was left for the server's ends: they took the places of the silent ones.
  for (std::size_t i = 0; i < 10; ++i) CHECK(silent[i].closed_within(5s));
  for (auto& link : more) {
    link.send("GET /stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK(link.receive_all().find("uptime") != std::string::npos);
  }
}

TEST_CASE("a shared body is held once, however many are sent it", "[http][flood]") {
  auto options = loopback_options();
  const auto body = std::make_shared<const std::string>(8 << 20, 'x');
  options.other = [&](const HttpQuestion&) {
    HttpReply reply{200, "text/plain", "begin", {}};
    reply.shared = body;
    return reply;
  };
  const auto server = started(std::move(options));
  const std::size_t before = resident_bytes();
  std::vector<Link> never_read;
  for (int i = 0; i < 60; ++i) {
    never_read.emplace_back(server->port(), std::uint8_t{66}, 4096);
    REQUIRE(never_read.back().send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n"));
  }
  Link reader(server->port());
  REQUIRE(reader.send("GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  const std::string all = reader.receive_all();
  const auto end = all.find("\r\n\r\n");
  REQUIRE(end != std::string::npos);
  CHECK(all.substr(0, end).find("Content-Length: 8388613") != std::string::npos);
  CHECK(all.substr(end + 4, 7) == "beginxx");
  CHECK(all.size() - end - 4 == 8388613);
  CHECK(resident_bytes() < before + (200u << 20));  // the copies would be 480 MiB
  Link head(server->port());
  REQUIRE(head.send("HEAD /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  CHECK(head.receive_all().find("Content-Length: 8388613\r\n") != std::string::npos);
}

TEST_CASE("clients that read nothing make room for those that do", "[http][flood]") {
  auto options = loopback_options();
  options.max_connections = 20;
  options.max_body_bytes = 64 << 20;
  options.other = [](const HttpQuestion&) {
    return HttpReply{200, "text/plain", std::string(8 << 20, 'x'), {}};
  };
  const auto server = started(std::move(options));
  SECTION("of connections") {
    // All places are taken by them; after a second without a byte they may go.
    std::vector<Link> never_read;
    for (int i = 0; i < 7; ++i) {
      never_read.emplace_back(server->port(), std::uint8_t{66}, 4096);
      REQUIRE(never_read.back().send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n"));
    }
    std::this_thread::sleep_for(1500ms);
    std::vector<Link> silent;
    for (int i = 0; i < 40; ++i) silent.emplace_back(server->port());
    CHECK(announces(server->port()));
  }
  SECTION("of bytes") {
    std::vector<Link> never_read;
    std::size_t refused = 0;
    for (int i = 0; i < 12; ++i) {
      Link link(server->port(), 66, 4096);
      REQUIRE(link.send("GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
      if (i >= 8) refused += link.receive_all(500ms).find(" 503 ") != std::string::npos;
      never_read.push_back(std::move(link));
    }
    CHECK(refused >= 1);
    std::this_thread::sleep_for(1500ms);
    Link reader(server->port());
    REQUIRE(reader.send("GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    CHECK(reader.receive_all().size() > (8u << 20));
  }
}

TEST_CASE("who reads nothing is not waited for longer than an idle one", "[http][flood]") {
  auto options = loopback_options();
  options.idle_timeout = 1s;
  const auto body = std::make_shared<const std::string>(16 << 20, 'x');
  options.other = [&](const HttpQuestion&) {
    HttpReply reply{200, "text/plain", "", {}};
    reply.shared = body;
    return reply;
  };
  const auto server = started(std::move(options));
  Link never_reads(server->port(), 66, 4096);
  REQUIRE(never_reads.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n"));
  // By its size alone it would have a quarter of an hour.
  CHECK(never_reads.closed_within(20s));
}
