#include "client/net/tracker_client.hpp"

#include <netdb.h>

#include <catch2/catch.hpp>
#include <thread>

#include "announce_fixture.hpp"
#include "own_network.hpp"
#include "script_server.hpp"

using namespace barter;
using namespace barter::testing;
using namespace std::chrono_literals;

namespace {

// False, with a word, where nothing can be tested by that name.
bool localhost_is_known() {
  addrinfo* found = nullptr;
  if (getaddrinfo("localhost", nullptr, nullptr, &found) == 0) {
    freeaddrinfo(found);
    return true;
  }
  WARN("this machine does not know localhost (no /etc/hosts): not tested");
  return false;
}

using Announcer = AnnounceFixture;

ScriptServer::Script body(std::string text, std::string headers = {}) {
  return [reply = http(text, headers)](ScriptServer::Peer& peer, const std::string&) {
    peer.write(reply);
  };
}

}  // namespace

TEST_CASE("an announce says who we are and learns who else is there") {
  ScriptServer server(body(
      std::string("d8:completei3e10:incompletei2e8:intervali900e12:min intervali30e5:peers12:") +
      std::string("\x01\x02\x03\x04\x1a\xe1\x05\x06\x07\x08\x00\x50", 12) +
      "10:tracker id3:xyz15:warning message6:beforee"));
  Announcer announcer;
  const AnnounceOutcome out = announcer.announce(server.url("/announce?pass=1"));
  CHECK(out.ok);
  CHECK(out.failure.empty());
  CHECK(out.warning == "before");
  CHECK(out.interval == 900s);
  CHECK(out.min_interval == 30s);
  CHECK(out.tracker_id == "xyz");
  CHECK(out.complete == 3);
  REQUIRE(out.peers.size() == 2);
  CHECK(to_string(out.peers[0]) == "1.2.3.4:6881");
  CHECK(to_string(out.peers[1]) == "5.6.7.8:80");
  const std::string head = server.heads().at(0);
  CHECK(head.starts_with("GET /announce?pass=1&info_hash=01234567890123456789&"));
  for (const char* part :
       {"&port=6881", "&left=1000", "&compact=1", "&key=0000abcd", "&event=started"}) {
    CHECK(head.find(part) != std::string::npos);
  }
}

TEST_CASE("peers given by name are resolved") {
  if (!localhost_is_known()) return;
  ScriptServer server(
      body("d8:intervali900e5:peersld2:ip9:localhost4:porti5000eed2:ip9:127.0.0.94:porti6000eeee"));
  Announcer announcer;
  const AnnounceOutcome out = announcer.announce(server.url());
  CHECK(out.ok);
  std::vector<std::string> peers;
  for (const Endpoint& peer : out.peers) peers.push_back(to_string(peer));
  CHECK(std::count(peers.begin(), peers.end(), "127.0.0.9:6000") == 1);
  CHECK(std::count(peers.begin(), peers.end(), "127.0.0.1:5000") == 1);
}

TEST_CASE("a failure reason is a failure, with its time to wait") {
  ScriptServer plain(body("d14:failure reason9:not todaye"));
  ScriptServer later(body("d14:failure reason4:wait8:retry ini5ee"));
  ScriptServer never_again(body("d14:failure reason2:no8:retry in5:nevere"));
  Announcer announcer;
  const AnnounceOutcome first = announcer.announce(plain.url());
  CHECK_FALSE(first.ok);
  CHECK(first.failure == "not today");
  CHECK(first.retryable);
  CHECK(announcer.announce(later.url()).retry_in == 5min);
  CHECK_FALSE(announcer.announce(never_again.url()).retryable);
}

TEST_CASE("garbage, errors and dead hosts fail in a line without the passkey") {
  const std::string key = "0123456789abcdef0123456789abcdef";
  ScriptServer garbage(body("<html>no</html>"));
  ScriptServer status([](ScriptServer::Peer& peer, const std::string&) {
    peer.write("HTTP/1.1 404 Nope\r\nContent-Length: 0\r\n\r\n");
  });
  ScriptServer loops([](ScriptServer::Peer& peer, const std::string&) {
    peer.write("HTTP/1.1 301 Moved\r\nContent-Length: 0\r\nLocation: /again\r\n\r\n");
  });
  std::uint16_t dead_port = 0;
  { dead_port = ScriptServer(body("")).port(); }
  for (const std::string& url :
       {garbage.url("/" + key + "/announce"), status.url("/announce?passkey=" + key),
        loops.url("/" + key + "/announce"),
        "http://127.0.0.1:" + std::to_string(dead_port) + "/" + key + "/announce"}) {
    Announcer announcer;
    const AnnounceOutcome out = announcer.announce(url);
    INFO(out.failure);
    CHECK_FALSE(out.ok);
    CHECK_FALSE(out.failure.empty());
    CHECK(out.failure.find(key) == std::string::npos);
    // Nor what we say of ourselves.
    CHECK(out.failure.find("info_hash") == std::string::npos);
    CHECK(out.failure.starts_with(redacted(url) + ": "));
    CHECK(out.failure.find('\n') == std::string::npos);
  }
}

