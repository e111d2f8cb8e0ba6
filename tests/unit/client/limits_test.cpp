#include "client/swarm/limits.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace barter;
using namespace std::chrono_literals;

namespace {

SwarmFacts trading() {
  SwarmFacts out;
  out.trading = true;
  out.peers = 1;
  return out;
}

// It serves us as fast as 1 MB/s of line go, 40 ms away, with half a second of requests waiting.
PeerFacts serving() {
  PeerFacts out;
  out.am_interested = true;
  out.peer_choking = false;
  out.requests = 34;
  out.rate = 1'000'000;
  out.delay = 40ms;
  return out;
}

// It has a slot, asks for more, and its connection is empty.
PeerFacts taking() {
  PeerFacts out;
  out.peer_interested = true;
  out.am_choking = false;
  out.uploads_waiting = 3;
  return out;
}

template <class Change>
Limit down(Change change) {
  SwarmFacts swarm = trading();
  PeerFacts peer = serving();
  change(swarm, peer);
  return download_limit(swarm, peer);
}

template <class Change>
Limit up(Change change) {
  SwarmFacts swarm = trading();
  PeerFacts peer = taking();
  change(swarm, peer);
  return upload_limit(swarm, peer);
}

}  // namespace

TEST_CASE("what limits the rate from a peer") {
  CHECK(down([](auto&, auto&) {}) == Limit::line);
  CHECK(down([](auto& swarm, auto&) { swarm.trading = false; }) == Limit::stopped);
  CHECK(down([](auto& swarm, auto&) { swarm.complete = true; }) == Limit::complete);
  CHECK(down([](auto& swarm, auto&) { swarm.disk_trouble = true; }) == Limit::disk);
  CHECK(down([](auto& swarm, auto&) { swarm.download_limit = 0; }) == Limit::own_limit);
  CHECK(down([](auto&, auto& peer) { peer.am_interested = false; }) == Limit::no_piece);
  CHECK(down([](auto&, auto& peer) { peer.peer_choking = true; }) == Limit::choked);
  CHECK(down([](auto&, auto& peer) { peer.snubbed = true; }) == Limit::snubbed);
  CHECK(down([](auto&, auto& peer) { peer.rejects = true; }) == Limit::rejects);
  CHECK(down([](auto&, auto& peer) {
          peer.hungry = true;
          peer.requests = 2;
        }) == Limit::no_blocks);
  CHECK(down([](auto&, auto& peer) {
          peer.hungry = true;
          peer.requests = 0;
        }) == Limit::no_blocks);
  // It has all the rest to bring.
  CHECK(down([](auto&, auto& peer) { peer.hungry = true; }) == Limit::line);
  // Having nothing for us comes before choking us: unchoked, it would give no more.
  CHECK(down([](auto&, auto& peer) {
          peer.am_interested = false;
          peer.peer_choking = true;
        }) == Limit::no_piece);
}

