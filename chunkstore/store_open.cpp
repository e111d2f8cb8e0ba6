// Opening: what is there, which pieces may be trusted, and which must be hashed.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "chunkstore/piece_hasher.hpp"
#include "chunkstore/sparse_write.hpp"
#include "chunkstore/store_impl.hpp"
#include "torrent/sha.hpp"

namespace barter {

namespace {

std::string size_text(std::uint64_t bytes) {
  if (bytes < 10'000) return fmt::format("{} bytes", bytes);
  constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(units); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, units[unit]);
}

// A folder's parent; "" above the top.
std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos || path == "/") return {};
  return slash == 0 ? "/" : path.substr(0, slash);
}

// The folder, or the nearest one above it that exists: the same file
// system, unless a disk is missing.
Result<FileHandle> open_nearest(Files& files, std::string path) {
  for (;;) {
    auto folder = files.open_folder(path, false);
    if (folder || folder.error().code != Errc::not_found) return folder;
    path = parent_of(path);
    if (path.empty()) return folder;
  }
}

void mark(JournalState& state, PieceIndex piece, PieceMark value) {
  state.pieces[to_number(piece)] = value;
  if (value != PieceMark::written) state.unsynced.erase(to_number(piece));
}

bool is_right(PieceMark value) {
  return value == PieceMark::written || value == PieceMark::synced;
}

}  // namespace

JournalIdentity identity_of(const Metainfo& metainfo) {
  const InfoHash& hash = metainfo.info_hash();
  std::string torrent;
  if (hash.v1) torrent += to_hex(*hash.v1);
  if (hash.v2) torrent += to_hex(*hash.v2);
  return {std::move(torrent), metainfo.layout().piece_count(),
          static_cast<std::uint32_t>(metainfo.files().size())};
}

std::string state_path_of(const Metainfo& metainfo, const std::string& state_folder,
                          const std::string& canonical) {
  const Sha256Digest place = sha256(as_bytes(canonical));
  return state_folder + "/" + to_hex(metainfo.info_hash().wire()) + "-" +
         to_hex(place).substr(0, 16);
}

Result<void> Store::Impl::open() {
  auto canonical = files_.canonical(options_.folder);
  if (!canonical) return canonical.error();
  root_path_ = *canonical;
  if (has_state(root_path_)) {
    if (auto done = open_state(root_path_); !done) {
      // A seed on a read-only machine works without a memory of it.
      if (!options_.read_only || done.error().code == Errc::locked) return done;
      lock_ = {};
      state_folder_ = {};
    }
  } else if (!options_.read_only && !options_.selected.empty() &&
             std::find(options_.selected.begin(), options_.selected.end(), false) !=
                 options_.selected.end()) {
    return Error{Errc::invalid_argument, "a selection of files needs a folder for its state"};
  }
  std::optional<Journal::Loaded> loaded;
  if (auto done = load_state(loaded); !done) return done;
  JournalState state = loaded ? loaded->state : JournalState{};
  state.pieces.resize(layout_.piece_count(), PieceMark::suspect);
  state.files.resize(file_count());
  has_side_ = loaded && state.begun;
  if (auto done = open_root(state); !done) return done;
  if (auto done = recall_names(state); !done) return done;
  if (set_.has_root()) {
    search_.emplace(files_, root_path_, [this](const std::string& path) { return look_for(path); });
  }
  if (loaded && !options_.output.empty()) loaded->state = state;
  if (auto done = lock_data(loaded ? &state : nullptr); !done) return done;
  auto found = look_at_files(loaded);
  if (!found) return found.error();
  if (auto done = follow_twins(*found, loaded ? &loaded->state : nullptr); !done) return done;
  search_.reset();
  const bool same_boot = loaded && !state.boot_id.empty() && state.boot_id == files_.boot_id();
  if (state.begun) adopt_unsynced(state, *found, same_boot);
  mark_pieces(state, loaded, *found);
  for (FileIndex file = 0; file < file_count(); ++file) {
    const Found& there = (*found)[file];
    sparse_.push_back(there.present && there.info.allocated < there.info.size);
  }
  trust_verified(state, *found);
  note_edited(state);
  record_stamps(state, *found, same_boot);
  note_names(state, *found);
  state.boot_id = files_.boot_id();
  if (state_folder_) spill_.emplace(files_, state_folder_);
  adopt_spilled(state);
  if (!options_.read_only) {
    if (auto done = check_space(*found); !done) return done;
  }
  fill_report(state, *found, loaded.has_value());
  journal_.emplace(files_, identity_of(*metainfo_), std::move(state));
  if (!state_folder_) return {};
  auto attached = journal_->attach(state_folder_);
  // Room may come, and without a memory of it a download is still a download.
  const bool full = !attached && attached.error().code == Errc::no_space;
  if (!attached && (options_.read_only || full)) return {};
  return attached;
}

