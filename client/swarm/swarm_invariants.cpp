// What must always hold between the tables of the Core; walked by the simulator and the fuzzer.
#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "client/swarm/swarm_core.hpp"

namespace barter {

// Wanted pieces, an unchoked peer that has one, nothing asked of it: then there must be a reason
// that ends by an event to come or by a time of ours.
std::string Swarm::Core::idle_without_reason(const Peer& peer) const {
  if (!trading() || metadata_ || disk_paused_) return {};
  if (!peer.am_interested || peer.peer_choking || !peer.requests.empty()) return {};
  if (peer.asks_again_at != TimePoint{})
    return peers_at_ <= peer.asks_again_at ? "" : "nobody will look again at a peer that pauses";
  if (must_prove_itself(peer) || host_is_busy(peer)) return {};  // it waits for its turn
  if (!peer.hungry) return "an idle peer was not looked at";
  if (download_limiter_.limit() == 0 || download_at_ != never) return {};
  bool others_asked = false, others_waited_for = false;
  for (const auto& other : peers_) {
    others_asked = others_asked || !other->requests.empty();
    others_waited_for = others_waited_for || (other.get() != &peer && !other->peer_choking &&
                                              (other->hungry || !other->requests.empty()));
  }
  const bool memory_comes_back =
      storing_ > 0 || spilling_ > 0 || others_asked || doubt_at_ != never;
  if (!may_open() && memory_comes_back) return {};
  for (std::uint32_t i = 0; i < layout_.piece_count(); ++i)
    if (picker_.pickable(PieceIndex{i}) && peer.has_piece(PieceIndex{i}))
      return fmt::format("a peer is idle, and piece {} could be asked of it", i);
  for (const OpenPiece* open : open_.partial()) {
    if (!peer.has_piece(open->piece())) continue;
    const bool fresh = open->has_for(peer.id, {false, false});
    if (fresh || (!others_waited_for && open->has_for(peer.id, {false, true})))
      return fmt::format("a peer is idle, and piece {} is not asked of it",
                         to_number(open->piece()));
  }
  return {};
}

std::string Swarm::Core::broken_invariant() const {
  const std::uint32_t pieces = layout_.piece_count();
  std::vector<std::uint32_t> copies(pieces);
  std::uint32_t seeds = 0, sources = 0;
  if (!std::equal(peers_.begin(), peers_.end(), ids_.begin(), ids_.end(),
                  [](const auto& peer, ConnectionId id) { return peer->id == id; }))
    return "the list of connections does not follow the peers";
  for (const auto& peer : peers_) {
    if (peer->closing) return "a closing peer outlived its event";
    if (peer->marked) return "a marked peer was not looked at";
    if (peer->counted_as_seed && peer->has.size() != 0) return "a seed has a bitfield";
    if (peer->counted_as_seed) ++seeds;
    if (!peer->peer_choking) ++sources;
    std::uint32_t interesting = 0;
    for (std::uint32_t i = 0; i < pieces; ++i) {
      if (!peer->has_piece(PieceIndex{i})) continue;
      ++copies[i];
      if (needed(PieceIndex{i})) ++interesting;
    }
    if (!peer->counted_as_seed && interesting != peer->interesting)
      return fmt::format("a peer's interesting pieces are {}, counted {}", interesting,
                         peer->interesting);
    if (peer->am_interested != (interesting > 0)) return "interest does not follow the pieces";
    if (peer->requests.size() > std::max(config_->max_requests, 1u)) return "too many requests";
    if (peer->uploads.size() > config_->max_incoming_requests) return "too many incoming requests";
    std::uint64_t unsent = 0;
    for (std::size_t i = 0; i < peer->uploads.handed(); ++i)
      unsent += peer->uploads.handed(i).length;
    if (unsent != peer->uploads.unsent_bytes()) return "unsent bytes are miscounted";
    if (peer->requests.empty() != (peer->debt.since() == never)) return "a debt without requests";
    for (std::size_t i = 0; i < peer->requests.size(); ++i) {
      const BlockRef block = peer->requests[i].block;
      if (have_.test(to_number(block.piece))) return "a block is due of a piece that we have";
    }
    if (const std::string idle = idle_without_reason(*peer); !idle.empty()) return idle;
  }
  if (sources != sources_) return fmt::format("{} sources, counted {}", sources, sources_);
  if (seeds != picker_.seeds()) return fmt::format("{} seeds, counted {}", seeds, picker_.seeds());
  if (metadata_) {
    if (const std::string broken = metadata_->broken_invariant(); !broken.empty()) return broken;
  }
  std::uint32_t needed_pieces = 0;
  for (std::uint32_t i = 0; i < pieces; ++i) {
    const PieceIndex piece{i};
    if (copies[i] != picker_.availability(piece))
      return fmt::format("piece {} is at {} peers, counted {}", i, copies[i],
                         picker_.availability(piece));
    if (needed(piece)) ++needed_pieces;
  }
  if (needed_pieces != needed_count_) return "needed pieces are miscounted";
  std::uint64_t blocks = 0;
  std::uint32_t storing = 0, spilling = 0;
  for (const auto& open : open_.all()) {
    if (picker_.pickable(open->piece())) return "an open piece is pickable";
    if (have_.test(to_number(open->piece()))) return "a piece that we have is open";
    blocks += open->in_memory() + open->spilling();
    spilling += open->spilling();
    if (open->phase == OpenPiece::Phase::storing) ++storing;
  }
  if (blocks != memory_blocks_)
    return fmt::format("{} blocks in memory, counted {}", blocks, memory_blocks_);
  if (storing != storing_ || spilling != spilling_) return "the disk's work is miscounted";
  if (connecting_.size() > config_->max_half_open) return "too many half-open links";
  if (peers_.size() > config_->max_connections) return "too many links";
  return picker_.broken_invariant();
}

}  // namespace barter
