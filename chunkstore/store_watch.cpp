// Afterwards: making durable what was stored, and noticing what others do to the files.
#include <algorithm>
#include <utility>

#include "chunkstore/store_impl.hpp"

namespace barter {

namespace {

// So much must be free before blocks are put aside again.
constexpr std::uint64_t spill_room = 4 << 20;

}  // namespace

Result<void> Store::Impl::sync() {
  const std::lock_guard one_at_a_time(sync_mutex_);
  std::set<FileIndex> dirty;
  std::vector<FileStampEntry> stamps;
  std::uint64_t ordinal = 0;
  bool side = false;
  bool spill = false;
  std::uint64_t bytes = 0;
  {
    const std::lock_guard lock(mutex_);
    dirty.swap(dirty_);
    side = std::exchange(side_dirty_, false);
    spill = std::exchange(spill_dirty_, false);
    ordinal = journal_->state().ordinal;
    bytes = unsynced_bytes();
    if (dirty.empty() && !side && !spill && busy_.empty() && journal_->state().unsynced.empty()) {
      journal_->close_window();
      keep_state_up();
      return {};
    }
  }
  const auto done = sync_files(dirty, side, stamps);
  const auto spilled = spill ? spill_->sync() : Result<void>{};
  const std::lock_guard lock(mutex_);
  if (!spilled) spill_trouble_ = spilled.error();  // their checksums tell what was lost
  if (!done) {
    // Tried again once the check has found them right.
    dirty_.insert(dirty.begin(), dirty.end());
    side_dirty_ = side_dirty_ || side;
    distrust_unsynced(ordinal);
    return done;
  }
  journal_->synced(ordinal, stamps);
  unsynced_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  journal_->close_window();
  // What was written meanwhile belongs to the next window.
  const bool go_on = !busy_.empty() || !dirty_.empty();
  go_on ? journal_->open_window() : journal_->sync();
  keep_state_up();
  if (go_on) journal_->open_window();  // unless it is open
  return {};
}

// Under the lock. Is there room again for what could not be kept?
void Store::Impl::keep_state_up() {
  journal_->keep_up();
  if (!spill_trouble_) return;
  const auto free = files_.free_space(state_folder_);
  if (free && *free >= spill_room) spill_trouble_.reset();
}

Result<void> Store::Impl::keep_state() {
  if (!std::exchange(state_put_off_, false)) return {};
  if (auto done = open_state(root_path_); !done) {
    lock_ = {};
    state_folder_ = {};
    return done.error().code == Errc::locked ? done : Result<void>();  // as in open()
  }
  const std::lock_guard lock(mutex_);
  (void)journal_->attach(state_folder_);  // state_trouble() tells
  return {};
}

std::vector<VerifiedFile> Store::Impl::verified_files() {
  const std::lock_guard lock(mutex_);
  for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
    if (!has(PieceIndex{i})) return {};
  }
  std::vector<VerifiedFile> out(file_count());
  for (FileIndex file = 0; file < file_count(); ++file) {
    if (!set_.is_real(file)) continue;
    const auto& stamp = journal_->state().files[file].latest;
    if (!stamp || set_.is_aside(file) || set_.path(file) != metainfo_->files()[file].path) {
      return {};
    }
    out[file] = {stamp->size, stamp->mtime_ns, stamp->inode};
  }
  return out;
}

std::optional<Error> Store::Impl::state_trouble() {
  const std::lock_guard lock(mutex_);
  return journal_->trouble() ? journal_->trouble() : spill_trouble_;
}

// Beside others who store pieces. `stamps`: how the files looked before; afterwards the disk shows
// this or something later.
Result<void> Store::Impl::sync_files(const std::set<FileIndex>& dirty, bool side,
                                     std::vector<FileStampEntry>& stamps) {
  Result<void> done;
  const auto root = set_.look_at_root();
  if (!root && root.error().code != Errc::not_found) return root.error();
  bool one_system = root.has_value();
  for (const FileIndex file : dirty) {
    const auto info = set_.look_open(file);
    if (!info) continue;
    stamps.push_back({file, stamp_of(*info)});
    one_system = one_system && info->device == root->device;
  }
  bool together = false;
  if (one_system && dirty.size() + set_.new_folder_count() > options_.sync_singly) {
    // A failure may be that of anybody's file there: each of ours is then asked for itself.
    const auto all = set_.sync_together();
    together = all && *all;
  }
  if (!together && root) done = set_.sync_new_folders();
  for (const FileIndex file : dirty) {
    if (together) break;
    auto synced = set_.sync(file);
    if (!synced && synced.error().code != Errc::not_found) done = std::move(synced);
  }
  if (side && done) {
    auto synced = set_.sync_side();
    if (!synced && synced.error().code != Errc::not_found) done = std::move(synced);
  }
  return done;
}

