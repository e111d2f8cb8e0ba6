// A verified piece on its way into the files, and the watch for others who write there.
#include <algorithm>
#include <utility>

#include "chunkstore/store_impl.hpp"

namespace barter {

namespace {

constexpr std::size_t blocks_per_write = 1024;  // what one pwritev takes
constexpr std::size_t spilled_per_write = 64;   // blocks read back at a time: 1 MiB

}  // namespace

// How the files of one piece look, from our last write to the next. Each of them is ours alone to
// write meanwhile (busy_), so whatever differs from what we left was done by somebody else.
class Store::Impl::PieceWatch final : public WriteWatch {
 public:
  PieceWatch(const Impl& store, std::span<const FileIndex> files)
      : store_(store), files_(files), wrote_(files.size()) {}

  // Under the store's lock, with the files busy.
  void begin() {
    known_.clear();
    for (const FileIndex file : files_) {
      known_.push_back(store_.journal_->state().files[file].latest);
    }
    std::fill(wrote_.begin(), wrote_.end(), std::nullopt);
    changed_.reset();
  }

  Result<void> before(FileIndex file, const FileInfo& info) override {
    const std::size_t i = place_of(file);
    if (store_.looks_like(known_[i], file, info, store_.exact_times_)) return {};
    return found_changed(file);
  }
  void after(FileIndex file, const FileInfo& info) override {
    const std::size_t i = place_of(file);
    wrote_[i] = info;
    known_[i] = stamp_of(info);
  }

  Error found_changed(FileIndex file) {
    changed_ = file;
    return {Errc::file_changed,
            store_.set_.path(file) + " was changed by another program while it was being written"};
  }
  std::optional<FileIndex> changed() const { return changed_; }
  // By place among the files: how it looked after the last write to it.
  const std::optional<FileInfo>& wrote(std::size_t i) const { return wrote_[i]; }
  std::span<const FileIndex> files() const { return files_; }

 private:
  // Writes go from file to file in order: mostly the same as last time, or the next.
  std::size_t place_of(FileIndex file) {
    while (place_ > 0 && files_[place_] > file) --place_;
    while (files_[place_] < file) ++place_;
    return place_;
  }

  const Impl& store_;
  const std::span<const FileIndex> files_;
  std::vector<std::optional<FileStamp>> known_;
  std::vector<std::optional<FileInfo>> wrote_;
  std::optional<FileIndex> changed_;
  std::size_t place_ = 0;
};

// A piece that was found right. Where somebody else has changed a file, what it held is in doubt
// from then on, and the piece goes into what is there now, unless that is another file.
Result<void> Store::Impl::write_piece(PieceIndex piece, std::span<const BlockBuffer> blocks) {
  const auto touched = this->touched(piece);
  PieceWatch watch(*this, touched.files);
  auto wrote = write_once(piece, blocks, touched, watch);
  if (wrote || !watch.changed()) return wrote;
  {
    const std::lock_guard not_during_sync(sync_mutex_);
    const std::lock_guard lock(mutex_);
    set_.close(*watch.changed());
    take_change(*watch.changed());
    if (auto error = replaced_in(touched.files)) return *error;
  }
  return write_once(piece, blocks, touched, watch);
}

Result<void> Store::Impl::write_once(PieceIndex piece, std::span<const BlockBuffer> blocks,
                                     const FileSet::Touched& touched, PieceWatch& watch) {
  {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&] {
      return std::none_of(touched.files.begin(), touched.files.end(),
                          [&](FileIndex file) { return busy_.contains(file); });
    });
    journal_->open_window();
    journal_->writing(piece);
    busy_.insert(touched.files.begin(), touched.files.end());
    watch.begin();
  }
  auto wrote = write_blocks(piece, blocks, watch);

  const std::lock_guard lock(mutex_);
  for (const FileIndex file : touched.files) {
    busy_.erase(file);
    dirty_.insert(file);
  }
  idle_.notify_all();
  side_dirty_ = side_dirty_ || touched.side;
  // The journal forgets the spilled blocks with `written`; their places are free from then on.
  const auto slots = spilled_slots(piece);
  if (wrote) wrote = note_written(piece, touched, watch);
  if (!wrote) {
    note_failed(piece, watch);
    return wrote;
  }
  for (const std::uint32_t slot : slots) spill_->release(slot);
  unsynced_bytes_.fetch_add(layout_.piece_size(piece), std::memory_order_relaxed);
  set_have(piece, true);
  return {};
}

Result<void> Store::Impl::write_blocks(PieceIndex piece, std::span<const BlockBuffer> blocks,
                                       PieceWatch& watch) {
  std::vector<std::span<const std::byte>> parts;
  parts.reserve(std::min(blocks.size(), blocks_per_write));
  std::vector<std::byte> room;  // of spilled blocks, if there are any
  std::size_t used = 0;
  std::uint64_t offset = layout_.piece_offset(piece);
  std::uint64_t next = offset;
  for (std::uint32_t i = 0; i < blocks.size(); ++i) {
    std::span<std::byte> place;
    if (!blocks[i] && !layout_.is_pad({piece, i})) {
      if (room.empty()) room.resize(spilled_per_write * block_length);
      place = std::span(room).subspan(used, block_length);
      used += block_length;
    }
    const auto bytes = block_bytes({piece, i}, blocks[i], place);
    if (!bytes) return bytes.error();
    parts.push_back(*bytes);
    next += bytes->size();
    const bool full = parts.size() == blocks_per_write || (!room.empty() && used == room.size());
    if (!full && i + 1 != blocks.size()) continue;
    if (auto done = set_.write(offset, parts, watch); !done) return done;
    offset = next;
    parts.clear();
    used = 0;
  }
  return {};
}

// Under the lock: how the files look now and that the piece is there are one record, so that
// whatever other threads write next is later in the journal as well.
Result<void> Store::Impl::note_written(PieceIndex piece, const FileSet::Touched& touched,
                                       PieceWatch& watch) {
  std::vector<FileStampEntry> stamps;
  stamps.reserve(touched.files.size());
  for (std::size_t i = 0; i < touched.files.size(); ++i) {
    const FileIndex file = touched.files[i];
    const auto& info = watch.wrote(i);
    // Whoever looked for changes meanwhile may know this place for that of another file.
    if (!info || !looks_the_same(file, *info, false)) return watch.found_changed(file);
    stamps.push_back({file, stamp_of(*info)});
  }
  journal_->written(piece, stamps);
  return {};
}

// Under the lock: what is there is part of the piece at best. The stamps keep the other pieces of
// these files trusted.
void Store::Impl::note_failed(PieceIndex piece, const PieceWatch& watch) {
  std::vector<FileStampEntry> stamps;
  for (std::size_t i = 0; i < watch.files().size(); ++i) {
    const FileIndex file = watch.files()[i];
    const auto& info = watch.wrote(i);
    if (info && file != watch.changed() && looks_the_same(file, *info, false)) {
      stamps.push_back({file, stamp_of(*info)});
    }
  }
  journal_->marked(PieceMark::absent, {&piece, 1});
  journal_->stamped(stamps, false);
}

}  // namespace barter
