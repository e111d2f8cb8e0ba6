#include "client/swarm/metadata_fetch.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <set>

#include "torrent/sha.hpp"

using namespace barter;
using std::chrono::seconds;

namespace {

std::string bytes_of(std::size_t size) {
  std::string out(size, '\0');
  std::uint32_t state = 1;
  for (char& c : out) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return out;
}

struct Peer {
  int number = 0;
  std::string info;  // what it sends of; its size is what it claims
  bool silent = false, rejects = false;
};

// A fetch and its peers, who answer at once or never.
struct Swarm {
  explicit Swarm(std::string right) : info(std::move(right)), fetch(wanted(info)) {}
  static InfoHash wanted(const std::string& info) {
    InfoHash out;
    out.v1 = sha1(as_bytes(info));
    return out;
  }
  static Contributor contributor(int number) {
    Contributor out;
    out.connection = ConnectionId{static_cast<std::uint32_t>(number)};
    out.peer_id.bytes.fill(static_cast<std::byte>(number));
    return out;
  }
  void join(Peer peer) {
    fetch.offered(contributor(peer.number), static_cast<std::int64_t>(peer.info.size()));
    peers[peer.number] = std::move(peer);
  }
  // What is asked now; the invariants hold.
  std::vector<MetadataFetch::Ask> asks() {
    std::vector<MetadataFetch::Ask> out;
    fetch.take_asks(out, now);
    REQUIRE(fetch.broken_invariant() == "");
    for (const auto& liar : fetch.take_guilty()) {
      const int number = static_cast<int>(liar.connection);
      banned.insert(number);
      fetch.left(liar.connection);
      peers.erase(number);
    }
    return out;
  }
  bool send(int number, std::uint32_t piece) {
    const std::string& all = peers.at(number).info;
    ++sent[number];
    return fetch.data(ConnectionId{static_cast<std::uint32_t>(number)}, piece, all.size(),
                      all.substr(std::size_t{piece} * block_length, block_length), now);
  }
  // Rounds of 50 ms until it ends; false if it does not within `limit`.
  bool run(Duration limit) {
    for (const TimePoint end = now + limit; now < end; now += std::chrono::milliseconds(50)) {
      for (const auto& ask : asks()) {
        const auto found = peers.find(static_cast<int>(ask.peer));
        if (found == peers.end() || found->second.silent) continue;
        if (found->second.rejects) {
          fetch.rejected(ask.peer, ask.piece, now);
        } else if (fetch.state() == MetadataFetch::State::fetching) {
          REQUIRE(send(found->first, ask.piece));
        }
      }
      static_cast<void>(fetch.next_deadline(now));
      if (fetch.state() == MetadataFetch::State::fetching) continue;
      static_cast<void>(asks());
      return true;
    }
    return false;
  }

  std::string info;
  MetadataFetch fetch;
  TimePoint now{seconds(100)};
  std::map<int, Peer> peers;
  std::map<int, int> sent;
  std::set<int> banned;
};

std::string wrong_copy(std::string info, std::size_t at = 0) {
  info[at] = static_cast<char>(info[at] + 1);
  return info;
}

}  // namespace

