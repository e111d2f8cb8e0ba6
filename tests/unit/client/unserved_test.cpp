// A peer that lets us ask and gives nothing.
#include "client/swarm/unserved.hpp"

#include <catch2/catch.hpp>

#include <utility>
#include <vector>

#include "tests/unit/client/swarm_fixture.hpp"

namespace barter::swarm_test {
namespace {

TEST_CASE("a peer that serves nothing is asked ever later, until it serves") {
  const SwarmConfig config;
  Unserved unserved;
  const auto turn = [&] {
    unserved.asked();
    const Duration pause = unserved.came_back(config);
    CHECK(unserved.came_back(config) == pause);  // of the same turn: counts once
    return pause;
  };
  for (std::uint32_t i = 0; i < config.unserved_turns; ++i) CHECK(turn() == Duration{});
  Duration pause = turn();
  CHECK(pause == config.unserved_pause_min);
  for (int i = 0; i < 4; ++i) {
    const Duration longer = turn();
    CHECK(longer == 2 * pause);
    pause = longer;
  }
  for (int i = 0; i < 1000; ++i) turn();
  CHECK(turn() == config.unserved_pause_max);
  unserved.served();
  CHECK(turn() == Duration{});
}

// One that takes our requests, and sends each of them back in its own way.
enum class Way { choke, choke_without_fast, reject, grant_and_reject, lose_the_piece };

std::vector<wire::Message> answer(Way way, const std::vector<wire::Request>& asked) {
  std::vector<wire::Message> out;
  const bool chokes = way == Way::choke || way == Way::choke_without_fast;
  if (chokes) out.emplace_back(wire::Choke{});
  if (way != Way::choke_without_fast && way != Way::lose_the_piece)
    for (const auto& one : asked) out.emplace_back(wire::Reject{one.piece, one.begin, one.length});
  if (chokes) out.emplace_back(wire::Unchoke{});
  for (std::uint32_t i = 0; i < pieces; ++i) {
    if (way == Way::grant_and_reject) out.emplace_back(wire::AllowedFast{i});
    if (way == Way::lose_the_piece) out.emplace_back(wire::DontHave{i, 1});
    if (way == Way::lose_the_piece) out.emplace_back(wire::Have{i});
  }
  return out;
}

// What is asked of it, on and on, in so much time.
struct Loop : Fixture {
  std::vector<wire::Request> noted;

  void note(ConnectionId peer) {
    for (auto& one : sent<wire::Request>(peer)) noted.push_back(one);
  }
  ConnectionId liar(Way way) {
    const ConnectionId peer =
        connect(66, way != Way::choke_without_fast && way != Way::lose_the_piece);
    receive(peer, wire::BitfieldMessage{{std::byte{0xff}, std::byte{0xff}, std::byte{0xe0}}});
    std::vector<wire::Message> leave;
    if (way != Way::grant_and_reject) leave.emplace_back(wire::Unchoke{});
    if (way == Way::grant_and_reject)
      for (std::uint32_t i = 0; i < pieces; ++i) leave.emplace_back(wire::AllowedFast{i});
    hear(peer, std::move(leave));
    return peer;
  }
  void hear(ConnectionId peer, std::vector<wire::Message> batch) {
    swarm->messages_received(peer, batch, now);
    drain();
    note(peer);
  }
};

TEST_CASE("requests that always come back are sent ever more seldom") {
  for (const Way way : {Way::choke, Way::choke_without_fast, Way::reject, Way::grant_and_reject,
                        Way::lose_the_piece}) {
    INFO("way " << static_cast<int>(way));
    Loop f;
    f.start();
    const ConnectionId liar = f.liar(way);
    std::size_t asked = 0, turns = 0;
    for (int i = 0; i < 60'000; ++i) {  // one minute, by the millisecond
      if (!f.noted.empty()) {
        asked += f.noted.size();
        ++turns;
        f.hear(liar, answer(way, std::exchange(f.noted, {})));
      }
      f.pass(milliseconds(1));
      f.note(liar);
    }
    CHECK(turns >= 6);    // it is given another chance now and then
    CHECK(turns <= 200);  // some hundred thousand, if nobody counts
    CHECK(asked <= 2000);
  }
}

TEST_CASE("a block that came back goes to another peer before it goes to the same again") {
  Fixture f;
  f.start();
  const ConnectionId liar = f.connect(66), honest = f.connect(1);
  // Both have only the first piece: four blocks.
  for (const ConnectionId peer : {liar, honest})
    f.receive(peer, wire::BitfieldMessage{{std::byte{0x80}, std::byte{0}, std::byte{0}}});
  f.receive(liar, wire::Unchoke{});
  const auto asked = f.sent<wire::Request>(liar);
  REQUIRE(asked.size() == 4);
  f.receive(honest, wire::Unchoke{});  // nothing is left for it
  REQUIRE(f.sent<wire::Request>(honest).empty());
  auto batch = answer(Way::choke, asked);
  f.swarm->messages_received(liar, batch, f.now);
  f.drain();
  CHECK(f.sent<wire::Request>(liar).empty());
  CHECK(f.sent<wire::Request>(honest).size() == 4);
}

TEST_CASE("what came back is asked of the same peer where there is no other") {
  Fixture f;
  f.start();
  const ConnectionId only = f.connect(1);
  f.receive(only, wire::BitfieldMessage{{std::byte{0x80}, std::byte{0}, std::byte{0}}});
  f.receive(only, wire::Unchoke{});
  const auto asked = f.sent<wire::Request>(only);
  REQUIRE(asked.size() == 4);
  for (const auto& one : asked) f.receive(only, wire::Reject{one.piece, one.begin, one.length});
  CHECK(f.sent<wire::Request>(only).empty());
  f.pass(milliseconds(100));
  CHECK(f.sent<wire::Request>(only).size() == 4);
}

TEST_CASE("a peer that chokes us in its turn is asked at once when it unchokes us") {
  for (const bool fast : {true, false}) {
    Fixture f;
    f.start();
    const ConnectionId peer = f.connect(1, fast);
    f.receive(peer, wire::BitfieldMessage{{std::byte{0xff}, std::byte{0xff}, std::byte{0xe0}}});
    f.receive(peer, wire::Unchoke{});
    auto open = f.sent<wire::Request>(peer);
    for (int round = 0; round < 6; ++round) {
      REQUIRE_FALSE(open.empty());
      for (int i = 0; i < 3; ++i) {
        f.now += milliseconds(10);
        const auto one = open[static_cast<std::size_t>(i)];
        f.receive(peer, f.block(one.piece, one.begin, one.length));
        for (auto& more : f.sent<wire::Request>(peer)) open.push_back(more);
      }
      open.erase(open.begin(), open.begin() + 3);
      f.receive(peer, wire::Choke{});
      if (fast)
        for (const auto& one : open)
          f.receive(peer, wire::Reject{one.piece, one.begin, one.length});
      f.pass(seconds(10));
      f.receive(peer, wire::Unchoke{});
      open = f.sent<wire::Request>(peer);
    }
  }
}

}  // namespace
}  // namespace barter::swarm_test