// What the last run left. A newer version's memory is not touched: a download, which would have to
// write it, ends here, and a seed works without.
Result<void> Store::Impl::load_state(std::optional<Journal::Loaded>& loaded) {
  if (!state_folder_) return {};
  auto journal = Journal::load(files_, state_folder_, identity_of(*metainfo_));
  if (journal && *journal) heed_origins((*journal)->state);
  Result<void> done;
  if (!journal) done = journal.error();
  if (origins_.newer()) done = newer_state("origins");
  if (done) {
    loaded = std::move(*journal);
    set_.set_side_folder(&state_folder_);
    return {};
  }
  if (done.error().code != Errc::unsupported) return done;
  if (!options_.read_only) {
    return Error{Errc::unsupported, state_path_ + "/" + done.error().message};
  }
  origins_ = {};
  lock_ = {};
  state_folder_ = {};
  return {};
}

// What is only read may be somewhere else, behind links; its hashes
// tell whether it is the torrent's.
Result<FileHandle> Store::Impl::open_data_folder() {
  return options_.read_only ? files_.open_folder_to_read(root_path_)
                            : files_.open_folder(root_path_, false);
}

Result<void> Store::Impl::open_root(const JournalState& state) {
  auto root = open_data_folder();
  if (!root) {
    if (root.error().code != Errc::not_found || options_.read_only) return root.error();
    auto nearest = open_nearest(files_, root_path_);
    if (!nearest) return nearest.error();
    const auto system = files_.file_system(*nearest);
    if (!system) return system.error();
    if (state.file_system != 0 && state.file_system != *system) {
      return Error{Errc::not_found,
                   "the folder " + root_path_ + " is not there; is its disk mounted?"};
    }
    return {};
  }
  const auto system = files_.file_system(*root);
  if (!system) return system.error();
  file_system_ = *system;
  const auto info = files_.look(*root);
  if (!info) return info.error();
  root_inode_ = info->inode;
  set_.set_root(std::move(*root));
  return {};
}

// Of files that the last run left alone the journal has nothing to say but what it found.
void Store::Impl::heed_origins(JournalState& state) {
  if (!state.begun) return;
  origins_ = FileOrigins::load(files_, state_folder_, file_count());
  const bool go_on = options_.existing == Existing::refuse || options_.existing == Existing::keep;
  for (const auto& [file, origin] : origins_.all()) {
    if (origin != FileOrigin::aside && origin != FileOrigin::kept) continue;
    state.files[file].latest.reset();
    state.files[file].durable.reset();
    state.files[file].created = false;
    if (origin == FileOrigin::kept) kept_[file] = go_on;
  }
}

// Decides where a file's bytes are. True if somebody else may have made what is there.
Result<bool> Store::Impl::place_file(FileIndex file, const JournalState* state, Found& found) {
  const auto info = locate(file, state);
  // begin() tells: of what is in the way, and of a name that is too long for the disk, which is one
  // that is not there.
  found.obstructed = !options_.read_only && obstacle(file, info).has_value();
  if (!info && !found.obstructed && info.error().code != Errc::not_found &&
      info.error().code != Errc::not_possible) {
    return info.error();
  }
  found.present = info && info->kind == FileKind::file;
  if (found.present) found.info = *info;
  const bool begun = state != nullptr && state->begun;
  if (begun) {
    const auto& record = state->files[file];
    // What the user wanted kept is gone.
    if (!found.present && !found.obstructed) kept_[file] = false;
    const bool left_alone = found.present && is_left_alone(file);
    set_.set_aside(file, left_alone || (!record.latest && (record.created || !found.present)));
    if (left_alone || !found.present || found.info.size == 0) return false;
    if (!record.latest) return !record.created;
    // The journals of older versions have stamps of all that was there.
    return !record.latest->is_same_file(stamp_of(found.info)) || !origins_.known() ||
           origins_.is(file, FileOrigin::edited);
  }
  set_.set_aside(file, !options_.read_only && !is_selected(file) && !found.present);
  return found.present && found.info.size != 0;
}

