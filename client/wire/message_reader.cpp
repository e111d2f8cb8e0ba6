#include "client/wire/message_reader.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "client/wire/byte_order.hpp"
#include "torrent/layout.hpp"

namespace barter::wire {

namespace {
constexpr std::size_t stage_room = 4096;       // for everything but blocks, most of the time
constexpr std::size_t stage_kept = 64 * 1024;  // a larger one is given back when it is empty
constexpr std::size_t slot_size = piece_header_length + block_length;
constexpr std::uint8_t piece_id = static_cast<std::uint8_t>(Id::piece);
}  // namespace

MessageReader::MessageReader(BlockPool& pool, ReaderLimits limits) : pool_(pool), limits_(limits) {
  limits_.blocks_ahead = std::max(limits_.blocks_ahead, 1U);
}

BlockBuffer MessageReader::take_buffer() {
  if (spare_.empty()) return pool_.take();
  BlockBuffer out = std::move(spare_.back());
  spare_.pop_back();
  return out;
}

MessageReader::Next MessageReader::fail(std::string what) {
  violation_ = std::move(what);
  return Next::violation;
}

// Judges a message by its length prefix and id alone, before room is made for it. Lengths that must
// be exact are left to decode(): those messages are short.
bool MessageReader::header_allowed(std::uint32_t length, std::uint8_t id) {
  std::uint32_t most = limits_.unknown_bytes;
  std::uint32_t least = 1;
  switch (static_cast<Id>(id)) {
    case Id::piece:
      least = 10;
      most = 9 + block_length;
      break;
    case Id::bitfield:
      most = 1 + limits_.bitfield_bytes;
      break;
    case Id::extended:
      most = 2 + limits_.extended_bytes;
      break;
    case Id::choke:
    case Id::unchoke:
    case Id::interested:
    case Id::not_interested:
    case Id::have_all:
    case Id::have_none:
      most = 1;
      break;
    case Id::port:
      most = 3;
      break;
    case Id::have:
    case Id::suggest:
    case Id::allowed_fast:
      most = 5;
      break;
    case Id::request:
    case Id::cancel:
    case Id::reject:
      most = 13;
      break;
  }
  if (length >= least && length <= most) return true;
  violation_ = "message " + std::to_string(id) + " of " + std::to_string(length) + " bytes";
  return false;
}

// Room behind what is staged, to be filled at once.
std::span<std::byte> MessageReader::grow_stage(std::size_t bytes) {
  if (stage_begin_ == stage_end_) stage_begin_ = stage_end_ = 0;
  if (stage_.size() - stage_end_ < bytes) {
    std::copy(stage_.begin() + static_cast<std::ptrdiff_t>(stage_begin_),
              stage_.begin() + static_cast<std::ptrdiff_t>(stage_end_), stage_.begin());
    stage_end_ -= stage_begin_;
    stage_begin_ = 0;
    if (stage_.size() - stage_end_ < bytes) {
      stage_.resize(std::max(stage_end_ + bytes, stage_room));
    }
  }
  stage_end_ += bytes;
  return std::span(stage_).subspan(stage_end_ - bytes, bytes);
}

void MessageReader::restage(std::span<const std::byte> bytes) {
  if (!bytes.empty()) std::memcpy(grow_stage(bytes.size()).data(), bytes.data(), bytes.size());
}

void MessageReader::drop_staged(std::size_t bytes) {
  stage_begin_ += bytes;
  if (stage_begin_ < stage_end_) return;
  stage_begin_ = stage_end_ = 0;
  if (stage_.size() > stage_kept) {
    stage_.clear();
    stage_.shrink_to_fit();
  }
}

// The span that ends what has begun: the rest of a block, or of a message in the staging area.
// False if what follows that span cannot be guessed.
bool MessageReader::prepare_lead() {
  if (partial_.active) {
    lead_ = Lead::block;
    lead_bytes_ = partial_.piece.block.size() - partial_.filled;
    spans_.push_back(partial_.piece.block.bytes().subspan(partial_.filled));
    return true;
  }
  const auto have = staged();
  if (have.size() < 5 || std::to_integer<std::uint8_t>(have[4]) == piece_id) return true;
  // next() has allowed the length. The area grows with what arrives: doubled when full.
  const std::size_t whole = 4 + std::size_t{load_u32(have.data())};
  const std::size_t rest = whole - have.size();
  const std::size_t room = std::min(rest, std::max(stage_room, have.size()));
  if (stage_begin_ > 0) {
    std::memmove(stage_.data(), stage_.data() + stage_begin_, have.size());
    stage_end_ -= stage_begin_;
    stage_begin_ = 0;
  }
  if (stage_.size() < stage_end_ + room) stage_.resize(stage_end_ + room);
  lead_ = Lead::stage;
  lead_bytes_ = room;
  spans_.push_back(std::span(stage_).subspan(stage_end_, room));
  return room == rest;
}

std::span<const std::span<std::byte>> MessageReader::prepare(std::uint32_t blocks_due) {
  if (slot_bytes_ > 0) {  // the last read brought nothing: take the begun header back
    assert(slot_next_ == 0 && slot_bytes_ == slots_[0].prefilled);
    restage(std::span(slots_[0].header).first(slot_bytes_));
    slot_bytes_ = 0;
  }
  spans_.clear();
  lead_ = Lead::none;
  lead_bytes_ = 0;
  slots_prepared_ = slot_next_ = slot_at_ = 0;
  if (partial_.active && !partial_.piece.block) return spans_;  // a block waits for its buffer
  const bool guess = prepare_lead();
  if (partial_.active && blocks_due > 0) --blocks_due;

  const std::size_t want = guess ? std::min(blocks_due, ahead_) : 0;
  while (spare_.size() > want) spare_.pop_back();
  while (spare_.size() < want) {
    BlockBuffer buffer = pool_.take();
    if (!buffer) break;
    spare_.push_back(std::move(buffer));
  }
  if (want > 0 && spare_.empty()) {
    // Nothing to receive blocks with. What has begun may still be finished.
    return spans_;
  }
  if (want == 0) {
    if (lead_ == Lead::none) {  // no block is due: staging alone
      if (stage_begin_ > 0) {
        std::memmove(stage_.data(), stage_.data() + stage_begin_, stage_end_ - stage_begin_);
        stage_end_ -= stage_begin_;
        stage_begin_ = 0;
      }
      if (stage_.size() < stage_room) stage_.resize(stage_room);
      lead_ = Lead::stage;
      lead_bytes_ = stage_.size() - stage_end_;
      spans_.push_back(std::span(stage_).subspan(stage_end_, lead_bytes_));
    }
    return spans_;
  }

  slots_prepared_ = spare_.size();
  if (slots_.size() < slots_prepared_) slots_.resize(slots_prepared_);
  for (std::size_t i = 0; i < slots_prepared_; ++i) {
    Slot& slot = slots_[i];
    slot.prefilled = 0;
    if (i == 0 && lead_ == Lead::none) {  // a header of which a part is here
      const auto have = staged();
      assert(have.size() < piece_header_length);
      std::ranges::copy(have, slot.header.begin());
      slot.prefilled = have.size();
      drop_staged(have.size());
      slot_bytes_ = slot.prefilled;
    }
    spans_.push_back(std::span(slot.header).subspan(slot.prefilled));
    spans_.push_back({spare_[spare_.size() - 1 - i].data(), block_length});
  }
  return spans_;
}

void MessageReader::commit(std::size_t bytes) {
  if (bytes == 0) return;
  const std::size_t lead = std::min(bytes, lead_bytes_);
  if (lead_ == Lead::block) partial_.filled += static_cast<std::uint32_t>(lead);
  if (lead_ == Lead::stage) stage_end_ += lead;
  lead_bytes_ -= lead;
  slot_bytes_ += bytes - lead;
  if (slots_prepared_ == 0) return;
  // All taken: the next read may take twice as much. Far less: hold fewer buffers.
  const std::size_t room = slots_prepared_ * slot_size;
  if (slot_bytes_ == room) {
    ahead_ = std::min(ahead_ * 2, limits_.blocks_ahead);
  } else if (slot_bytes_ < room / 4) {
    ahead_ = std::max(ahead_ / 2, 1U);
  }
}

MessageReader::Next MessageReader::next(Message& out) {
  if (!violation_.empty()) return Next::violation;
  if (partial_.active) {
    const Next found = finish_block(out);
    if (found != Next::need_bytes || partial_.active) return found;
  }
  if (stage_begin_ != stage_end_) return next_staged(out);
  if (slot_bytes_ > 0) return next_slot(out);
  return Next::need_bytes;
}

// Goes on with the block at hand: gives it a buffer if it has none, fills it from the staging area.
MessageReader::Next MessageReader::finish_block(Message& out) {
  BlockBuffer& block = partial_.piece.block;
  if (!block) {
    const std::uint32_t length = block.size();
    block = take_buffer();
    block.set_size(length);
    if (!block) return Next::need_buffer;
  }
  const auto have = staged();
  const std::size_t take = std::min<std::size_t>(block.size() - partial_.filled, have.size());
  if (take > 0) {
    std::memcpy(block.data() + partial_.filled, have.data(), take);
    partial_.filled += static_cast<std::uint32_t>(take);
    drop_staged(take);
  }
  if (partial_.filled < block.size()) return Next::need_bytes;
  partial_.active = false;
  out = std::move(partial_.piece);
  return Next::message;
}

MessageReader::Next MessageReader::begin_block(std::span<const std::byte> header, Message& out) {
  partial_.piece.piece = load_u32(header.data() + 5);
  partial_.piece.begin = load_u32(header.data() + 9);
  partial_.piece.block.set_size(load_u32(header.data()) - 9);
  partial_.filled = 0;
  partial_.active = true;
  drop_staged(piece_header_length);
  return finish_block(out);
}

MessageReader::Next MessageReader::next_staged(Message& out) {
  const auto have = staged();
  if (have.size() < 4) return Next::need_bytes;
  const std::uint32_t length = load_u32(have.data());
  if (length == 0) {
    drop_staged(4);
    out = KeepAlive{};
    return Next::message;
  }
  if (have.size() < 5) return Next::need_bytes;
  const auto id = std::to_integer<std::uint8_t>(have[4]);
  if (!header_allowed(length, id)) return Next::violation;
  if (id == piece_id) {
    if (have.size() < piece_header_length) return Next::need_bytes;
    return begin_block(have, out);
  }
  if (have.size() - 4 < length) return Next::need_bytes;
  Result<Message> message = decode(have.subspan(4, length));
  if (!message) return fail(message.error().message);
  drop_staged(4 + std::size_t{length});
  out = std::move(*message);
  return Next::message;
}

// What lies `at` bytes behind the next message in the slots. `out` may be the buffer from which it
// is copied first.
void MessageReader::copy_slots(std::size_t at, std::span<std::byte> out) const {
  for (std::size_t from = slot_at_ + at; !out.empty();) {
    const std::size_t slot = from / slot_size;
    const std::size_t place = from % slot_size;
    const bool in_header = place < piece_header_length;
    // Slots that were read have taken their buffers from the back, so the count is from there.
    const std::byte* bytes =
        in_header ? slots_[slot_next_ + slot].header.data() + place
                  : spare_[spare_.size() - 1 - slot].data() + (place - piece_header_length);
    const std::size_t count =
        std::min(out.size(), (in_header ? piece_header_length : slot_size) - place);
    std::memmove(out.data(), bytes, count);
    out = out.subspan(count);
    from += count;
  }
}

// The next bytes in the slots are not what was guessed: they are read from the staging area.
void MessageReader::restage_slots(std::size_t bytes) {
  copy_slots(0, grow_stage(bytes));
  slot_at_ += bytes;
  slot_bytes_ -= bytes;
}

// A message of `length` that is no block, where one was guessed.
MessageReader::Next MessageReader::next_between(std::uint32_t length, Message& out) {
  const std::size_t whole = 4 + std::size_t{length};
  if (whole <= slot_bytes_ && slot_at_ + whole < block_length) {
    ahead_ = std::max(static_cast<std::uint32_t>(slots_prepared_) / 2, 1U);
    restage_slots(whole);
  } else {
    ahead_ = 1;
    restage_slots(slot_bytes_);
  }
  return next_staged(out);
}

MessageReader::Next MessageReader::next_slot(Message& out) {
  if (slot_bytes_ < piece_header_length) {
    restage_slots(slot_bytes_);
    return next_staged(out);  // it may be another message, and whole
  }
  std::array<std::byte, piece_header_length> header;
  copy_slots(0, header);
  const std::uint32_t length = load_u32(header.data());
  const auto id = std::to_integer<std::uint8_t>(header[4]);
  if (length == 0 || id != piece_id) return next_between(length, out);
  if (!header_allowed(length, id)) return Next::violation;
  const std::uint32_t size = length - 9;
  const std::size_t behind = slot_bytes_ - piece_header_length;
  if (size < block_length && behind > size) {
    // Shorter than guessed, and more behind it: the last block of the torrent, or an old client.
    ahead_ = 1;
    restage_slots(slot_bytes_);
    return next_staged(out);
  }
  const std::size_t in_block = std::min(behind, std::size_t{size});
  if (slot_at_ > 0) copy_slots(piece_header_length, {spare_.back().data(), in_block});
  slot_bytes_ -= piece_header_length + in_block;
  ++slot_next_;
  partial_.piece.piece = load_u32(header.data() + 5);
  partial_.piece.begin = load_u32(header.data() + 9);
  partial_.piece.block = take_buffer();
  partial_.piece.block.set_size(size);
  partial_.filled = static_cast<std::uint32_t>(in_block);
  partial_.active = true;
  return finish_block(out);
}

}  // namespace barter::wire
