// SendQueue: what a link has yet to write, in which order. One for each link, on its thread; no
// I/O. Messages overtake blocks that have not begun (a request must not wait behind a megabyte of
// ours), but a choke stays behind the blocks that were promised before it.
//
// Blocks are read late: the link takes a chunk of them when the stream has room, reads their bytes
// into one buffer and offers each as a segment. To drive it: offer(), hand that to the stream,
// begun(), and done() for what the stream gives back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "client/link/segment.hpp"
#include "client/wire/message.hpp"
#include "torrent/layout.hpp"

namespace barter::link {

class SendQueue {
 public:
  void push(const wire::Message& message);
  void push_have(PieceIndex piece) { wire::encode_have(to_number(piece), control_target()); }
  void push_block(BlockRange range);
  // True if the block was waiting; false if it has begun, or was never here.
  bool cancel_block(BlockRange range);

  bool blocks_waiting() const { return first_block_ < blocks_.size(); }
  // Blocks of it have not begun.
  bool chunk_active() const { return !chunk_.blocks.empty(); }
  // Begins a chunk of waiting blocks that take at most `max_bytes` (at least one); not while one is
  // active. The bytes of the blocks, one after the other, then go to set_chunk_data().
  std::span<const BlockRange> begin_chunk(std::size_t max_bytes);
  // Ends the chunk after its first `count` blocks; the others wait again.
  void shorten_chunk(std::size_t count);
  void set_chunk_data(SendBuffer data);
  // Gives up the chunk (its bytes could not be read): its blocks. Only before set_chunk_data().
  std::vector<BlockRange> abandon_chunk();

  // What to write now, in order, appended to `out`. Good until begun().
  void offer(std::vector<Segment*>& out);
  // The first `count` segments offered are the stream's.
  void begun(std::size_t count);
  // Segments that the stream needs no more, in order: appends the
  // blocks to `sent`, returns buffers.
  void done(std::span<Segment> segments, std::vector<BlockRange>& sent, SendBuffers& buffers);

  bool anything_to_write() const { return control_.size() > 0 || chunk_ready(); }
  // Bytes of messages that wait, here or in a stream with this backlog:
  // a peer that never reads lets them grow, and is dropped.
  std::size_t control_bytes(std::size_t backlog) const {
    return control_.size() + late_control_.size() + std::min(control_begun_, backlog);
  }

 private:
  struct Chunk {
    std::vector<BlockRange> blocks;
    std::vector<Segment> segments;  // once its bytes are there
    std::size_t next = 0;           // not begun yet
  };
  bool chunk_ready() const { return !chunk_.segments.empty(); }
  std::vector<std::byte>& control_target() {
    return blocks_before_late_ > 0 ? late_control_ : control_.messages();
  }
  void block_gone();  // begun, cancelled or given up: one less that a choke waits for

  Segment control_;                  // messages
  std::size_t control_offered_ = 0;  // bytes of it, from offer() to begun()
  std::size_t control_begun_ = 0;    // bytes of messages that are the stream's
  std::vector<BlockRange> blocks_;
  std::size_t first_block_ = 0;
  // Messages that stay behind so many blocks, those of the chunk included.
  std::vector<std::byte> late_control_;
  std::size_t blocks_before_late_ = 0;
  Chunk chunk_;
};

// The range that blocks[end] and the blocks right behind it in its piece cover together; `end`
// becomes the first block beyond.
BlockRange merged_range(std::span<const BlockRange> blocks, std::size_t& end);

}  // namespace barter::link
