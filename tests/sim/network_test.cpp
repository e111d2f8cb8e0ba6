// The network alone: the order of events, of what a link sends, and TCP's first round trips.
#include "sim/network.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

#include "torrent/random.hpp"

namespace barter::sim {
namespace {

using std::chrono::milliseconds;

TimePoint at(std::uint64_t nanoseconds) {
  return TimePoint(Duration(nanoseconds));
}

// The next event, which the network was told of; arrivals are the caller's.
Event next(EventQueue& events, Network& network, TimePoint& now) {
  const Event event = events.pop();
  now = event.time;
  if (event.kind == EventKind::pump) network.on_pump(event.a, now);
  if (event.kind == EventKind::ready) network.on_ready(event.a, now);
  return event;
}

TEST_CASE("events come in order of time, and of being added", "[sim][network]") {
  Random random(1);
  EventQueue queue;
  std::vector<Event> expected;
  std::uint32_t added = 0;
  std::uint64_t now = 0;
  for (int round = 0; round < 3000; ++round) {
    const auto pushes = random.below(6);
    for (std::uint64_t i = 0; i < pushes; ++i) {
      const std::uint64_t ahead = random.below(std::uint64_t{1} << random.below(40)) & ~7ull;
      const Event event{at(now + ahead), EventKind::wake, added++, 0};
      queue.push(event);
      expected.push_back(event);
    }
    std::stable_sort(expected.begin(), expected.end(),
                     [](const Event& a, const Event& b) { return a.time < b.time; });
    // Looking ahead must not forbid to add something earlier.
    if (!queue.empty() && random.chance(1, 3)) CHECK(queue.next_time() == expected.front().time);
    for (std::uint64_t pops = random.below(6); pops > 0 && !queue.empty(); --pops) {
      const Event event = queue.pop();
      REQUIRE(event.time == expected.front().time);
      REQUIRE(event.a == expected.front().a);
      expected.erase(expected.begin());
      now = static_cast<std::uint64_t>(event.time.time_since_epoch().count());
    }
    REQUIRE(queue.size() == expected.size());
  }
}

// A link between two equal nodes, and what arrives at the second.
struct Bench {
  struct Arrival {
    double seconds;
    bool block;
    std::uint32_t begin;      // of a block
    wire::Message message{};  // else
  };

  explicit Bench(const WorldOptions& options, std::uint64_t rate = 125'000'000,
                 Duration delay = milliseconds(25))
      : network(events, options) {
    const NodeOptions node{.up = rate, .down = rate, .delay = delay};
    network.add_line(node);
    network.add_line(node);
    end = network.make_link(0, 1);
  }
  void blocks(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i)
      network.send_block(end, {PieceIndex{0}, i * block_length, block_length});
  }
  void push(TimePoint now) {
    do {
      network.flush(0, sent, now);
      network.pump(0, now);
    } while (network.dirty(0));
  }
  void run() {
    push(now);
    while (!events.empty()) {
      const Event event = next(events, network, now);
      if (event.kind == EventKind::arrive) take(event);
      push(now);
    }
  }
  void take(const Event& event) {
    Items& items = network.items();
    for (std::uint32_t item = event.b; item != no_item;) {
      const std::uint32_t next = items.next(item);
      const double seconds = std::chrono::duration<double>(now.time_since_epoch()).count();
      if (items.is_block(item)) {
        arrived.push_back({seconds, true, items.block(item).begin});
      } else {
        arrived.push_back({seconds, false, 0, items.message(item)});
      }
      items.free(item);
      item = next;
    }
    network.let_go(event.a);
  }

