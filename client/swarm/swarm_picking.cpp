// Where other rules than our own for picking take part: only in comparisons (pick_policy.hpp).
#include <algorithm>

#include "client/swarm/swarm_core.hpp"

namespace barter {

namespace {
bool asked_for(const Peer& peer, BlockRef block) {
  for (std::size_t i = 0; i < peer.requests.size(); ++i)
    if (peer.requests[i].block == block) return true;
  return false;
}
}  // namespace

PickingPeer Swarm::Core::picking(const Peer& peer, TimePoint now) const {
  return {peer.id, peer.down.per_second(now), down_.per_second(now)};
}

bool Swarm::Core::is_foreign(const Peer& peer, const OpenPiece& open, TimePoint now) const {
  return pick_policy_ && !pick_policy_->suits(picking(peer, now), open.piece());
}

// Nothing is free for the peer: a block that is asked of another.
std::optional<BlockRef> Swarm::Core::second_request(Peer& peer, TimePoint now) {
  switch (pick_policy_->second_holder()) {
    case SecondHolder::when_late:
      return duplicate_slow_block(peer, now);
    case SecondHolder::end_game:
      return end_game_block(peer);
    case SecondHolder::end_game_once:
      return peer.requests.empty() ? end_game_block(peer) : std::nullopt;
    case SecondHolder::never:
      break;
  }
  return std::nullopt;
}

// By chance, so that not all ask for the same.
std::optional<BlockRef> Swarm::Core::end_game_block(Peer& peer) {
  if (peer.peer_choking || picker_.pickable_count() > 0 || !open_.partial().empty())
    return std::nullopt;
  std::optional<BlockRef> chosen;
  std::uint64_t found = 0;
  for (const auto& open : open_.all()) {
    if (open->phase != OpenPiece::Phase::fetching || !peer.has_piece(open->piece())) continue;
    for (std::uint32_t i = 0; i < open->block_count(); ++i) {
      const BlockRef block{open->piece(), i};
      if (!open->is_missing(i) || asked_for(peer, block)) continue;
      if (random_.below(++found) == 0) chosen = block;
    }
  }
  // A third holder is not among those that the piece remembers: withdraw_from_all() finds it.
  if (chosen) open_.find(chosen->piece)->share(chosen->block, peer.id);
  return chosen;
}

// The block has come of one of them.
void Swarm::Core::withdraw_from_all(BlockRef block, TimePoint now) {
  const SecondHolder rule = pick_policy_->second_holder();
  if (rule != SecondHolder::end_game && rule != SecondHolder::end_game_once) return;
  for (const auto& peer : peers_)
    if (!peer->closing) withdraw(*peer, block, now);
}

}  // namespace barter
