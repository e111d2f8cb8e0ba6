#include "client/net/waiting_room.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "client/net/budget.hpp"
#include "client/net/descriptor_plan.hpp"

namespace barter::net {
namespace {

struct Waiters {
  explicit Waiters(WaitingRoomOptions options) : room(options) {}
  // One more from that address; its number.
  std::size_t come(const std::string& address) {
    const std::size_t number = places.size();
    places.push_back(
        room.enter(*Address::parse(address), [this, number] { gone.push_back(number); }));
    return number;
  }
  WaitingRoom room;
  std::vector<WaitingRoom::Place> places;
  std::vector<std::size_t> gone;  // in the order in which they had to go
};

TEST_CASE("an address that waits too often loses the place it has had longest") {
  Waiters waiters({.most = 10, .per_address = 3, .per_local_address = 5});
  const auto other = waiters.come("20.0.0.9");
  const auto first = waiters.come("20.0.0.1");
  for (int i = 0; i < 2; ++i) waiters.come("20.0.0.1");
  CHECK(waiters.gone.empty());
  waiters.come("20.0.0.1");
  CHECK(waiters.gone == std::vector{first});
  waiters.come("20.0.0.1");
  CHECK(waiters.gone == std::vector{first, first + 1});
  CHECK(other == 0);
}

TEST_CASE("an address on the local network may wait more often") {
  Waiters waiters({.most = 10, .per_address = 1, .per_local_address = 3});
  for (int i = 0; i < 3; ++i) waiters.come("192.168.1.7");
  CHECK(waiters.gone.empty());
  waiters.come("192.168.1.7");
  CHECK(waiters.gone.size() == 1);
}

TEST_CASE("when nobody else may wait, the address with most gives way, whoever comes") {
  Waiters waiters({.most = 6, .per_address = 4, .per_local_address = 4});
  waiters.come("20.0.0.1");
  waiters.come("20.0.0.2");
  const auto first = waiters.come("20.0.0.3");
  for (int i = 0; i < 3; ++i) waiters.come("20.0.0.3");
  waiters.come("20.0.0.4");
  CHECK(waiters.gone == std::vector{first});
}

TEST_CASE("a host with a whole /64 is one, and its neighbour another") {
  Waiters waiters({.most = 10, .per_address = 2, .per_local_address = 2});
  waiters.come("2001:db8:0:1::1");
  waiters.come("2001:db8:0:1:ffff::2");
  waiters.come("2001:db8:0:2::1");
  CHECK(waiters.gone.empty());
  waiters.come("2001:db8:0:1:1::3");
  CHECK(waiters.gone == std::vector<std::size_t>{0});
}

TEST_CASE("a place that is given up counts no more, asked to go or not") {
  Waiters waiters({.most = 10, .per_address = 2, .per_local_address = 2});
  waiters.come("20.0.0.1");
  waiters.come("20.0.0.1");
  waiters.places[1] = {};
  waiters.come("20.0.0.1");
  CHECK(waiters.gone.empty());
  waiters.come("20.0.0.1");
  CHECK(waiters.gone == std::vector<std::size_t>{0});
  waiters.places[0] = {};
  CHECK(waiters.room.make_room());
  CHECK(waiters.room.make_room());
  CHECK_FALSE(waiters.room.make_room());  // nobody is asked twice
}

TEST_CASE("a room of no places still lets the newest in") {
  Waiters waiters({.most = 0, .per_address = 1, .per_local_address = 1});
  waiters.come("20.0.0.1");
  waiters.come("20.0.0.2");
  CHECK(waiters.gone == std::vector<std::size_t>{0});
}

TEST_CASE("callers who take all connections leave a share for our own calls") {
  ConnectionBudget budget(16);
  std::vector<ConnectionBudget::Token> incoming, outgoing;
  while (auto token = budget.take(false)) incoming.push_back(std::move(*token));
  CHECK(incoming.size() == 16);
  while (auto token = budget.take(true)) outgoing.push_back(std::move(*token));
  CHECK(outgoing.size() == 3);
  incoming.pop_back();
  CHECK_FALSE(budget.take(false));  // ours count, too
  CHECK(budget.take(true));
  outgoing.clear();
  CHECK(budget.take(false));
}

TEST_CASE("few descriptors are shared out, and many are not cut") {
  const auto total = [](const DescriptorPlan& plan) {
    return ConnectionBudget::most_in_all(plan.connections) + plan.strangers +
           plan.tracker_requests + plan.files;
  };
  for (const std::uint32_t limit : {64U, 100U, 256U, 512U, 1024U, 4096U, 1U << 20}) {
    const auto plan = plan_descriptors(limit, 400);
    INFO(limit);
    CHECK(total(plan) + 32 <= limit);
    CHECK(plan.connections >= 10);
    CHECK(plan.strangers >= 4);
    CHECK(plan.tracker_requests >= 2);
    CHECK(plan.files >= 2);
  }
  const auto usual = plan_descriptors(4096, 400);
  CHECK(usual.connections == 400);
  CHECK(usual.strangers == 200);
  CHECK(usual.files == 64);
  CHECK(plan_descriptors(4096, 10).connections == 10);
}

}  // namespace
}  // namespace barter::net
