#include "dht/search_schedule.hpp"

#include <catch2/catch.hpp>

namespace barter::dht {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const TimePoint start{seconds(1000)};

WireInfoHash hash(int n) {
  WireInfoHash out;
  out.bytes[0] = static_cast<std::byte>(n);
  return out;
}

struct Searches {
  SearchSchedule schedule{{minutes(15), seconds(10), 2}};
  std::uint64_t next = 1;
  // Begins what is due; how many.
  std::vector<std::pair<int, RequestId>> begin(TimePoint now) {
    std::vector<std::pair<int, RequestId>> out;
    while (const auto due = schedule.take_due(now)) {
      out.emplace_back(static_cast<int>(due->bytes[0]), RequestId{next++});
      schedule.began(*due, out.back().second, now);
    }
    return out;
  }
};

TEST_CASE("a search that finds somebody is repeated after the interval, another soon") {
  Searches s;
  CHECK(s.schedule.next_deadline() == never);
  s.schedule.add(hash(1), start);
  auto begun = s.begin(start);
  REQUIRE(begun.size() == 1);
  CHECK(s.begin(start + minutes(60)).empty());  // it is under way
  CHECK(s.schedule.found(hash(1), 2));
  CHECK_FALSE(s.schedule.found(hash(2), 2));
  s.schedule.done(begun[0].second, true, start);
  CHECK(s.schedule.next_deadline() == start + minutes(15));
  CHECK(s.begin(start + minutes(14)).empty());
  TimePoint now = start + minutes(15);
  // In vain: 20 s, 40 s, ... and never less often than the interval.
  s.schedule.remove(hash(1));
  s.schedule.add(hash(1), now);
  for (const Duration pause :
       {Duration(seconds(20)), Duration(seconds(40)), Duration(seconds(80)), Duration(seconds(160)),
        Duration(seconds(320)), Duration(seconds(640)), Duration(minutes(15))}) {
    begun = s.begin(now);
    REQUIRE(begun.size() == 1);
    s.schedule.done(begun[0].second, true, now);
    CHECK(s.schedule.next_deadline() == now + pause);
    now += pause;
  }
}

TEST_CASE("few are searched at once, in the order of their hashes") {
  Searches s;
  for (const int n : {4, 2, 5, 1, 3}) s.schedule.add(hash(n), start);
  auto begun = s.begin(start);
  REQUIRE(begun.size() == 2);
  CHECK(begun[0].first == 1);
  CHECK(begun[1].first == 2);
  CHECK(s.schedule.next_deadline() == never);  // until one of them ends
  s.schedule.done(begun[0].second, true, start);
  begun = s.begin(start);
  REQUIRE(begun.size() == 1);
  CHECK(begun[0].first == 3);
  // Who goes makes room, too.
  CHECK(s.schedule.remove(hash(3)) == begun[0].second);
  CHECK_FALSE(s.schedule.remove(hash(3)));
  begun = s.begin(start);
  REQUIRE(begun.size() == 1);
  CHECK(begun[0].first == 4);
  s.schedule.done(RequestId{999}, true, start);  // of nobody
}

TEST_CASE("with the first nodes all that found nobody is due") {
  Searches s;
  s.schedule.add(hash(1), start);
  s.schedule.add(hash(2), start);
  for (const auto& [n, request] : s.begin(start)) s.schedule.done(request, false, start);
  CHECK(s.begin(start + seconds(5)).empty());
  const auto later = start + seconds(6);
  s.schedule.nodes_known(later);
  auto begun = s.begin(later);
  REQUIRE(begun.size() == 2);
  // One that began before there were nodes fails, and is due at once; the other found somebody.
  s.schedule.nodes_known(later + seconds(1));
  s.schedule.done(begun[0].second, false, later + seconds(2));
  CHECK(s.schedule.next_deadline() == later + seconds(2));
}

}  // namespace
}  // namespace barter::dht
