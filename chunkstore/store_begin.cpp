// Beginning to write: what must not be overwritten, and giving the files their places.
#include <algorithm>
#include <utility>

#include "chunkstore/store_impl.hpp"

namespace barter {

bool Store::Impl::has_piece_of(FileIndex file) const {
  bool any = false;
  for_pieces_of(file, [&](PieceIndex piece) { any = any || has(piece); });
  return any;
}

bool Store::Impl::is_whole(FileIndex file) const {
  const auto span = layout_.pieces_of(file);
  if (!span) return true;
  for (auto i = to_number(span->first); i <= to_number(span->last); ++i) {
    if (!has(PieceIndex{i})) return false;
  }
  return true;
}

Result<void> Store::Impl::begin() {
  if (options_.read_only || begun_) return {};
  settle_twins();
  if (auto done = prepare_root(false); !done) return done;
  doubt_changed();
  Judged judged = judge_files();
  settle_parts(judged);
  set_replacements_apart(judged);
  auto refused = decide(judged);
  if (refused) refused = refuse_taken_names();
  if (refused) refused = leave_out(judged);
  if (!refused) {
    // No trace of a try that touched nothing: the files may be others when it is tried again. Once
    // begun, the journal knows which files are ours.
    const std::lock_guard lock(mutex_);
    if (!journal_->state().begun) journal_->discard();
    return refused;
  }
  if (auto done = prepare_root(true); !done) return done;
  if (auto done = lock_unfinished(judged); !done) return done;
  if (auto done = note_origins(judged); !done) return done;
  if (const auto root = files_.open_folder(root_path_, false)) {
    exact_times_ = files_.exact_times(*root);
  }
  // Where the times are kept elsewhere, so are the holes.
  set_.set_sparse(exact_times_ && options_.allocation == Allocation::sparse);
  std::vector<FileIndex> wanted;
  std::vector<FileIndex> fresh;
  std::vector<FileStampEntry> remade;  // there, and nothing worth keeping in them
  std::set<FileIndex> missing;
  for (FileIndex file = 0; file < file_count(); ++file) {
    if (!set_.is_real(file)) continue;
    if (!is_selected(file)) {
      // What is there stays as it is, and serves if it is right.
      if (!set_.is_aside(file)) wanted.push_back(file);
      continue;
    }
    wanted.push_back(file);
    const auto info = set_.look(file);
    if (info && info->size != set_.length(file) && !has_piece_of(file)) {
      remade.push_back({file, stamp_of(*info)});
    }
    if (!info) {
      fresh.push_back(file);
      missing.insert(file);
      set_.names().set_partial(file, options_.part_names && set_.length(file) > 0);
    } else if (strangers_.contains(file) && !set_.names().is_partial(file) && !is_whole(file)) {
      tell_name(NameNote::Kind::in_place, file, set_.path(file));
    }
  }
  {
    const std::lock_guard lock(mutex_);
    // Known durably before the first file is made: it could not be told from somebody else's after
    // a power cut. Until the last of these records all that is there may be somebody else's.
    journal_->created(fresh);
    journal_->made(remade);
    journal_names();
    journal_->begun(file_system_);
    journal_->sync();
  }
  if (auto done = prepare_files(wanted, missing); !done) return done;
  for (const FileIndex file : wanted) {
    if (metainfo_->files()[file].executable && is_selected(file)) set_.make_executable(file);
  }
  if (auto done = make_links(); !done && !is_permanent(done.error().code)) return done;
  const std::lock_guard lock(mutex_);
  if (auto done = stamp_files(wanted); !done) return done;
  // Known durably before there is anything in them: so they are found again as ours.
  if (!missing.empty()) journal_->sync();
  strangers_.clear();
  begun_ = true;
  return {};
}

Result<void> Store::Impl::stamp_files(const std::vector<FileIndex>& wanted) {
  std::vector<FileStampEntry> untouched;
  std::vector<FileStampEntry> changed;
  for (const FileIndex file : wanted) {
    const auto info = set_.look(file);
    if (!info) return info.error();
    (dirty_.contains(file) ? changed : untouched).push_back({file, stamp_of(*info)});
  }
  journal_->stamped(untouched, true);
  journal_->stamped(changed, false);
  return {};
}

// Where it is not there and not to be made, nothing happens.
Result<void> Store::Impl::prepare_root(bool make) {
  if (set_.has_root()) return {};
  auto root = files_.open_folder(root_path_, make);
  if (!root && !make && root.error().code == Errc::not_found) return {};
  if (!root) return root.error();
  const auto system = files_.file_system(*root);
  if (!system) return system.error();
  const auto info = files_.look(*root);
  if (!info) return info.error();
  file_system_ = *system;
  root_inode_ = info->inode;
  set_.set_root(std::move(*root));
  return {};
}

// Those that can never be written are taken out of `wanted`.
Result<void> Store::Impl::prepare_files(std::vector<FileIndex>& wanted,
                                        const std::set<FileIndex>& missing) {
  for (const FileIndex file : wanted) {
    if (auto done = prepare_file(file, missing.contains(file)); !done) {
      if (!is_selected(file) || !is_permanent(done.error().code)) return done;
      begin_report_.refused.push_back({file, done.error()});
      continue;
    }
    if (data_locked_ || !is_selected(file)) continue;
    if (auto done = lock_data(); !done) return done;
  }
  if (begin_report_.refused.empty()) return {};
  if (auto done = leave_out_refused(); !done) return done;
  std::erase_if(wanted, [&](FileIndex file) { return refused_[file]; });
  return {};
}

// Makes the file, or gives it its length; moves in what lay in the side file.
Result<void> Store::Impl::prepare_file(FileIndex file, bool missing) {
  const auto before = missing ? Result<FileInfo>(Error{Errc::not_found, {}}) : set_.look(file);
  const bool full = options_.allocation == Allocation::full;
  const bool lacks_length = !before || before->size != set_.length(file);
  const bool lacks_space = full && before && before->allocated < set_.length(file);
  if (is_selected(file) && (lacks_length || lacks_space)) {
    if (missing) {
      if (auto done = make_file(file); !done) return done;
    } else if (auto done = set_.create(file, full); !done) {
      return done.error();
    }
    dirty_.insert(file);
  } else if (is_selected(file) && !set_.is_aside(file) && !is_whole(file)) {
    // Known now, before a byte of it is fetched.
    if (auto done = set_.open_to_write(file); !done) return done;
  }
  if (set_.is_aside(file)) {
    Result<void> done;
    const auto& span = layout_.files()[file];
    for_pieces_of(file, [&](PieceIndex piece) {
      if (!done || !has(piece)) return;
      const std::uint64_t begin = std::max(span.offset, layout_.piece_offset(piece));
      const std::uint64_t end = std::min(span.offset + span.length,
                                         layout_.piece_offset(piece) + layout_.piece_size(piece));
      done = set_.fetch_aside(file, begin - span.offset, end - begin);
    });
    if (!done) return done;
    // The stamp will say that the bytes are here, so they must be.
    if (set_.length(file) > 0) done = set_.sync(file);
    if (!done) return done;
    set_.set_aside(file, false);
  }
  return {};
}

}  // namespace barter
