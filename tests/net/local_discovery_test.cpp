// Local discovery (BEP 14), in a network of its own: no datagram leaves this machine.
#include "client/net/local_discovery.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "client/net/io_threads.hpp"
#include "client/wire/local_announce.hpp"
#include "harness.hpp"
#include "own_network.hpp"
#include "script_server.hpp"

using namespace barter;
using namespace barter::testing;
using namespace std::chrono_literals;

namespace {

WireInfoHash hash(int n) {
  WireInfoHash out;
  out.bytes.fill(static_cast<std::byte>(n));
  return out;
}

// Sends and hears on the group, as another client of the machine.
class Neighbour {
 public:
  Neighbour() {
    const int one = 1;
    ::setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    group_.sin_family = AF_INET;
    group_.sin_port = htons(6771);
    ::inet_pton(AF_INET, "239.192.152.143", &group_.sin_addr);
    ::bind(socket_, reinterpret_cast<const sockaddr*>(&group_), sizeof group_);
    ip_mreqn where{};
    where.imr_multiaddr = group_.sin_addr;
    where.imr_address.s_addr = htonl(INADDR_LOOPBACK);
    where.imr_ifindex = static_cast<int>(::if_nametoindex("lo"));
    ::setsockopt(socket_, IPPROTO_IP, IP_ADD_MEMBERSHIP, &where, sizeof where);
    ::setsockopt(socket_, IPPROTO_IP, IP_MULTICAST_IF, &where, sizeof where);
    const timeval patience{5, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~Neighbour() { ::close(socket_); }
  Neighbour(const Neighbour&) = delete;
  Neighbour& operator=(const Neighbour&) = delete;

  void say(const std::string& text) {
    ::sendto(socket_, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&group_),
             sizeof group_);
  }
  void patience(std::chrono::milliseconds time) {
    const timeval value{0, static_cast<suseconds_t>(time.count() * 1000)};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &value, sizeof value);
  }
  std::string hear() {
    char buffer[2048];
    const auto size = ::recv(socket_, buffer, sizeof buffer, 0);
    return size < 0 ? std::string() : std::string(buffer, static_cast<std::size_t>(size));
  }

 private:
  const int socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in group_{};
};

std::string discover() {
  net::IoThreads threads(1);
  std::mutex mutex;
  std::vector<std::pair<WireInfoHash, Endpoint>> found;
  net::LocalDiscoveryOptions options;
  options.port = 7001;
  options.first_after = 50ms;
  options.interval = 600ms;
  options.pause = 300ms;
  const auto local = std::make_shared<net::LocalDiscovery>(
      threads.service(), options, [&](const WireInfoHash& info_hash, const Endpoint& peer) {
        const std::lock_guard lock(mutex);
        found.emplace_back(info_hash, peer);
      });
  Neighbour other;
  for (int n = 1; n <= 25; ++n) local->begin(hash(n));
  const auto stop = [&](std::string complaint) {
    local->stop();
    threads.stop();
    return complaint;
  };
  // Two datagrams hold the twenty-five.
  std::vector<WireInfoHash> told;
  for (int i = 0; i < 2; ++i) {
    const auto message = wire::parse_local_announce(other.hear());
    if (!message || message->port != 7001) return stop("nothing was announced");
    told.insert(told.end(), message->info_hashes.begin(), message->info_hashes.end());
  }
  std::sort(told.begin(), told.end());
  if (told.size() != 25 || std::unique(told.begin(), told.end()) != told.end())
    return stop("not each was announced once");
  // Again only after the interval, however often it begins.
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 2; ++i) {
    local->end(hash(1));
    local->begin(hash(1));
  }
  const auto again = wire::parse_local_announce(other.hear());
  if (!again || again->info_hashes != std::vector{hash(1)}) return stop("not announced again");
  if (std::chrono::steady_clock::now() - began < 200ms) return stop("announced too often");

  wire::LocalAnnounce theirs;
  theirs.port = 7002;
  theirs.info_hashes = {hash(99), hash(3)};
  other.say("junk");
  other.say(to_datagram(theirs, false));
  for (int i = 0; i < 100; ++i) {
    std::this_thread::sleep_for(20ms);
    const std::lock_guard lock(mutex);
    if (!found.empty()) break;
  }
  for (int n = 1; n <= 25; ++n) local->end(hash(n));
  std::this_thread::sleep_for(50ms);
  other.say(to_datagram(theirs, false));  // nobody is interested any more
  other.patience(100ms);
  while (!other.hear().empty()) continue;
  other.patience(900ms);
  if (!other.hear().empty()) return stop("what has ended is announced");
  const std::lock_guard lock(mutex);
  const bool right = found.size() == 1 && found[0].first == hash(3) &&
                     found[0].second.port == 7002 && found[0].second.address.is_loopback();
  return stop(right ? "" : "found " + std::to_string(found.size()));
}

// A segment with IPv6: loopback carries no multicast of it. "" if there can be one here.
std::string make_segment(const std::string& address) {
  const std::string made =
      "ip link add seg0 type veth peer name seg1 2>/dev/null && "
      "ip link set seg0 up && ip link set seg1 up && "
      "ip address add " +
      address + "/64 dev seg0 nodad";
  return std::system(made.c_str()) == 0 ? "" : "no veth";
}

