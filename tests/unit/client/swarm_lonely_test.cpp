// A seed to which nobody is connected looks for newcomers; who hangs
// up at the handshake is told of.
#include <catch2/catch.hpp>

#include "tests/unit/client/swarm_fixture.hpp"

namespace barter::swarm_test {
namespace {

// Answers what is asked of the tracker; how often that is.
int answer(Fixture& f) {
  std::vector<TrackerId> asked;
  for (const Announce* one : f.all<Announce>()) asked.push_back(one->tracker);
  for (const TrackerId tracker : asked) {
    AnnounceOutcome outcome;
    outcome.ok = true;
    outcome.interval = std::chrono::minutes(30);
    outcome.min_interval = seconds(60);
    f.swarm->announce_finished(tracker, outcome, f.now);
    f.drain();
  }
  return static_cast<int>(asked.size());
}

int announces(Fixture& f, seconds time) {
  int out = 0;
  for (seconds passed{}; passed < time; passed += seconds(10)) {
    f.pass(seconds(10));
    out += answer(f);
  }
  return out;
}

TEST_CASE("a seed asks for newcomers while nobody is connected") {
  Fixture f;
  f.start(true, {{"http://tracker.example/announce"}});
  REQUIRE(answer(f) == 1);
  CHECK(announces(f, seconds(240)) >= 3);
  const ConnectionId peer = f.connect(1);
  f.receive(peer, wire::HaveNone{});
  CHECK(announces(f, seconds(110)) == 0);  // nor has the link been silent for too long
  f.swarm->peer_disconnected(peer, DisconnectReason::closed_by_peer, f.now);
  f.drain();
  CHECK(answer(f) == 1);  // at once: the tracker allows it
  CHECK(announces(f, seconds(240)) >= 2);
  f.swarm->set_limits(unlimited, 0, f.now);
  f.drain();
  CHECK(announces(f, seconds(240)) == 0);  // it would give them nothing
}

}  // namespace
}  // namespace barter::swarm_test
