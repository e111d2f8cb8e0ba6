#include "client/swarm/piece_picker.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <set>

namespace barter {
namespace {

Bitfield bits(std::size_t size, std::initializer_list<std::size_t> set) {
  Bitfield field(size);
  for (const std::size_t bit : set) field.set(bit);
  return field;
}

PiecePicker all_pickable(std::uint32_t pieces, Random& random) {
  PiecePicker picker(pieces, random);
  for (std::uint32_t i = 0; i < pieces; ++i) picker.set_pickable(PieceIndex{i}, true);
  return picker;
}

TEST_CASE("the rarest piece that the peer has is picked") {
  Random random(1);
  PiecePicker picker = all_pickable(4, random);
  const Bitfield a = bits(4, {0, 1, 2}), b = bits(4, {0, 1}), c = bits(4, {0, 3});
  picker.peer_joined(a);
  picker.peer_joined(b);
  picker.peer_joined(c);
  using Order = PiecePicker::Order;
  CHECK(picker.pick(&a, Order::rarest, random) == PieceIndex{2});
  CHECK(picker.pick(&b, Order::rarest, random) == PieceIndex{1});
  CHECK(picker.pick(&c, Order::rarest, random) == PieceIndex{3});
  CHECK(picker.pick(&a, Order::commonest, random) == PieceIndex{0});
  picker.set_pickable(PieceIndex{2}, false);
  CHECK(picker.pick(&a, Order::rarest, random) == PieceIndex{1});
  picker.peer_left(a);
  CHECK(picker.availability(PieceIndex{0}) == 2);
  const Bitfield none(4);
  CHECK(picker.pick(&none, Order::rarest, random) == std::nullopt);
}

TEST_CASE("a seed counts for every piece and moves none") {
  Random random(1);
  PiecePicker picker = all_pickable(100, random);
  picker.seed_joined();
  CHECK(picker.availability(PieceIndex{7}) == 1);
  picker.peer_gained(PieceIndex{7});
  CHECK(picker.availability(PieceIndex{7}) == 2);
  std::set<std::uint32_t> picked;
  for (int i = 0; i < 99; ++i) {
    const auto piece = picker.pick(nullptr, PiecePicker::Order::rarest, random);
    REQUIRE(piece);
    CHECK(*piece != PieceIndex{7});
    picker.set_pickable(*piece, false);
    picked.insert(to_number(*piece));
  }
  CHECK(picked.size() == 99);
  CHECK(picker.pick(nullptr, PiecePicker::Order::rarest, random) == PieceIndex{7});
}

TEST_CASE("equal clients pick different pieces, before and after the same haves") {
  std::set<std::uint32_t> first, after_haves;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Random random(seed);
    PiecePicker picker = all_pickable(1000, random);
    picker.seed_joined();
    first.insert(to_number(*picker.pick(nullptr, PiecePicker::Order::rarest, random)));
    Bitfield has(1000);
    for (std::uint32_t i = 0; i < 1000; ++i) {
      picker.peer_gained(PieceIndex{i});
      has.set(i);
    }
    after_haves.insert(to_number(*picker.pick(&has, PiecePicker::Order::rarest, random)));
  }
  CHECK(first.size() >= 18);
  CHECK(after_haves.size() >= 18);
}

TEST_CASE("the random order is random, and takes all that fits") {
  Random random(5);
  PiecePicker picker = all_pickable(10, random);
  const Bitfield has = bits(10, {2, 5, 9});
  picker.peer_joined(has);
  std::map<std::uint32_t, int> picked;
  for (int i = 0; i < 3000; ++i)
    ++picked[to_number(*picker.pick(&has, PiecePicker::Order::random, random))];
  CHECK(picked.size() == 3);
  for (const auto& [piece, times] : picked) CHECK(times > 200);
}

TEST_CASE("the epoch tells when looking again may help") {
  Random random(5);
  PiecePicker picker = all_pickable(3, random);
  const auto before = picker.epoch();
  picker.set_pickable(PieceIndex{1}, false);
  CHECK(picker.epoch() == before);
  picker.set_pickable(PieceIndex{1}, true);
  CHECK(picker.epoch() != before);
}

TEST_CASE("a peer with a few common pieces of many is asked for the rarest of them") {
  Random random(3);
  constexpr std::uint32_t pieces = 20'000;
  PiecePicker picker = all_pickable(pieces, random);
  Bitfield others(pieces, true);
  const Bitfield few = bits(pieces, {7, 400, 19'999});
  picker.peer_joined(others);  // all are in a group in which `few` has next to nothing
  picker.peer_joined(few);
  picker.peer_gained(PieceIndex{7});
  picker.peer_gained(PieceIndex{19'999});
  CHECK(picker.pick(&few, PiecePicker::Order::rarest, random) == PieceIndex{400});
  picker.set_pickable(PieceIndex{400}, false);
  const auto next = picker.pick(&few, PiecePicker::Order::rarest, random);
  CHECK((next == PieceIndex{7} || next == PieceIndex{19'999}));
}

TEST_CASE("after any history the picks are those of a plain model") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Random random(seed);
    constexpr std::uint32_t pieces = 40;
    PiecePicker picker(pieces, random);
    std::vector<Bitfield> peers;
    std::vector<bool> pickable(pieces);
    for (int step = 0; step < 2000; ++step) {
      const auto piece = static_cast<std::uint32_t>(random.below(pieces));
      switch (random.below(6)) {
        case 0: {
          Bitfield has(pieces);
          for (std::uint32_t i = 0; i < pieces; ++i)
            if (random.chance(1, 3)) has.set(i);
          picker.peer_joined(has);
          peers.push_back(has);
          break;
        }
        case 1:
          if (peers.size() > 5) {
            picker.peer_left(peers.back());
            peers.pop_back();
          }
          break;
        case 2:
        case 3:
          if (!peers.empty() && peers[0].set(piece)) picker.peer_gained(PieceIndex{piece});
          break;
        case 4:
          if (!peers.empty() && peers[0].clear(piece)) picker.peer_lost(PieceIndex{piece});
          break;
        default:
          pickable[piece] = !pickable[piece];
          picker.set_pickable(PieceIndex{piece}, pickable[piece]);
      }
      REQUIRE(picker.broken_invariant().empty());
      for (const Bitfield& peer : peers) {
        std::uint32_t rarest = ~0u;
        for (std::uint32_t i = 0; i < pieces; ++i)
          if (peer.test(i) && pickable[i])
            rarest = std::min(rarest, picker.availability(PieceIndex{i}));
        const auto picked = picker.pick(&peer, PiecePicker::Order::rarest, random);
        REQUIRE(picked.has_value() == (rarest != ~0u));
        if (!picked) continue;
        REQUIRE(peer.test(to_number(*picked)));
        REQUIRE(pickable[to_number(*picked)]);
        REQUIRE(picker.availability(*picked) == rarest);
      }
    }
  }
}

}  // namespace
}  // namespace barter
