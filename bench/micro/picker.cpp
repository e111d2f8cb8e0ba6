// The piece picker of a big torrent with many peers, each of which has a fifth of it on average.
#include <stdexcept>

#include "bench/micro/micro.hpp"
#include "client/swarm/piece_picker.hpp"

namespace barter::micro {
namespace {

// Every piece with a chance of `percent`.
Bitfield random_bitfield(std::uint32_t pieces, std::uint64_t percent, Random& random) {
  Bitfield out(pieces);
  for (std::uint32_t i = 0; i < pieces; ++i)
    if (random.chance(percent, 100)) out.set(i);
  return out;
}

// Drawn once, not in every run: 500 million random bits take their time.
const std::vector<Bitfield>& peers_of(const Sizes& sizes) {
  static const std::vector<Bitfield> peers = [&] {
    Random random(3);
    std::vector<Bitfield> out;
    for (std::uint32_t i = 0; i < sizes.peers; ++i)
      out.push_back(random_bitfield(sizes.pieces, 1 + random.below(40), random));
    return out;
  }();
  return peers;
}

// Picks as a swarm does: a piece, which is then not to be picked again.
std::uint32_t pick_all(PiecePicker& picker, const std::vector<Bitfield>& peers,
                       PiecePicker::Order order, std::uint32_t picks, Random& random) {
  std::uint32_t done = 0;
  for (; done < picks; ++done) {
    const auto piece = picker.pick(&peers[done % peers.size()], order, random);
    if (piece) picker.set_pickable(*piece, false);
  }
  return done;
}

}  // namespace

void picker_suite(const Sizes& sizes, Figures& figures) {
  const std::vector<Bitfield>& peers = peers_of(sizes);
  Random random(11);
  PiecePicker picker(sizes.pieces, random);
  for (std::uint32_t i = 0; i < sizes.pieces; ++i) picker.set_pickable(PieceIndex{i}, true);

  measure(figures, "picker: peer joins, per piece it has", [&] {
    std::uint64_t pieces = 0;
    for (const Bitfield& has : peers) {
      picker.peer_joined(has);
      pieces += has.count();
    }
    return pieces;
  });
  std::vector<PieceIndex> gained;
  for (std::uint32_t i = 0; i < sizes.announces; ++i)
    gained.push_back(PieceIndex{static_cast<std::uint32_t>(random.below(sizes.pieces))});
  measure(figures, "picker: have", [&] {
    for (const PieceIndex piece : gained) picker.peer_gained(piece);
    return gained.size();
  });
  for (const PieceIndex piece : gained) picker.peer_lost(piece);
  const Bitfield few = random_bitfield(sizes.pieces, 1, random);
  picker.peer_joined(few);
  measure(figures, "picker: pick of a peer with 1 %", [&] {
    const std::uint32_t picks = sizes.picks / 1000 + 1;
    for (std::uint32_t i = 0; i < picks; ++i)
      keep(picker.pick(&few, PiecePicker::Order::rarest, random));
    return picks;
  });
  picker.peer_left(few);
  measure(figures, "picker: pick the rarest and open it",
          [&] { return pick_all(picker, peers, PiecePicker::Order::rarest, sizes.picks, random); });
  measure(figures, "picker: open a piece and give it back", [&] {
    for (std::uint32_t i = 0; i < sizes.picks; ++i) {
      const PieceIndex piece{static_cast<std::uint32_t>(random.below(sizes.pieces))};
      const bool pickable = picker.pickable(piece);
      picker.set_pickable(piece, !pickable);
      picker.set_pickable(piece, pickable);
    }
    return sizes.picks;
  });
  measure(figures, "picker: pick at random and open it",
          [&] { return pick_all(picker, peers, PiecePicker::Order::random, sizes.picks, random); });
  measure(figures, "picker: peer leaves, per piece it has", [&] {
    picker.peer_left(peers.front());
    return peers.front().count();
  });
  const std::string broken = picker.broken_invariant();
  if (!broken.empty()) throw std::runtime_error(broken);
}

}  // namespace barter::micro
