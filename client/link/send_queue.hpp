// SendQueue: what a connection has yet to write, in which order. One for each connection, on its
// thread; no I/O. Messages overtake blocks that have not begun (a request must not wait behind a
// megabyte of ours), but a choke stays behind the blocks that were promised before it.
//
// Blocks are read late: the connection takes a chunk of them when the socket has room, reads their
// bytes into one buffer and writes headers and payload by one writev.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "client/link/send_buffers.hpp"
#include "client/wire/message.hpp"
#include "torrent/layout.hpp"

namespace barter::net {

class SendQueue {
 public:
  void push(const wire::Message& message);
  void push_have(PieceIndex piece) { wire::encode_have(to_number(piece), control_target()); }
  void push_block(BlockRange range);
  // True if the block was waiting; false if it has begun, or was never here.
  bool cancel_block(BlockRange range);

  bool blocks_waiting() const { return first_block_ < blocks_.size(); }
  bool chunk_active() const { return !chunk_.blocks.empty(); }
  // Begins a chunk of waiting blocks that take at most `max_bytes` (at least one); not while one is
  // active. The bytes of the blocks, one after the other, then go to set_chunk_data().
  std::span<const BlockRange> begin_chunk(std::size_t max_bytes);
  // Ends the chunk after its first `count` blocks; the others wait again.
  void shorten_chunk(std::size_t count);
  void set_chunk_data(SendBuffer data, bool large);
  bool chunk_ready() const { return chunk_.data != nullptr; }
  // Gives up the chunk (its bytes could not be read): its blocks. Only before any byte was written.
  std::vector<BlockRange> abandon_chunk();

  // What to write now, in order, appended to `out`: bytes in total.
  std::size_t gather(std::vector<iovec>& out);
  // So many bytes of it were written: the blocks now wholly written, appended to `sent`. True if
  // the chunk ended; take_chunk_data() gives its buffer back.
  bool consumed(std::size_t bytes, std::vector<BlockRange>& sent);
  struct ChunkData {
    SendBuffer data;
    bool large = false;
  };
  ChunkData take_chunk_data() { return {std::move(chunk_.data), chunk_.large}; }

  bool anything_to_write() const { return control_begin_ < control_.size() || chunk_ready(); }
  // Bytes of messages that wait: a peer that never reads lets them grow, and is dropped.
  std::size_t control_bytes() const {
    return control_.size() - control_begin_ + late_control_.size();
  }

 private:
  struct Chunk {
    std::vector<BlockRange> blocks;
    std::vector<std::array<std::byte, wire::piece_header_length>> headers;
    SendBuffer data;
    bool large = false;
    std::size_t current = 0;      // block being written
    std::size_t written = 0;      // of its header and payload
    std::size_t data_offset = 0;  // of its payload in `data`
  };
  std::vector<std::byte>& control_target() {
    return blocks_before_late_ > 0 ? late_control_ : control_;
  }
  std::size_t chunk_left() const {
    return chunk_active() ? chunk_.blocks.size() - chunk_.current : 0;
  }
  void block_gone();  // sent, cancelled or given up: one less that a choke waits for
  void append_block(std::size_t index, std::size_t skip, std::size_t offset,
                    std::vector<iovec>& out, std::size_t& total);
  std::size_t consume_block(std::size_t bytes, std::vector<BlockRange>& sent);

  std::vector<std::byte> control_;
  std::size_t control_begin_ = 0;
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

}  // namespace barter::net