  EventQueue events;
  Network network;
  std::uint32_t end = 0;
  TimePoint now{};
  std::vector<Network::Sent> sent;
  std::vector<Arrival> arrived;
};

TEST_CASE("a window starts at ten segments and doubles each round trip", "[sim][network]") {
  Bench bench({.queue = milliseconds(1)});
  bench.blocks(100);
  bench.run();
  REQUIRE(bench.arrived.size() == 100);
  // After n round trips of 100 ms: 14480 x (2^(n + 1) - 1) bytes have gone, and half a trip later
  // they are there.
  for (const int trips : {0, 1, 2, 3, 4, 5}) {
    const double by = 0.05 + 0.1 * trips + 0.09;
    const auto there = std::count_if(bench.arrived.begin(), bench.arrived.end(),
                                     [&](const auto& one) { return one.seconds < by; });
    const auto bytes = 14'480 * ((2l << trips) - 1);
    CHECK(there == std::min(100l, bytes / (block_length + 13)));
  }
}

TEST_CASE("without slow start a line is full at once", "[sim][network]") {
  Bench bench({.slow_start = false, .queue = milliseconds(1)});
  bench.blocks(1000);
  bench.run();
  REQUIRE(bench.arrived.size() == 1000);
  const double line = 1000.0 * (block_length + 13) / 125e6;
  CHECK(bench.arrived.back().seconds == Approx(0.05 + line).epsilon(0.01));
}

TEST_CASE("a pause makes the window small again", "[sim][network]") {
  Bench bench({.queue = milliseconds(1)}, 2'500'000);
  bench.blocks(200);
  bench.run();
  const double first = bench.arrived.back().seconds;
  bench.now += std::chrono::seconds(5);
  const TimePoint again = bench.now;
  bench.arrived.clear();
  bench.blocks(1);
  bench.run();
  const double took = bench.arrived.back().seconds -
                      std::chrono::duration<double>(again.time_since_epoch()).count();
  CHECK(first > 1);
  CHECK(took > 0.145);  // it does not fit into ten segments: one more round trip
}

TEST_CASE("messages overtake blocks that have not begun, a choke does not", "[sim][network]") {
  Bench bench({.slow_start = false, .queue = milliseconds(1)}, 1'000'000);
  bench.blocks(40);  // far more than a socket holds
  bench.push(bench.now);
  const auto begun = bench.sent.size();
  REQUIRE(begun > 1);
  REQUIRE(begun < 5);  // 32 KiB and what is on the line
  bench.network.send(bench.end, wire::Have{7});
  bench.network.send(bench.end, wire::Choke{});
  bench.network.send(bench.end, wire::Interested{});
  bench.run();
  REQUIRE(bench.arrived.size() == 43);
  const auto place = [&]<class Message>(Message) {
    return std::find_if(bench.arrived.begin(), bench.arrived.end(),
                        [](const auto& one) {
                          return !one.block && std::holds_alternative<Message>(one.message);
                        }) -
           bench.arrived.begin();
  };
  CHECK(place(wire::Have{}) >= static_cast<std::ptrdiff_t>(begun));
  CHECK(place(wire::Have{}) < 16);
  CHECK(place(wire::Choke{}) == 41);
  CHECK(place(wire::Interested{}) == 42);
}

TEST_CASE("blocks can be taken back until they begin", "[sim][network]") {
  Bench bench({.slow_start = false, .queue = milliseconds(1)}, 1'000'000);
  bench.blocks(40);
  bench.push(bench.now);
  CHECK_FALSE(bench.network.take_back(bench.end, {PieceIndex{0}, 0, block_length}));
  CHECK(bench.network.take_back(bench.end, {PieceIndex{0}, 39 * block_length, block_length}));
  CHECK_FALSE(bench.network.take_back(bench.end, {PieceIndex{0}, 39 * block_length, block_length}));
  bench.run();
  CHECK(bench.arrived.size() == 39);
}

TEST_CASE("packets and acknowledgements take their share", "[sim][network]") {
  Bench plain({.slow_start = false}, 1'000'000);
  Bench framed({.frames = true, .slow_start = false}, 1'000'000);
  for (Bench* bench : {&plain, &framed}) {
    bench->blocks(500);
    bench->run();
  }
  const double ratio =
      (framed.arrived.back().seconds - 0.05) / (plain.arrived.back().seconds - 0.05);
  CHECK(ratio == Approx(1514.0 / 1448).epsilon(0.01));
  CHECK(framed.network.line(1).sums.headers == 500 * 6 * 66);
}

TEST_CASE("those who fill a downlink share it", "[sim][network]") {
  constexpr std::uint32_t senders = 5, blocks = 200;
  EventQueue events;
  WorldOptions options{.slow_start = false, .queue = milliseconds(2)};
  Network network(events, options);
  network.add_line({.up = 100'000'000, .down = 100'000'000});
  std::vector<std::uint32_t> ends;
  for (std::uint32_t i = 1; i <= senders; ++i) {
    // Each a little slower than the one before, so that they do not come by turns by themselves.
    network.add_line({.up = 100'000'000 - i * 1'000'000, .down = 100'000'000});
    ends.push_back(network.make_link(i, 0));
    for (std::uint32_t j = 0; j < blocks; ++j)
      network.send_block(ends.back(), {PieceIndex{0}, j * block_length, block_length});
  }
  std::vector<std::uint32_t> arrived(senders);
  std::vector<Network::Sent> sent;
  TimePoint now{};
  const auto push = [&] {
    for (std::uint32_t i = 1; i <= senders; ++i) do {
        network.flush(i, sent, now);
        network.pump(i, now);
      } while (network.dirty(i));
  };
  for (push(); !events.empty(); push()) {
    const Event event = next(events, network, now);
    if (event.kind != EventKind::arrive) continue;
    for (std::uint32_t i = 0; i < senders; ++i) arrived[i] += (ends[i] ^ 1) == event.a;
    const auto [least, most] = std::minmax_element(arrived.begin(), arrived.end());
    CHECK(*most - *least <= 14);  // the first filled the queue, of twelve blocks, at the start
    network.items().free(event.b);
    network.let_go(event.a);
  }
  CHECK(arrived == std::vector<std::uint32_t>(senders, blocks));
  // At the speed of the downlink.
  const double seconds = std::chrono::duration<double>(now.time_since_epoch()).count();
  const double path = 0.04;
  CHECK(seconds == Approx(path + senders * blocks * block_length / 1e8).epsilon(0.01));
}

TEST_CASE("a full downlink holds its senders back", "[sim][network]") {
  EventQueue events;
  WorldOptions options{.slow_start = false, .queue = milliseconds(10)};
  Network network(events, options);
  network.add_line({.up = 10'000'000, .down = 10'000'000});
  network.add_line({.up = 10'000'000, .down = 1'000'000});
  const std::uint32_t end = network.make_link(0, 1);
  for (std::uint32_t i = 0; i < 100; ++i)
    network.send_block(end, {PieceIndex{0}, i * block_length, block_length});
  std::vector<Network::Sent> sent;
  TimePoint now{}, last{};
  const auto push = [&] {
    do {
      network.flush(0, sent, now);
      network.pump(0, now);
    } while (network.dirty(0));
  };
  for (push(); !events.empty(); push()) {
    const Event event = next(events, network, now);
    if (event.kind != EventKind::arrive) continue;
    last = now;
    // Never more under way than the queue holds, and the block that has its place behind it.
    CHECK(network.line(1).down_backlog < milliseconds(10 + 3 * 17));
    network.items().free(event.b);
    network.let_go(event.a);
  }
  const double seconds = std::chrono::duration<double>(last.time_since_epoch()).count();
  CHECK(seconds == Approx(0.04 + 100 * (block_length + 13) / 1e6).epsilon(0.03));
}

}  // namespace
}  // namespace barter::sim
