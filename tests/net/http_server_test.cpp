#include "tracker/http_server.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "torrent/url.hpp"
#include "tracker/announce.hpp"

using namespace barter;
using namespace barter::tracker;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

// Clients run on threads of their own too, and Catch's macros must not.
void require(bool condition) {
  if (!condition) throw std::runtime_error("the test's client failed");
}

// A plain blocking client, so that the server is not tested with its own tools.
class Client {
 public:
  explicit Client(std::uint16_t port, bool v6 = false, const char* source = nullptr) {
    descriptor_ = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(descriptor_ >= 0);
    if (source != nullptr) {
      sockaddr_in from{};
      from.sin_family = AF_INET;
      inet_pton(AF_INET, source, &from.sin_addr);
      require(::bind(descriptor_, reinterpret_cast<sockaddr*>(&from), sizeof from) == 0);
    }
    int connected = -1;
    if (v6) {
      sockaddr_in6 to{};
      to.sin6_family = AF_INET6;
      to.sin6_port = htons(port);
      to.sin6_addr = in6addr_loopback;
      connected = ::connect(descriptor_, reinterpret_cast<sockaddr*>(&to), sizeof to);
    } else {
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(port);
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      connected = ::connect(descriptor_, reinterpret_cast<sockaddr*>(&to), sizeof to);
    }
    connected_ = connected == 0;
  }
  Client(Client&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)),
        connected_(other.connected_),
        buffer_(std::move(other.buffer_)) {}
  ~Client() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  bool connected() const { return connected_; }
  bool send(std::string_view bytes) {
    return ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // More bytes in the buffer; false at the end, on a reset or when the time is over.
  bool receive(std::chrono::milliseconds timeout = 5s) {
    pollfd wanted{descriptor_, POLLIN, 0};
    if (::poll(&wanted, 1, static_cast<int>(timeout.count())) != 1) return false;
    char bytes[65536];
    const ssize_t count = ::recv(descriptor_, bytes, sizeof bytes, 0);
    if (count <= 0) {
      closed_ = true;
      return false;
    }
    buffer_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }
  // Waits until the server has closed.
  bool closed_within(std::chrono::milliseconds timeout) {
    const auto until = steady_clock::now() + timeout;
    while (!closed_ && steady_clock::now() < until) receive(50ms);
    return closed_;
  }

  // All that comes, up to these words.
  std::string until(std::string_view words) {
    while (buffer_.find(words) == std::string::npos && receive()) {
    }
    return std::exchange(buffer_, {});
  }

  struct Reply {
    unsigned status = 0;
    std::string head, body;
  };
  // One whole answer.
  Reply reply(bool head_only = false) {
    Reply out;
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return out;
    }
    out.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    out.status = static_cast<unsigned>(std::stoul(out.head.substr(9, 3)));
    const auto length = out.head.find("Content-Length: ");
    require(length != std::string::npos);
    const std::size_t wanted = head_only ? 0 : std::stoul(out.head.substr(length + 16));
    while (buffer_.size() < wanted) {
      if (!receive()) return {};
    }
    out.body = buffer_.substr(0, wanted);
    buffer_.erase(0, wanted);
    return out;
  }
  Reply get(const std::string& target, const std::string& headers = "") {
    require(send("GET " + target + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n"));
    return reply();
  }
  const std::string& buffer() const { return buffer_; }

 private:
  int descriptor_;
  bool connected_ = false, closed_ = false;
  std::string buffer_;
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

AnnounceRequest announce(std::uint16_t port, std::uint64_t left = 1, Event event = Event::none) {
  AnnounceRequest out;
  out.info_hash = *WireInfoHash::from("aaaaaaaaaaaaaaaaaaaa");
  out.port = port;
  out.left = left;
  out.event = event;
  out.uploaded = 1;
  return out;
}

std::string target(const AnnounceRequest& request) {
  return "/announce?" + to_query(request);
}

AnnounceReply parsed(const Client::Reply& reply) {
  REQUIRE(reply.status == 200);
  const auto answer = parse_announce_body(reply.body);
  if (!answer) FAIL(answer.error().message);
  if (answer->failure) FAIL(answer->failure->reason);
  return answer->reply;
}

std::string failure(const Client::Reply& reply) {
  REQUIRE(reply.status == 200);
  const auto answer = parse_announce_body(reply.body);
  REQUIRE(answer.has_value());
  REQUIRE(answer->failure);
  return answer->failure->reason;
}

boost::json::object stats(std::uint16_t port) {
  Client client(port);
  return boost::json::parse(client.get("/stats").body).as_object();
}

}  // namespace

TEST_CASE("announces are answered, connections kept", "[http]") {
  const auto server = started(loopback_options());
  Client client(server->port());
  CHECK(parsed(client.get(target(announce(1001, 0)))).peers.empty());
  const auto reply = client.get(target(announce(1002)));
  CHECK(reply.head.find("Connection: keep-alive") != std::string::npos);
  CHECK(parsed(reply).peers == std::vector<HostPort>{{"127.0.0.1", 1001}});
  CHECK(parsed(reply).complete == 1);
  CHECK(parsed(reply).incomplete == 1);
  CHECK(parsed(reply).interval >= 1800);
  CHECK(parsed(reply).interval <= 1980);
  CHECK(parsed(reply).min_interval == 60);
  CHECK_FALSE(parsed(reply).external_ip);
  auto full = announce(1003);
  full.compact = false;
  CHECK(client.get(target(full)).body.find("2:ip9:127.0.0.1") != std::string::npos);
  // A scrape of two, one unknown.
  const auto scraped =
      client.get("/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa&info_hash=" + std::string(20, 'b'));
  CHECK(scraped.body ==
        "d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei1e10:downloadedi0e11:downloadersi2e"
        "10:incompletei2ee20:bbbbbbbbbbbbbbbbbbbbd8:completei0e10:downloadedi0e11:downloadersi0e"
        "10:incompletei0eeee");
  CHECK(server->stats().members == 3);
  const auto counted = stats(server->port());
  CHECK(server->scrape(announce(1).info_hash).downloaders == 2);
  CHECK(counted.at("members").to_number<int>() == 3);
  CHECK(counted.at("seeds").to_number<int>() == 1);
  CHECK(counted.at("announces").to_number<int>() == 3);
  CHECK(counted.at("scrapes").to_number<int>() == 2);
  CHECK(counted.at("connections").to_number<int>() >= 1);
}

TEST_CASE("failures are bencode with 200, the rest is HTTP", "[http]") {
  const auto server = started(loopback_options());
  Client client(server->port());
  CHECK(failure(client.get("/announce")) == "info_hash is missing");
  CHECK(failure(client.get("/announce?info_hash=x&port=1")) == "info_hash must be 20 bytes, not 1");
  CHECK(failure(client.get("/announce?info_hash=aaaaaaaaaaaaaaaaaaaa&port=0")) ==
        "port must be a number from 1 to 65535");
  CHECK(client.get("/scrape").body.find("failure reason") != std::string::npos);
  CHECK(client.get("/").status == 404);
  CHECK(client.get("/announce/").status == 404);
  CHECK(client.get("http://x" + target(announce(7))).status == 200);  // as through a proxy
  REQUIRE(client.send("HEAD /stats HTTP/1.1\r\nHost: x\r\n\r\n"));
  CHECK(client.reply(true).status == 200);
  CHECK(client.get("/stats").status == 200);
  REQUIRE(client.send("POST /announce HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"));
  const auto refused = client.reply();
  CHECK(refused.status == 405);
  CHECK(refused.head.find("Allow: GET, HEAD") != std::string::npos);
  CHECK(client.closed_within(3s));
}

TEST_CASE("pipelined and split requests are taken apart", "[http]") {
  const auto server = started(loopback_options());
  Client client(server->port());
  std::string many;
  for (std::uint16_t i = 1; i <= 50; ++i) {
    many += "GET " + target(announce(i)) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  }
  SECTION("all at once") {
    REQUIRE(client.send(many));
  }
  SECTION("in pieces of odd sizes") {
    std::thread sender([&] {
      for (std::size_t at = 0; at < many.size(); at += 777) {
        client.send(std::string_view(many).substr(at, 777));
        std::this_thread::sleep_for(2ms);
      }
    });
    sender.join();
  }
  SECTION("the first byte by byte") {
    for (std::size_t i = 0; i < 100; ++i) {
      REQUIRE(client.send(std::string_view(many).substr(i, 1)));
      if (i < 10) std::this_thread::sleep_for(1ms);
    }
    REQUIRE(client.send(std::string_view(many).substr(100)));
  }
  for (std::uint32_t i = 1; i <= 50; ++i) {
    REQUIRE(parsed(client.reply()).incomplete == i);
  }
}

TEST_CASE("HTTP/1.0 and Connection: close end the connection after the answer", "[http]") {
  const auto server = started(loopback_options());
  for (const char* request : {"GET /stats HTTP/1.0\r\n\r\n",
                              "GET /stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"}) {
    Client client(server->port());
    REQUIRE(client.send(request));
    const auto reply = client.reply();
    CHECK(reply.status == 200);
    CHECK(reply.head.find("Connection: close") != std::string::npos);
    CHECK(client.closed_within(3s));
  }
  Client client(server->port());
  REQUIRE(client.send("GET /stats HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  CHECK(client.reply().status == 200);
  CHECK(client.get("/stats").status == 200);
}

TEST_CASE("a header has a deadline that bytes do not extend", "[http]") {
  auto options = loopback_options();
  options.header_timeout = 600ms;
  const auto server = started(std::move(options));
  Client slow(server->port()), silent(server->port());
  const auto began = steady_clock::now();
  const std::string request = "GET /stats?" + std::string(10'000, 'x');
  std::size_t sent = 0;
  while (!slow.closed_within(50ms) && sent < 100) slow.send(request.substr(sent++, 1));
  CHECK(steady_clock::now() - began > 500ms);
  CHECK(steady_clock::now() - began < 3s);
  CHECK(silent.closed_within(3s));
  // The second request of a connection has its own.
  Client again(server->port());
  CHECK(again.get("/stats").status == 200);
  REQUIRE(again.send("GET /st"));
  CHECK(again.closed_within(3s));
  CHECK(again.buffer().empty());
}

TEST_CASE("an idle connection is closed", "[http]") {
  auto options = loopback_options();
  options.idle_timeout = 300ms;
  const auto server = started(std::move(options));
  Client client(server->port());
  CHECK(client.get("/stats").status == 200);
  std::this_thread::sleep_for(100ms);
  CHECK(client.get("/stats").status == 200);
  CHECK(client.closed_within(3s));
}

TEST_CASE("garbage and oversized headers end in an error", "[http]") {
  const auto server = started(loopback_options());
  const auto status = [&](const std::string& bytes) {
    Client client(server->port());
    client.send(bytes);
    const auto reply = client.reply();
    CHECK(client.closed_within(3s));
    return reply.status;
  };
  CHECK(status("GET /stats HTTP/1.1\r\nX: " + std::string(9000, 'x') + "\r\n\r\n") == 431);
  CHECK(status("GET /" + std::string(60'000, 'x') + " HTTP/1.1\r\n\r\n") == 431);
  CHECK(status("GET \r\n\r\n") == 400);
  CHECK(status("GET / HTTP/9.9\r\n\r\n") == 400);
  CHECK(status("GET / HTTP/1.1\r\nbad header\r\n\r\n") == 400);
  CHECK(status("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n") == 400);
  CHECK(status("GET / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n") == 413);
  CHECK(status("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n") == 413);
  CHECK(status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 400);
  // No HTTP at all, and nobody to hand it to.
  for (const std::string& bytes : {std::string("\x16\x03\x01"), std::string(1, '\0'),
                                   std::string("\x13"
                                               "BitTorrent protocol"),
                                   std::string("get / ")}) {
    Client client(server->port());
    client.send(bytes);
    CHECK(client.closed_within(3s));
    CHECK(client.buffer().empty());
  }
  Client client(server->port());
  CHECK(client.get("/stats").status == 200);
}

TEST_CASE("what is no HTTP is handed on with what was read", "[http]") {
  struct Peer {
    int descriptor;
    Endpoint remote;
    std::string received;
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Peer> peers;
  auto options = loopback_options();
  options.not_http = [&](int descriptor, Endpoint remote, std::string received) {
    const std::lock_guard lock(mutex);
    peers.push_back({descriptor, remote, std::move(received)});
    changed.notify_all();
  };
  const auto server = started(std::move(options));
  const auto handed_on = [&](std::string_view bytes) {
    Client client(server->port());
    const std::size_t before = peers.size();
    client.send(bytes);
    {
      std::unique_lock lock(mutex);
      REQUIRE(changed.wait_for(lock, 5s, [&] { return peers.size() > before; }));
    }
    const Peer& peer = peers.back();
    CHECK(peer.remote.address.is_loopback());
    // It may come in two pieces; the descriptor works, in both directions.
    std::string got = peer.received;
    char rest[128];
    pollfd wanted{peer.descriptor, POLLIN, 0};
    while (got.size() < bytes.size() && ::poll(&wanted, 1, 5000) == 1) {
      const ssize_t count = ::recv(peer.descriptor, rest, sizeof rest, 0);
      REQUIRE(count > 0);
      got.append(rest, static_cast<std::size_t>(count));
    }
    CHECK(got == bytes);
    CHECK(::send(peer.descriptor, "hello", 5, MSG_NOSIGNAL) == 5);
    while (client.buffer().size() < 5 && client.receive()) {
    }
    CHECK(client.buffer() == "hello");
    ::close(peer.descriptor);
    CHECK(client.closed_within(3s));
  };
  handed_on(
      "\x13"
      "BitTorrent protocol");
  handed_on("GETX");  // an encrypted handshake may begin with anything
  handed_on(std::string_view("\0\1", 2));
  CHECK(stats(server->port()).at("connections_handed_on").to_number<int>() == 3);
  CHECK(stats(server->port()).at("connections").to_number<int>() <= 2);
  Client http(server->port());
  CHECK(http.get("/stats").status == 200);
}

TEST_CASE("other paths have their handler", "[http]") {
  auto options = loopback_options();
  options.host_names = {"box"};
  options.other = [](const HttpQuestion& question) {
    const auto [path, host, known] = question;
    HttpReply reply;
    if (path == "/wait") {
      reply.status = 503;
      reply.headers = {{"Retry-After", "2"}};
    }
    if (known == "\"tag\"") {
      reply.status = 304;
      reply.headers = {{"ETag", "\"tag\""}};
      return reply;
    }
    reply.body = std::string(path) + " " + std::string(host);
    if (path == "/big") reply.body.assign(20 << 20, 'x');
    return reply;
  };
  const auto server = started(std::move(options));
  const std::string local = "127.0.0.1:" + std::to_string(server->port());
  Client client(server->port());
  CHECK(client.get("/a%20b.torrent?x").body == "/a%20b.torrent " + local);
  REQUIRE(client.send("GET /x HTTP/1.1\r\nHost: BOX:81\r\n\r\n"));
  CHECK(client.reply().body == "/x box:81");
  const auto wait = client.get("/wait");
  CHECK(wait.status == 503);
  CHECK(wait.head.find("Retry-After: 2\r\n") != std::string::npos);
  REQUIRE(
      client.send("GET /x HTTP/1.1\r\nHost: box\r\nIf-None-Match: \"tag\"\r\n\r\n"
                  "GET /y HTTP/1.1\r\nHost: box\r\n\r\n"));
  const std::string unchanged = client.until("/y box");
  CHECK(unchanged.starts_with("HTTP/1.1 304 Not Modified\r\n"));
  CHECK(unchanged.find("\r\n\r\nHTTP/1.1 200 OK\r\n") != std::string::npos);
  CHECK(unchanged.substr(0, unchanged.find("\r\n\r\n")).find("Content-") == std::string::npos);
  CHECK(client.get("/big").body.size() == 20 << 20);
  CHECK(parsed(client.get(target(announce(5)))).incomplete == 1);
}

TEST_CASE("X-Forwarded-For counts from listed proxies", "[http]") {
  auto options = loopback_options();
  const std::string header = "X-Forwarded-For: 203.0.113.5\r\n";
  SECTION("listed") {
    options.proxies = {"127.0.0.0/8"};
    options.host_names = {"192.0.2.1", "box.example"};
    options.public_name = "box.example";
    options.public_addresses = {*Address::parse("fd00::9"), *Address::parse("192.0.2.9")};
    const auto server = started(std::move(options));
    Client client(server->port());
    const auto reply = parsed(client.get(target(announce(1)), header));
    CHECK(reply.external_ip == Address::parse("203.0.113.5"));
    CHECK(parsed(client.get(target(announce(2)))).peers ==
          std::vector<HostPort>{{"203.0.113.5", 1}});
    // Member 2 is on this machine: to the one elsewhere it is nobody, as the proxy hides where he
    // has reached us, ...
    CHECK(parsed(client.get(target(announce(1)), header)).peers.empty());
    // ... unless the user has told us the address.
    REQUIRE(client.send("GET " + target(announce(1)) + " HTTP/1.1\r\nHost: 192.0.2.1:6969\r\n" +
                        header + "\r\n"));
    CHECK(parsed(client.reply()).peers == std::vector<HostPort>{{"192.0.2.1", 2}});
    // The name that he has given does as well.
    REQUIRE(client.send("GET " + target(announce(1)) + " HTTP/1.1\r\nHost: box.example:80\r\n" +
                        header + "\r\n"));
    CHECK(parsed(client.reply()).peers == std::vector<HostPort>{{"192.0.2.9", 2}});
    // Two headers are one list.
    const auto both = parsed(client.get(
        target(announce(3)), "X-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 203.0.113.7\r\n"));
    CHECK(both.external_ip == Address::parse("203.0.113.7"));
    for (const char* other :
         {"X-Real-IP: 203.0.113.8\r\n", "X-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 203.0.113.8\r\n",
          "Forwarded: for=203.0.113.8;proto=https\r\n"}) {
      CHECK(parsed(client.get(target(announce(4)), other)).external_ip ==
            Address::parse("203.0.113.8"));
    }
  }
  SECTION("not listed") {
    const auto server = started(std::move(options));
    Client client(server->port());
    parsed(client.get(target(announce(1)), header));
    CHECK(parsed(client.get(target(announce(2)))).peers == std::vector<HostPort>{{"127.0.0.1", 1}});
  }
  SECTION("a bad list is refused") {
    options.proxies = {"10.0.0.0/99"};
    CHECK(HttpServer::start(std::move(options)).has_error());
  }
}

TEST_CASE("both families share one port", "[http]") {
  HttpServerOptions options;
  options.listen = {Endpoint{Address::v6({}), 0}};
  const auto server = started(std::move(options));
  Client v4(server->port());
  REQUIRE(v4.connected());
  parsed(v4.get(target(announce(1))));
  Client v6(server->port(), true);
  if (!v6.connected()) return;  // a machine without IPv6
  CHECK(parsed(v6.get(target(announce(2)))).peers == std::vector<HostPort>{{"127.0.0.1", 1}});
  const auto body = v4.get(target(announce(1))).body;
  CHECK(body.find("5:peers0:6:peers618:") != std::string::npos);
}

TEST_CASE("busy ports", "[http]") {
  const auto first = started(loopback_options());
  auto options = loopback_options();
  options.listen.front().port = first->port();
  const auto refused = HttpServer::start(options);
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == Errc::address_in_use);
  CHECK(refused.error().message.find(std::to_string(first->port())) != std::string::npos);
  options.next_free_port = true;
  CHECK(started(options)->port() > first->port());
}

TEST_CASE("a list restricts the torrents", "[http]") {
  auto options = loopback_options();
  options.allowed.emplace();
  std::vector<std::uint16_t> completed;
  options.completed = [&](const AnnounceRequest&, const Endpoint& who) {
    completed.push_back(who.port);
  };
  const auto server = started(std::move(options));
  Client client(server->port());
  CHECK(failure(client.get(target(announce(1)))) == "this tracker does not serve this torrent");
  server->allow({announce(1).info_hash});
  CHECK(parsed(client.get(target(announce(1)))).incomplete == 1);
  parsed(client.get(target(announce(1, 0, Event::completed))));
  parsed(client.get(target(announce(1, 0, Event::completed))));
  parsed(client.get(target(announce(2, 0, Event::completed))));
  CHECK(completed == std::vector<std::uint16_t>{1, 2});
}

TEST_CASE("the first asker finds the list that the server began with", "[http]") {
  auto options = loopback_options();
  options.allowed = {announce(1).info_hash};
  const auto server = started(std::move(options));
  Client client(server->port());
  CHECK(parsed(client.get(target(announce(1)))).incomplete == 1);
  server->allow({});
  CHECK(failure(client.get(target(announce(1)))) == "this tracker does not serve this torrent");
}

TEST_CASE("beyond its connections the server drops who idles longest", "[http]") {
  auto options = loopback_options();
  options.max_connections = 10;
  const auto server = started(std::move(options));
  std::vector<Client> clients;
  for (int i = 0; i < 10; ++i) {
    clients.emplace_back(server->port());
    CHECK(clients.back().get("/stats").status == 200);
  }
  CHECK(clients[0].get("/stats").status == 200);  // no longer the oldest
  Client late(server->port());
  CHECK(late.get("/stats").status == 200);
  CHECK(clients[1].closed_within(3s));
  CHECK(clients[0].get("/stats").status == 200);
  CHECK(clients[2].get("/stats").status == 200);
}

TEST_CASE("two hundred clients at once", "[http]") {
  auto options = loopback_options();
  options.threads = 2;
  options.registry.max_peers = options.registry.default_peers = 200;
  std::atomic<int> completed{0};
  options.completed = [&](const AnnounceRequest&, const Endpoint&) { ++completed; };
  const auto server = started(std::move(options));
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  constexpr int per_thread = 25;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      std::vector<Client> clients;
      for (int i = 0; i < per_thread; ++i) clients.emplace_back(server->port());
      for (const Event event : {Event::started, Event::none, Event::completed}) {
        for (int i = 0; i < per_thread; ++i) {
          const auto port = static_cast<std::uint16_t>(1 + t * per_thread + i);
          clients[static_cast<std::size_t>(i)].send(
              "GET " + target(announce(port, event == Event::completed ? 0 : 1, event)) +
              " HTTP/1.1\r\nHost: x\r\n\r\n");
        }
        for (auto& client : clients) good += client.reply().status == 200;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(good == 600);
  CHECK(completed == 200);
  CHECK(server->stats().members == 200);
  CHECK(server->stats().seeds == 200);
  Client last(server->port());
  const auto reply = parsed(last.get(target(announce(9999))));
  std::set<std::uint16_t> ports;
  for (const auto& peer : reply.peers) ports.insert(peer.port);
  CHECK(ports.size() == 200);
}

TEST_CASE("stop answers what is under way and ends", "[http]") {
  auto options = loopback_options();
  options.threads = 2;
  auto server = started(std::move(options));
  std::vector<Client> idle;
  for (int i = 0; i < 20; ++i) idle.emplace_back(server->port());
  CHECK(idle[0].get("/stats").status == 200);
  REQUIRE(idle[1].send("GET /st"));
  const auto began = steady_clock::now();
  server->stop();
  server->stop();
  CHECK(steady_clock::now() - began < 2s);
  CHECK(idle[0].closed_within(1s));
  CHECK(idle[19].closed_within(1s));
  CHECK_FALSE(Client(server->port()).connected());
  server.reset();
}

TEST_CASE("stop does not wait for a client that reads nothing", "[http]") {
  auto options = loopback_options();
  options.other = [](const HttpQuestion&) {
    return HttpReply{200, "text/plain", std::string(64 << 20, 'x'), {}};
  };
  const auto server = started(std::move(options));
  Client client(server->port());
  REQUIRE(client.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n"));
  REQUIRE(client.receive());
  const auto began = steady_clock::now();
  server->stop();
  CHECK(steady_clock::now() - began < 4s);
}