Result<std::vector<Store::Impl::Found>> Store::Impl::look_at_files(
    const std::optional<Journal::Loaded>& loaded) {
  std::vector<Found> found(file_count());
  FileHistory history;
  std::set<FileIndex> in_flight;
  if (loaded) {
    history = {!loaded->state.boot_id.empty() && loaded->state.boot_id == files_.boot_id(), false,
               loaded->mtime_ns, loaded->state.window};
    for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
      if (loaded->state.pieces[i] != PieceMark::writing) continue;
      for (const FileIndex file : touched(PieceIndex{i}).files) in_flight.insert(file);
    }
  }
  bool any_present = false;
  bool any_stamp = false;
  for (FileIndex file = 0; file < file_count(); ++file) {
    if (!set_.is_real(file)) continue;
    const auto foreign = place_file(file, loaded ? &loaded->state : nullptr, found[file]);
    if (!foreign) return foreign.error();
    any_present = any_present || found[file].present;
    if (!loaded) {
      if (*foreign) strangers_.emplace(file, stamp_of(found[file].info));
      continue;
    }
    const auto& record = loaded->state.files[file];
    any_stamp = any_stamp || record.latest;
    if (!found[file].present) continue;
    history.in_flight = in_flight.contains(file);
    found[file].ours = is_ours(record, stamp_of(found[file].info), history);
    // After a power cut a file may be other than we left it by itself. A part is nobody else's, nor
    // is what we made and never synced: what changed it was a run of ours that could note nothing.
    const bool unsynced = record.created && !record.durable;
    const bool edited = history.same_boot && loaded->state.begun && record.latest && !unsynced &&
                        !found[file].ours && found[file].info.size != 0 && !set_.is_aside(file) &&
                        !set_.names().is_partial(file);
    const bool interrupted = found[file].ours && history.in_flight;
    if ((*foreign && !interrupted) || edited) {
      strangers_.emplace(file, stamp_of(found[file].info));
    }
  }
  const bool other_disk = loaded && loaded->state.file_system != 0 && file_system_ != 0 &&
                          loaded->state.file_system != file_system_;
  if (other_disk && any_stamp && !any_present) {
    return Error{Errc::not_found, "the folder " + root_path_ +
                                      " is on another disk than before, and empty; is its "
                                      "disk mounted?"};
  }
  return found;
}

// What a run that was killed wrote and did not sync is still ours to sync: no check can tell it
// from what is durable. It may have been unable to note what it wrote, or that there was a boot.
void Store::Impl::adopt_unsynced(const JournalState& state, const std::vector<Found>& found,
                                 bool same_boot) {
  for (FileIndex file = 0; file < file_count(); ++file) {
    if (found[file].present && !found[file].ours && !set_.is_aside(file)) dirty_.insert(file);
  }
  if (!same_boot) return;
  for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
    if (state.pieces[i] == PieceMark::absent || state.pieces[i] == PieceMark::synced) continue;
    const auto touched = this->touched(PieceIndex{i});
    side_dirty_ = side_dirty_ || touched.side;
    dirty_.insert(touched.files.begin(), touched.files.end());
  }
  for (FileIndex file = 0; file < file_count(); ++file) {
    if (!set_.is_real(file) || set_.is_aside(file)) continue;
    if (state.files[file].created && !state.files[file].durable) dirty_.insert(file);
    // Its name may be as new as it was then.
    set_.note_new_folders(file);
  }
}

