#include "chunkstore/store.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <random>
#include <utility>

#include "chunkstore/store_impl.hpp"

namespace barter {

namespace {

constexpr std::array<std::byte, block_length> zeros{};

SipKey random_key() {
  std::random_device random;
  const auto word = [&] { return (std::uint64_t{random()} << 32) | random(); };
  return {word(), word()};
}

StoreOutcome failed(const Error& error) {
  StoreOutcome outcome;
  outcome.result = error.code == Errc::no_space ? StoreResult::no_space
                   : is_permanent(error.code)   ? StoreResult::refused
                                                : StoreResult::io_error;
  outcome.message = error.message;
  return outcome;
}

}  // namespace

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(std::shared_ptr<const Metainfo> metainfo,
                                           StoreOptions options, Files& files) {
  auto impl = std::make_unique<Impl>(std::move(metainfo), std::move(options), files);
  if (auto done = impl->open(); !done) return done.error();
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

const OpenReport& Store::report() const {
  return impl_->report();
}
std::size_t Store::hash_width() const {
  return impl_->hash_width();
}
Result<std::vector<bool>> Store::check_pieces(std::span<const PieceIndex> pieces) {
  return impl_->check_pieces(pieces);
}
Result<bool> Store::check_piece(PieceIndex piece) {
  const auto right = impl_->check_pieces({&piece, 1});
  if (!right) return right.error();
  return right->front();
}
Result<void> Store::begin() {
  return impl_->begin();
}
const BeginReport& Store::begin_report() const {
  return impl_->begin_report();
}
bool Store::one_reader() const {
  return impl_->one_reader();
}
void Store::store_pieces(std::span<const StoreRequest> requests, const PieceDone& done) {
  impl_->store_pieces(requests, done);
}
StoreOutcome Store::store_piece(PieceIndex piece, std::span<const BlockBuffer> blocks,
                                bool want_digests) {
  const StoreRequest request{piece, blocks, want_digests};
  StoreOutcome out;
  impl_->store_pieces({&request, 1},
                      [&](std::size_t, StoreOutcome outcome) { out = std::move(outcome); });
  return out;
}
Result<void> Store::spill_block(BlockRef block, const BlockBuffer& buffer) {
  return impl_->spill_block(block, buffer);
}
void Store::drop_spilled(PieceIndex piece) {
  impl_->drop_spilled(piece);
}
Result<bool> Store::read(BlockRange range, std::span<std::byte> out, bool may_block) {
  return impl_->read(range, out, may_block);
}
void Store::read_ahead(BlockRange range) {
  impl_->read_ahead(range);
}
Result<void> Store::sync() {
  const auto whole = impl_->whole_parts();
  if (auto done = impl_->sync(); !done) return done;
  return impl_->give_final_names(whole);
}
std::vector<NameNote> Store::take_name_notes() {
  return impl_->take_name_notes();
}
std::string Store::final_path(std::uint32_t file) {
  return impl_->final_path(file);
}
std::uint64_t Store::unsynced_bytes() const {
  return impl_->unsynced_bytes();
}
std::vector<PieceIndex> Store::find_changes() {
  return impl_->find_changes();
}
std::vector<std::string> Store::changed_files() {
  return impl_->changed_files();
}
std::optional<Error> Store::replaced() {
  return impl_->replaced();
}
bool Store::change_noticed() const {
  return impl_->change_noticed();
}
std::vector<std::string> Store::absent_files() {
  return impl_->absent_files();
}
void Store::look_anew() {
  impl_->look_anew();
}
Result<void> Store::keep_state() {
  return impl_->keep_state();
}
std::vector<VerifiedFile> Store::verified_files() {
  return impl_->verified_files();
}
std::optional<Error> Store::state_trouble() {
  return impl_->state_trouble();
}
bool Store::root_present() {
  return impl_->root_present();
}
bool Store::has_space(std::uint64_t bytes) {
  return impl_->has_space(bytes);
}

Store::Impl::Impl(std::shared_ptr<const Metainfo> metainfo, StoreOptions options, Files& files)
    : metainfo_(std::move(metainfo)),
      layout_(metainfo_->layout()),
      options_(std::move(options)),
      files_(files),
      set_(files, layout_, metainfo_->files(),
           {options_.existing == Existing::overwrite, options_.max_open_files,
            options_.written.get(), metainfo_->name()}),
      key_(random_key()),
      kept_(metainfo_->files().size()),
      refused_(metainfo_->files().size()),
      have_(layout_.piece_count()),
      looked_(metainfo_->files().size()) {}

Result<bool> Store::Impl::read(BlockRange range, std::span<std::byte> out, bool may_block) {
  assert(out.size() == range.length);
  if (!has(range.piece)) {
    return Error{Errc::not_found,
                 "piece " + std::to_string(to_number(range.piece)) + " is not verified"};
  }
  const auto looked = fresh(range, may_block);
  if (!looked || !*looked) return looked;
  return set_.read(layout_.offset(range), out, may_block);
}

void Store::Impl::read_ahead(BlockRange range) {
  const std::uint32_t left = layout_.piece_size(range.piece) - range.begin;
  if (left <= range.length) return;
  set_.advise(layout_.offset(range), std::min<std::uint64_t>(left, FetchAhead::usual_step),
              Files::Advice::will_need);
}

std::optional<SpillSlot> Store::Impl::spilled_slot(BlockRef block) {
  const std::lock_guard lock(mutex_);
  const auto& spilled = journal_->state().spilled;
  const auto found = spilled.find(block);
  if (found == spilled.end()) return std::nullopt;
  return found->second;
}

// The bytes of a block wherever they are; `room` takes those that must be read back.
Result<std::span<const std::byte>> Store::Impl::block_bytes(BlockRef block,
                                                            const BlockBuffer& buffer,
                                                            std::span<std::byte> room) {
  const std::uint32_t size = layout_.block_size(block);
  if (buffer) {
    assert(buffer.size() == size);
    return buffer.bytes();
  }
  if (layout_.is_pad(block)) return std::span<const std::byte>(zeros).first(size);
  const auto slot = spilled_slot(block);
  if (!slot) {
    return Error{Errc::io_error, "block " + std::to_string(block.block) + " of piece " +
                                     std::to_string(to_number(block.piece)) +
                                     " is not in the spill file"};
  }
  if (auto done = spill_->get(*slot, room.first(size)); !done) return done.error();
  return std::span<const std::byte>(room.first(size));
}

// Whether each piece is right. What could not be read back has its error in `outcomes`.
std::vector<bool> Store::Impl::hash_blocks(std::span<const StoreRequest> requests,
                                           std::span<StoreOutcome> outcomes) {
  std::vector<PieceIndex> pieces;
  std::size_t longest = 0;
  for (const StoreRequest& request : requests) {
    pieces.push_back(request.piece);
    longest = std::max(longest, request.blocks.size());
  }
  auto& bench = HashBench::of_this_thread(hash_width());
  bench.hasher.begin(*metainfo_, pieces);
  std::array<std::span<const std::byte>, max_sha_lanes> parts;
  for (std::uint32_t block = 0; block < longest; ++block) {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      parts[i] = {};
      const auto& blocks = requests[i].blocks;
      if (block >= blocks.size() || outcomes[i].result != StoreResult::stored) continue;
      const auto room = bench.buffer.room(i).first(block_length);
      const auto bytes = block_bytes({pieces[i], block}, blocks[block], room);
      if (bytes) {
        parts[i] = *bytes;
      } else {
        outcomes[i] = failed(bytes.error());
      }
    }
    bench.hasher.update(std::span(parts).first(requests.size()));
  }
  return bench.hasher.finish();
}

// A keyed digest of each block, for the rare quarrel about who sent what: a second pass costs less
// than one always.
Result<void> Store::Impl::digest_blocks(const StoreRequest& request,
                                        std::vector<std::uint64_t>& digests) {
  std::array<std::byte, block_length> room;
  for (std::uint32_t i = 0; i < request.blocks.size(); ++i) {
    const auto bytes = block_bytes({request.piece, i}, request.blocks[i], room);
    if (!bytes) return bytes.error();
    digests.push_back(siphash(key_, *bytes));
  }
  return {};
}

void Store::Impl::verify(std::span<const StoreRequest> requests, std::span<StoreOutcome> outcomes) {
  const std::vector<bool> right = hash_blocks(requests, outcomes);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (outcomes[i].result != StoreResult::stored) continue;
    if (!right[i]) outcomes[i].result = StoreResult::hash_mismatch;
    if (right[i] && !requests[i].want_digests) continue;
    auto done = digest_blocks(requests[i], outcomes[i].block_digests);
    if (!done) outcomes[i] = failed(done.error());
  }
}

