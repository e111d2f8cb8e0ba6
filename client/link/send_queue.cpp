#include "client/link/send_queue.hpp"

#include <algorithm>
#include <cassert>
#include <utility>
#include <variant>

namespace barter::net {

namespace {
constexpr std::size_t header_length = wire::piece_header_length;
}

void SendQueue::push(const wire::Message& message) {
  if (std::holds_alternative<wire::Choke>(message)) {
    blocks_before_late_ = blocks_.size() - first_block_ + chunk_left();
  }
  wire::encode(message, control_target());
}

void SendQueue::push_block(BlockRange range) {
  blocks_.push_back(range);
}

bool SendQueue::cancel_block(BlockRange range) {
  const auto first = blocks_.begin() + static_cast<std::ptrdiff_t>(first_block_);
  const auto found = std::find(first, blocks_.end(), range);
  if (found == blocks_.end()) return false;
  const bool before_late =
      chunk_left() + static_cast<std::size_t>(found - first) < blocks_before_late_;
  blocks_.erase(found);
  if (before_late) block_gone();
  return true;
}

void SendQueue::block_gone() {
  if (blocks_before_late_ == 0 || --blocks_before_late_ > 0) return;
  control_.insert(control_.end(), late_control_.begin(), late_control_.end());
  late_control_.clear();
}

std::span<const BlockRange> SendQueue::begin_chunk(std::size_t max_bytes) {
  assert(!chunk_active());
  std::size_t total = 0;
  std::size_t end = first_block_;
  // Not past the blocks that a choke waits for: it comes right behind them.
  const std::size_t stop =
      blocks_before_late_ > 0 ? first_block_ + blocks_before_late_ : blocks_.size();
  while (end < stop && (end == first_block_ || total + blocks_[end].length <= max_bytes)) {
    total += blocks_[end++].length;
  }
  chunk_.blocks.assign(blocks_.begin() + static_cast<std::ptrdiff_t>(first_block_),
                       blocks_.begin() + static_cast<std::ptrdiff_t>(end));
  first_block_ = end;
  if (first_block_ == blocks_.size()) {
    blocks_.clear();
    first_block_ = 0;
  } else if (first_block_ > 256) {
    blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(first_block_));
    first_block_ = 0;
  }
  chunk_.headers.resize(chunk_.blocks.size());
  for (std::size_t i = 0; i < chunk_.blocks.size(); ++i) {
    const BlockRange& block = chunk_.blocks[i];
    wire::encode_piece_header(to_number(block.piece), block.begin, block.length, chunk_.headers[i]);
  }
  chunk_.current = chunk_.written = chunk_.data_offset = 0;
  return chunk_.blocks;
}

void SendQueue::shorten_chunk(std::size_t count) {
  assert(!chunk_ready() && count > 0 && count <= chunk_.blocks.size());
  blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(first_block_),
                 chunk_.blocks.begin() + static_cast<std::ptrdiff_t>(count), chunk_.blocks.end());
  chunk_.blocks.resize(count);
}

void SendQueue::set_chunk_data(SendBuffer data, bool large) {
  assert(chunk_active());
  chunk_.data = std::move(data);
  chunk_.large = large;
}

std::vector<BlockRange> SendQueue::abandon_chunk() {
  assert(chunk_active() && !chunk_ready());
  for (std::size_t i = 0; i < chunk_.blocks.size(); ++i) block_gone();
  return std::exchange(chunk_.blocks, {});
}

void SendQueue::append_block(std::size_t index, std::size_t skip, std::size_t offset,
                             std::vector<iovec>& out, std::size_t& total) {
  if (skip < header_length) {
    out.push_back({chunk_.headers[index].data() + skip, header_length - skip});
    total += header_length - skip;
    skip = header_length;
  }
  const std::size_t done = skip - header_length;
  const std::size_t left = chunk_.blocks[index].length - done;
  out.push_back({chunk_.data.get() + offset + done, left});
  total += left;
}

std::size_t SendQueue::gather(std::vector<iovec>& out) {
  std::size_t total = 0;
  std::size_t next = chunk_.current;
  std::size_t offset = chunk_.data_offset;
  if (chunk_ready() && chunk_.written > 0) {  // a block half written comes first
    append_block(next, chunk_.written, offset, out, total);
    offset += chunk_.blocks[next].length;
    ++next;
  }
  if (control_begin_ < control_.size()) {
    out.push_back({control_.data() + control_begin_, control_.size() - control_begin_});
    total += control_.size() - control_begin_;
  }
  if (!chunk_ready()) return total;
  for (; next < chunk_.blocks.size(); ++next) {
    append_block(next, 0, offset, out, total);
    offset += chunk_.blocks[next].length;
  }
  return total;
}

// Accounts for bytes of the current block; what is left over belongs to what follows it.
std::size_t SendQueue::consume_block(std::size_t bytes, std::vector<BlockRange>& sent) {
  const BlockRange block = chunk_.blocks[chunk_.current];
  const std::size_t left = header_length + block.length - chunk_.written;
  if (bytes < left) {
    chunk_.written += bytes;
    return 0;
  }
  sent.push_back(block);
  chunk_.data_offset += block.length;
  chunk_.written = 0;
  ++chunk_.current;
  block_gone();
  return bytes - left;
}

bool SendQueue::consumed(std::size_t bytes, std::vector<BlockRange>& sent) {
  if (chunk_ready() && chunk_.written > 0) bytes = consume_block(bytes, sent);
  const std::size_t control = std::min(bytes, control_.size() - control_begin_);
  control_begin_ += control;
  bytes -= control;
  if (control_begin_ == control_.size()) {
    control_.clear();
    control_begin_ = 0;
  }
  while (bytes > 0) bytes = consume_block(bytes, sent);
  if (!chunk_ready() || chunk_.current < chunk_.blocks.size()) return false;
  chunk_.blocks.clear();
  return true;
}

BlockRange merged_range(std::span<const BlockRange> blocks, std::size_t& end) {
  BlockRange out = blocks[end++];
  while (end < blocks.size() && blocks[end].piece == out.piece &&
         blocks[end].begin == out.begin + out.length) {
    out.length += blocks[end++].length;
  }
  return out;
}

}  // namespace barter::net
