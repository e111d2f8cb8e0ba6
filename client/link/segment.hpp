// Segment: a run of bytes on its way to a peer: whole messages, or one block behind its header. It
// is moved into the Stream that begins it and comes back when the stream needs it no more. Nobody
// else has its bytes meanwhile, so a stream may change them in place.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "client/link/send_buffers.hpp"
#include "client/wire/message.hpp"
#include "torrent/layout.hpp"

namespace barter::link {

class Segment {
 public:
  Segment() = default;  // of messages, and empty
  // `payload` lies in `memory`, and no other segment has it.
  Segment(BlockRange block, std::span<std::byte> payload, SendBuffer memory)
      : block_(block), payload_(payload), memory_(std::move(memory)) {
    wire::encode_piece_header(to_number(block.piece), block.begin, block.length, header_);
  }

  bool is_block() const { return memory_ != nullptr; }
  std::vector<std::byte>& messages() { return messages_; }
  const BlockRange& block() const { return block_; }
  SendBuffer take_memory() { return std::move(memory_); }

  // What is written: first the one, then the other.
  std::span<std::byte> head() { return is_block() ? std::span(header_) : std::span(messages_); }
  std::span<std::byte> body() { return payload_; }
  std::size_t size() const {
    return is_block() ? header_.size() + payload_.size() : messages_.size();
  }

 private:
  std::vector<std::byte> messages_;
  std::array<std::byte, wire::piece_header_length> header_{};
  BlockRange block_{};
  std::span<std::byte> payload_;
  SendBuffer memory_;
};

}  // namespace barter::link