TEST_CASE("the request window limits where no request waits at the peer") {
  const auto with = [](std::size_t requests, std::uint64_t rate, Duration delay) {
    return down([&](auto&, auto& peer) {
      peer.requests = requests;
      peer.rate = rate;
      peer.delay = delay;
    });
  };
  CHECK(with(8, 0, Duration::max()) == Limit::window);  // it was only just asked
  // Ten blocks each 100 ms are all that ten requests can bring.
  CHECK(with(10, 1'638'400, 100ms) == Limit::window);
  CHECK(with(10, 1'400'000, 100ms) == Limit::window);
  CHECK(with(10, 1'200'000, 100ms) == Limit::line);
  CHECK(with(1500, 1'000'000'000, 100us) == Limit::line);
}

TEST_CASE("our own download limit is told where there is no request for its sake") {
  const auto limited = [](std::uint64_t rate, bool hungry, bool ready) {
    return down([&](auto& swarm, auto& peer) {
      swarm.download_limit = 100'000;
      swarm.download_rate = rate;
      swarm.download_ready = ready;
      peer.hungry = hungry;
    });
  };
  CHECK(limited(50'000, true, false) == Limit::own_limit);
  CHECK(limited(50'000, true, true) == Limit::line);
  CHECK(limited(50'000, false, false) == Limit::line);
  CHECK(limited(90'000, false, true) == Limit::own_limit);
  CHECK(limited(89'999, false, true) == Limit::line);
}

TEST_CASE("no room for another piece is the disk's fault while it writes") {
  const auto full = [](bool busy, bool hungry) {
    return down([&](auto& swarm, auto& peer) {
      swarm.may_open = false;
      swarm.disk_busy = busy;
      peer.hungry = hungry;
    });
  };
  CHECK(full(true, true) == Limit::disk);
  CHECK(full(false, true) == Limit::memory);
  CHECK(full(true, false) == Limit::line);  // enough is asked for
}

TEST_CASE("what limits the rate to a peer") {
  CHECK(up([](auto&, auto&) {}) == Limit::receiver);
  CHECK(up([](auto& swarm, auto&) { swarm.trading = false; }) == Limit::stopped);
  CHECK(up([](auto& swarm, auto&) { swarm.empty = true; }) == Limit::nothing_yet);
  CHECK(up([](auto& swarm, auto&) { swarm.upload_limit = 0; }) == Limit::own_limit);
  CHECK(up([](auto&, auto& peer) { peer.peer_interested = false; }) == Limit::no_interest);
  CHECK(up([](auto&, auto& peer) { peer.am_choking = true; }) == Limit::no_slot);
  CHECK(up([](auto&, auto& peer) { peer.uploads_waiting = 0; }) == Limit::no_requests);
  CHECK(up([](auto&, auto& peer) {
          peer.uploads_waiting = 0;
          peer.uploads_handed = 1;
        }) == Limit::receiver);
  const auto limited = [](bool receiver_full) {
    return up([&](auto& swarm, auto& peer) {
      swarm.upload_limit = 100'000;
      swarm.upload_ready = false;
      peer.receiver_full = receiver_full;
    });
  };
  CHECK(limited(false) == Limit::own_limit);
  CHECK(limited(true) == Limit::receiver);  // the limit would let it have more
  CHECK(up([](auto& swarm, auto&) {
          swarm.upload_limit = 100'000;
          swarm.upload_rate = 95'000;
        }) == Limit::own_limit);
  CHECK(up([](auto& swarm, auto& peer) {  // others have it all, and it asks for nothing
          swarm.upload_limit = swarm.upload_rate = 100'000;
          peer.uploads_waiting = 0;
        }) == Limit::no_requests);
}

TEST_CASE("why there is no peer") {
  SwarmFacts swarm = trading();
  swarm.peers = 0;
  const auto reason = [&] {
    CHECK(LimitTally().upload(swarm).reason == LimitTally().download(swarm).reason);
    return LimitTally().download(swarm).reason;
  };
  CHECK(reason() == Limit::no_trackers);
  swarm.searching = true;
  CHECK(reason() == Limit::searching);
  swarm.has_trackers = true;
  CHECK(reason() == Limit::tracker_silent);
  swarm.tracker_failed = true;
  CHECK(reason() == Limit::tracker_failed);
  swarm.tracker_failed = false;
  swarm.tracker_answered = true;
  CHECK(reason() == Limit::no_others);
  swarm.known = 1;
  CHECK(reason() == Limit::unreachable);
  swarm.hung_up = 1;
  CHECK(reason() == Limit::hung_up);
  swarm.connecting = 1;
  CHECK(reason() == Limit::connecting);
  swarm.complete = true;
  CHECK(LimitTally().download(swarm).reason == Limit::complete);
}

TEST_CASE("of a swarm, the reason that costs most is told") {
  SwarmFacts swarm = trading();
  swarm.peers = 6;
  LimitTally tally;
  tally.add(Limit::no_piece, 0);
  tally.add(Limit::no_piece, 0);
  CHECK(tally.download(swarm).reason == Limit::no_piece);
  CHECK(tally.download(swarm).of == 2);
  // One that serves us is as fast as any: nothing is lost, and it is what there is.
  tally.add(Limit::line, 1000);
  CHECK(tally.download(swarm).reason == Limit::line);
  CHECK(tally.download(swarm).peers == 1);
  CHECK(tally.download(swarm).of == 1);
  // One that chokes us might give as much.
  tally.add(Limit::choked, 0);
  CHECK(tally.download(swarm).reason == Limit::choked);
  CHECK(tally.download(swarm).of == 2);
  // Two slow ones cost more than one that gives nothing.
  tally.add(Limit::line, 400);
  tally.add(Limit::line, 300);
  CHECK(tally.download(swarm).reason == Limit::line);
  CHECK(tally.download(swarm).peers == 3);
  CHECK(tally.download(swarm).of == 4);

  swarm.download_limit = 1800;
  swarm.download_rate = 1700;
  CHECK(tally.download(swarm).reason == Limit::own_limit);
  swarm.disk_trouble = true;
  CHECK(tally.download(swarm).reason == Limit::disk);
}

TEST_CASE("while nothing moves, the reason of the most peers is told") {
  SwarmFacts swarm = trading();
  LimitTally tally;
  tally.add(Limit::snubbed, 0);
  tally.add(Limit::choked, 0);
  tally.add(Limit::snubbed, 0);
  CHECK(tally.download(swarm).reason == Limit::snubbed);
  CHECK(tally.download(swarm).peers == 2);
  CHECK(tally.download(swarm).of == 3);
}

TEST_CASE("whom we serve is no loss while somebody is served") {
  SwarmFacts swarm = trading();
  LimitTally tally;
  tally.add(Limit::no_interest, 0);
  CHECK(tally.upload(swarm).reason == Limit::no_interest);
  tally.add(Limit::no_slot, 0);
  tally.add(Limit::no_slot, 0);
  CHECK(tally.upload(swarm).reason == Limit::no_slot);
  CHECK(tally.upload(swarm).of == 2);
  tally.add(Limit::receiver, 1000);
  CHECK(tally.upload(swarm).reason == Limit::receiver);
  tally.add(Limit::no_requests, 100);
  CHECK(tally.upload(swarm).reason == Limit::no_requests);
  CHECK(tally.upload(swarm).of == 2);
  swarm.upload_limit = swarm.upload_rate = 1100;
  CHECK(tally.upload(swarm).reason == Limit::own_limit);
}

TEST_CASE("each reason has a name of its own and words for people") {
  std::set<std::string_view> names, words;
  for (std::size_t i = 0; i < limit_reasons; ++i) {
    const Limit limit{static_cast<std::uint8_t>(i)};
    names.insert(to_string(limit));
    words.insert(describe(limit));
  }
  CHECK(names.size() == limit_reasons);
  CHECK(words.size() == limit_reasons);
  CHECK(names.count("unknown") == 0);
  CHECK(words.count("unknown") == 0);
}
