// Newcomers of hosts that have sent wrong pieces, and peers that are banned and yet the only ones.
#include <catch2/catch.hpp>

#include <map>
#include <set>

#include "client/swarm/trials.hpp"
#include "tests/unit/client/swarm_fixture.hpp"

namespace barter::swarm_test {
namespace {

const Address lan = Address::v4({192, 168, 7, 7});

TEST_CASE("each wrong piece of a host makes its newcomers dearer") {
  const SwarmConfig config;
  Trials trials;
  const TimePoint now{seconds(1000)};
  CHECK(trials.clean());
  CHECK(trials.price(lan) == 0);
  Duration pause{}, ban{};
  for (std::uint32_t i = 1; i <= 6; ++i) {
    trials.offended(lan, config, now);
    CHECK(trials.price(lan) == i);
    CHECK(trials.next_at(lan) - now > pause);
    CHECK(trials.ban(lan, config) > ban);
    pause = trials.next_at(lan) - now;
    ban = trials.ban(lan, config);
  }
  CHECK(trials.price(Address::v4({192, 168, 7, 8})) == 0);
  for (int i = 0; i < 100; ++i) trials.offended(lan, config, now);
  CHECK(trials.price(lan) == 8);
  CHECK(trials.next_at(lan) - now == config.trial_pause_max);
  CHECK(trials.ban(lan, config) == config.ban_max);
  // So many that strangers from anywhere are looked at first.
  CHECK(trials.everywhere());
  CHECK(trials.price(Address::v4({192, 168, 7, 8})) == 1);
}

struct Liars : Fixture {
  int ids = 0;
  std::map<ConnectionId, std::vector<wire::Request>> asked;
  std::map<ConnectionId, bool> lies;

  std::optional<ConnectionId> come(const Address& from, PeerSource source, bool liar) {
    PeerInfo info;
    info.remote = {from, static_cast<std::uint16_t>(20'000 + ids)};
    info.peer_id = id(++ids);
    info.fast = info.extended = true;
    info.source = source;
    info.outgoing = source != PeerSource::incoming;
    const ConnectionId connection{next++};
    swarm->peer_connected(connection, info, now);
    note();
    if (lost.contains(connection)) return std::nullopt;
    lies[connection] = liar;
    say(connection, wire::HaveAll{});
    say(connection, wire::Unchoke{});
    return connection;
  }
  template <class M>
  void say(ConnectionId connection, M message) {
    wire::Message value = std::move(message);
    swarm->messages_received(connection, {&value, 1}, now);
    note();
  }
  void note() {
    drain();
    for (Action& action : actions) {
      if (auto* send = std::get_if<Send>(&action)) {
        if (auto* one = std::get_if<wire::Request>(&send->message))
          asked[send->connection].push_back(*one);
        if (auto* one = std::get_if<wire::Cancel>(&send->message))
          std::erase_if(asked[send->connection], [&](const wire::Request& request) {
            return request.piece == one->piece && request.begin == one->begin;
          });
      }
      if (auto* gone = std::get_if<Disconnect>(&action)) {
        asked.erase(gone->connection);
        lies.erase(gone->connection);
        lost.insert_or_assign(gone->connection, gone->reason);
      }
      if (auto* connect = std::get_if<Connect>(&action)) called.push_back(connect->endpoint);
      if (auto* store = std::get_if<StorePiece>(&action)) stores.push_back(store->piece);
    }
    // What the disk says, from the senders that each block had.
    while (!stores.empty()) {
      const PieceIndex piece = stores.back();
      stores.pop_back();
      StoreOutcome outcome{StoreResult::stored, {}, {}};
      for (std::uint32_t i = 0; i < metainfo->layout().block_count(piece); ++i) {
        const BlockRef block{piece, i};
        const bool wrong = bad.contains(block);
        outcome.block_digests.push_back(wrong ? 66 : i);
        if (wrong) outcome.result = StoreResult::hash_mismatch;
        bad.erase(block);
      }
      swarm->piece_stored(piece, outcome, now);
      note();
    }
  }
  // Each gives what was asked of it, one block at a time.
  void give() {
    std::vector<ConnectionId> all;
    for (const auto& [peer, list] : asked)
      if (!list.empty()) all.push_back(peer);
    for (const ConnectionId peer : all) {
      const auto found = asked.find(peer);
      if (found == asked.end() || found->second.empty()) continue;
      const wire::Request one = found->second.front();
      found->second.erase(found->second.begin());
      const BlockRef block{PieceIndex{one.piece}, one.begin / block_length};
      if (lies[peer]) {
        bad.insert(block);
      } else {
        bad.erase(block);
      }
      say(peer, this->block(one.piece, one.begin, one.length));
    }
  }
  std::set<BlockRef> bad;
  std::map<ConnectionId, DisconnectReason> lost;
  std::vector<PieceIndex> stores;
  std::vector<Endpoint> called;
};

TEST_CASE("the only seed is tried again with one piece, after a pause that grows") {
  for (const Address& seed : {lan, Address::v4({20, 1, 1, 1})}) {
    INFO("at " << to_string(seed));
    Liars f;
    f.start();
    seconds last{};
    for (int round = 0; round < 4; ++round) {
      INFO("round " << round);
      const bool lies = round < 3;
      seconds waited{};
      std::optional<ConnectionId> link;
      while (!link) {
        f.ids = 0;  // it comes by the same name, from the same port
        link = f.come(seed, PeerSource::incoming, lies);
        if (link) break;
        f.pass(seconds(1));
        waited += seconds(1);
        REQUIRE(waited < seconds(100));
      }
      if (round > 0) CHECK(waited > last);
      last = waited;
      if (round > 0) CHECK(f.asked[*link].size() <= 4);  // one piece
      for (int i = 0; i < 400 && !f.lost.contains(*link); ++i) f.give();
      if (lies) {
        REQUIRE(f.lost.contains(*link));
        CHECK(f.lost.at(*link) == DisconnectReason::banned);
      }
    }
    CHECK(f.swarm->have().all());
  }
}

TEST_CASE("liars that come again and again cost a few pieces, and the honest at their host live") {
  Liars f;
  f.config.max_connections_per_local_address = 100;
  f.start();
  for (int i = 0; i < 40; ++i) f.come(lan, PeerSource::incoming, true);
  const auto honest = f.come(lan, PeerSource::tracker, false);
  REQUIRE(honest);
  int returned = 0;
  for (int step = 0; step < 3000 && !f.swarm->have().all(); ++step) {
    f.give();
    f.now += milliseconds(10);
    f.swarm->time_passed(f.now);
    f.note();
    while (f.lies.size() < 41 && !f.swarm->have().all()) {
      ++returned;
      f.come(lan, PeerSource::incoming, true);
    }
  }
  CHECK(f.swarm->have().all());
  CHECK((!f.lost.contains(*honest) || f.lost.at(*honest) == DisconnectReason::both_seeds));
  CHECK(returned >= 2);
  CHECK(f.swarm->progress(f.now).wasted <= 8 * piece_length);
}

}  // namespace
}  // namespace barter::swarm_test
