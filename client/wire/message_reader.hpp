// MessageReader: the stream after the handshake, from bytes to messages. One for each connection,
// on its thread; no I/O. The kernel writes where prepare() points, so that blocks land in the
// BlockBuffers in which they stay:
//
//   while (readable) { n = readv(prepare(due)); commit(n); while (next(m) == message) take(m); }
//
// While blocks are due, the next messages are taken to be whole blocks: their headers go to slots
// of 13 bytes and their bytes to BlockBuffers, several of them for one readv. A short message
// between them, as a `have`, shifts what was read behind it: each of those blocks is moved into
// place within its buffer. Where the guess fails altogether, what was read is copied to the staging
// area and read from there. In both cases fewer blocks are guessed next time. Nothing is allocated
// from a declared length: staging grows as bytes arrive.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "chunkstore/block_buffer.hpp"
#include "client/wire/message.hpp"

namespace barter::wire {

struct ReaderLimits {
  std::uint32_t bitfield_bytes = 512 * 1024;   // of the torrent's layout where it is known
  std::uint32_t extended_bytes = 1024 * 1024;  // BEP 10 messages
  std::uint32_t unknown_bytes = 128 * 1024;    // ids that we do not know: read and ignored
  std::uint32_t blocks_ahead = 16;             // guessed for one read, at most
};

class MessageReader {
 public:
  explicit MessageReader(BlockPool& pool, ReaderLimits limits = {});

  // Where the next bytes go, in order; valid until the next call. `blocks_due`: how many blocks we
  // have asked for and not seen. Empty when the pool has no buffer to give: read no more, try again
  // when buffers came back. Call it only when next() has said need_bytes or need_buffer.
  std::span<const std::span<std::byte>> prepare(std::uint32_t blocks_due);
  // The kernel has put that many bytes there (at most the sum of the spans).
  void commit(std::size_t bytes);

  enum class Next : std::uint8_t {
    message,      // one more
    need_bytes,   // nothing whole is left
    need_buffer,  // a block is there, and the pool has no buffer for it: again later
    violation,    // the peer breaks the protocol: violation() says how; the reader is done
  };
  Next next(Message& out);
  const std::string& violation() const { return violation_; }

  // Gives back the buffers held for blocks to come; those of a block half received stay.
  void release_spare() { spare_.clear(); }

 private:
  struct Slot {
    std::array<std::byte, piece_header_length> header;
    std::size_t prefilled = 0;  // header bytes that were there before
  };
  struct Partial {  // the block that is being received
    Piece piece;
    std::uint32_t filled = 0;
    bool active = false;
  };

  Next next_staged(Message& out);
  Next next_slot(Message& out);
  Next next_between(std::uint32_t length, Message& out);
  Next begin_block(std::span<const std::byte> header, Message& out);
  Next finish_block(Message& out);
  Next fail(std::string what);
  bool header_allowed(std::uint32_t length, std::uint8_t id);
  std::span<std::byte> grow_stage(std::size_t bytes);
  void restage(std::span<const std::byte> bytes);
  void restage_slots(std::size_t bytes);
  void copy_slots(std::size_t at, std::span<std::byte> out) const;
  void drop_staged(std::size_t bytes);
  bool prepare_lead();
  BlockBuffer take_buffer();
  std::span<const std::byte> staged() const {
    return std::span(stage_).subspan(stage_begin_, stage_end_ - stage_begin_);
  }

  BlockPool& pool_;
  ReaderLimits limits_;

  std::vector<std::byte> stage_;  // staging: bytes of the stream from stage_begin_ to stage_end_
  std::size_t stage_begin_ = 0, stage_end_ = 0;
  Partial partial_;

  std::vector<Slot> slots_;
  std::vector<BlockBuffer> spare_;  // slot i receives into the i-th from the back
  std::size_t slots_prepared_ = 0;
  std::size_t slot_next_ = 0;   // the first slot not yet read
  std::size_t slot_at_ = 0;     // where in it the stream goes on: behind what was no block
  std::size_t slot_bytes_ = 0;  // bytes in the slots from there on, prefilled ones included
  std::uint32_t ahead_ = 1;     // how many blocks to guess

  enum class Lead : std::uint8_t { none, stage, block };
  Lead lead_ = Lead::none;
  std::size_t lead_bytes_ = 0;  // room of the first span
  std::vector<std::span<std::byte>> spans_;
  std::string violation_;
};

}  // namespace barter::wire