// After a failed sync the kernel may have dropped what it could not write, and the next sync would
// not say so: these pieces must be hashed before anybody relies on them again.
void Store::Impl::distrust_unsynced(std::uint64_t ordinal) {
  std::vector<PieceIndex> pieces;
  for (const auto& [piece, written] : journal_->state().unsynced) {
    if (written <= ordinal) pieces.push_back(PieceIndex{piece});
  }
  for (const PieceIndex piece : pieces) {
    set_have(piece, false);
    lost_.insert(piece);
  }
  unsynced_bytes_.store(0, std::memory_order_relaxed);
  journal_->marked(PieceMark::suspect, pieces);
}

// Is this the file that looked like `known`, untouched by others? `exact` false: while we write to
// it, or where times move by themselves; then the size counts, which no write of ours changes.
bool Store::Impl::looks_like(const std::optional<FileStamp>& known, FileIndex file,
                             const FileInfo& now, bool exact) const {
  if (!known || now.kind != FileKind::file || now.links == 0) return false;
  const bool whole = options_.read_only || !is_selected(file) || now.size == set_.length(file);
  const FileStamp stamp = stamp_of(now);
  if (exact) return whole && stamp == *known;
  return whole && stamp.is_same_file(*known);
}

// Under the lock. Has somebody else changed the file? Its pieces go to `lost`.
bool Store::Impl::look_for_change(FileIndex file, std::set<PieceIndex>& lost) {
  auto info = set_.look(file);
  if (!info && renamed_by_others(file)) info = set_.look(file);
  // Out of descriptors, say: that tells nothing of the file.
  if (!info && info.error().code == Errc::io_error) return false;
  const bool present = info && info->kind == FileKind::file;
  // A file that was gone and is back is looked at even if it is the
  // same: its pieces were withdrawn.
  if (present && !absent_.contains(file) && looks_the_same(file, *info, !busy_.contains(file))) {
    return false;
  }
  // What is in the way of a download's file may be gone by now.
  if (!present && !absent_.insert(file).second && options_.read_only) return false;
  if (present) absent_.erase(file);
  set_.close(file);
  for_pieces_of(file, [&](PieceIndex piece) {
    if (options_.read_only || has(piece)) lost.insert(piece);
    set_have(piece, false);
  });
  if (options_.read_only) return true;
  if (present && is_replacement(file, *info)) {
    note_replacement(file);
  } else if (!present || (is_selected(file) && info->size != set_.length(file))) {
    put_in_shape(file, present);
  }
  return true;
}

// Another file than the one we wrote. Where inodes are made up, that says nothing.
bool Store::Impl::is_replacement(FileIndex file, const FileInfo& info) const {
  if (options_.existing == Existing::overwrite || !exact_times_ || info.size == 0) return false;
  const auto& latest = journal_->state().files[file].latest;
  return latest && !latest->is_same_file(stamp_of(info));
}

// Under the lock. Remembered, so that begin() need not refuse the whole torrent for it.
void Store::Impl::note_replacement(FileIndex file) {
  if (!replaced_.insert(file).second || !state_folder_) return;
  origins_.set(file, FileOrigin::replacement);
  (void)origins_.save(files_, state_folder_);  // else the user is asked
}

std::optional<Error> Store::Impl::replaced() {
  const std::lock_guard lock(mutex_);
  const std::vector<FileIndex> files(replaced_.begin(), replaced_.end());
  return replaced_in(files);
}

// Under the lock.
std::optional<Error> Store::Impl::replaced_in(std::span<const FileIndex> files) {
  for (const FileIndex file : files) {
    if (!replaced_.contains(file)) continue;
    return Error{Errc::not_possible, set_.path(file) + " was replaced by another program"};
  }
  return std::nullopt;
}

// A download's file that is gone is made anew, one that was cut or grew has its length again; what
// is right in it is found by the check.
void Store::Impl::put_in_shape(FileIndex file, bool present) {
  const bool made = present ? set_.create(file, options_.allocation == Allocation::full).has_value()
                            : make_again(file).has_value();
  if (made) absent_.erase(file);
  dirty_.insert(file);
  // Ours may have been the lock of a file that is gone. Found taken, it is no reason to stop now.
  (void)lock_data();
}

