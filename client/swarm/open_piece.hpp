// OpenPiece: a piece between its first request and its verification: which blocks are asked of
// whom, which have come and from whom, which lie in the spill. Holds the buffers, never looks
// inside. Knows connections as numbers only. Owned by OpenPieces.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "chunkstore/block_buffer.hpp"
#include "client/swarm/action.hpp"
#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/layout.hpp"
#include "torrent/time.hpp"

namespace barter {

inline constexpr ConnectionId no_connection{0xffffffff};

// Who sent a block, kept beyond the connection's life, so that a liar is known after it left.
struct Contributor {
  ConnectionId connection = no_connection;
  PeerId peer_id;
  Endpoint remote;
};

class OpenPiece {
 public:
  enum class Phase : std::uint8_t {
    fetching,
    storing,  // given to the store
    waiting,  // complete, but the disk has trouble
  };

  OpenPiece(PieceIndex piece, const Layout& layout, std::uint64_t sequence);

  PieceIndex piece() const { return piece_; }
  std::uint64_t sequence() const { return sequence_; }  // order of opening
  Phase phase = Phase::fetching;
  TimePoint doubted_since = never;  // complete, but not stored yet for the sake of who sent it

  std::uint32_t block_count() const { return static_cast<std::uint32_t>(blocks_.size()); }
  // Blocks that may be asked for: free ones, and late ones that have one holder.
  std::uint32_t requestable() const { return free_ + late_; }
  // Which blocks `connection` may be asked for.
  struct Terms {
    bool late = true;    // late ones: it becomes the second holder
    bool again = false;  // those that it sent back unserved, too: else others shall have them
  };
  bool has_for(ConnectionId connection, Terms terms) const;
  bool has_for(ConnectionId connection) const { return has_for(connection, Terms{}); }
  // All blocks are here or spilled, and no spill is under way.
  bool complete() const { return missing_ == 0 && spilling_ == 0; }
  bool begun() const { return missing_ < blocks_.size(); }
  std::uint32_t in_memory() const { return in_memory_; }  // blocks
  std::uint32_t missing() const { return missing_; }      // blocks not received
  bool is_missing(std::uint32_t block) const {
    return blocks_[block].state == State::free || blocks_[block].state == State::requested;
  }
  bool is_pad_block(std::uint32_t block) const { return blocks_[block].state == State::pad; }
  bool has_spilled() const;
  bool has_requests() const { return requested_ > 0; }
  std::uint32_t spilling() const { return spilling_; }  // blocks

  // A free block, else a late one held by another; now requested by `connection`.
  std::optional<std::uint32_t> take(ConnectionId connection, Terms terms);
  std::optional<std::uint32_t> take(ConnectionId connection) { return take(connection, Terms{}); }
  // A second holder for a block that has one other. False if it cannot have one.
  bool share(std::uint32_t block, ConnectionId connection);
  // After a failure: from now on one peer alone is asked, so that it is proven right or wrong.
  // Another takes its place when one of its blocks is late, or when it gave up.
  void on_trial() { on_trial_ = true; }
  bool is_on_trial() const { return on_trial_; }
  // Only `connection` may be asked for it, late or not; no_connection: anybody again.
  void reserve(ConnectionId connection) { reserved_ = connection; }
  bool open_to(ConnectionId connection) const {
    return reserved_ == no_connection || reserved_ == connection;
  }
  // Nobody but `connection` has sent or owes any of it: what comes of it is its doing alone.
  bool only_of(ConnectionId connection) const;
  // What it sent is not believed any more: asked for again, if still in memory. Blocks.
  std::uint32_t forget(ConnectionId connection);
  // `connection` will not deliver; `sent_back`: though it was to.
  void release(std::uint32_t block, ConnectionId connection, bool sent_back = false);
  // The holder is overdue: the block may get a second one.
  void mark_late(std::uint32_t block);
  // Who else was asked for the block; no_connection if nobody.
  ConnectionId other_holder(std::uint32_t block, ConnectionId connection) const {
    const Holders& holders = blocks_[block].holders;
    return holders[0] == connection ? holders[1] : holders[0];
  }
  // The block has come. The connections that were asked (the sender perhaps among them).
  using Holders = std::array<ConnectionId, 2>;
  Holders receive(std::uint32_t block, BlockBuffer buffer, const Contributor& from, TimePoint now);

  // Spilling: a block in memory, handed out; then what became of it.
  std::optional<std::uint32_t> next_in_memory() const;
  BlockBuffer spill(std::uint32_t block);
  bool spilled(std::uint32_t block, bool kept);  // false if no such spill was under way
  // It could not be put aside: in memory again.
  bool stays(std::uint32_t block, BlockBuffer buffer, TimePoint now);
  bool lose(std::uint32_t block);             // spilled, but not there any more
  void restore_spilled(std::uint32_t block);  // from an earlier run
  TimePoint in_memory_since() const { return in_memory_since_; }

  // For the store: the buffers in order, empty where spilled or pad; and back, where it failed.
  std::vector<BlockBuffer> take_buffers();
  void give_back(std::vector<BlockBuffer> buffers, TimePoint now);
  // Forgets every block but the pads (the piece was wrong).
  void reset();

  // Who sent the block; nothing for blocks of an earlier run.
  const Contributor* sender(std::uint32_t block) const;
  const std::vector<Contributor>& contributors() const { return contributors_; }

 private:
  enum class State : std::uint8_t { free, requested, in_memory, spilling, spilled, pad };
  struct Block {
    Holders holders{no_connection, no_connection};
    ConnectionId sent_back_by = no_connection;  // of a free one: the last that did not serve it
    std::uint16_t sender = unknown_sender;
    State state = State::free;
    bool late = false;
  };
  static constexpr std::uint16_t unknown_sender = 0xffff;

  bool closed_to(ConnectionId connection) const {
    return !open_to(connection) || (on_trial_ && asked_ != no_connection && asked_ != connection);
  }
  std::uint16_t contributor(const Contributor& from);
  void set_late(Block& block, bool late);
  void became_free(std::uint32_t index);
  void no_longer_free(Block& block);
  std::optional<std::uint32_t> free_for(ConnectionId connection, bool again) const;

  PieceIndex piece_;
  std::uint64_t sequence_;
  std::vector<Block> blocks_;
  std::vector<BlockBuffer> buffers_;
  std::vector<Contributor> contributors_;
  std::uint32_t free_ = 0, late_ = 0, missing_ = 0, in_memory_ = 0, spilling_ = 0;
  std::uint32_t first_free_ = 0;  // no block before it is free
  std::uint32_t requested_ = 0;   // blocks
  std::uint32_t sent_back_ = 0;   // free blocks that somebody sent back
  bool on_trial_ = false;
  ConnectionId asked_ = no_connection;  // on trial: the one that is asked
  ConnectionId reserved_ = no_connection;
  TimePoint in_memory_since_ = never;

  friend class OpenPieces;
  std::size_t partial_index_ = no_index;  // its place in OpenPieces' list of requestable ones
  static constexpr std::size_t no_index = static_cast<std::size_t>(-1);
};

}  // namespace barter
