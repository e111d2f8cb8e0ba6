#include "tracker/udp_server.hpp"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "script_server.hpp"
#include "tracker/http_server.hpp"
#include "tracker/udp_protocol.hpp"

using namespace barter;
using namespace barter::tracker;

namespace {

// A plain socket, connected: it hears only what comes from where it asked.
class Client {
 public:
  Client(const Endpoint& to, const char* source = nullptr)
      : descriptor_(
            ::socket(to.address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
        family_(family_of(to.address)) {
    REQUIRE(descriptor_ >= 0);
    sockaddr_in four{};
    four.sin_family = AF_INET;
    if (source != nullptr) {
      inet_pton(AF_INET, source, &four.sin_addr);
      REQUIRE(::bind(descriptor_, reinterpret_cast<sockaddr*>(&four), sizeof four) == 0);
    }
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    four.sin_port = six.sin6_port = htons(to.port);
    inet_pton(AF_INET, to_string(to.address).c_str(), &four.sin_addr);
    inet_pton(AF_INET6, to_string(to.address).c_str(), &six.sin6_addr);
    connected_ = to.address.is_v4()
                     ? ::connect(descriptor_, reinterpret_cast<sockaddr*>(&four), sizeof four) == 0
                     : ::connect(descriptor_, reinterpret_cast<sockaddr*>(&six), sizeof six) == 0;
  }
  Client(const Client&) = delete;
  ~Client() { ::close(descriptor_); }

  bool connected() const { return connected_; }
  void send(const Packet& packet) {
    REQUIRE(::send(descriptor_, packet.data(), packet.size(), 0) ==
            static_cast<ssize_t>(packet.size()));
  }
  std::optional<UdpReply> receive(int milliseconds = 2000) {
    pollfd readable{descriptor_, POLLIN, 0};
    if (::poll(&readable, 1, milliseconds) <= 0) return std::nullopt;
    Packet packet(4096);
    const auto length = ::recv(descriptor_, packet.data(), packet.size(), 0);
    if (length < 0) return std::nullopt;
    packet.resize(static_cast<std::size_t>(length));
    return parse_udp_reply(packet, family_);
  }
  std::uint64_t id() {
    Packet packet;
    write_udp_connect(1, packet);
    send(packet);
    const auto reply = receive();
    REQUIRE(reply);
    return std::get<UdpConnected>(reply->body).connection_id;
  }
  std::optional<UdpReply> announce(std::uint64_t id, std::uint16_t port, int milliseconds = 2000) {
    UdpAnnounce what;
    what.announce.info_hash = *WireInfoHash::from("01234567890123456789");
    what.announce.port = port;
    what.announce.left = 5;
    Packet packet;
    REQUIRE(write_udp_announce(id, 2, what, packet).has_value());
    send(packet);
    return receive(milliseconds);
  }

 private:
  int descriptor_;
  IpFamily family_;
  bool connected_ = false;
};

struct Servers {
  explicit Servers(const char* address, unsigned threads = 1) {
    HttpServerOptions options;
    options.listen = {{*Address::parse(address), 0}};
    auto started = HttpServer::start(options);
    REQUIRE(started.has_value());
    http = std::move(*started);
    auto beside =
        UdpServer::start({.listen = {{*Address::parse(address), http->port()}}, .threads = threads},
                         http->introducer());
    REQUIRE(beside.has_value());
    udp = std::move(*beside);
  }
  std::unique_ptr<HttpServer> http;
  std::unique_ptr<UdpServer> udp;
};

Endpoint loopback(std::uint8_t last, std::uint16_t port) {
  return {Address::v4({127, 0, 0, last}), port};
}

}  // namespace

TEST_CASE("UDP and HTTP share a port and their swarms", "[udp]") {
  Servers servers("127.0.0.1");
  CHECK(servers.udp->port() == servers.http->port());
  Client first(loopback(1, servers.udp->port()));
  const auto id = first.id();
  CHECK(std::get<UdpAnnounced>(first.announce(id, 7001)->body).peers.empty());
  const auto second = std::get<UdpAnnounced>(first.announce(id, 7002)->body);
  CHECK(second.incomplete == 2);
  CHECK(second.peers == std::vector{loopback(1, 7001)});
  const int tcp = testing::connect_to(servers.http->port());
  testing::ScriptServer::Peer peer(tcp);
  peer.write("GET /announce?info_hash=01234567890123456789&port=7003&left=1 HTTP/1.0\r\n\r\n");
  const std::string reply = peer.read(5000);
  ::close(tcp);
  CHECK(reply.find("10:incompletei3e") != std::string::npos);
  const int again = testing::connect_to(servers.http->port());
  testing::ScriptServer::Peer asker(again);
  asker.write("GET /stats HTTP/1.0\r\n\r\n");
  const std::string text = asker.read(5000);
  ::close(again);
  const auto stats = boost::json::parse(text.substr(text.find("\r\n\r\n") + 4));
  CHECK(stats.at("udp_connects").as_int64() == 1);
  CHECK(stats.at("udp_announces").as_int64() == 2);
  CHECK(stats.at("udp_dropped").as_int64() == 0);
  CHECK(stats.at("announces").as_int64() == 3);
}

TEST_CASE("an answer comes from the address that was asked", "[udp]") {
  Servers servers("0.0.0.0");
  Client client(loopback(77, servers.udp->port()));  // connected: another's answer is not heard
  const auto reply = client.announce(client.id(), 7001);
  REQUIRE(reply);
  CHECK(std::holds_alternative<UdpAnnounced>(reply->body));
}

TEST_CASE("both families are served", "[udp]") {
  Servers servers("::");
  Client four(loopback(1, servers.udp->port()));
  CHECK(four.announce(four.id(), 7001));
  Client six({*Address::parse("::1"), servers.udp->port()});
  if (!six.connected()) {
    WARN("no IPv6 here: not tested");
    return;
  }
  const auto reply = six.announce(six.id(), 7002);
  REQUIRE(reply);
  CHECK(std::get<UdpAnnounced>(reply->body).incomplete == 2);
  CHECK(std::get<UdpAnnounced>(reply->body).peers.empty());  // the other speaks IPv4
}

TEST_CASE("an id that was sent to another is answered by silence", "[udp]") {
  Servers servers("127.0.0.1");
  Client owner(loopback(1, servers.udp->port()));
  Client thief(loopback(1, servers.udp->port()), "127.0.0.2");
  const auto id = owner.id();
  CHECK_FALSE(thief.announce(id, 7001, 100));
  CHECK(owner.announce(id, 7001));
}

TEST_CASE("a crowd of packets is answered, by several threads, garbage among it", "[udp]") {
  Servers servers("127.0.0.1", 2);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<Client>(loopback(1, servers.udp->port())));
  }
  Packet connect;
  for (std::uint32_t round = 0; round < 10; ++round) {
    for (const auto& client : clients) {
      write_udp_connect(round, connect);
      client->send(Packet(7));
      client->send(connect);
      client->send(Packet(3000));  // longer than any request
    }
  }
  int answers = 0;
  for (const auto& client : clients) {
    for (int i = 0; i < 10; ++i) answers += client->receive(500) ? 1 : 0;
  }
  CHECK(answers == 200);
}

TEST_CASE("a UDP port that is taken is an error with its name", "[udp]") {
  Servers servers("127.0.0.1");
  const auto again = UdpServer::start({.listen = {loopback(1, servers.udp->port())}, .threads = 1},
                                      servers.http->introducer());
  REQUIRE(again.has_error());
  CHECK(again.error().code == Errc::address_in_use);
  CHECK(again.error().message.find("(UDP)") != std::string::npos);
}
