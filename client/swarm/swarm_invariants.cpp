// What must always hold between the tables of the Core; walked by the simulator and the fuzzer.
#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "client/swarm/swarm_core.hpp"

namespace barter {

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
    for (std::size_t i = 0; i < peer->uploads.handed(); ++i) unsent += peer->uploads[i].length;
    if (unsent != peer->uploads.unsent_bytes()) return "unsent bytes are miscounted";
    if (peer->requests.empty() != (peer->debt.since() == never)) return "a debt without requests";
    for (std::size_t i = 0; i < peer->requests.size(); ++i) {
      const BlockRef block = peer->requests[i].block;
      if (have_.test(to_number(block.piece))) return "a block is due of a piece that we have";
    }
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
