// What the files are called on the disk: part names, names that are one to the disk, and names that
// it cannot hold. The names themselves are chosen by DiskNames.
#include <algorithm>
#include <functional>
#include <map>
#include <tuple>
#include <utility>

#include "chunkstore/store_impl.hpp"

namespace barter {

namespace {

constexpr std::uint32_t most_tries = 100'000;  // for one name

// The bytes of one file show under both. Where the time of birth is unknown, numbers of inodes are
// sometimes made up, so that the rest must be the same as well.
bool is_one_file(const FileInfo& a, const FileInfo& b) {
  if (a.inode != b.inode || a.device != b.device || a.birth_ns != b.birth_ns) return false;
  return a.birth_ns != 0 || (a.size == b.size && a.mtime_ns == b.mtime_ns);
}

using Key = std::tuple<std::uint64_t, std::uint64_t, std::int64_t>;
Key key_of(const FileInfo& info) {
  return {info.device, info.inode, info.birth_ns};
}

// Where there is no state: the names that a run on this disk has found, as far as they can be
// guessed. A file that shows under the name of another is where make_file() puts it.
std::map<std::uint32_t, DiskName> guess_twins(
    const std::vector<File>& list, const std::vector<std::optional<FileInfo>>& infos,
    const std::function<bool(const std::string&)>& exists) {
  std::map<std::uint32_t, DiskName> out;
  std::map<Key, std::uint32_t> seen;
  DiskNames names(list);
  for (std::uint32_t file = 0; file < list.size(); ++file) {
    const auto& info = infos[file];
    if (!info || info->kind != FileKind::file || info->links > 1) continue;
    const auto [twin, first] = seen.try_emplace(key_of(*info), file);
    if (first || !is_one_file(*info, *infos[twin->second])) continue;
    names.number(file);
    if (exists(names.final_path(file))) out.emplace(file, *names.remembered(file));
  }
  return out;
}

}  // namespace

// The names of the last run, and the one that the user asks for.
Result<void> Store::Impl::recall_names(JournalState& state) {
  DiskNames& names = set_.names();
  for (const auto& [file, name] : state.names) names.restore(file, name);
  for (FileIndex file = 0; file < file_count(); ++file) {
    if (state.files[file].partial) names.set_partial(file, true);
  }
  return options_.output.empty() ? Result<void>{} : choose_output(state);
}

Result<void> Store::Impl::choose_output(JournalState& state) {
  DiskNames& names = set_.names();
  FileIndex file = 0;
  while (file < file_count() && !set_.is_real(file)) ++file;
  if (file == file_count() || names.final_path(file) == options_.output) return {};
  auto& record = state.files[file];
  const auto info = look_for(names.path(file));
  if (info && names.is_partial(file) && record.latest &&
      record.latest->is_same_file(stamp_of(*info))) {
    return Error{Errc::invalid_argument, "a part of it is in " + root_path_ + " already, as " +
                                             names.path(file) + ": go on with that (--output " +
                                             names.final_path(file) + "), or remove it first"};
  }
  // What an earlier run made under another name stays as it is.
  names.restore(file, {options_.output, NameReason::asked, {}});
  names.set_partial(file, false);
  record = {};
  for_pieces_of(file, [&](PieceIndex piece) {
    state.pieces[to_number(piece)] = PieceMark::absent;
    state.unsynced.erase(to_number(piece));
  });
  return {};
}

Result<FileInfo> Store::Impl::look_for(const std::string& path) {
  if (!set_.has_root()) return Error{Errc::not_found, {}};
  return set_.look_at(path);
}

// By which of its two names is the file there, and how does it look? A run that was killed may have
// renamed it without noting that, and a power cut may have undone it.
Result<FileInfo> Store::Impl::locate(FileIndex file, const JournalState* state) {
  DiskNames& names = set_.names();
  const auto* record = state != nullptr ? &state->files[file] : nullptr;
  const bool unnamed = search_ && !names.is_partial(file) && !names.remembered(file);
  if (unnamed) {
    // Who made the file by this torrent, or the torrent of this file, most likely took its word.
    const auto raw = search_->raw(*metainfo_, file);
    if (raw && take_other_name(file, *raw)) return raw->info;
  }
  const auto here = look_for(names.path(file));
  if (!here && here.error().code != Errc::not_found) return here;
  if (names.is_partial(file)) {
    const auto there = look_for(names.final_path(file));
    if (!here || is_never_made(file, record, *here)) {
      names.set_partial(file, false);
      set_.close(file);
      return there;
    }
    if (!there) return here;
    if (here->links > 1 && is_one_file(*here, *there) && !options_.read_only) {
      // Stopped between the two halves of a rename by hard link.
      if (auto done = set_.remove(names.path(file)); !done) return done.error();
      names.set_partial(file, false);
      return there;
    }
    blocked_.insert(file);
    return here;
  }
  if (here || set_.length(file) == 0) return here;
  const std::string part_path = names.part_path(file);
  const auto part = look_for(part_path);
  if (!part || part->kind != FileKind::file || part->size == 0) {
    const auto other = unnamed && !part ? search_->spelled(*metainfo_, file) : std::nullopt;
    // A download that found something else there would only be in its own way.
    const bool good = other && (options_.read_only || other->info.size == set_.length(file));
    if (good && take_other_name(file, *other)) return other->info;
    return options_.read_only && !part ? locate_simpler(file) : here;
  }
  const bool ours =
      record != nullptr && record->latest && record->latest->is_same_file(stamp_of(*part));
  const bool unknown = record == nullptr || (!record->latest && !record->created);
  if (!ours && !unknown) return here;
  names.set_partial(file, true);
  return part;
}

// It goes by that name then. Not if another file of the torrent is called that.
bool Store::Impl::take_other_name(FileIndex file, const NameSearch::Found& found) {
  if (!set_.names().is_free(found.path)) return false;
  set_.names().restore(file, {found.path, NameReason::found, {}});
  tell_name(NameNote::Kind::found, file, found.path);
  return true;
}

// begin() was stopped before it had made the file: what has its part
// name with something in it is not ours.
bool Store::Impl::is_never_made(FileIndex file, const JournalState::FileRecord* record,
                                const FileInfo& info) {
  if (record == nullptr || !record->created || record->latest) return false;
  if (info.kind != FileKind::file) return false;
  const auto zeros = set_.only_zeros(file, 0, info.size);
  return !zeros || !*zeros;
}

// A seed without our state finds what get has called by a simpler name, if that has its length.
Result<FileInfo> Store::Impl::locate_simpler(FileIndex file) {
  const std::string simpler = simpler_path(set_.names().final_path(file));
  auto info = simpler.empty() ? Result<FileInfo>(Error{Errc::not_found, {}}) : look_for(simpler);
  if (!info || info->size != set_.length(file)) return Error{Errc::not_found, {}};
  set_.names().restore(file, {simpler, NameReason::refused, {}});
  return info;
}

// Under the lock. A part that is gone: has another program, or the user, given it its final name?
bool Store::Impl::renamed_by_others(FileIndex file) {
  DiskNames& names = set_.names();
  if (!names.is_partial(file)) return false;
  const auto& record = journal_->state().files[file];
  const auto there = set_.look_at(names.final_path(file));
  if (!there || !record.latest || !record.latest->is_same_file(stamp_of(*there))) return false;
  names.set_partial(file, false);
  journal_->partial({&file, 1}, false);
  return true;
}

// Files that are two to the torrent and one to the disk: the second may be where an earlier run put
// it, of which we have no state.
Result<void> Store::Impl::follow_twins(std::vector<Found>& found, const JournalState* state) {
  std::vector<std::optional<FileInfo>> infos(file_count());
  for (FileIndex file = 0; file < file_count(); ++file) {
    if (set_.is_real(file) && found[file].present) infos[file] = found[file].info;
  }
  const auto exists = [&](const std::string& path) { return look_for(path).has_value(); };
  for (auto& [file, name] : guess_twins(metainfo_->files(), infos, exists)) {
    if (state != nullptr && state->files[file].latest) continue;
    set_.names().set_partial(file, false);
    set_.names().restore(file, std::move(name));
    found[file] = {};
    const auto foreign = place_file(file, state, found[file]);
    if (!foreign) return foreign.error();
    strangers_.erase(file);
    if (*foreign) strangers_.emplace(file, stamp_of(found[file].info));
  }
  return {};
}

// For the snapshot; and which files show under two names.
void Store::Impl::note_names(JournalState& state, const std::vector<Found>& found) {
  DiskNames& names = set_.names();
  std::map<Key, FileIndex> seen;
  state.names.clear();
  for (FileIndex file = 0; file < file_count(); ++file) {
    if (!set_.is_real(file)) continue;
    state.files[file].partial = names.is_partial(file);
    if (auto name = names.remembered(file)) state.names.emplace(file, std::move(*name));
    if (options_.read_only || !found[file].present || set_.is_aside(file)) continue;
    const FileInfo& info = found[file].info;
    own_inodes_.insert(info.inode);
    const auto [twin, first] = seen.try_emplace(key_of(info), file);
    if (!first && is_one_file(info, found[twin->second].info)) {
      twins_.emplace_back(twin->second, file);
    }
  }
}

// Before anything is written: a NAME.part that nothing shows to be of this torrent is another
// program's. Ours gets another name.
void Store::Impl::settle_parts(Judged& judged) {
  const auto settle = [&](FileIndex file) {
    if (!set_.names().is_partial(file)) return false;
    if (const auto info = set_.look(file)) own_inodes_.erase(info->inode);
    set_.names().set_partial(file, false);
    withdraw(file);
    return true;
  };
  std::erase_if(judged.foreign, settle);
  std::erase_if(judged.unselected, [&](FileIndex file) {
    if (!settle(file)) return false;
    set_.set_aside(file, true);
    return true;
  });
}

// The file is no longer where it was found: what was right there is had no more.
void Store::Impl::withdraw(FileIndex file) {
  set_.close(file);
  strangers_.erase(file);
  blocked_.erase(file);
  std::vector<PieceIndex> gone;
  for_pieces_of(file, [&](PieceIndex piece) {
    if (!has(piece)) return;
    set_have(piece, false);
    gone.push_back(piece);
  });
  begin_report_.withdrawn.insert(begin_report_.withdrawn.end(), gone.begin(), gone.end());
  const std::lock_guard lock(mutex_);
  journal_->marked(PieceMark::absent, gone);
}

Result<void> Store::Impl::refuse_taken_names() {
  if (options_.existing == Existing::overwrite) {
    replaceable_ = std::exchange(blocked_, {});
  } else if (options_.existing == Existing::keep) {
    blocked_.clear();  // told at the end
  }
  for (const FileIndex file : blocked_) {
    if (!is_selected(file)) continue;
    const std::string name = set_.names().final_path(file);
    return Error{Errc::already_exists, name + " exists in " + root_path_ + " beside " +
                                           set_.path(file) +
                                           ", which is to become it; nothing was touched: move " +
                                           name + " away, or let --force overwrite it"};
  }
  return {};
}

// Two files of the torrent that are one to the disk: if both are right, so be it. Otherwise one of
// them goes elsewhere, that which has less to show.
void Store::Impl::settle_twins() {
  for (const auto& [first, second] : twins_) {
    if (is_whole(first) && is_whole(second)) continue;
    const auto worth = [&](FileIndex file) {
      const auto info = set_.look(file);
      const auto& record = journal_->state().files[file];
      const bool ours = info && !strangers_.contains(file) && record.latest &&
                        record.latest->is_same_file(stamp_of(*info));
      return 2 * (ours ? 1 : 0) + (has_piece_of(file) ? 1 : 0);
    };
    write_elsewhere(worth(second) > worth(first) ? first : second);
  }
  twins_.clear();
}

void Store::Impl::write_elsewhere(FileIndex file) {
  DiskNames& names = set_.names();
  names.set_partial(file, false);
  do names.number(file);
  while (set_.look(file).has_value());  // whose it is, nobody knows
  withdraw(file);
  const std::lock_guard lock(mutex_);
  tell_name(NameNote::Kind::clash, file, names.final_path(file));
}

// Under the lock, as what follows: what the journal does not know yet.
void Store::Impl::journal_names() {
  std::vector<FileIndex> partial;
  std::vector<FileIndex> whole;
  for (FileIndex file = 0; file < file_count(); ++file) {
    if (!set_.is_real(file)) continue;
    const bool now = set_.names().is_partial(file);
    if (now != journal_->state().files[file].partial) (now ? partial : whole).push_back(file);
    const auto name = set_.names().remembered(file);
    if (!name) continue;
    const auto known = journal_->state().names.find(file);
    if (known != journal_->state().names.end() && known->second == *name) continue;
    journal_->named(file, *name);
  }
  journal_->partial(partial, true);
  journal_->partial(whole, false);
}

// Makes a file that is not there, under the first name that the disk takes for its own. What comes
// between looking and making is never taken for ours.
Result<void> Store::Impl::make_file(FileIndex file) {
  for (std::uint32_t tries = 0;; ++tries) {
    const auto made = set_.create(file, options_.allocation == Allocation::full, true);
    if (made) {
      own_inodes_.insert(made->inode);
      return {};
    }
    if (tries == most_tries || !rename_aside(file, made.error().code)) return made.error();
  }
}

// Under the lock: a file of ours that is gone.
Result<void> Store::Impl::make_again(FileIndex file) {
  journal_->created({&file, 1});
  set_.names().set_partial(file, options_.part_names && set_.length(file) > 0);
  if (const auto name = set_.names().remembered(file)) journal_->named(file, *name);
  journal_->partial({&file, 1}, set_.names().is_partial(file));
  journal_->sync();
  return make_file(file);
}

// A folder above the file that is, to the disk, a file of the torrent; empty if there is none.
std::string Store::Impl::file_in_the_way(FileIndex file) {
  const std::string path = set_.names().final_path(file);
  for (auto end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
    const auto there = set_.look_at(path.substr(0, end));
    if (!there) return {};
    if (there->kind == FileKind::file && own_inodes_.contains(there->inode)) {
      return path.substr(0, end);
    }
  }
  return {};
}

// Another name for a file that cannot be made, or renamed, under the one it has. False
// if there is none.
bool Store::Impl::rename_aside(FileIndex file, Errc why) {
  DiskNames& names = set_.names();
  if (const std::string folder = file_in_the_way(file); !folder.empty()) {
    names.number_folder(file, folder);
    tell_name(NameNote::Kind::clash, file, names.final_path(file));
  } else if (why == Errc::already_exists) {
    const auto there = set_.look(file);
    // A folder is the torrent's while it begins; later somebody has put it there.
    const bool own_folder = there && there->kind == FileKind::folder && !begun_;
    if (own_folder || (there && own_inodes_.contains(there->inode))) {
      names.number(file);
      tell_name(NameNote::Kind::clash, file, names.final_path(file));
    } else if (names.is_partial(file)) {
      names.number_part(file);
    } else {
      return false;
    }
  } else if (why == Errc::invalid_name) {
    if (!names.simplify(file)) return false;
    tell_name(NameNote::Kind::refused, file, names.final_path(file));
  } else {
    return false;
  }
  journal_->named(file, *names.remembered(file));
  journal_->sync();
  return true;
}

Result<void> Store::Impl::make_links() {
  const auto refused = set_.make_links();
  if (!refused) return refused.error();
  for (const FileIndex file : *refused) {
    tell_name(NameNote::Kind::no_link, file, metainfo_->files()[file].path);
  }
  return {};
}

void Store::Impl::tell_name(NameNote::Kind kind, FileIndex file, std::string path) {
  // The last word on a file counts: some names take several tries.
  if (!notes_.empty() && notes_.back().file == file && notes_.back().kind == kind) {
    notes_.pop_back();
  }
  notes_.push_back({kind, file, std::move(path)});
}

std::vector<NameNote> Store::Impl::take_name_notes() {
  const std::lock_guard lock(mutex_);
  return std::exchange(notes_, {});
}

// All of their bytes are written: a sync that begins now makes them durable.
std::vector<Store::Impl::FileIndex> Store::Impl::whole_parts() {
  std::vector<FileIndex> out;
  if (!begun_) return out;
  const std::lock_guard lock(mutex_);
  for (FileIndex file = 0; file < file_count(); ++file) {
    if (set_.names().is_partial(file) && !busy_.contains(file) && is_whole(file)) {
      out.push_back(file);
    }
  }
  return out;
}

// After that sync.
Result<void> Store::Impl::give_final_names(const std::vector<FileIndex>& whole) {
  if (whole.empty()) return {};
  const std::lock_guard one_at_a_time(sync_mutex_);
  std::vector<FileIndex> named;
  Result<void> failed;
  for (const FileIndex file : whole) {
    const std::lock_guard lock(mutex_);
    if (!is_whole(file)) continue;
    const auto& record = journal_->state().files[file];
    const auto info = set_.look(file);
    // Somebody has been at it: find_changes() sees to that first.
    if (!info || !record.latest || !record.latest->is_same_file(stamp_of(*info))) continue;
    if (auto done = name_file(file); !done) {
      failed = std::move(done);
      break;
    }
    if (!set_.names().is_partial(file)) named.push_back(file);
  }
  if (named.empty()) return failed;
  bool together = false;
  if (set_.new_folder_count() > options_.sync_singly) {
    const auto all = set_.sync_together();
    together = all && *all;
  }
  if (!together) {
    if (auto done = set_.sync_new_folders(); !done) return done;
  }
  const std::lock_guard lock(mutex_);
  journal_->partial(named, false);
  return failed;
}

// Under the lock.
Result<void> Store::Impl::name_file(FileIndex file) {
  for (std::uint32_t tries = 0; tries < most_tries; ++tries) {
    const auto done = set_.give_final_name(file, replaceable_.contains(file));
    if (done) return {};
    const Errc code = done.error().code;
    if (code != Errc::already_exists && code != Errc::invalid_name) return done;
    // Its part keeps the name that it has: the bytes are there.
    const std::string part = set_.names().part_path(file);
    const auto there = set_.look_at(set_.names().final_path(file));
    const bool twin =
        there && (there->kind == FileKind::folder || own_inodes_.contains(there->inode));
    if (code == Errc::already_exists && !twin) {
      if (blocked_.insert(file).second) tell_name(NameNote::Kind::taken, file, part);
      return {};
    }
    if (code == Errc::already_exists) {
      set_.names().number(file);
    } else if (!set_.names().simplify(file)) {
      return done;
    }
    set_.names().keep_part(file, part);
    tell_name(code == Errc::already_exists ? NameNote::Kind::clash : NameNote::Kind::refused, file,
              set_.names().final_path(file));
    journal_->named(file, *set_.names().remembered(file));
  }
  return {};
}

namespace {

bool is_real(const File& file) {
  return !file.pad && file.symlink_target.empty();
}

// A file of no name that is remembered: is it there under one that others make of its name?
std::optional<std::string> other_name(const Metainfo& metainfo, std::uint32_t file,
                                      const Result<FileInfo>& here, NameSearch& search,
                                      DiskNames& taken) {
  auto found = search.raw(metainfo, file);
  if (!found && !here) found = search.spelled(metainfo, file);
  if (!found || !taken.is_free(found->path)) return std::nullopt;
  return std::move(found->path);
}

void guess_names(const Metainfo& metainfo, Files& files, const FileHandle& root, NameSearch& search,
                 std::vector<std::string>& out) {
  const auto& list = metainfo.files();
  std::vector<std::optional<FileInfo>> infos(list.size());
  DiskNames taken(list);
  for (std::uint32_t file = 0; file < list.size(); ++file) {
    if (!is_real(list[file])) continue;
    const auto info = files.look(root, list[file].path);
    if (auto other = other_name(metainfo, file, info, search, taken)) {
      out[file] = std::move(*other);
      continue;
    }
    if (info) {
      infos[file] = *info;
      continue;
    }
    const std::string simpler = simpler_path(list[file].path);
    if (simpler.empty()) continue;
    const auto there = files.look(root, simpler);
    if (there && there->size == list[file].length) out[file] = simpler;
  }
  const auto exists = [&](const std::string& path) { return files.look(root, path).has_value(); };
  for (auto& [file, name] : guess_twins(list, infos, exists)) out[file] = std::move(name.path);
}

}  // namespace

Result<std::vector<std::string>> names_on_disk(const Metainfo& metainfo, const std::string& folder,
                                               const std::string& state_folder, Files& files) {
  std::vector<std::string> out;
  for (const File& file : metainfo.files()) out.push_back(file.path);
  const auto canonical = files.canonical(folder);
  if (!canonical) return canonical.error();
  const auto root = files.open_folder_to_read(*canonical);
  if (!root) return out;
  NameSearch search(files, *canonical,
                    [&](const std::string& path) { return files.look(*root, path); });
  std::optional<Journal::Loaded> loaded;
  if (!state_folder.empty()) {
    const auto state = files.open_folder(state_path_of(metainfo, state_folder, *canonical), false);
    if (state) {
      auto journal = Journal::load(files, *state, identity_of(metainfo));
      if (!journal) return journal.error();
      loaded = std::move(*journal);
    }
  }
  if (!loaded) {
    guess_names(metainfo, files, *root, search, out);
    return out;
  }
  DiskNames names(metainfo.files());
  for (const auto& [file, name] : loaded->state.names) names.restore(file, name);
  for (std::uint32_t file = 0; file < out.size(); ++file) {
    const bool partial = loaded->state.files[file].partial;
    names.set_partial(file, partial && files.look(*root, names.part_path(file)).has_value());
    out[file] = names.path(file);
    const bool named = names.is_partial(file) || names.remembered(file);
    if (named || !is_real(metainfo.files()[file])) continue;
    const auto here = files.look(*root, out[file]);
    if (auto other = other_name(metainfo, file, here, search, names)) out[file] = std::move(*other);
  }
  return out;
}

}  // namespace barter