// Under the locks: what find_changes() is going to tell of this file, if it changed.
void Store::Impl::take_change(FileIndex file) {
  std::set<PieceIndex> changed;
  if (!look_for_change(file, changed)) return;
  lost_.insert(changed.begin(), changed.end());
  if (!changed.empty()) {
    changed_.insert(file);
    noticed_ = true;
  }
  const std::vector<PieceIndex> pieces(changed.begin(), changed.end());
  journal_->marked(PieceMark::suspect, pieces);
  if (replaced_.contains(file)) return;  // it keeps the stamp of ours
  const auto info = set_.look(file);
  if (!info || info->kind != FileKind::file) return;
  const FileStampEntry stamp{file, stamp_of(*info)};
  journal_->stamped({&stamp, 1}, true);
}

// Before the files are made ready to be written: what somebody changed since it was looked at, and
// perhaps hashed, is not known any more.
void Store::Impl::doubt_changed() {
  const std::lock_guard lock(mutex_);
  for (FileIndex file = 0; file < file_count(); ++file) {
    if (!set_.is_real(file) || set_.is_aside(file)) continue;
    const auto& latest = journal_->state().files[file].latest;
    if (!latest) continue;
    const auto info = set_.look(file);
    if (info && stamp_of(*info) == *latest) continue;
    std::vector<PieceIndex> pieces;
    for_pieces_of(file, [&](PieceIndex piece) {
      if (has(piece)) pieces.push_back(piece);
      set_have(piece, false);
    });
    if (pieces.empty()) continue;
    lost_.insert(pieces.begin(), pieces.end());
    changed_.insert(file);
    noticed_ = true;
    journal_->marked(PieceMark::suspect, pieces);
  }
}

std::vector<PieceIndex> Store::Impl::find_changes() {
  const std::lock_guard not_during_sync(sync_mutex_);
  const bool there = root_present();
  for (FileIndex file = 0; there && file < file_count(); ++file) {
    if (!set_.is_real(file) || set_.is_aside(file)) continue;
    if (!begun_ && !options_.read_only) continue;
    // Each file for itself: pieces are stored between two of them.
    const std::lock_guard lock(mutex_);
    take_change(file);
  }
  const std::lock_guard lock(mutex_);
  noticed_ = false;
  std::set<PieceIndex> lost;
  lost.swap(lost_);
  return {lost.begin(), lost.end()};
}

std::vector<std::string> Store::Impl::changed_files() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const FileIndex file : std::exchange(changed_, {})) out.push_back(set_.path(file));
  return out;
}

std::vector<std::string> Store::Impl::absent_files() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const FileIndex file : absent_) {
    if (is_selected(file)) out.push_back(set_.path(file));
  }
  return out;
}

// Have the files of this range been looked at in this turn, and found as we know them? A look is
// not for whoever must not wait.
Result<bool> Store::Impl::fresh(BlockRange range, bool may_block) {
  thread_local std::vector<FileRange> ranges;
  ranges.clear();
  layout_.file_ranges(layout_.offset(range), range.length, ranges);
  const std::uint32_t turn = turn_.load(std::memory_order_relaxed);
  for (const auto& one : ranges) {
    const auto file = static_cast<FileIndex>(one.file);
    if (looked_[file].load(std::memory_order_relaxed) == turn) continue;
    if (!set_.is_real(file) || set_.is_aside(file)) continue;
    if (!may_block) return false;
    const std::lock_guard lock(mutex_);
    const auto info = set_.look(file);
    const bool exact = exact_times_ && !busy_.contains(file);
    if (!info || !looks_the_same(file, *info, exact)) {
      noticed_ = true;
      return Error{Errc::file_changed, set_.path(file) + " was changed by another program"};
    }
    looked_[file].store(turn, std::memory_order_relaxed);
  }
  return true;
}

bool Store::Impl::root_present() {
  auto root = open_data_folder();
  // That it cannot be opened (no descriptor is left, a disk fails) does not mean that it has gone.
  if (!root) return root.error().code != Errc::not_found;
  const auto system = files_.file_system(*root);
  const auto info = files_.look(*root);
  if (!system || !info) return true;
  const std::lock_guard lock(mutex_);
  if (!set_.has_root()) return !options_.read_only && !begun_;
  if (*system != file_system_) return false;
  if (info->inode != root_inode_) {
    // The folder came back as another one: the handles we hold lead nowhere.
    root_inode_ = info->inode;
    set_.set_root(std::move(*root));
  }
  return true;
}

bool Store::Impl::has_space(std::uint64_t bytes) {
  const auto root = open_data_folder();
  if (!root) return false;
  const auto free = files_.free_space(*root);
  return free && *free >= bytes;
}

}  // namespace barter
