// What a Swarm says of its limits: the facts that it gives to client/swarm/limits.
#include <catch2/catch.hpp>

#include <algorithm>

#include "swarm_fixture.hpp"

namespace barter {
namespace {

using namespace swarm_test;
using std::chrono::seconds;

TEST_CASE("who is asked for peers besides trackers is told") {
  Fixture none, dht, all, hidden;
  none.start();
  CHECK(none.swarm->progress(none.now).download_limit.reason == Limit::no_trackers);
  CHECK(none.swarm->stall_reason(none.now) ==
        "no peers, and no tracker to ask: give one with --peer");
  dht.config.dht = true;
  dht.start();
  CHECK(dht.all<FindPeers>().size() == 1);
  const LimitSummary limit = dht.swarm->progress(dht.now).download_limit;
  CHECK(limit.reason == Limit::searching);
  CHECK(limit.detail == "asking the DHT");
  CHECK(dht.swarm->stall_reason(dht.now) == "no peers found yet: asking the DHT");
  all.config.dht = all.config.local_discovery = true;
  all.start(false, {{"http://t"}});
  CHECK(all.swarm->progress(all.now).download_limit.reason == Limit::tracker_silent);
  CHECK(all.swarm->progress(all.now).download_limit.detail ==
        "asking the DHT and the local network, too");
  hidden.config = all.config;
  hidden.metainfo = torrent(true);
  hidden.start();
  CHECK(hidden.all<FindPeers>().empty());
  CHECK(hidden.swarm->progress(hidden.now).download_limit.reason == Limit::no_trackers);
}

TEST_CASE("what limits the rates is told of each peer and of all") {
  const auto limits = [](Fixture& f) {
    std::vector<PeerProgress> rows;
    f.swarm->peers(rows, f.now);
    REQUIRE(rows.size() == 1);
    return std::pair(rows[0].download_limit, rows[0].upload_limit);
  };
  const auto down = [](Fixture& f) { return f.swarm->progress(f.now).download_limit; };
  const auto up = [](Fixture& f) { return f.swarm->progress(f.now).upload_limit; };

  Fixture f;
  f.start(false, {{"http://t/announce"}});
  CHECK(down(f).reason == Limit::tracker_silent);
  AnnounceOutcome failure;
  failure.failure = "gone fishing";
  f.swarm->announce_finished(TrackerId{0}, failure, f.now);
  f.drain();
  CHECK(down(f).reason == Limit::tracker_failed);
  CHECK(down(f).detail == "gone fishing");
  const ConnectionId peer = f.connect(1);
  CHECK(limits(f) == std::pair(Limit::no_piece, Limit::nothing_yet));
  f.receive(peer, wire::HaveAll{});
  CHECK(limits(f).first == Limit::choked);
  CHECK(down(f).reason == Limit::choked);
  CHECK(down(f).of == 1);
  f.receive(peer, wire::Unchoke{});
  auto wanted = f.sent<wire::Request>(peer);
  CHECK(limits(f).first == Limit::window);  // nothing has come yet
  StorePiece store = f.finish_piece(peer, std::move(wanted));
  CHECK(limits(f).first == Limit::line);
  f.swarm->set_limits(0, unlimited, f.now);
  CHECK(down(f).reason == Limit::own_limit);
  f.swarm->set_limits(unlimited, unlimited, f.now);
  f.swarm->piece_stored(store.piece, {StoreResult::no_space, {}, "no room"}, f.now,
                        std::move(store.blocks));
  f.drain();
  CHECK(limits(f).first == Limit::disk);
  CHECK(down(f).reason == Limit::disk);
  CHECK(down(f).detail == "no room");
  f.swarm->disk_recovered(f.now);
  f.drain();
  f.pass(seconds(6));  // all of it overdue, and then the few that it is asked for instead
  f.pass(seconds(25));
  CHECK(limits(f).first == Limit::snubbed);

  Fixture seed;
  seed.config.max_unsent_bytes = 32'768;
  seed.start(true);
  CHECK(up(seed).reason == Limit::no_trackers);
  const ConnectionId taker = seed.connect(1);
  CHECK(limits(seed) == std::pair(Limit::complete, Limit::no_interest));
  seed.receive(taker, wire::Interested{});
  CHECK(limits(seed).second == Limit::no_requests);
  for (std::uint32_t i = 0; i < 4; ++i) seed.receive(taker, wire::Request{0, i * 16'384, 16'384});
  CHECK(limits(seed).second == Limit::receiver);
  CHECK(up(seed).reason == Limit::receiver);
  seed.swarm->set_limits(unlimited, 0, seed.now);
  CHECK(limits(seed).second == Limit::own_limit);
}

TEST_CASE("a peer beyond our slots, and one that is kept back by our limit, are told so") {
  Fixture f;
  f.config.upload_slots_min = f.config.upload_slots_max = 1;
  f.config.upload_limit = f.config.download_limit = 100'000;
  f.start(true);
  for (int i = 1; i <= 3; ++i) f.receive(f.connect(i), wire::Interested{});
  f.pass(seconds(10));
  std::vector<PeerProgress> rows;
  f.swarm->peers(rows, f.now);
  const auto with = [&](Limit limit) {
    return std::count_if(rows.begin(), rows.end(),
                         [&](const PeerProgress& row) { return row.upload_limit == limit; });
  };
  CHECK(with(Limit::no_slot) == 2);
  CHECK(with(Limit::no_requests) == 1);
  const auto unchoked = std::find_if(rows.begin(), rows.end(),
                                     [](const PeerProgress& row) { return !row.am_choking; });
  const ConnectionId served = unchoked->connection;
  for (std::uint32_t i = 0; i < 4; ++i) f.receive(served, wire::Request{0, i * 16'384, 16'384});
  f.swarm->block_sent(served, {PieceIndex{0}, 0, 16'384}, f.now);
  rows.clear();
  f.swarm->peers(rows, f.now);
  CHECK(with(Limit::own_limit) == 1);
  CHECK(f.swarm->progress(f.now).upload_limit.reason == Limit::own_limit);

  Fixture get;
  get.config.download_limit = 100'000;
  get.start();
  get.requests_to_seed(get.connect(1));
  CHECK(get.swarm->progress(get.now).download_limit.reason == Limit::own_limit);
}

}  // namespace
}  // namespace barter
