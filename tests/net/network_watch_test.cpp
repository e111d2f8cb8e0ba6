#include "client/net/network_watch.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "harness.hpp"
#include "own_network.hpp"
#include "script_server.hpp"

using namespace barter;
using namespace barter::testing;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

// Gives loopback one more address, as "lo:NUMBER"; "0.0.0.0" takes it away again.
bool set_address(int number, const char* address) {
  ifreq request{};
  std::snprintf(request.ifr_name, sizeof request.ifr_name, "lo:%d", number);
  auto& in = reinterpret_cast<sockaddr_in&>(request.ifr_addr);
  in.sin_family = AF_INET;
  inet_pton(AF_INET, address, &in.sin_addr);
  const int any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool done = ::ioctl(any, SIOCSIFADDR, &request) == 0;
  ::close(any);
  return done;
}

}  // namespace

TEST_CASE("a new address is noticed once it has settled, and what keeps changing not too often") {
  const auto complaint = in_own_network("", "", [] {
    std::string out;
    boost::asio::io_context context{1};
    int told = 0;
    const auto watch = std::make_shared<net::NetworkWatch>(
        context, net::NetworkWatchOptions{.settle = 50ms, .pause = 400ms}, [&] { ++told; });
    if (!watch->start()) return std::string("cannot watch");
    const auto after = [&](Duration time, int wanted, const std::string& what) {
      context.restart();
      context.run_for(time);
      if (told != wanted) out += what + " (told " + std::to_string(told) + " times); ";
    };
    after(100ms, 0, "nothing happened");
    bool done = set_address(1, "10.9.9.1");
    after(20ms, 0, "not settled yet");
    done = done && set_address(2, "172.16.9.2");
    after(200ms, 1, "two parts are one change");
    done = done && set_address(3, "127.0.0.9");
    after(600ms, 1, "loopback is of no interest");
    done = done && set_address(1, "10.9.9.3");
    after(150ms, 2, "an address became another");
    done = done && set_address(1, "10.9.9.4");
    after(150ms, 2, "too soon after the last");
    after(400ms, 3, "told when the pause is over");
    done = done && set_address(1, "10.9.9.5") && set_address(1, "10.9.9.4");
    after(700ms, 3, "as it was before");
    done = done && set_address(1, "0.0.0.0") && set_address(2, "0.0.0.0");
    after(150ms, 3, "without an address there is nobody to tell");
    done = done && set_address(1, "10.9.9.4") && set_address(2, "172.16.9.2");
    after(700ms, 3, "the same again");
    watch->stop();
    return done ? out : "cannot change addresses";
  });
  CHECK(complaint.value_or("") == "");
}

TEST_CASE("the tracker is told when our address has changed") {
  const auto complaint = in_own_network("", "", [] {
    ScriptServer tracker([](ScriptServer::Peer& peer, const std::string&) {
      peer.write(http("d8:intervali900e5:peers0:e"));
    });
    Folder folder;
    const auto metainfo =
        make_torrent(folder.path(), "data", {{"", 100'000}}, 16384, tracker.url("/announce"));
    net::ClientHooks hooks;
    hooks.network.settle = 50ms;
    TestClient seed({}, hooks);
    seed.seed(metainfo, folder.path());
    const auto announces = [&](int wanted) {
      const auto deadline = steady_clock::now() + 10s;
      while (tracker.connections() < wanted && steady_clock::now() < deadline) {
        std::this_thread::sleep_for(10ms);
      }
      return tracker.connections() >= wanted;
    };
    if (!announces(1)) return "not announced";
    std::this_thread::sleep_for(300ms);
    if (tracker.connections() != 1) return "announced twice";
    if (!set_address(1, "10.9.9.1")) return "cannot change addresses";
    return announces(2) ? "" : "not announced again";
  });
  CHECK(complaint.value_or("") == "");
}
