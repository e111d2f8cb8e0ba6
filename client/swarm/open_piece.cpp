#include "client/swarm/open_piece.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace barter {

OpenPiece::OpenPiece(PieceIndex piece, const Layout& layout, std::uint64_t sequence)
    : piece_(piece),
      sequence_(sequence),
      blocks_(layout.block_count(piece)),
      buffers_(layout.block_count(piece)) {
  free_ = missing_ = block_count();
  if (!layout.has_pads()) return;
  for (std::uint32_t i = 0; i < block_count(); ++i) {
    if (!layout.is_pad({piece, i})) continue;
    blocks_[i].state = State::pad;
    --free_;
    --missing_;
  }
}

std::optional<std::uint32_t> OpenPiece::free_for(ConnectionId connection, bool again) const {
  if (free_ == 0 || closed_to(connection)) return std::nullopt;
  for (std::uint32_t i = first_free_; i < block_count(); ++i) {
    if (blocks_[i].state != State::free) continue;
    if (sent_back_ == 0 || again || blocks_[i].sent_back_by != connection) return i;
  }
  return std::nullopt;
}

bool OpenPiece::has_for(ConnectionId connection, Terms terms) const {
  if (phase != Phase::fetching) return false;
  if (free_ > 0 && sent_back_ == 0 && !closed_to(connection)) return true;
  if (sent_back_ > 0 && free_for(connection, terms.again)) return true;
  if (late_ == 0 || !terms.late || !open_to(connection)) return false;
  return std::any_of(blocks_.begin(), blocks_.end(), [&](const Block& block) {
    return block.late && block.holders[0] != connection;
  });
}

bool OpenPiece::has_spilled() const {
  return std::any_of(blocks_.begin(), blocks_.end(), [](const Block& block) {
    return block.state == State::spilled || block.state == State::spilling;
  });
}

void OpenPiece::set_late(Block& block, bool late) {
  if (block.late == late) return;
  block.late = late;
  late ? ++late_ : --late_;
}

void OpenPiece::became_free(std::uint32_t index) {
  blocks_[index].state = State::free;
  ++free_;
  first_free_ = std::min(first_free_, index);
}

void OpenPiece::no_longer_free(Block& block) {
  --free_;
  if (std::exchange(block.sent_back_by, no_connection) != no_connection) --sent_back_;
}

std::optional<std::uint32_t> OpenPiece::take(ConnectionId connection, Terms terms) {
  if (phase != Phase::fetching) return std::nullopt;
  if (const auto index = free_for(connection, terms.again)) {
    if (sent_back_ == 0) first_free_ = *index + 1;
    Block& block = blocks_[*index];
    no_longer_free(block);
    block.state = State::requested;
    block.holders = {connection, no_connection};
    ++requested_;
    if (on_trial_) asked_ = connection;
    return index;
  }
  if (late_ == 0 || !terms.late || !open_to(connection)) return std::nullopt;
  for (std::uint32_t i = 0; i < block_count(); ++i)
    if (blocks_[i].late && share(i, connection)) return i;
  return std::nullopt;
}

bool OpenPiece::share(std::uint32_t index, ConnectionId connection) {
  Block& block = blocks_[index];
  if (phase != Phase::fetching || block.state != State::requested) return false;
  if (block.holders[1] != no_connection || block.holders[0] == connection) return false;
  if (!open_to(connection) || (closed_to(connection) && !block.late)) return false;
  block.holders[1] = connection;
  set_late(block, false);
  return true;
}

void OpenPiece::release(std::uint32_t index, ConnectionId connection, bool sent_back) {
  Block& block = blocks_[index];
  if (block.state != State::requested) return;
  if (block.holders[0] == connection) {
    block.holders = {block.holders[1], no_connection};
  } else if (block.holders[1] == connection) {
    // It was asked because the first was slow, which is reported once:
    // the block may be shared again.
    block.holders[1] = no_connection;
    set_late(block, true);
    return;
  } else {
    return;
  }
  if (block.holders[0] != no_connection) return;
  set_late(block, false);
  if (--requested_ == 0) asked_ = no_connection;  // whoever takes it next goes on alone
  became_free(index);
  if (!sent_back) return;
  block.sent_back_by = connection;
  ++sent_back_;
}

void OpenPiece::mark_late(std::uint32_t index) {
  Block& block = blocks_[index];
  if (block.state != State::requested) return;
  if (block.holders[0] == asked_ || block.holders[1] == asked_) asked_ = no_connection;
  if (block.holders[1] == no_connection) set_late(block, true);
}

std::uint16_t OpenPiece::contributor(const Contributor& from) {
  for (std::size_t i = contributors_.size(); i > 0; --i)
    if (contributors_[i - 1].connection == from.connection)
      return static_cast<std::uint16_t>(i - 1);
  if (contributors_.size() == unknown_sender) return unknown_sender;
  contributors_.push_back(from);
  return static_cast<std::uint16_t>(contributors_.size() - 1);
}