// Under the lock: the places that a piece's spilled blocks take.
std::vector<std::uint32_t> Store::Impl::spilled_slots(PieceIndex piece) {
  std::vector<std::uint32_t> slots;
  const auto& spilled = journal_->state().spilled;
  for (auto it = spilled.lower_bound({piece, 0}); it != spilled.end() && it->first.piece == piece;
       ++it) {
    slots.push_back(it->second.slot);
  }
  return slots;
}

// A piece that failed, perhaps for the sake of blocks that cannot be
// read back: those are forgotten, and fetched again. Their places stay
// taken in this run, since the disk may be bad there.
void Store::Impl::drop_lost(const StoreRequest& request, StoreOutcome& outcome) {
  std::array<std::byte, block_length> room;
  for (std::uint32_t i = 0; i < request.blocks.size(); ++i) {
    if (!block_bytes({request.piece, i}, request.blocks[i], room)) outcome.lost_blocks.push_back(i);
  }
  if (outcome.lost_blocks.empty()) return;
  outcome.result = StoreResult::blocks_lost;
  const std::lock_guard lock(mutex_);
  std::map<BlockRef, SpillSlot> kept;
  const auto& spilled = journal_->state().spilled;
  for (auto it = spilled.lower_bound({request.piece, 0});
       it != spilled.end() && it->first.piece == request.piece; ++it) {
    const auto& lost = outcome.lost_blocks;
    if (!std::binary_search(lost.begin(), lost.end(), it->first.block)) kept.insert(*it);
  }
  journal_->unspilled(request.piece);
  for (const auto& [block, slot] : kept) journal_->spilled(block, slot);
}