TEST_CASE("a tracker that cannot be reached is called by its announce URL alone") {
  std::uint16_t port = 0;
  { port = ScriptServer(body("")).port(); }
  const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/announce";
  CHECK(Announcer().announce(url).failure == url + ": cannot connect: Connection refused");
}

TEST_CASE("a tracker that never answers a `stopped` is not waited for") {
  ScriptServer silent([](ScriptServer::Peer& peer, const std::string&) { peer.wait_closed(9000); });
  net::TrackerClientOptions options;
  options.stopped_deadline = 300ms;
  Announcer announcer(options);
  const auto begin = std::chrono::steady_clock::now();
  CHECK_FALSE(announcer.begin(silent.url(), tracker::Event::stopped).get().ok);
  CHECK(std::chrono::steady_clock::now() - begin < 2s);
}

TEST_CASE("a host that failed is left alone for a while, whoever asks") {
  int port = 0;
  { port = ScriptServer(body("")).port(); }
  net::TrackerClientOptions options;
  options.backoff_min = 400ms;
  Announcer announcer(options);
  const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/announce";
  CHECK(announcer.announce(url).failure.find("connect") != std::string::npos);
  CHECK(announcer.announce(url).failure.find("a moment ago") != std::string::npos);
  std::this_thread::sleep_for(500ms);
  CHECK(announcer.announce(url).failure.find("connect") != std::string::npos);
}

TEST_CASE("no more than so many announces go to one host at once") {
  std::atomic<int> now = 0, most = 0;
  ScriptServer server([&](ScriptServer::Peer& peer, const std::string&) {
    const int here = ++now;
    int seen = most;
    while (here > seen && !most.compare_exchange_weak(seen, here)) {
    }
    std::this_thread::sleep_for(30ms);
    --now;
    peer.write(http("d8:intervali900e5:peers0:e"));
  });
  net::TrackerClientOptions options;
  options.at_once_per_host = 3;
  Announcer announcer(options);
  std::vector<std::future<AnnounceOutcome>> all;
  for (int i = 0; i < 20; ++i) all.push_back(announcer.begin(server.url()));
  for (auto& one : all) CHECK(one.get().ok);
  CHECK(most <= 3);
  CHECK(server.connections() == 20);
}

TEST_CASE("both address families of a host are told, by a connection each") {
  const auto complaint =
      in_own_network("", "127.0.0.1 tracker.test\n::1 tracker.test\n::1 six.test\n", [] {
        ScriptServer v4(
            body("d8:intervali900e5:peers6:\x01\x01\x01\x01\x01\x01"
                 "e"));
        ScriptServer v6(body("d8:intervali900e5:peers6:\x02\x02\x02\x02\x02\x02"
                             "e"),
                        true, {*Address::parse("::1"), v4.port()});
        Announcer announcer;
        const auto port = std::to_string(v4.port());
        std::string out;
        const AnnounceOutcome both =
            announcer.announce("http://tracker.test:" + port + "/announce");
        if (!both.ok) out += both.failure + "; ";
        if (v4.connections() != 1 || v6.connections() != 1) out += "not one connection each; ";
        if (both.peers.size() != 2) out += "not the peers of both; ";
        const AnnounceOutcome one = announcer.announce("http://six.test:" + port + "/announce");
        if (!one.ok || one.peers.size() != 1) out += "a host of one family; ";
        if (v4.connections() != 1 || v6.connections() != 2) out += "not by its family; ";
        return out;
      });
  CHECK(complaint.value_or("") == "");
}

TEST_CASE("one family that answers is enough") {
  if (!localhost_is_known()) return;
  ScriptServer v4(
      body("d8:intervali900e5:peers6:\x01\x01\x01\x01\x01\x01"
           "e"));
  Announcer announcer;
  // localhost is 127.0.0.1 and, on most machines, ::1, where nobody
  // listens here: one answer is enough.
  const AnnounceOutcome out =
      announcer.announce("http://localhost:" + std::to_string(v4.port()) + "/announce");
  CHECK(out.ok);
  CHECK(v4.connections() == 1);
  CHECK(out.peers.size() == 1);
}
