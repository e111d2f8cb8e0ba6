// Blocks into pieces, pieces into the store: what arrived, what was wrong and whose fault it was,
// and what must leave memory for the spill.
#include <algorithm>
#include <cassert>
#include <utility>

#include "client/swarm/swarm_core.hpp"

namespace barter {

namespace {
// As long as one piece takes to be fetched of one peer, or somewhat
// longer: what is right waits, too.
constexpr Duration doubted_for = std::chrono::seconds(2);
}  // namespace

void Swarm::Core::block_arrived(Peer& peer, BlockRef block, bool asked, BlockBuffer buffer,
                                TimePoint now) {
  OpenPiece* open = open_.find(block.piece);
  const bool welcome =
      asked || (open != nullptr && open->open_to(peer.id) && !must_prove_itself(peer));
  if (open == nullptr || open->phase != OpenPiece::Phase::fetching ||
      !open->is_missing(block.block) || !welcome) {
    wasted_ += buffer.size();
    return;
  }
  const auto holders = open->receive(block.block, std::move(buffer), peer.contributor(), now);
  ++memory_blocks_;
  for (const ConnectionId holder : holders) {
    if (holder == no_connection || holder == peer.id) continue;
    if (Peer* other = find(holder)) withdraw(*other, block, now);
  }
  if (pick_policy_) withdraw_from_all(block, now);
  open_.update(*open);
  // The one that was asked for it alone may go on; if it does not, others shall.
  if (open->is_on_trial() && !open->has_requests()) work_freed_ = true;
  store_if_complete(*open, now);
  if (open->phase != OpenPiece::Phase::fetching) return;
  if (is_large(block.piece)) {
    spill_all(*open);
  } else {
    spill_at_ = std::min(spill_at_, spill_due(*open));
    // What is on its way to the disk gives memory back by itself.
    if (storing_ == 0 && memory_bytes() > open_piece_bytes_) relieve_memory(now);
  }
}

void Swarm::Core::store_if_complete(OpenPiece& open, TimePoint now) {
  if (open.phase != OpenPiece::Phase::fetching || !open.complete() || stopping_) return;
  if (disk_paused_) {
    open.phase = OpenPiece::Phase::waiting;
    open_.update(open);
    return;
  }
  if (doubted(open, now)) return;
  open.phase = OpenPiece::Phase::storing;
  open_.update(open);
  ++storing_;
  StorePiece action;
  action.piece = open.piece();
  action.blocks = open.take_buffers();
  action.want_digests = blame_.wants_digests(open.piece());
  actions_.emplace_back(std::move(action));
}

// Of several peers, and one of them had a part in a piece that was wrong and is being fetched
// again: when that comes right the guilty are known, and what they sent here is fetched again
// before it spoils this piece too.
bool Swarm::Core::doubted(OpenPiece& open, TimePoint now) {
  const auto& senders = open.contributors();
  if (blame_.records() == 0 || senders.size() < 2 || blame_.wants_digests(open.piece()))
    return false;
  if (std::none_of(senders.begin(), senders.end(),
                   [&](const Contributor& one) { return blame_.accused(one.connection); }))
    return false;
  open.doubted_since = std::min(open.doubted_since, now);
  if (open.doubted_since + doubted_for <= now) return false;
  doubt_at_ = std::min(doubt_at_, open.doubted_since + doubted_for);
  return true;
}

void Swarm::Core::store_doubted(TimePoint now) {
  if (std::exchange(doubt_at_, never) == never) return;
  for (const auto& open : open_.all())
    if (open->doubted_since != never) store_if_complete(*open, now);
}

void Swarm::Core::piece_stored(PieceIndex piece, const StoreOutcome& outcome, TimePoint now,
                               std::vector<BlockBuffer> blocks) {
  if (!layout_.piece(to_number(piece))) return;
  OpenPiece* open = open_.find(piece);
  if (open == nullptr || open->phase != OpenPiece::Phase::storing) return;
  --storing_;
  switch (outcome.result) {
    case StoreResult::stored:
      piece_verified(*open, outcome, now);
      break;
    case StoreResult::hash_mismatch:
      piece_was_wrong(*open, outcome, now);
      break;
    case StoreResult::blocks_lost:
      blocks_lost(*open, outcome, std::move(blocks), now);
      break;
    case StoreResult::no_space:
    case StoreResult::io_error:
    case StoreResult::refused:
      disk_failed(*open, outcome, std::move(blocks), now);
      break;
  }
  work_freed_ = true;  // memory, or blocks
  settle(now);
}

void Swarm::Core::piece_verified(OpenPiece& open, const StoreOutcome& outcome, TimePoint now) {
  const PieceIndex piece = open.piece();
  memory_blocks_ -= open.in_memory();
  if (open.contributors().size() == 1)
    if (Peer* peer = find(open.contributors()[0].connection)) peer->suspect = false;
  trust_senders(open);
  open_.close(open);
  for (const auto& guilty : blame_.stored(piece, outcome.block_digests))
    if (guilty.blocks >= config_->bad_blocks_before_ban)
      ban(guilty.contributor, "it sent blocks that differ from the right ones", now);
  store_doubted(now);
  const bool was_needed = needed(piece);
  if (!have_.set(to_number(piece))) return;
  if (was_needed) {
    --needed_count_;
    verified_wanted_bytes_ += content_bytes(piece);
  }
  SendHave action{piece, {}};
  action.connections.reserve(peers_.size());
  for (const auto& peer : peers_) {
    if (peer->closing) continue;
    action.connections.push_back(peer->id);
    peer->last_sent = now;
    if (was_needed && !peer->counted_as_seed && peer->has_piece(piece)) --peer->interesting;
    update_interest(*peer, now);
  }
  if (!action.connections.empty()) actions_.emplace_back(std::move(action));
  notify(PieceVerified{piece});
  check_complete(now);
}

void Swarm::Core::check_complete(TimePoint now) {
  if (!started_ || stopping_ || needed_count_ != 0) return;
  if (!announced_wanted_) {
    announced_wanted_ = true;
    finished_at_ = now;
    for (const auto& peer : peers_) peer->took_only = ungrateful(*peer);
    notify(WantedComplete{});
    want_no_more(now);
    choke_soon(now);
  }
  if (have_.all() && !was_complete_) {
    was_complete_ = true;
    announcer_.set_partial_seed(false, now);
    announcer_.completed(now);
  } else if (!have_.all()) {
    announcer_.set_partial_seed(true, now);
  }
  links_changed_ = true;
}

void Swarm::Core::want_no_more(TimePoint now) {
  leave_seeds(now);
  // BEP 21: those that stay learn of it.
  for (const auto& peer : peers_)
    if (!peer->closing && peer->extended) send(*peer, extension_handshake(*peer), now);
}

void Swarm::Core::piece_was_wrong(OpenPiece& open, const StoreOutcome& outcome, TimePoint now) {
  const PieceIndex piece = open.piece();
  memory_blocks_ -= open.in_memory();
  wasted_ += layout_.piece_size(piece);
  notify(PieceFailed{piece});
  const auto guilty = blame_.failed(open, outcome.block_digests);
  for (const auto& peer : peers_)
    if (peer->trial == piece) peer->trial.reset();
  suspect_senders(open);
  if (open.has_spilled()) actions_.emplace_back(DropSpilled{piece});
  if (needed(piece) && !stopping_) {
    open.reset();
    open.on_trial();
    open.phase = OpenPiece::Phase::fetching;
    open_.update(open);
  } else {
    open_.close(open);
  }
  for (const Contributor& contributor : guilty)
    ban(contributor, "it sent a whole piece that was wrong", now);
  store_doubted(now);
}

// Until one has sent a whole piece that is right it is given pieces alone: if it lies, the next
// that is wrong tells, and the honest are not drawn into it.
void Swarm::Core::suspect_senders(const OpenPiece& open) {
  for (const Contributor& contributor : open.contributors())
    if (Peer* peer = find(contributor.connection)) peer->suspect = true;
}

// What was put aside cannot be read back: it is asked for again, the rest of the piece stays.
void Swarm::Core::blocks_lost(OpenPiece& open, const StoreOutcome& outcome,
                              std::vector<BlockBuffer> blocks, TimePoint now) {
  const std::uint32_t before = open.in_memory();
  open.give_back(std::move(blocks), now);
  memory_blocks_ -= before - open.in_memory();
  open.phase = OpenPiece::Phase::fetching;
  for (const std::uint32_t block : outcome.lost_blocks) {
    if (block >= open.block_count() || !open.lose(block)) continue;
    wasted_ += layout_.block_size({open.piece(), block});
  }
  if (stopping_) return spill_all(open);
  if (!needed(open.piece())) return abandon(open, now);
  open_.update(open);
}

void Swarm::Core::disk_failed(OpenPiece& open, const StoreOutcome& outcome,
                              std::vector<BlockBuffer> blocks, TimePoint now) {
  const std::uint32_t before = open.in_memory();
  open.give_back(std::move(blocks), now);
  memory_blocks_ -= before - open.in_memory();
  open.phase = OpenPiece::Phase::fetching;
  if (!disk_paused_) {
    disk_paused_ = true;
    disk_message_ = outcome.message;
    if (outcome.result == StoreResult::refused) {
      notify(WriteRefused{outcome.message});
    } else {
      notify(DiskTrouble{outcome.message, outcome.result == StoreResult::no_space});
    }
  }
  if (stopping_) {
    spill_all(open);
    return;
  }
  if (open.complete()) open.phase = OpenPiece::Phase::waiting;
  open_.update(open);
}

// Not wanted any more: what was asked for is asked back.
void Swarm::Core::abandon(OpenPiece& open, TimePoint now) {
  const PieceIndex piece = open.piece();
  for (const auto& peer : peers_) {
    if (peer->trial == piece) peer->trial.reset();
    for (std::size_t i = peer->requests.size(); i > 0; --i) {
      const BlockRef block = peer->requests[i - 1].block;
      if (block.piece == piece) withdraw(*peer, block, now);
    }
  }
  memory_blocks_ -= open.in_memory() + open.spilling();
  spilling_ -= open.spilling();
  if (open.has_spilled()) actions_.emplace_back(DropSpilled{piece});
  open_.close(open);
  picker_.set_pickable(piece, needed(piece));
}

// ---- the spill

bool Swarm::Core::is_large(PieceIndex piece) const {
  return spill_works_ && layout_.piece_size(piece) > config_->open_piece_bytes / 4;
}

TimePoint Swarm::Core::spill_due(const OpenPiece& open) const {
  const bool large = layout_.piece_size(open.piece()) >= config_->large_piece;
  return open.in_memory_since() + (large ? config_->spill_large_after : config_->spill_after);
}

void Swarm::Core::spill_all(OpenPiece& open) {
  while (const auto block = open.next_in_memory()) {
    const BlockRef ref{open.piece(), *block};
    actions_.emplace_back(SpillBlock{ref, open.spill(*block)});
    ++spilling_;
  }
}

void Swarm::Core::spill_overdue(TimePoint now) {
  spill_at_ = never;
  if (!spill_works_ || disk_paused_) return;
  for (const auto& open : open_.all()) {
    if (open->phase != OpenPiece::Phase::fetching || open->in_memory() == 0) continue;
    if (spill_due(*open) <= now) spill_all(*open);
    if (open->in_memory() > 0) spill_at_ = std::min(spill_at_, spill_due(*open));
  }
}

// Too much is open: the piece opened first, not yet complete, gives its memory back.
void Swarm::Core::relieve_memory(TimePoint now) {
  for (const auto& open : open_.all()) {
    if (open->phase != OpenPiece::Phase::fetching || open->in_memory() == 0) continue;
    if (open->complete()) continue;  // waits for who sent it to be known
    if (spill_works_ && !disk_paused_) {
      spill_all(*open);
      return;
    }
    // There is no spill: a piece that nobody brings forward any more is given up.
    if (open->has_requests()) continue;
    wasted_ += std::uint64_t{open->in_memory()} * block_length;
    abandon(*open, now);
    work_freed_ = true;
    return;
  }
}

// Spilled, or forgotten where that cannot be. False if it stays.
bool Swarm::Core::give_up_memory(OpenPiece& open, TimePoint now) {
  if (open.phase == OpenPiece::Phase::storing || open.in_memory() == 0) return false;
  if (open.phase == OpenPiece::Phase::fetching && spill_works_ && !disk_paused_) {
    spill_all(open);
    return true;
  }
  wasted_ += std::uint64_t{open.in_memory()} * block_length;
  abandon(open, now);
  return true;
}

void Swarm::Core::memory_short(TimePoint now) {
  memory_was_short_ = true;
  // What is on its way to the disk comes back by itself.
  while (storing_ == 0 &&
         memory_bytes() - std::uint64_t{spilling_} * block_length > open_piece_bytes_ / 2) {
    OpenPiece *least = nullptr, *most = nullptr;  // missing blocks
    for (const auto& open : open_.all()) {
      if (open->phase == OpenPiece::Phase::storing || open->in_memory() == 0) continue;
      if (least == nullptr || open->missing() < least->missing()) least = open.get();
      if (most == nullptr || open->missing() >= most->missing()) most = open.get();
    }
    if (least == most || !give_up_memory(*most, now)) break;
  }
  work_freed_ = true;
  settle(now);
}

void Swarm::Core::block_spilled(BlockRef block, bool kept, TimePoint now, BlockBuffer buffer) {
  if (!layout_.piece(to_number(block.piece))) return;
  OpenPiece* open = open_.find(block.piece);
  if (!kept) spill_works_ = false;
  if (open == nullptr || block.block >= open->block_count()) return;
  const bool stays = !kept && buffer;
  if (stays ? !open->stays(block.block, std::move(buffer), now) : !open->spilled(block.block, kept))
    return;
  --spilling_;
  if (!stays) --memory_blocks_;
  if (!kept && !stays) wasted_ += layout_.block_size(block);
  open_.update(*open);
  store_if_complete(*open, now);
  work_freed_ = true;
  settle(now);
}

}  // namespace barter