void Store::Impl::mark_pieces(JournalState& state, const std::optional<Journal::Loaded>& loaded,
                              const std::vector<Found>& found) {
  if (loaded) {
    const bool same_boot = !state.boot_id.empty() && state.boot_id == files_.boot_id();
    for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
      const PieceMark old = state.pieces[i];
      if (old == PieceMark::writing || (old == PieceMark::written && !same_boot)) {
        mark(state, PieceIndex{i}, PieceMark::suspect);
      }
    }
    for (FileIndex file = 0; file < file_count(); ++file) {
      if (!set_.is_real(file) || set_.is_aside(file)) continue;
      // Nothing is believed of a file that somebody cut, whatever a journal says of it.
      const bool cut = is_selected(file) && found[file].info.size < set_.length(file);
      const bool ours = found[file].ours;
      if (ours && !cut) continue;
      const bool was_there = state.files[file].latest.has_value();
      const bool any = !ours && (found[file].present || was_there);
      for_pieces_of(file, [&](PieceIndex piece) {
        if (any || is_right(state.pieces[to_number(piece)])) {
          mark(state, piece, PieceMark::suspect);
        }
      });
    }
  }
  if (loaded && state.begun && !origins_.known()) doubt_borders(state);
  for (std::uint32_t i = 0;
       i < std::min<std::size_t>(options_.doubted.size(), layout_.piece_count()); ++i) {
    if (options_.doubted[i]) mark(state, PieceIndex{i}, PieceMark::suspect);
  }
  for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
    if (state.pieces[i] == PieceMark::suspect && !may_match(PieceIndex{i}, found)) {
      mark(state, PieceIndex{i}, PieceMark::absent);
    }
  }
}

// Older versions put bytes of files that they left alone into the side file, and did not say of
// which: there a piece at a border is right only if the files say so.
void Store::Impl::doubt_borders(JournalState& state) {
  if (!files_.look(state_folder_, "side")) return;
  for (const auto& [file, stamp] : strangers_) {
    for_pieces_of(file, [&](PieceIndex piece) {
      if (touched(piece).files.size() > 1) mark(state, piece, PieceMark::suspect);
    });
  }
}

void Store::Impl::trust_verified(JournalState& state, const std::vector<Found>& found) {
  if (!options_.read_only || options_.verified.size() != file_count()) return;
  std::vector<bool> unchanged(file_count());
  for (FileIndex file = 0; file < file_count(); ++file) {
    const VerifiedFile& then = options_.verified[file];
    const FileInfo& now = found[file].info;
    unchanged[file] =
        !set_.is_real(file) || (found[file].present && now.size == then.size &&
                                now.mtime_ns == then.mtime_ns && now.inode == then.inode);
  }
  for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
    const auto files = touched(PieceIndex{i}).files;
    if (std::all_of(files.begin(), files.end(), [&](FileIndex file) { return unchanged[file]; })) {
      mark(state, PieceIndex{i}, PieceMark::synced);
    }
  }
}

// Could the disk hold this piece? Not where a file is absent or too short, nor in a hole, unless
// the piece is all zeros.
bool Store::Impl::may_match(PieceIndex piece, const std::vector<Found>& found) {
  std::vector<FileRange> ranges;
  layout_.file_ranges(layout_.piece_offset(piece), layout_.piece_size(piece), ranges);
  bool holes = true;  // so far
  for (const auto& range : ranges) {
    const auto file = static_cast<FileIndex>(range.file);
    if (!set_.is_real(file)) continue;
    if (set_.is_aside(file)) {
      if (!has_side_) return false;
      holes = false;
      continue;
    }
    const FileInfo& info = found[file].info;
    if (!found[file].present || range.offset + range.length > info.size) return false;
    if (!holes || info.allocated >= info.size) {
      holes = false;
      continue;
    }
    const auto data = set_.next_data(file, range.offset);
    holes = data && *data >= range.offset + range.length;
  }
  return !holes || zeros_match(piece);
}

bool Store::Impl::zeros_match(PieceIndex piece) {
  if (!metainfo_->has_v1()) return true;  // hashing zeros takes less than explaining when not to
  const std::uint32_t size = layout_.piece_size(piece);
  if (size != zeros_size_) {
    const std::vector<std::byte> zeros(block_length);
    Sha1 hash;
    for (std::uint32_t left = size; left > 0;) {
      const std::uint32_t part = std::min(left, block_length);
      hash.update(std::span(zeros).first(part));
      left -= part;
    }
    zeros_hash_ = hash.finish();
    zeros_size_ = size;
  }
  return metainfo_->piece_hash_v1(piece) == zeros_hash_;
}

// A seed takes files as they are, and their stamps with them: that they are not as we left them
// must not be forgotten by it.
void Store::Impl::note_edited(const JournalState& state) {
  if (!options_.read_only || !state.begun || strangers_.empty() || !origins_.known()) return;
  for (const auto& [file, stamp] : strangers_) {
    if (!origins_.has(file)) origins_.set(file, FileOrigin::edited);
  }
  (void)origins_.save(files_, state_folder_);  // the disk may be read-only
}

