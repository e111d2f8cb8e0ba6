#include "client/swarm/announcer.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

#include "client/swarm/standing.hpp"
#include "client/swarm/swarm.hpp"
#include "tests/unit/client/swarm_fixture.hpp"

namespace barter {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const SwarmConfig config;
const TimePoint now{seconds(1000)};

AnnounceOutcome success(Duration interval = minutes(30)) {
  AnnounceOutcome outcome;
  outcome.ok = true;
  outcome.interval = interval;
  return outcome;
}
AnnounceOutcome failure() {
  AnnounceOutcome outcome;
  outcome.failure = "no route";
  return outcome;
}

TEST_CASE("started, then the interval, then stopped to the one that knows us") {
  Random random(1);
  Announcer announcer({{"a"}}, false, random);
  CHECK(announcer.next_deadline(Need::nothing, config) == never);
  announcer.start(now);
  const auto first = announcer.take_due(Need::nothing, now, config);
  REQUIRE(first);
  CHECK(first->event == AnnounceEvent::started);
  CHECK_FALSE(announcer.take_due(Need::nothing, now, config));  // one is under way
  announcer.outcome(first->tracker, success(), now, config, random);
  CHECK(announcer.next_deadline(Need::nothing, config) == now + minutes(30));
  const auto second = announcer.take_due(Need::nothing, now + minutes(30), config);
  REQUIRE(second);
  CHECK(second->event == AnnounceEvent::none);
  announcer.outcome(second->tracker, success(), now + minutes(30), config, random);
  announcer.stop();
  CHECK_FALSE(announcer.finished());
  const auto last = announcer.take_due(Need::nothing, now + minutes(31), config);
  REQUIRE(last);
  CHECK(last->event == AnnounceEvent::stopped);
  announcer.outcome(last->tracker, failure(), now + minutes(31), config, random);
  CHECK(announcer.finished());
  CHECK(announcer.next_deadline(Need::peers, config) == never);
}

TEST_CASE("a swarm goes on from what another has told trackers") {
  swarm_test::Fixture f;
  f.start(true, {{"a"}});
  REQUIRE(f.all<Announce>().size() == 1);
  CHECK_FALSE(f.swarm->at_rest());  // it waits for the answer
  f.swarm->announce_finished(TrackerId{0}, success(), f.now);
  f.drain();
  const ConnectionId peer = f.connect(1);
  CHECK_FALSE(f.swarm->at_rest());
  f.receive(peer, wire::Interested{});
  f.receive(peer, wire::Request{0, 0, block_length});
  f.swarm->block_sent(peer, {PieceIndex{0}, 0, block_length}, f.now);
  f.swarm->peer_disconnected(peer, DisconnectReason::closed_by_peer, f.now);
  f.drain();
  REQUIRE(f.swarm->at_rest());
  Standing standing = f.swarm->standing();
  CHECK(standing.uploaded == block_length);

  f.swarm =
      std::make_unique<Swarm>(f.metainfo, std::make_shared<SwarmConfig>(f.config),
                              swarm_test::id(100), std::vector<std::vector<std::string>>{{"a"}}, 2);
  f.swarm->pieces_checked(Bitfield(swarm_test::pieces, true), {}, f.now);
  f.swarm->resume(std::move(standing));
  f.swarm->start(f.now);
  f.drain();
  CHECK(f.all<Announce>().empty());  // it was told a moment ago
  CHECK(f.swarm->progress(f.now).uploaded == block_length);
  f.pass(minutes(40));
  REQUIRE(f.all<Announce>().size() == 1);
  CHECK(f.all<Announce>()[0]->event == AnnounceEvent::none);
  CHECK(f.all<Announce>()[0]->uploaded == block_length);
}

TEST_CASE("a seed without peers asks for newcomers every minute, later less often") {
  Random random(1);
  Announcer announcer({{"a"}}, false, random);
  announcer.start(now);
  auto due = announcer.take_due(Need::newcomers, now, config);
  REQUIRE(due);
  announcer.outcome(due->tracker, success(), now, config, random);
  std::vector<Duration> pauses;
  TimePoint time = now;
  for (int i = 0; i < 40; ++i) {
    const TimePoint next = announcer.next_deadline(Need::newcomers, config);
    pauses.push_back(next - time);
    time = next;
    due = announcer.take_due(Need::newcomers, time, config);
    REQUIRE(due);
    CHECK(due->event == AnnounceEvent::none);
    announcer.outcome(due->tracker, success(), time, config, random);
  }
  CHECK(std::is_sorted(pauses.begin(), pauses.end()));
  CHECK(pauses[0] == seconds(60));
  CHECK(pauses[3] == seconds(60));
  CHECK(pauses.back() == minutes(5));
  // When somebody was there it begins anew; while somebody is, the interval holds.
  announcer.fed();
  CHECK(announcer.next_deadline(Need::newcomers, config) == time + seconds(60));
  CHECK(announcer.next_deadline(Need::nothing, config) == time + minutes(30));
  // Never sooner than the tracker allows.
  AnnounceOutcome rarely = success();
  rarely.min_interval = minutes(10);
  due = announcer.take_due(Need::newcomers, time + seconds(60), config);
  REQUIRE(due);
  announcer.outcome(due->tracker, rarely, time + seconds(60), config, random);
  CHECK(announcer.next_deadline(Need::newcomers, config) == time + seconds(60) + minutes(10));
}

TEST_CASE("a seed that a tracker lets ask again soon does so once") {
  Random random(1);
  Announcer announcer({{"a"}}, false, random);
  announcer.start(now);
  auto due = announcer.take_due(Need::newcomers, now, config);
  REQUIRE(due);
  AnnounceOutcome soon = success();
  soon.min_interval = seconds(6);
  announcer.outcome(due->tracker, soon, now, config, random);
  CHECK(announcer.next_deadline(Need::newcomers, config) == now + seconds(6));
  due = announcer.take_due(Need::newcomers, now + seconds(6), config);
  REQUIRE(due);
  announcer.outcome(due->tracker, soon, now + seconds(6), config, random);
  CHECK(announcer.next_deadline(Need::newcomers, config) == now + seconds(66));
}

TEST_CASE("completed is told once, even if it comes before the first answer") {
  Random random(1);
  Announcer announcer({{"a"}}, false, random);
  announcer.start(now);
  const auto first = announcer.take_due(Need::nothing, now, config);
  announcer.completed(now);
  announcer.outcome(first->tracker, success(), now, config, random);
  const auto second = announcer.take_due(Need::nothing, now, config);
  REQUIRE(second);
  CHECK(second->event == AnnounceEvent::completed);
  announcer.outcome(second->tracker, success(), now, config, random);
  CHECK(announcer.take_due(Need::nothing, now + minutes(30), config)->event == AnnounceEvent::none);
}

TEST_CASE("a partial seed is paused in every announce") {
  Random random(1);
  Announcer announcer({{"a"}}, false, random);
  announcer.set_partial_seed(true, now);
  announcer.start(now);
  const auto first = announcer.take_due(Need::nothing, now, config);
  CHECK(first->event == AnnounceEvent::paused);
  announcer.outcome(first->tracker, success(), now, config, random);
  CHECK(announcer.next_deadline(Need::nothing, config) == now + minutes(30));
  CHECK(announcer.take_due(Need::nothing, now + minutes(30), config)->event ==
        AnnounceEvent::paused);
}

TEST_CASE("of a private torrent's trackers one at a time is told, tiers in order") {
  Random random(3);
  Announcer announcer({{"a", "b", "c"}, {"d"}}, true, random);
  announcer.start(now);
  std::vector<TrackerId> order;
  for (int i = 0; i < 4; ++i) {
    const auto due = announcer.take_due(Need::peers, now, config);
    REQUIRE(due);
    CHECK_FALSE(announcer.take_due(Need::peers, now + seconds(7), config));
    CHECK(announcer.next_deadline(Need::peers, config) == now + config.announce_overdue);
    order.push_back(due->tracker);
    announcer.outcome(due->tracker, i == 3 ? success(minutes(10)) : failure(), now, config, random);
  }
  CHECK(order[3] == TrackerId{3});
  CHECK(std::set<TrackerId>(order.begin(), order.end()).size() == 4);
  // At the next announce the first tier has its chance again (BEP 12).
  const auto again = announcer.take_due(Need::nothing, now + minutes(10), config);
  REQUIRE(again);
  CHECK(again->tracker == order[0]);
  CHECK(again->event == AnnounceEvent::started);
  announcer.outcome(again->tracker, failure(), now + minutes(10), config, random);
  const auto next = announcer.take_due(Need::nothing, now + minutes(10), config);
  REQUIRE(next);
  CHECK(next->tracker == order[1]);
  announcer.outcome(next->tracker, success(minutes(10)), now + minutes(10), config, random);
  CHECK(announcer.take_due(Need::nothing, now + minutes(20), config)->tracker == order[1]);
}

TEST_CASE("of a private torrent's trackers a silent one does not keep the next waiting") {
  Random random(1);
  Announcer announcer({{"a"}, {"b"}}, true, random);
  announcer.start(now);
  const TimePoint later = now + config.announce_overdue;
  REQUIRE(announcer.take_due(Need::peers, now, config)->tracker == TrackerId{0});
  CHECK_FALSE(announcer.take_due(Need::peers, later - seconds(1), config));
  CHECK(announcer.next_deadline(Need::peers, config) == later);
  REQUIRE(announcer.take_due(Need::peers, later, config)->tracker == TrackerId{1});
  CHECK_FALSE(announcer.all_failed());

  SECTION("and is as good as failed once the next has answered") {
    CHECK(announcer.outcome(TrackerId{1}, success(minutes(10)), later, config, random));
    const TimePoint next = later + minutes(10);
    CHECK(announcer.next_deadline(Need::nothing, config) == next);
    announcer.outcome(TrackerId{0}, failure(), now + minutes(1), config, random);
    CHECK(announcer.next_deadline(Need::nothing, config) == next);
    CHECK(announcer.last_failure().empty());
  }
  SECTION("a late answer is not used, and told when we go") {
    announcer.outcome(TrackerId{1}, success(minutes(10)), later + seconds(1), config, random);
    CHECK_FALSE(announcer.outcome(TrackerId{0}, success(), later + seconds(2), config, random));
    CHECK(announcer.next_deadline(Need::nothing, config) == later + seconds(1) + minutes(10));
    announcer.stop();
    std::set<TrackerId> farewells;
    while (const auto due = announcer.take_due(Need::nothing, later + seconds(3), config))
      farewells.insert(due->tracker);
    CHECK(farewells.size() == 2);
  }
  SECTION("its answer counts if it comes before that of the next") {
    CHECK(
        announcer.outcome(TrackerId{0}, success(minutes(10)), later + seconds(1), config, random));
    CHECK_FALSE(announcer.outcome(TrackerId{1}, success(), later + seconds(2), config, random));
    CHECK(announcer.next_deadline(Need::nothing, config) == later + seconds(1) + minutes(10));
  }
  SECTION("nobody is asked in vain while all others have failed") {
    announcer.outcome(TrackerId{1}, failure(), later, config, random);
    CHECK_FALSE(announcer.all_failed());
    const TimePoint retry = announcer.next_deadline(Need::peers, config);
    CHECK(retry >= later + config.announce_retry_min);
    REQUIRE(announcer.take_due(Need::peers, retry, config)->tracker == TrackerId{1});
    CHECK(announcer.next_deadline(Need::peers, config) == never);  // there is no third
    announcer.outcome(TrackerId{0}, failure(), retry, config, random);
    CHECK(announcer.all_failed());
  }
}

std::vector<TrackerId> all_due(Announcer& announcer, Need need, TimePoint time) {
  std::vector<TrackerId> out;
  while (const auto due = announcer.take_due(need, time, config)) out.push_back(due->tracker);
  return out;
}

TEST_CASE("a torrent that shows to be private goes on with one tracker at a time") {
  Random random(1);
  Announcer announcer({{"a"}, {"b"}, {"c"}}, false, random);
  announcer.start(now);
  std::set<TrackerId> asked;
  while (const auto due = announcer.take_due(Need::nothing, now, config)) {
    asked.insert(due->tracker);
    announcer.outcome(due->tracker, success(minutes(10)), now, config, random);
  }
  CHECK(asked.size() == 3);
  announcer.take_turns();
  const TimePoint later = now + minutes(10);
  const auto first = announcer.take_due(Need::nothing, later, config);
  REQUIRE(first);
  CHECK(first->tracker == TrackerId{0});
  CHECK_FALSE(announcer.take_due(Need::nothing, later, config));
  announcer.outcome(first->tracker, failure(), later, config, random);
  const auto second = announcer.take_due(Need::nothing, later, config);
  REQUIRE(second);
  CHECK(second->tracker == TrackerId{1});
}

TEST_CASE("the first of each tier is told at once, and each tier goes its own way") {
  Random random(3);
  Announcer announcer({{"a", "b"}, {"c"}, {"d", "e"}}, false, random);
  announcer.start(now);
  const auto first = all_due(announcer, Need::peers, now);
  REQUIRE(first.size() == 3);
  CHECK(first[0] < TrackerId{2});
  CHECK(first[1] == TrackerId{2});
  CHECK(first[2] > TrackerId{2});
  announcer.outcome(first[1], success(minutes(10)), now, config, random);
  announcer.outcome(first[2], success(minutes(20)), now, config, random);
  announcer.outcome(first[0], failure(), now, config, random);
  CHECK(announcer.last_failure().empty());  // others work
  const auto second = all_due(announcer, Need::nothing, now);
  REQUIRE(second.size() == 1);  // the other of the first tier
  CHECK(second[0] != first[0]);
  CHECK(second[0] < TrackerId{2});
  announcer.outcome(second[0], success(minutes(15)), now, config, random);
  CHECK(announcer.next_deadline(Need::nothing, config) == now + minutes(10));
  CHECK(all_due(announcer, Need::nothing, now + minutes(10)) == std::vector{first[1]});
  CHECK(all_due(announcer, Need::nothing, now + minutes(15)) == std::vector{second[0]});
  CHECK(all_due(announcer, Need::nothing, now + minutes(20)) == std::vector{first[2]});
  // All that know us are told when we leave, side by side.
  announcer.stop();
  CHECK(all_due(announcer, Need::nothing, now + minutes(21)).size() == 3);
  CHECK_FALSE(announcer.finished());
  for (const TrackerId id : {first[1], second[0], first[2]}) {
    announcer.outcome(id, success(), now + minutes(21), config, random);
  }
  CHECK(announcer.finished());
}

TEST_CASE("the one that answers comes first in its tier") {
  Random random(3);
  Announcer announcer({{"a", "b", "c"}}, false, random);
  announcer.start(now);
  std::vector<TrackerId> order;
  for (int i = 0; i < 3; ++i) {
    order.push_back(announcer.take_due(Need::nothing, now, config)->tracker);
    announcer.outcome(order.back(), i == 2 ? success(minutes(10)) : failure(), now, config, random);
  }
  CHECK(announcer.take_due(Need::nothing, now + minutes(10), config)->tracker == order[2]);
  announcer.outcome(order[2], failure(), now + minutes(10), config, random);
  CHECK(announcer.take_due(Need::nothing, now + minutes(10), config)->tracker == order[0]);
}

TEST_CASE("completed is told to every tier, once") {
  Random random(1);
  Announcer announcer({{"a"}, {"b"}}, false, random);
  announcer.start(now);
  for (const TrackerId id : all_due(announcer, Need::peers, now)) {
    announcer.outcome(id, success(), now, config, random);
  }
  announcer.completed(now + seconds(1));
  for (int i = 0; i < 2; ++i) {
    const auto due = announcer.take_due(Need::nothing, now + seconds(1), config);
    REQUIRE(due);
    CHECK(due->event == AnnounceEvent::completed);
    announcer.outcome(due->tracker, success(), now + seconds(1), config, random);
  }
  CHECK_FALSE(announcer.take_due(Need::nothing, now + seconds(1), config));
  CHECK(announcer.take_due(Need::nothing, now + minutes(40), config)->event == AnnounceEvent::none);
}

// When the living one of many silent trackers is asked.
Duration until_asked(std::size_t silent, Need need) {
  Random random(7);
  std::vector<std::string> tier(silent + 1, "http://x/");
  Announcer announcer({tier}, false, random);
  announcer.start(now);
  const TrackerId last{static_cast<std::uint16_t>(silent)};
  std::size_t asked = 0;
  for (TimePoint time = now; time != never; time = announcer.next_deadline(need, config)) {
    for (const TrackerId id : all_due(announcer, need, time)) {
      ++asked;
      if (id == last) return time - now;
    }
    REQUIRE(asked <= tier.size());
  }
  return Duration::max();
}

TEST_CASE("300 silent trackers in one tier do not stand before the one that lives") {
  for (const Need need : {Need::peers, Need::nothing}) CHECK(until_asked(300, need) <= seconds(20));
}

TEST_CASE("more of a tier are asked only while nobody answers, and a slow one stays behind") {
  Random random(7);
  Announcer announcer({{"a", "b", "c", "d"}}, false, random);
  announcer.start(now);
  const auto first = all_due(announcer, Need::peers, now);
  REQUIRE(first.size() == 1);
  CHECK(announcer.next_deadline(Need::peers, config) == now + config.announce_patience);
  const TimePoint later = now + config.announce_patience;
  CHECK(all_due(announcer, Need::peers, later - seconds(1)).empty());
  const auto second = all_due(announcer, Need::peers, later);
  REQUIRE(second.size() == 1);
  announcer.outcome(second[0], success(minutes(10)), later + seconds(1), config, random);
  CHECK(announcer.next_deadline(Need::nothing, config) ==
        never);  // one is under way still, and one works
  CHECK(all_due(announcer, Need::nothing, now + minutes(1)).empty());
  announcer.outcome(first[0], success(minutes(5)), now + minutes(1), config, random);
  CHECK(announcer.next_deadline(Need::nothing, config) == later + seconds(1) + minutes(10));
  CHECK(all_due(announcer, Need::nothing, now + minutes(20)) == second);
  // Both know us.
  announcer.outcome(second[0], success(minutes(10)), now + minutes(20), config, random);
  announcer.stop();
  CHECK(all_due(announcer, Need::nothing, now + minutes(21)).size() == 2);
}

TEST_CASE("failures back off, within bounds; never means never") {
  Random random(1);
  Announcer announcer({{"a"}}, false, random);
  announcer.start(now);
  TimePoint time = now;
  Duration last{};
  for (int i = 0; i < 14; ++i) {
    const auto due = announcer.take_due(Need::peers, time, config);
    REQUIRE(due);
    announcer.outcome(due->tracker, failure(), time, config, random);
    const Duration pause = announcer.next_deadline(Need::peers, config) - time;
    CHECK(pause >= config.announce_retry_min);
    CHECK(pause <= config.announce_retry_max * 6 / 5);
    if (i < 6) CHECK(pause > last);
    last = pause;
    time += pause;
  }
  const auto due = announcer.take_due(Need::peers, time, config);
  AnnounceOutcome never_again = failure();
  never_again.retryable = false;
  announcer.outcome(due->tracker, never_again, time, config, random);
  CHECK(announcer.next_deadline(Need::peers, config) == never);
}

TEST_CASE("what a tracker asks for is clamped") {
  Random random(1);
  Announcer announcer({{"a"}}, false, random);
  announcer.start(now);
  auto due = announcer.take_due(Need::nothing, now, config);
  announcer.outcome(due->tracker, success(seconds(0)), now, config, random);
  CHECK(announcer.next_deadline(Need::nothing, config) == now + config.announce_interval_min);
  due = announcer.take_due(Need::nothing, now + minutes(1), config);
  announcer.outcome(due->tracker, success(std::chrono::hours(9000)), now, config, random);
  CHECK(announcer.next_deadline(Need::nothing, config) == now + config.announce_interval_max);
}

TEST_CASE("without peers it asks sooner, ever less often, never sooner than the tracker allows") {
  Random random(1);
  Announcer announcer({{"a"}}, false, random);
  announcer.start(now);
  TimePoint time = now;
  auto due = announcer.take_due(Need::peers, time, config);
  AnnounceOutcome outcome = success();
  outcome.min_interval = seconds(12);
  announcer.outcome(due->tracker, outcome, time, config, random);
  std::vector<Duration> pauses;
  for (int i = 0; i < 5; ++i) {
    const TimePoint next = announcer.next_deadline(Need::peers, config);
    pauses.push_back(next - time);
    time = next;
    due = announcer.take_due(Need::peers, time, config);
    REQUIRE(due);
    announcer.outcome(due->tracker, outcome, time, config, random);
  }
  CHECK(pauses[0] == seconds(12));
  CHECK(pauses[4] == seconds(80));
}

TEST_CASE("a famine after a meal is announced sooner again, never sooner than the tracker allows") {
  Random random(1);
  Announcer announcer({{"a"}}, false, random);
  announcer.start(now);
  TimePoint time = now;
  for (int i = 0; i < 8; ++i) {
    const auto due = announcer.take_due(Need::peers, time, config);
    REQUIRE(due);
    announcer.outcome(due->tracker, success(), time, config, random);
    time = announcer.next_deadline(Need::peers, config);
  }
  const TimePoint answered = time;
  const auto due = announcer.take_due(Need::peers, time, config);
  AnnounceOutcome outcome = success();
  announcer.outcome(due->tracker, outcome, time, config, random);
  CHECK(announcer.next_deadline(Need::peers, config) >= answered + minutes(10));
  announcer.fed();
  CHECK(announcer.next_deadline(Need::peers, config) == answered + seconds(40));
  CHECK(announcer.next_deadline(Need::nothing, config) == answered + minutes(30));
}

TEST_CASE("a change of address is told as soon as each tracker allows, to those that failed, too") {
  Random random(1);
  Announcer announcer({{"a"}, {"b"}, {"c"}, {"d"}}, false, random);
  announcer.start(now);
  const auto all = all_due(announcer, Need::peers, now);
  REQUIRE(all.size() == 4);
  announcer.outcome(all[0], success(), now, config, random);
  AnnounceOutcome slow = success();
  slow.min_interval = minutes(5);
  announcer.outcome(all[1], slow, now, config, random);
  announcer.outcome(all[2], failure(), now, config, random);
  AnnounceOutcome later = failure();
  later.retry_in = minutes(20);
  announcer.outcome(all[3], later, now, config, random);
  const TimePoint change = now + seconds(1);
  CHECK(all_due(announcer, Need::nothing, change).empty());
  announcer.address_changed(change);
  CHECK(all_due(announcer, Need::nothing, change) == std::vector{all[0], all[2]});
  for (const TrackerId id : {all[0], all[2]}) {
    announcer.outcome(id, success(), change, config, random);
  }
  CHECK(announcer.next_deadline(Need::nothing, config) == now + minutes(5));
  CHECK(all_due(announcer, Need::nothing, now + minutes(5)) == std::vector{all[1]});
}

TEST_CASE("a message is new once") {
  Random random(1);
  Announcer announcer({{"a"}}, false, random);
  CHECK(announcer.message_changed(TrackerId{0}, "x"));
  CHECK_FALSE(announcer.message_changed(TrackerId{0}, "x"));
  CHECK(announcer.message_changed(TrackerId{0}, "y"));
}

}  // namespace
}  // namespace barter
