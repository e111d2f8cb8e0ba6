#include "client/link/send_queue.hpp"

#include <algorithm>
#include <cassert>
#include <utility>
#include <variant>

namespace barter::link {

void SendQueue::push(const wire::Message& message) {
  if (std::holds_alternative<wire::Choke>(message)) {
    blocks_before_late_ = blocks_.size() - first_block_ + chunk_.blocks.size() - chunk_.next;
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
      chunk_.blocks.size() - chunk_.next + static_cast<std::size_t>(found - first) <
      blocks_before_late_;
  blocks_.erase(found);
  if (before_late) block_gone();
  return true;
}

void SendQueue::block_gone() {
  if (blocks_before_late_ == 0 || --blocks_before_late_ > 0) return;
  auto& control = control_.messages();
  control.insert(control.end(), late_control_.begin(), late_control_.end());
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
  chunk_.next = 0;
  return chunk_.blocks;
}

void SendQueue::shorten_chunk(std::size_t count) {
  assert(!chunk_ready() && count > 0 && count <= chunk_.blocks.size());
  blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(first_block_),
                 chunk_.blocks.begin() + static_cast<std::ptrdiff_t>(count), chunk_.blocks.end());
  chunk_.blocks.resize(count);
}

// The segments alone hold the buffer then: the last of them gives it back.
void SendQueue::set_chunk_data(SendBuffer data) {
  assert(chunk_active() && !chunk_ready());
  std::size_t offset = 0;
  for (const BlockRange& block : chunk_.blocks) {
    chunk_.segments.emplace_back(block, data->bytes().subspan(offset, block.length), data);
    offset += block.length;
  }
}

std::vector<BlockRange> SendQueue::abandon_chunk() {
  assert(chunk_active() && !chunk_ready());
  for (std::size_t i = 0; i < chunk_.blocks.size(); ++i) block_gone();
  return std::exchange(chunk_.blocks, {});
}

void SendQueue::offer(std::vector<Segment*>& out) {
  control_offered_ = control_.size();
  if (control_offered_ > 0) out.push_back(&control_);
  for (std::size_t i = chunk_.next; i < chunk_.segments.size(); ++i) {
    out.push_back(&chunk_.segments[i]);
  }
}

void SendQueue::begun(std::size_t count) {
  if (control_offered_ > 0 && count > 0) {
    control_begun_ += control_offered_;
    --count;
  }
  control_offered_ = 0;
  for (; count > 0; --count) {
    ++chunk_.next;
    block_gone();
  }
  if (chunk_ready() && chunk_.next == chunk_.segments.size()) {
    chunk_.blocks.clear();
    chunk_.segments.clear();
    chunk_.next = 0;
  }
}

void SendQueue::done(std::span<Segment> segments, std::vector<BlockRange>& sent,
                     SendBuffers& buffers) {
  for (Segment& segment : segments) {
    if (segment.is_block()) {
      sent.push_back(segment.block());
      buffers.give_back(segment.take_memory());
      continue;
    }
    control_begun_ -= segment.size();
    if (control_.messages().capacity() > 0) continue;
    control_.messages().swap(segment.messages());  // its memory is used again
    control_.messages().clear();
  }
}

BlockRange merged_range(std::span<const BlockRange> blocks, std::size_t& end) {
  BlockRange out = blocks[end++];
  while (end < blocks.size() && blocks[end].piece == out.piece &&
         blocks[end].begin == out.begin + out.length) {
    out.length += blocks[end++].length;
  }
  return out;
}

}  // namespace barter::link