// What the snapshot will say of the files. A file that somebody put in the place of ours stays
// without a stamp until begin() has taken it over, so that a restart asks again.
void Store::Impl::record_stamps(JournalState& state, const std::vector<Found>& found,
                                bool same_boot) {
  for (FileIndex file = 0; file < file_count(); ++file) {
    auto& record = state.files[file];
    const bool replaced = strangers_.contains(file) && !found[file].ours &&
                          !(options_.read_only && record.latest && found[file].present &&
                            record.latest->is_same_file(stamp_of(found[file].info)));
    if (replaced && state.begun) {
      record = {};
    } else if (found[file].present && !set_.is_aside(file)) {
      const FileStamp now = stamp_of(found[file].info);
      if (!same_boot || !found[file].ours) record.durable = now;
      record.latest = now;
    }
  }
  if (!same_boot) state.window.reset();
}

// The blocks put aside by the last run, as far as they are what was put there.
void Store::Impl::adopt_spilled(JournalState& state) {
  if (!spill_) {
    state.spilled.clear();
    return;
  }
  std::vector<std::byte> room(block_length);
  const bool readable = !state.spilled.empty() && spill_->open();
  for (auto it = state.spilled.begin(); it != state.spilled.end();) {
    const auto& [block, slot] = *it;
    const bool keep = readable && !is_right(state.pieces[to_number(block.piece)]) &&
                      block.block < layout_.block_count(block.piece) &&
                      spill_->get(slot, std::span(room).first(layout_.block_size(block)));
    it = keep ? std::next(it) : state.spilled.erase(it);
  }
  spill_->adopt(state.spilled);
}

// By file: bytes that will be holes, as far as the hashes of whole pieces tell.
std::vector<std::uint64_t> Store::Impl::known_holes() {
  std::vector<std::uint64_t> holes(file_count());
  if (!metainfo_->has_v1()) return holes;
  std::vector<FileRange> ranges;
  for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
    if (!zeros_match(PieceIndex{i})) continue;
    ranges.clear();
    layout_.file_ranges(layout_.piece_offset(PieceIndex{i}), layout_.piece_size(PieceIndex{i}),
                        ranges);
    for (const auto& range : ranges)
      holes[range.file] += left_out_of_zeros(range.offset, range.length);
  }
  return holes;
}

Result<void> Store::Impl::check_space(const std::vector<Found>& found) {
  const auto lacking = [&](const std::vector<std::uint64_t>& holes) {
    std::uint64_t need = 0;
    for (FileIndex file = 0; file < file_count(); ++file) {
      if (!set_.is_real(file) || !is_selected(file)) continue;
      if (options_.existing == Existing::keep && strangers_.contains(file)) continue;
      if (found[file].obstructed) continue;
      const std::uint64_t length = set_.length(file);
      const std::uint64_t hole = holes.empty() ? 0 : holes[file];
      need += length - std::min(length, hole + found[file].info.allocated);
    }
    return need;
  };
  const auto folder = open_nearest(files_, root_path_);
  if (!folder) return folder.error();
  const auto have = files_.free_space(*folder);
  if (!have) return have.error();
  std::uint64_t need = lacking({});
  if (need > *have && options_.allocation == Allocation::sparse) need = lacking(known_holes());
  if (need <= *have) return {};
  return Error{Errc::no_space, fmt::format("not enough space in {}: needs {}, has {}", root_path_,
                                           size_text(need), size_text(*have))};
}

void Store::Impl::fill_report(const JournalState& state, const std::vector<Found>& found,
                              bool journal) {
  report_.have = Bitfield(layout_.piece_count());
  for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
    if (is_right(state.pieces[i])) {
      report_.have.set(i);
      set_have(PieceIndex{i}, true);
    } else if (state.pieces[i] == PieceMark::suspect) {
      report_.unchecked.push_back(PieceIndex{i});
    }
  }
  for (const auto& [block, slot] : state.spilled) report_.spilled.push_back(block);
  report_.resumed = journal && (state.begun || !report_.have.none());
  for (FileIndex file = 0; file < file_count(); ++file) {
    report_.found_files = report_.found_files || (strangers_.contains(file) && !journal);
    if (!options_.read_only || !set_.is_real(file) || set_.is_aside(file)) continue;
    if (!found[file].present || found[file].info.size < set_.length(file)) {
      report_.missing.push_back(set_.path(file));
    }
    if (!found[file].present) absent_.insert(file);
  }
}

}  // namespace barter