// By IPv4 of loopback, or by the IPv6 address of a segment.
std::string get_from_neighbour(const std::string& address = {}) {
  Folder from, to;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 100'000}}, 16384);
  ClientOptions options;
  options.local_discovery = true;
  if (!address.empty()) options.listen_addresses = {*Address::parse(address)};
  TestClient seed(options), get(options);
  seed.seed(metainfo, from.path());
  const TorrentId id = get.get(metainfo, to.path(), {});
  if (!get.wait<Completed>(id, 10s)) return "it does not find the seed";
  const auto peers = get->peers(id);
  for (const PeerProgress& peer : peers)
    if ((peer.source != PeerSource::lsd && peer.source != PeerSource::incoming) ||
        peer.remote.address.is_v4() != address.empty())
      return to_string(peer.remote) + " known from " + std::string(to_string(peer.source));
  return same_content(*metainfo, from.path(), to.path()) ? "" : "not the same";
}

// Local announces of neighbours that are not there: 10.9.0.0/16, where calls get no answer at all.
std::string forge_announces(const WireInfoHash& torrent, std::uint16_t count) {
  if (std::system("ip route add 10.9.0.0/16 dev lo") != 0) return "no route";
  const int raw = ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
  if (raw < 0) return "no raw socket";
  sockaddr_in group{};
  group.sin_family = AF_INET;
  ::inet_pton(AF_INET, "239.192.152.143", &group.sin_addr);
  ip_mreqn where{};
  where.imr_address.s_addr = htonl(INADDR_LOOPBACK);
  where.imr_ifindex = static_cast<int>(::if_nametoindex("lo"));
  ::setsockopt(raw, IPPROTO_IP, IP_MULTICAST_IF, &where, sizeof where);
  wire::LocalAnnounce words;
  words.port = 6881;
  words.info_hashes = {torrent};
  const std::string text = to_datagram(words, false);
  for (std::uint16_t n = 1; n <= count; ++n) {
    iphdr ip{};
    ip.version = 4;
    ip.ihl = 5;
    ip.ttl = 1;
    ip.protocol = IPPROTO_UDP;
    ip.saddr = htonl(0x0a090000u + n);
    ip.daddr = group.sin_addr.s_addr;
    udphdr udp{};
    udp.source = udp.dest = htons(6771);
    udp.len = htons(static_cast<std::uint16_t>(sizeof udp + text.size()));
    std::string packet(sizeof ip + sizeof udp, '\0');
    std::memcpy(packet.data(), &ip, sizeof ip);
    std::memcpy(packet.data() + sizeof ip, &udp, sizeof udp);
    packet += text;
    ::sendto(raw, packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&group),
             sizeof group);
    if (n % 50 == 0) std::this_thread::sleep_for(2ms);  // as fast as they are read
  }
  ::close(raw);
  return "";
}

// The tracker names the seed when thousands of forged neighbours are known already.
std::string get_beside_forged_announces() {
  Folder from, to;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 100'000}}, 16384);
  TestClient seed;
  seed.seed(metainfo, from.path());
  std::atomic<bool> answers = false;
  ScriptServer tracker([&](ScriptServer::Peer& peer, const std::string&) {
    while (!answers) std::this_thread::sleep_for(5ms);
    const char port[] = {static_cast<char>(seed->port() >> 8), static_cast<char>(seed->port())};
    peer.write(http("d8:intervali1800e5:peers6:\x7f" + std::string("\0\0\x01", 3) +
                    std::string(port, sizeof port) + "e"));
  });
  Neighbour neighbour;
  ClientOptions options;
  options.local_discovery = true;
  TestClient get(options);
  AddTorrent torrent;
  torrent.metainfo = metainfo;
  torrent.folder = to.path();
  torrent.trackers = {{tracker.url("/announce")}};
  const TorrentId id = get.add(std::move(torrent));
  const bool listens = !neighbour.hear().empty();  // what has announced itself
  const std::string missing = forge_announces(metainfo->info_hash().wire(), 2500);
  const bool heard = get.wait_until([&] { return get->progress(id).known_peers > 1000; },
                                    missing.empty() ? 5s : 0s);
  std::this_thread::sleep_for(1s);  // as many calls are under way as may be
  const auto began = std::chrono::steady_clock::now();
  answers = true;
  if (!missing.empty()) return missing;
  if (!listens) return "it does not announce itself";
  if (!heard) return "only " + std::to_string(get->progress(id).known_peers) + " are known";
  if (!get.wait<Completed>(id, 30s)) return "it does not find the seed";
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  return took < 3s ? "" : "connected after " + std::to_string(took.count()) + " s";
}

}  // namespace

TEST_CASE("local discovery announces to neighbours and hears them") {
  if (const auto complaint = in_own_network("", "", discover)) CHECK(*complaint == "");
}

TEST_CASE("a client finds a seed beside it without a tracker") {
  if (const auto complaint = in_own_network("", "", [] { return get_from_neighbour(); }))
    CHECK(*complaint == "");
}

TEST_CASE("a client finds a seed on the same segment by IPv6 alone") {
  const auto complaint = in_own_network("", "", [] {
    const std::string address = "fd00::5";
    const std::string missing = make_segment(address);
    return missing.empty() ? get_from_neighbour(address) : missing;
  });
  if (complaint == "no veth") {
    WARN("no segment of its own for a test here: not tested");
  } else if (complaint) {
    CHECK(*complaint == "");
  }
}

TEST_CASE("forged local announces keep no download from the seed that its tracker names") {
  const auto complaint = in_own_network("", "", get_beside_forged_announces);
  if (complaint == "no route" || complaint == "no raw socket") {
    WARN("no forged datagrams here: not tested");
  } else if (complaint) {
    CHECK(*complaint == "");
  }
}