void Store::Impl::store_pieces(std::span<const StoreRequest> requests, const PieceDone& done) {
  std::vector<StoreOutcome> outcomes(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    assert(requests[i].blocks.size() == layout_.block_count(requests[i].piece));
    if (!begun_) {
      outcomes[i] = failed({Errc::io_error, "the files are open for reading only"});
    } else if (!PieceHasher::possible(*metainfo_, requests[i].piece)) {
      outcomes[i] =
          failed({Errc::unsupported, "the torrent lacks the hashes of its pieces (piece layers)"});
    }
  }
  const std::size_t width = hash_width();
  for (std::size_t begin = 0; begin < requests.size(); begin += width) {
    const std::size_t some = std::min(requests.size() - begin, width);
    verify(requests.subspan(begin, some), std::span(outcomes).subspan(begin, some));
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const PieceIndex piece = requests[i].piece;
    if (outcomes[i].result == StoreResult::stored && !has(piece)) {
      if (auto wrote = write_piece(piece, requests[i].blocks); !wrote) {
        outcomes[i] = failed(wrote.error());
      }
    }
    if (outcomes[i].result == StoreResult::io_error) drop_lost(requests[i], outcomes[i]);
    done(i, std::move(outcomes[i]));
  }
}

Result<void> Store::Impl::spill_block(BlockRef block, const BlockBuffer& buffer) {
  assert(buffer.size() == layout_.block_size(block));
  if (!spill_) return Error{Errc::unsupported, "no state is kept: nowhere to put blocks aside"};
  SpillSlot slot;
  slot.checksum = Spill::checksum(buffer.bytes());
  {
    const std::lock_guard lock(mutex_);
    if (auto done = spill_->open(); !done) {
      spill_trouble_ = done.error();
      return done;
    }
    slot.slot = spill_->take_slot();
  }
  auto done = spill_->put(slot.slot, buffer.bytes());
  const std::lock_guard lock(mutex_);
  const auto& spilled = journal_->state().spilled;
  std::optional<SpillSlot> old;
  if (const auto found = spilled.find(block); found != spilled.end()) old = found->second;
  if (!done) {
    spill_trouble_ = done.error();
    spill_->release(slot.slot);
    return done;
  }
  journal_->spilled(block, slot);
  if (old) spill_->release(old->slot);
  spill_dirty_ = true;
  return {};
}

void Store::Impl::drop_spilled(PieceIndex piece) {
  const std::lock_guard lock(mutex_);
  if (!spill_) return;
  const auto slots = spilled_slots(piece);
  if (slots.empty()) return;
  journal_->unspilled(piece);
  for (const std::uint32_t slot : slots) spill_->release(slot);
}

}  // namespace barter
