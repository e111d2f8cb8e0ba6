#include "client/swarm/passed_on.hpp"

namespace barter {

namespace {
// Of eight pieces one is expected to be passed on: some go to others through us as well, and slow
// lines take their time.
constexpr std::uint32_t least_share = 8;
// A fast peer among slow ones cannot pass on all it gets: who does a sixteenth of what the others
// do is not blamed.
constexpr std::uint32_t least_of_others = 16;
constexpr std::uint32_t least_others = 2;
constexpr std::uint32_t usual_passed = 2;  // by each of the others, or nothing is known yet
// Of a piece that tells nothing any more: passed on, or sent to more than one.
constexpr ConnectionId settled{0xfffffffe};
}  // namespace

void PassedOn::sent(ConnectionId to, PieceIndex piece, bool nobody_has_it, TimePoint now) {
  if (forget_at_ == never) forget_at_ = now + half_life;
  if (now >= forget_at_) forget_half(now);
  const std::uint32_t number = to_number(piece);
  if (number >= given_to_.size()) given_to_.resize(number + 1, no_connection);
  ConnectionId& giver = given_to_[number];
  if (giver == to) return;
  if (giver != no_connection || !nobody_has_it) {
    giver = settled;
    return;
  }
  giver = to;
  Record& record = records_[to];
  if (++record.given == start_pieces) record.started = now;
}

void PassedOn::gained(ConnectionId peer, PieceIndex piece) {
  const std::uint32_t number = to_number(piece);
  if (number >= given_to_.size()) return;
  ConnectionId& giver = given_to_[number];
  if (giver == no_connection || giver == settled || giver == peer) return;
  const auto record = records_.find(giver);
  if (record != records_.end()) ++record->second.passed;
  giver = settled;
}

void PassedOn::left(ConnectionId peer) {
  records_.erase(peer);
}

bool PassedOn::keeps(ConnectionId peer, TimePoint now) const {
  const auto found = records_.find(peer);
  if (found == records_.end() || now >= forget_at_) return false;
  const Record& record = found->second;
  if (record.given < start_pieces || now < record.started + time_to_pass_on) return false;
  if (record.passed * least_share >= record.given) return false;
  std::uint32_t others = 0, passed = 0;
  for (const auto& [connection, other] : records_) {
    if (connection == peer) continue;
    ++others;
    passed += other.passed;
  }
  return others >= least_others && passed >= usual_passed * others &&
         record.passed * least_of_others * others < passed;
}

void PassedOn::forget_half(TimePoint now) {
  forget_at_ = now + half_life;
  for (auto& [connection, record] : records_) {
    record.given /= 2;
    record.passed /= 2;
  }
}

}  // namespace barter