OpenPiece::Holders OpenPiece::receive(std::uint32_t index, BlockBuffer buffer,
                                      const Contributor& from, TimePoint now) {
  Block& block = blocks_[index];
  assert(is_missing(index));
  if (block.state == State::free) {
    no_longer_free(block);
  } else {
    --requested_;
  }
  set_late(block, false);
  const Holders holders = block.holders;
  block.holders = {no_connection, no_connection};
  block.state = State::in_memory;
  block.sender = contributor(from);
  buffers_[index] = std::move(buffer);
  --missing_;
  // On trial: it goes on with its next request; if it has no more, another may.
  if (requested_ == 0) asked_ = no_connection;
  if (in_memory_++ == 0) in_memory_since_ = now;
  return holders;
}

bool OpenPiece::only_of(ConnectionId connection) const {
  return std::all_of(blocks_.begin(), blocks_.end(), [&](const Block& block) {
    switch (block.state) {
      case State::free:
      case State::pad:
        return true;
      case State::requested:
        return std::all_of(block.holders.begin(), block.holders.end(), [&](ConnectionId holder) {
          return holder == connection || holder == no_connection;
        });
      default:
        return block.sender != unknown_sender &&
               contributors_[block.sender].connection == connection;
    }
  });
}

std::uint32_t OpenPiece::forget(ConnectionId connection) {
  std::uint32_t forgotten = 0;
  for (std::uint32_t i = 0; i < block_count(); ++i) {
    Block& block = blocks_[i];
    if (block.state != State::in_memory || block.sender == unknown_sender) continue;
    if (contributors_[block.sender].connection != connection) continue;
    buffers_[i] = {};
    block.sender = unknown_sender;
    --in_memory_;
    ++missing_;
    ++forgotten;
    became_free(i);
  }
  if (in_memory_ == 0) in_memory_since_ = never;
  return forgotten;
}

std::optional<std::uint32_t> OpenPiece::next_in_memory() const {
  if (in_memory_ == 0) return std::nullopt;
  for (std::uint32_t i = 0; i < block_count(); ++i)
    if (blocks_[i].state == State::in_memory) return i;
  return std::nullopt;
}

BlockBuffer OpenPiece::spill(std::uint32_t index) {
  Block& block = blocks_[index];
  assert(block.state == State::in_memory);
  block.state = State::spilling;
  ++spilling_;
  if (--in_memory_ == 0) in_memory_since_ = never;
  return std::move(buffers_[index]);
}

bool OpenPiece::spilled(std::uint32_t index, bool kept) {
  Block& block = blocks_[index];
  if (block.state != State::spilling) return false;
  --spilling_;
  if (kept) {
    block.state = State::spilled;
  } else {
    block.sender = unknown_sender;
    ++missing_;
    became_free(index);
  }
  return true;
}

bool OpenPiece::stays(std::uint32_t index, BlockBuffer buffer, TimePoint now) {
  Block& block = blocks_[index];
  if (block.state != State::spilling) return false;
  --spilling_;
  block.state = State::in_memory;
  buffers_[index] = std::move(buffer);
  if (in_memory_++ == 0) in_memory_since_ = now;
  return true;
}

bool OpenPiece::lose(std::uint32_t index) {
  Block& block = blocks_[index];
  if (block.state != State::spilled) return false;
  block.sender = unknown_sender;
  ++missing_;
  became_free(index);
  return true;
}

void OpenPiece::restore_spilled(std::uint32_t index) {
  if (blocks_[index].state != State::free) return;
  no_longer_free(blocks_[index]);
  blocks_[index].state = State::spilled;
  --missing_;
}

std::vector<BlockBuffer> OpenPiece::take_buffers() {
  in_memory_since_ = never;
  return std::exchange(buffers_, {});
}

void OpenPiece::give_back(std::vector<BlockBuffer> buffers, TimePoint now) {
  buffers.resize(block_count());
  buffers_ = std::move(buffers);
  for (std::uint32_t i = 0; i < block_count(); ++i) {
    Block& block = blocks_[i];
    if (block.state != State::in_memory || buffers_[i]) continue;
    block.sender = unknown_sender;  // lost on the way: it must be fetched again
    --in_memory_;
    ++missing_;
    became_free(i);
  }
  in_memory_since_ = in_memory_ > 0 ? now : never;
}

void OpenPiece::reset() {
  free_ = late_ = missing_ = in_memory_ = spilling_ = first_free_ = requested_ = sent_back_ = 0;
  asked_ = reserved_ = no_connection;
  for (Block& block : blocks_) {
    if (block.state == State::pad) continue;
    block = Block{};
    ++free_;
    ++missing_;
  }
  buffers_.clear();
  buffers_.resize(block_count());
  contributors_.clear();
  in_memory_since_ = never;
}

const Contributor* OpenPiece::sender(std::uint32_t block) const {
  const std::uint16_t index = blocks_[block].sender;
  return index == unknown_sender ? nullptr : &contributors_[index];
}

}  // namespace barter