TEST_CASE("metadata comes in pieces from one peer") {
  const std::size_t size = GENERATE(1u, 16384u, 16385u, 100'000u, 1u << 20);
  Swarm swarm(bytes_of(size));
  swarm.join({1, swarm.info});
  REQUIRE(swarm.run(seconds(30)));
  CHECK(swarm.fetch.state() == MetadataFetch::State::complete);
  CHECK(swarm.fetch.take_info() == swarm.info);
  CHECK(swarm.banned.empty());
}

TEST_CASE("several peers share the work") {
  Swarm swarm(bytes_of(1 << 20));
  for (int i = 1; i <= 4; ++i) swarm.join({i, swarm.info});
  REQUIRE(swarm.run(seconds(30)));
  for (int i = 1; i <= 4; ++i) CHECK(swarm.sent[i] >= 10);
  int total = 0;
  for (const auto& [peer, count] : swarm.sent) total += count;
  CHECK(total <= 64 + 4 * 8);  // few pieces twice
}

TEST_CASE("who claims another size costs only what it sends, and is banned when that is wrong") {
  Swarm swarm(bytes_of(200'000));
  for (int i = 1; i <= 12; ++i) swarm.join({i, bytes_of(200'000 + static_cast<std::size_t>(i))});
  swarm.join({20, swarm.info});
  REQUIRE(swarm.run(seconds(60)));
  CHECK(swarm.fetch.take_info() == swarm.info);
  CHECK(swarm.banned.count(20) == 0);
}

TEST_CASE("huge claims of silent peers do not stop an honest answer") {
  Swarm swarm(bytes_of(50'000));
  for (int i = 1; i <= 40; ++i)
    swarm.join({i, std::string(MetadataFetch::max_bytes - static_cast<std::size_t>(i), 'x'), true});
  swarm.join({50, swarm.info});
  REQUIRE(swarm.run(seconds(200)));
  CHECK(swarm.fetch.take_info() == swarm.info);
}

TEST_CASE("sizes that cannot be count as none") {
  Swarm swarm(bytes_of(50'000));
  for (const std::int64_t size :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{33 << 20}, std::int64_t{1} << 62})
    swarm.fetch.offered(Swarm::contributor(1), size);
  CHECK(swarm.fetch.progress().offers == 0);
  CHECK(swarm.asks().empty());
}

TEST_CASE("a single liar among several is found out, and nobody else is banned") {
  Swarm swarm(bytes_of(300'000));
  swarm.join({1, swarm.info});
  swarm.join({2, wrong_copy(swarm.info, 100'000)});
  swarm.join({3, wrong_copy(swarm.info, 0)});
  for (auto& [number, peer] : swarm.peers)
    if (number != 1)
      for (std::size_t i = 0; i < peer.info.size(); i += 1000) ++peer.info[i];
  REQUIRE(swarm.run(seconds(60)));
  CHECK(swarm.fetch.take_info() == swarm.info);
  CHECK(swarm.banned.count(1) == 0);
  CHECK(swarm.banned.size() >= 1);
}

TEST_CASE("a liar that sent all of it is banned at once, and its size is asked of others") {
  Swarm swarm(bytes_of(100'000));
  swarm.join({1, wrong_copy(swarm.info)});
  CHECK_FALSE(swarm.run(seconds(5)));
  CHECK(swarm.banned == std::set<int>{1});
  swarm.join({2, swarm.info});
  REQUIRE(swarm.run(seconds(5)));
  CHECK(swarm.fetch.take_info() == swarm.info);
}

TEST_CASE("fifty liars and one honest peer") {
  Swarm swarm(bytes_of(100'000));
  for (int i = 1; i <= 50; ++i)
    swarm.join({i, wrong_copy(swarm.info, static_cast<std::size_t>(i) * 1900)});
  swarm.join({60, swarm.info});
  REQUIRE(swarm.run(seconds(120)));
  CHECK(swarm.fetch.take_info() == swarm.info);
  CHECK(swarm.banned.count(60) == 0);
}

TEST_CASE("the silent and those that refuse are passed over") {
  Swarm swarm(bytes_of(40'000));
  swarm.join({1, swarm.info, true});
  swarm.join({2, swarm.info, false, true});
  swarm.join({3, swarm.info, true});
  swarm.join({4, swarm.info});
  const TimePoint began = swarm.now;
  REQUIRE(swarm.run(seconds(30)));
  CHECK(swarm.now - began <= seconds(4));
}

TEST_CASE("who refuses is asked again later, ever more seldom") {
  Swarm swarm(bytes_of(10'000));
  swarm.join({1, swarm.info, false, true});
  int asked = 0;
  for (int i = 0; i < 600; ++i, swarm.now += std::chrono::milliseconds(100)) {
    for (const auto& ask : swarm.asks()) {
      ++asked;
      swarm.fetch.rejected(ask.peer, ask.piece, swarm.now);
    }
  }
  CHECK(asked >= 3);
  CHECK(asked <= 8);
  swarm.peers[1].rejects = false;
  CHECK(swarm.run(seconds(61)));
}

TEST_CASE("a peer that leaves and comes back goes on where it was") {
  Swarm swarm(bytes_of(1 << 20));
  swarm.join({1, swarm.info});
  for (int i = 0; i < 3; ++i)
    for (const auto& ask : swarm.asks()) swarm.send(static_cast<int>(ask.peer), ask.piece);
  const std::uint64_t held = swarm.fetch.held_bytes();
  CHECK(held > 0);
  swarm.fetch.left(ConnectionId{1});
  swarm.join({2, swarm.info});
  CHECK(swarm.fetch.held_bytes() == held);
  CHECK(swarm.run(seconds(10)));
}

TEST_CASE("what was not asked for breaks the protocol, and so does a size that changes") {
  Swarm swarm(bytes_of(100'000));
  CHECK_FALSE(swarm.fetch.data(ConnectionId{9}, 0, 100'000, "x", swarm.now));
  swarm.join({1, swarm.info});
  const auto asks = swarm.asks();
  REQUIRE(asks.size() == MetadataFetch::window_min);
  CHECK_FALSE(swarm.send(1, 6));
  CHECK_FALSE(swarm.fetch.data(ConnectionId{1}, 7, 100'000, "x", swarm.now));
  CHECK_FALSE(swarm.fetch.data(ConnectionId{1}, asks[0].piece, 100'001,
                               swarm.info.substr(0, block_length), swarm.now));
  CHECK_FALSE(swarm.fetch.data(ConnectionId{1}, asks[0].piece, 100'000, "short", swarm.now));
  CHECK(swarm.send(1, asks[0].piece));
  CHECK_FALSE(swarm.send(1, asks[0].piece));
}

TEST_CASE("an answer that comes late is taken") {
  Swarm swarm(bytes_of(10'000));
  swarm.join({1, swarm.info});
  REQUIRE(swarm.asks().size() == 1);
  swarm.now += MetadataFetch::timeout;
  CHECK(swarm.asks().empty());  // it is left alone
  CHECK(swarm.send(1, 0));
  CHECK(swarm.fetch.state() == MetadataFetch::State::complete);
}

TEST_CASE("memory is bounded whatever peers send") {
  Swarm swarm(bytes_of(1 << 20));
  for (int i = 1; i <= 3; ++i)
    swarm.join({i, std::string(MetadataFetch::max_bytes - static_cast<std::size_t>(i), 'x')});
  swarm.join({4, swarm.info});
  for (int round = 0; round < 5000 && swarm.fetch.state() == MetadataFetch::State::fetching;
       ++round, swarm.now += std::chrono::milliseconds(1))
    for (const auto& ask : swarm.asks()) {
      // The honest one is the slowest by far.
      if (ask.peer == ConnectionId{4} && round % 50 != 0) {
        swarm.fetch.rejected(ask.peer, ask.piece, swarm.now);
      } else if (swarm.fetch.state() == MetadataFetch::State::fetching) {
        swarm.send(static_cast<int>(ask.peer), ask.piece);
      }
    }
  CHECK(swarm.fetch.held_bytes() <= MetadataFetch::max_bytes);
  CHECK(swarm.run(seconds(100)));
}

TEST_CASE("a link whose two hashes do not belong together is found out") {
  const std::string info = bytes_of(20'000);
  InfoHash wanted = Swarm::wanted(info);
  wanted.v2 = sha256(as_bytes(info));
  const bool lies = GENERATE(false, true);
  if (lies) wanted.v2->bytes[5] ^= std::byte{1};
  Swarm swarm(info);
  swarm.fetch = MetadataFetch(wanted);
  swarm.join({1, info});
  REQUIRE(swarm.run(seconds(5)));
  CHECK(swarm.fetch.state() ==
        (lies ? MetadataFetch::State::link_lies : MetadataFetch::State::complete));
  CHECK(swarm.banned.empty());
}
