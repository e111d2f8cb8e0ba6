// What to ask of whom: joins the request windows, the open pieces and the picker.
#include <algorithm>
#include <cassert>

#include "client/swarm/swarm_core.hpp"

namespace barter {

namespace {
// Pieces with free blocks, beyond two for each peer that serves us:
// more would only be left half done.
constexpr std::uint32_t spare_partial_pieces = 4;
// So many wait for the disk before it counts as behind: enough to keep its threads busy.
constexpr std::uint32_t disk_queue_pieces = 4;
// A block is asked for twice only where the second holder is this much faster.
constexpr Duration duplicate_margin = std::chrono::milliseconds(50);
constexpr int duplicate_factor = 4;
constexpr int last_duplicate_factor = 2;  // once all pieces are fetched, or being fetched
constexpr std::size_t duplicate_search_depth = 64;
}  // namespace

std::uint32_t Swarm::Core::request_target(const Peer& peer, TimePoint now) const {
  if (!trading() || disk_paused_ || peer.closing) return 0;
  if (peer.asks_again_at > now) return 0;
  // One that owes us blocks gets no more, but for a single one that shows when it recovers.
  if (peer.snubbed) return 1;
  if (peer.requests.late_count() > 0 && peer.requests.late_count() == peer.requests.size())
    return static_cast<std::uint32_t>(peer.requests.size());
  return peer.requests.window(*config_, peer.extensions.reqq);
}

// Has it been given leave to be asked for what we lack?
bool Swarm::Core::may_be_asked(const Peer& peer) const {
  if (peer.closing || !peer.am_interested) return false;
  return !peer.peer_choking || !peer.allowed_fast.empty();
}

void Swarm::Core::top_up(Peer& peer, TimePoint now) {
  peer.hungry = false;
  if (!may_be_asked(peer)) return;
  if (host_is_busy(peer)) {
    peer.hungry = true;
    return;
  }
  const std::uint32_t target = request_target(peer, now);
  const TimePoint deadline_before = peer.requests.next_late(*config_);
  while (peer.requests.size() < target) {
    if (!download_limiter_.ready(now)) {
      peer.hungry = true;
      download_at_ = std::min(download_at_, download_limiter_.ready_at());
      break;
    }
    if (!request_one(peer, now)) {
      peer.hungry = true;
      break;
    }
  }
  if (deadline_before == never) peers_at_ = std::min(peers_at_, peer_deadline(peer, now));
}

bool Swarm::Core::request_one(Peer& peer, TimePoint now) {
  auto block = choose_block(peer, now);
  // With the disk behind there is work left, only no room for it yet.
  if (!block && may_open() && !must_prove_itself(peer))
    block = pick_policy_ ? second_request(peer, now) : duplicate_slow_block(peer, now);
  if (!block) return false;
  const BlockRange range = layout_.range(*block);
  peer.requests.add(*block, now);
  peer.debt.asked(now);
  peer.unserved.asked();
  download_limiter_.take(range.length, now);
  send(peer, wire::Request{to_number(range.piece), range.begin, range.length}, now);
  return true;
}

// Late blocks go to those that answer: one that let us wait would hold them as long again.
bool Swarm::Core::may_help(const Peer& peer) const {
  return peer.debt.spent() < config_->block_timeout_min;
}

// Blocks that it has not sent back before, and such only if `again`.
std::optional<BlockRef> Swarm::Core::take_from(OpenPiece& open, Peer& peer, bool again) {
  const auto block = open.take(peer.id, {may_help(peer), again});
  if (!block) return std::nullopt;
  open_.update(open);
  peer.current_piece = open.piece();
  return BlockRef{open.piece(), *block};
}

std::optional<BlockRef> Swarm::Core::choose_block(Peer& peer, TimePoint now) {
  if (must_prove_itself(peer)) return trial_block(peer, now);
  if (peer.peer_choking) return choose_while_choked(peer, now);
  // The piece it is on: whole pieces of one peer complete early, and tell who spoiled them.
  if (OpenPiece* open = open_.find(peer.current_piece);
      open != nullptr && peer.has_piece(open->piece()) && (!peer.suspect || open->only_of(peer.id)))
    if (const auto block = take_from(*open, peer, false)) return block;
  // Rarity before completion: a piece is opened if it is rarer than the best of the open ones,
  // within a cap on those that are half done.
  OpenPiece* joined = best_partial(peer, peer.suspect, now);
  const bool none = joined == nullptr || is_foreign(peer, *joined, now);
  if (may_open() && (none || open_.partial().size() < most_partial())) {
    if (const auto fresh = new_piece(peer)) {
      if (none || picker_.availability(*fresh) < picker_.availability(joined->piece())) {
        joined = &open_piece(*fresh);
        if (pick_policy_) pick_policy_->opened(picking(peer, now), *fresh);
      }
      if (peer.suspect && !joined->begun()) joined->on_trial();
      store_if_complete(*joined, now);  // a piece of pads has nothing to be asked for
    }
  }
  if (joined == nullptr && peer.suspect) joined = best_partial(peer, false, now);
  if (joined != nullptr) return take_from(*joined, peer, false);
  if (const auto block = sent_back_block(peer, now)) return block;
  // All memory is held by pieces that this peer cannot bring forward; perhaps nobody can.
  if (storing_ == 0 && spilling_ == 0 && memory_is_full() && new_piece(peer)) relieve_memory(now);
  return std::nullopt;
}

// What it did not serve when it was asked before: if nobody else is there for it.
std::optional<BlockRef> Swarm::Core::sent_back_block(Peer& peer, TimePoint now) {
  for (OpenPiece* open : open_.partial())
    if (peer.has_piece(open->piece()) && open->has_for(peer.id, {false, true}) &&
        !another_waits(peer, open->piece(), now))
      return take_from(*open, peer, true);
  return std::nullopt;
}

// Is there another that has the piece, and nothing else to be asked for?
bool Swarm::Core::another_waits(const Peer& peer, PieceIndex piece, TimePoint now) const {
  return std::any_of(peers_.begin(), peers_.end(), [&](const auto& other) {
    return other.get() != &peer && other->hungry && !other->closing && !other->peer_choking &&
           !other->snubbed && other->asks_again_at <= now && other->has_piece(piece) &&
           !must_prove_itself(*other) && !host_is_busy(*other);
  });
}

std::optional<BlockRef> Swarm::Core::choose_while_choked(Peer& peer, TimePoint now) {
  for (const PieceIndex piece : peer.allowed_fast) {
    if (!peer.has_piece(piece) || !needed(piece)) continue;
    OpenPiece* open = open_.find(piece);
    if (open == nullptr && picker_.pickable(piece) && may_open()) open = &open_piece(piece);
    if (open == nullptr) continue;
    const bool again = !another_waits(peer, piece, now);
    if (const auto block = take_from(*open, peer, again)) return block;
  }
  return std::nullopt;
}

// `alone`: of those that nobody else has a part in.
OpenPiece* Swarm::Core::best_partial(const Peer& peer, bool alone, TimePoint now) const {
  OpenPiece* best = nullptr;
  // A piece that was wrong goes first, to one that answers: so the guilty are known soon.
  const bool answers = peer.requests.rate() > 0 && peer.requests.late_count() == 0 && !peer.snubbed;
  const auto better = [&](const OpenPiece& a, const OpenPiece& b) {
    if (a.is_on_trial() != b.is_on_trial()) return a.is_on_trial() == answers;
    if (pick_policy_ && is_foreign(peer, a, now) != is_foreign(peer, b, now))
      return is_foreign(peer, b, now);
    const std::uint32_t copies_a = picker_.availability(a.piece());
    const std::uint32_t copies_b = picker_.availability(b.piece());
    if (copies_a != copies_b) return copies_a < copies_b;
    if (a.missing() != b.missing()) return a.missing() < b.missing();
    return a.sequence() < b.sequence();
  };
  const bool helps = may_help(peer);
  for (OpenPiece* open : open_.partial()) {
    if (!peer.has_piece(open->piece()) || !open->has_for(peer.id, {helps, false})) continue;
    if (alone && !open->only_of(peer.id)) continue;
    if (best == nullptr || better(*open, *best)) best = open;
  }
  return best;
}

std::optional<PieceIndex> Swarm::Core::new_piece(Peer& peer) {
  if (peer.nothing_at_epoch == picker_.epoch()) return std::nullopt;
  PiecePicker::Order order = PiecePicker::Order::rarest;
  const std::size_t by_chance = pick_policy_ ? pick_policy_->first_by_chance() : 1;
  if (have_.count() < by_chance) order = PiecePicker::Order::random;
  if (peer.snubbed) order = PiecePicker::Order::commonest;
  if (!peer.counted_as_seed && peer.has.none()) return std::nullopt;
  const auto piece = picker_.pick(peer.pieces_or_all(), order, random_);
  if (!piece) {
    peer.nothing_at_epoch = picker_.epoch();
    return piece;
  }
  // What it suggests, if that is as rare: a seed that is alone offers each piece to one peer only.
  while (!peer.suggested.empty()) {
    const PieceIndex other = peer.suggested.front();
    const bool rare = picker_.availability(other) <= picker_.availability(*piece);
    if (rare && picker_.pickable(other) && peer.has_piece(other)) return other;
    peer.suggested.erase(peer.suggested.begin());
  }
  return piece;
}

std::size_t Swarm::Core::most_partial() const {
  return pick_policy_ ? pick_policy_->most_partial(sources_) : 2 * sources_ + spare_partial_pieces;
}

// Once memory was short, what is asked for must find room when it comes. While the disk is behind,
// in a part of the memory: more would only make the queue before the disk longer.
bool Swarm::Core::may_open() const {
  if (memory_is_full()) return false;
  const std::uint64_t storing_bytes = std::uint64_t{storing_} * layout_.piece_length();
  const bool behind = storing_ >= disk_queue_pieces && storing_bytes >= open_piece_bytes_ / 16;
  if (!behind && !memory_was_short_) return true;
  std::uint64_t due = 0;
  // Those that are overdue may never come.
  for (const auto& peer : peers_) due += peer->requests.size() - peer->requests.late_count();
  if (due == 0 && !behind) return true;
  const std::uint64_t room = behind ? open_piece_bytes_ * 3 / 8 : open_piece_bytes_;
  return memory_bytes() + due * block_length < room;
}

// No room for a whole piece: one of 16 MiB may not open when a block fits still.
bool Swarm::Core::memory_is_full() const {
  return memory_bytes() > 0 && memory_bytes() + layout_.piece_length() > open_piece_bytes_;
}

OpenPiece& Swarm::Core::open_piece(PieceIndex piece) {
  picker_.set_pickable(piece, false);
  return open_.open(piece);
}

// Nothing is free: a block that a slower peer holds, if this one would bring it much earlier. So no
// slow or frozen peer holds the last blocks, and there is no end game as a mode of its own.
std::optional<BlockRef> Swarm::Core::duplicate_slow_block(Peer& peer, TimePoint now) {
  if (peer.peer_choking || !may_help(peer)) return std::nullopt;
  const int factor = picker_.pickable_count() > 0 ? duplicate_factor : last_duplicate_factor;
  const auto own = peer.requests.expected(peer.requests.size());
  const Duration own_wait = factor * own.value_or(config_->block_timeout_min) + duplicate_margin;
  Peer* slowest = nullptr;
  Duration longest = own_wait;
  const auto expected = [&](const Peer& other, std::size_t index) {
    // Overdue, or never heard of: as if it never came.
    if (other.requests.late_count() > 0) return Duration::max();
    const auto estimate = other.requests.expected(index);
    return estimate.value_or(now - other.requests[0].sent);
  };
  for (const auto& other : peers_) {
    if (other.get() == &peer || other->closing || other->requests.empty()) continue;
    const Duration wait = expected(*other, other->requests.size() - 1);
    if (wait <= longest) continue;
    longest = wait;
    slowest = other.get();
  }
  if (slowest == nullptr) return std::nullopt;
  const std::size_t size = slowest->requests.size();
  for (std::size_t i = size; i > 0 && size - i < duplicate_search_depth; --i) {
    const BlockRef block = slowest->requests[i - 1].block;
    if (expected(*slowest, i - 1) <= own_wait) return std::nullopt;
    if (!peer.has_piece(block.piece)) continue;
    OpenPiece* open = open_.find(block.piece);
    if (open == nullptr || !open->share(block.block, peer.id)) continue;
    open_.update(*open);
    return block;
  }
  return std::nullopt;
}

// ---- requests that came to nothing

// The peer sent it back.
void Swarm::Core::release(Peer& peer, BlockRef block) {
  peer.requests.remove(block);
  download_limiter_.give_back(layout_.block_size(block));
  OpenPiece* open = open_.find(block.piece);
  if (open == nullptr) return;
  open->release(block.block, peer.id, true);
  open_.update(*open);
  work_freed_ = true;
}

// Requests came back: the peer is not asked again at once, and ever later if it never serves any.
void Swarm::Core::pause_asking(Peer& peer, Duration least, TimePoint now) {
  const Duration pause = std::max(least, peer.unserved.came_back(*config_));
  if (pause == Duration::zero()) return;
  peer.asks_again_at = std::max(peer.asks_again_at, now + pause);
  peers_at_ = std::min(peers_at_, peer.asks_again_at);
}

void Swarm::Core::withdraw(Peer& peer, BlockRef block, TimePoint now) {
  if (!peer.requests.remove(block)) return;
  if (peer.requests.empty()) peer.debt.taken_back(now);
  const BlockRange range = layout_.range(block);
  send(peer, wire::Cancel{to_number(range.piece), range.begin, range.length}, now);
  ++peer.strays_allowed;
  download_limiter_.give_back(range.length);
  mark(peer);
}

void Swarm::Core::release_all(Peer& peer, TimePoint now, bool cancel) {
  work_freed_ = true;  // what was left to it, too
  if (peer.requests.empty()) return;
  for (std::size_t i = 0; i < peer.requests.size(); ++i) {
    const BlockRef block = peer.requests[i].block;
    const BlockRange range = layout_.range(block);
    download_limiter_.give_back(range.length);
    if (cancel) send(peer, wire::Cancel{to_number(range.piece), range.begin, range.length}, now);
    if (OpenPiece* open = open_.find(block.piece)) {
      open->release(block.block, peer.id, !peer.closing);
      open_.update(*open);
    }
  }
  // What is under way may still come, and is welcome.
  peer.strays_allowed += static_cast<std::uint32_t>(peer.requests.size());
  peer.requests.clear();
  peer.debt.taken_back(now);
}

void Swarm::Core::mark_late_requests(Peer& peer, TimePoint now) {
  const bool late_may_be_shared =
      !pick_policy_ || pick_policy_->second_holder() == SecondHolder::when_late;
  while (const auto block = peer.requests.take_late(now, *config_)) {
    OpenPiece* open = open_.find(block->piece);
    if (open == nullptr || !late_may_be_shared) continue;
    // Both holders are overdue: the first has no claim any more. Two that keep silent, or answer
    // other requests, would else hold the block between them while all others wait.
    Peer* other = find(open->other_holder(block->block, peer.id));
    if (other != nullptr && other->requests.is_late(*block)) {
      open->release(block->block, other->id);
      withdraw(*other, *block, now);
    }
    open->mark_late(block->block);
    open_.update(*open);
    work_freed_ = true;
  }
}

}  // namespace barter
