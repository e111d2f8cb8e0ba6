#include "client/swarm/first_copy.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <set>

#include "tests/unit/client/swarm_fixture.hpp"

namespace barter {
namespace {

using namespace swarm_test;

const ConnectionId anna{1}, bert{2};

struct Alone {
  Random random{1};
  PiecePicker picker{8, random};
  FirstCopy copy;
  Alone() { copy.update(true, picker, random); }
  std::set<PieceIndex> offers(ConnectionId to) {
    std::set<PieceIndex> out;
    while (const auto piece = copy.offer(to, picker)) out.insert(*piece);
    return out;
  }
};

TEST_CASE("who is alone with all pieces offers each of them once") {
  Alone alone;
  REQUIRE(alone.copy.active());
  std::set<PieceIndex> all;
  for (int i = 0; i < 4; ++i) {
    const auto offered = alone.offers(i % 2 == 0 ? anna : bert);
    CHECK(offered.size() == FirstCopy::ahead);
    for (const PieceIndex piece : offered) {
      CHECK(all.insert(piece).second);
      alone.copy.asked(piece);
    }
  }
  CHECK(all.size() == 8);
  CHECK(alone.offers(anna).empty());
}

TEST_CASE("what others have, or ask for by themselves, is not offered") {
  Alone alone;
  for (std::uint32_t i = 0; i < 6; ++i) alone.picker.peer_gained(PieceIndex{i});
  alone.copy.asked(PieceIndex{6});
  CHECK(alone.offers(anna) == std::set<PieceIndex>{PieceIndex{7}});
}

TEST_CASE("what one peer does not fetch is offered to another") {
  Alone alone;
  const auto first = alone.offers(anna);
  alone.copy.asked(*first.begin());
  alone.copy.dropped(anna);
  for (std::uint32_t i = 0; i < 8; ++i)
    if (first.count(PieceIndex{i}) == 0) alone.copy.asked(PieceIndex{i});
  CHECK(alone.offers(bert) == std::set<PieceIndex>{*first.rbegin()});
}

TEST_CASE(
    "it ends when every piece is with somebody, when there is another seed, or a piece is lost") {
  Alone alone;
  SECTION("a copy is out") {
    for (std::uint32_t i = 0; i < 8; ++i) alone.picker.peer_gained(PieceIndex{i});
    alone.copy.update(true, alone.picker, alone.random);
  }
  SECTION("another seed") {
    alone.picker.seed_joined();
    alone.copy.update(true, alone.picker, alone.random);
  }
  SECTION("a piece is lost") {
    alone.copy.update(false, alone.picker, alone.random);
  }
  CHECK_FALSE(alone.copy.active());
  CHECK(alone.offers(anna).empty());
}

// What has been suggested to whom, by the actions of the last event.
void note(Fixture& fixture, std::map<ConnectionId, std::set<std::uint32_t>>& told) {
  for (const Send* send : fixture.all<Send>())
    if (const auto* message = std::get_if<wire::Suggest>(&send->message))
      CHECK(told[send->connection].insert(message->piece).second);
}

TEST_CASE("a first seed suggests other pieces to each peer, and new ones as they are asked for") {
  Fixture fixture;
  std::map<ConnectionId, std::set<std::uint32_t>> told;
  fixture.start(true);
  const auto one = fixture.connect(1);
  note(fixture, told);
  const auto other = fixture.connect(2);
  note(fixture, told);
  const auto none = fixture.connect(3, false);  // without the Fast extension
  note(fixture, told);
  for (const auto peer : {one, other, none}) {
    fixture.receive(peer, wire::Interested{});
    note(fixture, told);
  }
  fixture.pass(seconds(1));
  note(fixture, told);
  CHECK(told[none].empty());
  REQUIRE(told[one].size() == FirstCopy::ahead);
  REQUIRE(told[other].size() == FirstCopy::ahead);
  const std::uint32_t first = *told[one].begin();
  fixture.receive(one, wire::Request{first, 0, 16384});
  note(fixture, told);
  CHECK(told[one].size() == FirstCopy::ahead + 1);
  fixture.receive(one, wire::Request{first, 16384, 16384});  // nothing new
  note(fixture, told);
  CHECK(told[one].size() == FirstCopy::ahead + 1);
  for (const std::uint32_t piece : told[one]) CHECK(told[other].count(piece) == 0);
}

TEST_CASE("a peer fetches what a seed suggests, as long as nothing is rarer") {
  Fixture fixture;
  fixture.start();
  const auto seed = fixture.connect(1);
  fixture.receive(seed, wire::HaveAll{});
  fixture.receive(seed, wire::Suggest{7});
  SECTION("as rare as all others") {
    fixture.receive(seed, wire::Unchoke{});
    const auto wanted = fixture.sent<wire::Request>(seed);
    REQUIRE_FALSE(wanted.empty());
    CHECK(wanted[0].piece == 7);
  }
  SECTION("somebody else has it") {
    const auto other = fixture.connect(2);
    fixture.receive(other, wire::Have{7});
    fixture.receive(seed, wire::Unchoke{});
    const auto wanted = fixture.sent<wire::Request>(seed);
    REQUIRE_FALSE(wanted.empty());
    for (const auto& message : wanted) CHECK(message.piece != 7);
  }
}

}  // namespace
}  // namespace barter
