// Those who call by uTP first (BEP 29) are told at once that nobody speaks it here.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "harness.hpp"

using namespace barter;
using namespace barter::testing;

namespace {

// What comes back from that UDP port, at that address and no other, within a second.
std::string answer_to(const std::string& datagram, std::uint16_t port,
                      std::uint32_t host = INADDR_LOOPBACK) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const timeval patience{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(host);
  ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  ::send(socket, datagram.data(), datagram.size(), 0);
  char buffer[2048];
  const auto size = ::recv(socket, buffer, sizeof buffer, 0);
  ::close(socket);
  return size < 0 ? std::string() : std::string(buffer, static_cast<std::size_t>(size));
}

std::string call() {
  std::string out(30, '\0');
  out.replace(0, 4, std::string("\x41\x02\x12\x34", 4));
  out.replace(16, 2, "\xab\xcd");
  return out;
}
std::string reset() {
  std::string out(20, '\0');
  out.replace(0, 4, std::string("\x31\0\x12\x34", 4));
  out.replace(18, 2, "\xab\xcd");
  return out;
}

}  // namespace

TEST_CASE("a call by uTP is refused at once, with and without a DHT, whatever is served") {
  for (const bool dht : {true, false}) {
    INFO("with a DHT: " << dht);
    ClientOptions options;
    options.dht = dht;
    options.dht_bootstrap = {};
    TestClient client(options);
    CHECK(answer_to(call(), client->port()) == reset());
    CHECK(answer_to(std::string(1400, 'A'), client->port()).size() == 20);
    CHECK(answer_to("A", client->port()).empty());
    CHECK(answer_to(call().replace(0, 1, "\x01"), client->port()).empty());
  }
}

TEST_CASE("who calls another address of ours hears from that one") {
  for (const bool dht : {true, false}) {
    INFO("with a DHT: " << dht);
    ClientOptions options;
    options.dht = dht;
    options.dht_bootstrap = {};
    options.listen_addresses = {Address()};  // all
    TestClient client(options);
    CHECK(answer_to(call(), client->port(), INADDR_LOOPBACK + 8) == reset());
    if (!dht) continue;
    Folder from;  // the node begins with the first torrent
    client.seed(make_torrent(from.path(), "data", {{"", 1000}}, 16384), from.path());
    const std::string ping = "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe";
    CHECK(client.wait_until([&] {
      const auto answer = answer_to(ping, client->port(), INADDR_LOOPBACK + 8);
      return answer.find("1:y1:r") != std::string::npos;
    }));
  }
}

TEST_CASE("where the port of UDP is somebody else's there is no refusal, and nothing else lacks") {
  const int taken = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(taken, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
  socklen_t length = sizeof at;
  ::getsockname(taken, reinterpret_cast<sockaddr*>(&at), &length);
  Folder from, to;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 100'000}}, 16384);
  ClientOptions options = TestClient::loopback();
  options.port = ntohs(at.sin_port);
  TestClient seed(options), get;
  seed.seed(metainfo, from.path());
  const TorrentId id = get.get(metainfo, to.path(), {seed.address()});
  CHECK(get.wait<Completed>(id));
  ::close(taken);
}
