#include "client/swarm/piece_picker.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <numeric>

namespace barter {

namespace {
// Walked through in any case before a peer's own few pieces are.
constexpr std::uint32_t first_walk = 4096;
}  // namespace

PiecePicker::PiecePicker(std::uint32_t pieces, Random& random)
    : order_(pieces),
      position_(pieces),
      availability_(pieces),
      bounds_{0, pieces},
      pickable_(pieces),
      scatter_(random.next()) {
  std::iota(order_.begin(), order_.end(), 0u);
  random.shuffle(order_);
  for (std::uint32_t i = 0; i < pieces; ++i) position_[order_[i]] = i;
}

void PiecePicker::place(std::uint32_t piece, std::uint32_t index) {
  const std::uint32_t other = order_[index];
  const std::uint32_t from = position_[piece];
  order_[from] = other;
  position_[other] = from;
  order_[index] = piece;
  position_[piece] = index;
}

void PiecePicker::scatter(std::uint32_t piece, std::uint32_t group) {
  const std::uint32_t first = bounds_[group];
  const std::uint32_t last = bounds_[group + 1];
  if (last - first > 1)
    place(piece, first + static_cast<std::uint32_t>(scatter_.below(std::uint64_t{last - first})));
}

void PiecePicker::up(std::uint32_t piece, std::uint32_t group) {
  if (bounds_.size() == group + 2) bounds_.push_back(static_cast<std::uint32_t>(order_.size()));
  place(piece, --bounds_[group + 1]);
}

void PiecePicker::down(std::uint32_t piece, std::uint32_t group) {
  assert(group > 0);
  place(piece, bounds_[group]++);
}

void PiecePicker::peer_joined(const Bitfield& has) {
  for (std::size_t i = has.next_set(0); i < has.size(); i = has.next_set(i + 1))
    peer_gained(PieceIndex{static_cast<std::uint32_t>(i)});
}

void PiecePicker::peer_left(const Bitfield& has) {
  for (std::size_t i = has.next_set(0); i < has.size(); i = has.next_set(i + 1))
    peer_lost(PieceIndex{static_cast<std::uint32_t>(i)});
}

void PiecePicker::peer_gained(PieceIndex piece) {
  const std::uint32_t number = to_number(piece);
  assert(availability_[number] < std::numeric_limits<std::uint16_t>::max());
  if (pickable_.test(number)) {
    const std::uint32_t group = key(number);
    up(number, group);
    scatter(number, group + 1);
  }
  ++availability_[number];
}

void PiecePicker::peer_lost(PieceIndex piece) {
  const std::uint32_t number = to_number(piece);
  assert(availability_[number] > 0);
  if (pickable_.test(number)) {
    const std::uint32_t group = key(number);
    down(number, group);
    scatter(number, group - 1);
  }
  --availability_[number];
}

void PiecePicker::set_pickable(PieceIndex piece, bool pickable) {
  const std::uint32_t number = to_number(piece);
  if (pickable_.test(number) == pickable) return;
  const std::uint32_t groups = std::uint32_t{availability_[number]} + 1;
  if (pickable) {
    for (std::uint32_t group = 0; group < groups; ++group) up(number, group);
    scatter(number, groups);
    pickable_.set(number);
    ++epoch_;
  } else {
    for (std::uint32_t group = groups; group > 0; --group) down(number, group);
    pickable_.clear(number);
  }
}

std::optional<PieceIndex> PiecePicker::rarest_of_few(const Bitfield& has) const {
  std::optional<std::uint32_t> best;
  for (std::size_t i = has.next_set(0); i < has.size(); i = has.next_set(i + 1)) {
    const auto piece = static_cast<std::uint32_t>(i);
    if (!pickable_.test(piece)) continue;
    // Positions grow with the key, and within a group they are the client's own shuffle.
    if (!best || position_[piece] < position_[*best]) best = piece;
  }
  if (!best) return std::nullopt;
  return PieceIndex{*best};
}

std::optional<PieceIndex> PiecePicker::pick(const Bitfield* has, Order order,
                                            Random& random) const {
  const auto end = static_cast<std::uint32_t>(order_.size());
  // What one asks of a peer that is no seed stands in the groups from 2 on: the peer itself has it.
  std::size_t group = has == nullptr ? 1 : 2;
  if (group >= bounds_.size() || (has != nullptr && has->none())) return std::nullopt;
  const std::uint32_t first = bounds_[group];
  if (first == end) return std::nullopt;
  const auto fits = [&](std::uint32_t index) { return has == nullptr || has->test(order_[index]); };
  switch (order) {
    case Order::random: {
      const std::uint32_t start =
          first + static_cast<std::uint32_t>(random.below(std::uint64_t{end - first}));
      for (std::uint32_t i = start; i < end; ++i)
        if (fits(i)) return PieceIndex{order_[i]};
      for (std::uint32_t i = first; i < start; ++i)
        if (fits(i)) return PieceIndex{order_[i]};
      return std::nullopt;
    }
    case Order::commonest:
      for (std::uint32_t i = end; i > first; --i)
        if (fits(i - 1)) return PieceIndex{order_[i - 1]};
      return std::nullopt;
    case Order::rarest: {
      // One of the first fits, most often. Where none does, and the peer has little to offer,
      // walking its few pieces is shorter than walking the groups.
      const bool few = has != nullptr && has->count() * 32 < end - first;
      const std::uint32_t last = few ? std::min(end, first + first_walk) : end;
      for (std::uint32_t i = first; i < last; ++i)
        if (fits(i)) return PieceIndex{order_[i]};
      return few ? rarest_of_few(*has) : std::nullopt;
    }
  }
  return std::nullopt;
}

std::string PiecePicker::broken_invariant() const {
  for (std::uint32_t i = 0; i < order_.size(); ++i)
    if (position_[order_[i]] != i) return "a piece does not stand where it should";
  for (std::uint32_t group = 0; group + 1 < bounds_.size(); ++group)
    for (std::uint32_t i = bounds_[group]; i < bounds_[group + 1]; ++i)
      if (key(order_[i]) != group) return "a piece stands in the wrong group";
  return bounds_.back() == order_.size() ? std::string() : "the groups do not cover all pieces";
}

}  // namespace barter
