// Store::Impl: the members behind Store, shared by store.cpp (pieces and blocks), store_write.cpp
// (pieces into files), store_open.cpp (open), store_lock.cpp (being alone), store_judge.cpp (whose
// files are these?), store_begin.cpp (begin), store_names.cpp (what files are called),
// store_check.cpp (hashing what is there) and
// store_watch.cpp (sync, changes, the root). Included by those alone.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "chunkstore/earlier_work.hpp"
#include "chunkstore/file_origins.hpp"
#include "chunkstore/file_set.hpp"
#include "chunkstore/files.hpp"
#include "chunkstore/foreign_files.hpp"
#include "chunkstore/hash_bench.hpp"
#include "chunkstore/name_search.hpp"
#include "chunkstore/piece_hasher.hpp"
#include "chunkstore/resume.hpp"
#include "chunkstore/spill.hpp"
#include "chunkstore/store.hpp"
#include "torrent/siphash.hpp"
#include "torrent/source_file.hpp"

namespace barter {

JournalIdentity identity_of(const Metainfo& metainfo);

class Store::Impl {
 public:
  using FileIndex = FileSet::FileIndex;

  Impl(std::shared_ptr<const Metainfo> metainfo, StoreOptions options, Files& files);

  // store_open.cpp
  Result<void> open();
  // store_begin.cpp
  Result<void> begin();
  // store_names.cpp
  std::vector<FileIndex> whole_parts();
  Result<void> give_final_names(const std::vector<FileIndex>& whole);
  std::vector<NameNote> take_name_notes();
  std::string final_path(FileIndex file) { return set_.names().final_path(file); }
  // store_check.cpp
  std::size_t hash_width() const { return PieceHasher::width(*metainfo_); }
  bool one_reader() const { return on_rotating_disk(root_path_); }
  Result<std::vector<bool>> check_pieces(std::span<const PieceIndex> pieces);
  // store.cpp
  void store_pieces(std::span<const StoreRequest> requests, const PieceDone& done);
  Result<void> spill_block(BlockRef block, const BlockBuffer& buffer);
  void drop_spilled(PieceIndex piece);
  Result<bool> read(BlockRange range, std::span<std::byte> out, bool may_block);
  void read_ahead(BlockRange range);
  // store_watch.cpp
  Result<void> sync();
  std::uint64_t unsynced_bytes() const { return unsynced_bytes_.load(std::memory_order_relaxed); }
  std::vector<PieceIndex> find_changes();
  std::vector<std::string> changed_files();
  bool change_noticed() const { return noticed_.load(std::memory_order_relaxed); }
  std::vector<std::string> absent_files();
  std::optional<Error> replaced();
  void look_anew() { turn_.fetch_add(1, std::memory_order_relaxed); }
  std::optional<Error> state_trouble();
  Result<void> keep_state();
  std::vector<VerifiedFile> verified_files();
  bool root_present();
  bool has_space(std::uint64_t bytes);

  const OpenReport& report() const { return report_; }
  const BeginReport& begin_report() const { return begin_report_; }

 private:
  // What open() finds at the place of a file.
  struct Found {
    bool present = false;
    bool ours = false;        // as the journal left it
    bool obstructed = false;  // what is there is no file
    FileInfo info;
  };

  struct PageCache;
  class PieceWatch;

  bool has(PieceIndex piece) const {
    return have_[to_number(piece)].load(std::memory_order_acquire);
  }
  void set_have(PieceIndex piece, bool value) {
    have_[to_number(piece)].store(value, std::memory_order_release);
  }
  std::uint32_t file_count() const { return static_cast<std::uint32_t>(metainfo_->files().size()); }
  bool is_selected(FileIndex file) const {
    return (options_.selected.empty() || options_.selected[file]) && !kept_[file] &&
           !refused_[file];
  }
  // The bytes of the torrent's pieces in this file, which is not ours, are in the side file.
  bool is_left_alone(FileIndex file) const {
    return !is_selected(file) &&
           (kept_[file] || refused_[file] || origins_.is(file, FileOrigin::aside));
  }
  bool has_piece_of(FileIndex file) const;
  bool is_whole(FileIndex file) const;
  FileSet::Touched touched(PieceIndex piece) const {
    return set_.touched(layout_.piece_offset(piece), layout_.piece_size(piece));
  }
  // Every piece that holds bytes of the file.
  template <class Visit>
  void for_pieces_of(FileIndex file, Visit visit) const {
    const auto span = layout_.pieces_of(file);
    if (!span) return;
    for (auto i = to_number(span->first); i <= to_number(span->last); ++i) visit(PieceIndex{i});
  }

  struct Judged {
    std::vector<FileIndex> foreign;  // and selected
    std::vector<FileIndex> linked;
    std::vector<FileIndex> unselected;    // and foreign, or gone
    std::vector<FileIndex> taken;         // data of the torrent that somebody else brought
    std::vector<FileIndex> unfinished;    // there, selected, and to be written to
    std::vector<RefusedFile> obstructed;  // selected, and something that is no file is there
    std::vector<FileIndex> replacements;  // foreign, and came while we wrote
  };

  // store_lock.cpp
  bool has_state(const std::string& canonical);
  Result<void> open_state(const std::string& canonical);
  Result<void> lock_data(const JournalState* state = nullptr);  // `state`: while opening
  Result<void> lock_top_folder(const std::string& path);
  Result<void> lock_unfinished(const Judged& judged);

  // store_open.cpp
  Result<void> load_state(std::optional<Journal::Loaded>& loaded);
  Result<FileHandle> open_data_folder();
  Result<void> open_root(const JournalState& state);
  void heed_origins(JournalState& state);
  Result<std::vector<Found>> look_at_files(const std::optional<Journal::Loaded>& loaded);
  Result<bool> place_file(FileIndex file, const JournalState* state, Found& found);
  void mark_pieces(JournalState& state, const std::optional<Journal::Loaded>& loaded,
                   const std::vector<Found>& found);
  void doubt_borders(JournalState& state);
  void trust_verified(JournalState& state, const std::vector<Found>& found);
  bool may_match(PieceIndex piece, const std::vector<Found>& found);
  bool zeros_match(PieceIndex piece);
  void adopt_unsynced(const JournalState& state, const std::vector<Found>& found, bool same_boot);
  void note_edited(const JournalState& state);
  void record_stamps(JournalState& state, const std::vector<Found>& found, bool same_boot);
  void adopt_spilled(JournalState& state);
  std::vector<std::uint64_t> known_holes();
  Result<void> check_space(const std::vector<Found>& found);
  void fill_report(const JournalState& state, const std::vector<Found>& found, bool journal);

  // store_judge.cpp
  Judged judge_files();
  std::optional<Error> obstacle(FileIndex file, const Result<FileInfo>& info) const;
  bool is_strange(FileIndex file, const FileInfo& info, ForeignFiles& foreign);
  bool is_complete(FileIndex file, const FileInfo& info) const;
  bool is_data_there(const Judged& judged);
  void set_replacements_apart(Judged& judged);
  Result<void> decide(const Judged& judged);
  Error in_the_way(const Judged& judged);
  Result<void> keep(const Judged& judged);
  void leave_alone(std::span<const FileIndex> files);
  Result<void> note_origins(const Judged& judged);

  // store_begin.cpp
  Result<void> prepare_root(bool make);
  Result<void> stamp_files(const std::vector<FileIndex>& wanted);
  Result<void> prepare_file(FileIndex file, bool missing);
  Result<void> prepare_files(std::vector<FileIndex>& wanted, const std::set<FileIndex>& missing);
  Result<void> leave_out(const Judged& judged);
  Result<void> leave_out_refused();

  // store_names.cpp
  Result<void> recall_names(JournalState& state);
  Result<void> choose_output(JournalState& state);
  Result<FileInfo> locate(FileIndex file, const JournalState* state);
  Result<FileInfo> look_for(const std::string& path);
  bool is_never_made(FileIndex file, const JournalState::FileRecord* record, const FileInfo& info);
  bool take_other_name(FileIndex file, const NameSearch::Found& found);
  Result<FileInfo> locate_simpler(FileIndex file);
  Result<void> follow_twins(std::vector<Found>& found, const JournalState* state);
  bool renamed_by_others(FileIndex file);
  void note_names(JournalState& state, const std::vector<Found>& found);
  void settle_parts(Judged& judged);
  void withdraw(FileIndex file);
  Result<void> refuse_taken_names();
  void settle_twins();
  void write_elsewhere(FileIndex file);
  void journal_names();
  Result<void> make_file(FileIndex file);
  Result<void> make_again(FileIndex file);
  std::string file_in_the_way(FileIndex file);
  bool rename_aside(FileIndex file, Errc why);
  Result<void> name_file(FileIndex file);
  Result<void> make_links();
  void tell_name(NameNote::Kind kind, FileIndex file, std::string path);

  // store_check.cpp
  bool is_right_hole(PieceIndex piece);
  Result<std::vector<bool>> hash_files(std::span<const PieceIndex> pieces, HashBench& bench);
  Result<void> read_parts(std::span<const PieceIndex> pieces, std::uint32_t at, HashBench& bench);
  void advise_readers(std::span<const PieceIndex> pieces, Files::Advice advice);
  PageCache page_cache();
  void note_checked(PieceIndex piece, bool right);

  // store.cpp
  void verify(std::span<const StoreRequest> requests, std::span<StoreOutcome> outcomes);
  std::vector<bool> hash_blocks(std::span<const StoreRequest> requests,
                                std::span<StoreOutcome> outcomes);
  Result<void> digest_blocks(const StoreRequest& request, std::vector<std::uint64_t>& digests);
  Result<std::span<const std::byte>> block_bytes(BlockRef block, const BlockBuffer& buffer,
                                                 std::span<std::byte> room);
  std::optional<SpillSlot> spilled_slot(BlockRef block);
  void drop_lost(const StoreRequest& request, StoreOutcome& outcome);
  std::vector<std::uint32_t> spilled_slots(PieceIndex piece);

  // store_write.cpp
  Result<void> write_piece(PieceIndex piece, std::span<const BlockBuffer> blocks);
  Result<void> write_once(PieceIndex piece, std::span<const BlockBuffer> blocks,
                          const FileSet::Touched& touched, PieceWatch& watch);
  Result<void> write_blocks(PieceIndex piece, std::span<const BlockBuffer> blocks,
                            PieceWatch& watch);
  Result<void> note_written(PieceIndex piece, const FileSet::Touched& touched, PieceWatch& watch);
  void note_failed(PieceIndex piece, const PieceWatch& watch);

  // store_watch.cpp
  Result<void> sync_files(const std::set<FileIndex>& dirty, bool side,
                          std::vector<FileStampEntry>& stamps);
  void distrust_unsynced(std::uint64_t ordinal);
  void keep_state_up();
  bool looks_like(const std::optional<FileStamp>& known, FileIndex file, const FileInfo& now,
                  bool exact) const;
  // As it was left; under the lock.
  bool looks_the_same(FileIndex file, const FileInfo& now, bool exact) const {
    return looks_like(journal_->state().files[file].latest, file, now, exact);
  }
  bool look_for_change(FileIndex file, std::set<PieceIndex>& lost);
  void take_change(FileIndex file);
  bool is_replacement(FileIndex file, const FileInfo& info) const;
  void note_replacement(FileIndex file);
  std::optional<Error> replaced_in(std::span<const FileIndex> files);
  void doubt_changed();
  void put_in_shape(FileIndex file, bool present);
  Result<bool> fresh(BlockRange range, bool may_block);

  const std::shared_ptr<const Metainfo> metainfo_;
  const Layout& layout_;
  const StoreOptions options_;
  const bool leave_no_trace_ = too_big_to_cache(layout_.total_size());  // in the page cache
  Files& files_;
  FileSet set_;
  const SipKey key_;  // of block digests: random, so that no peer can aim at one

  std::string root_path_;    // as the user gave it, made absolute
  FileHandle state_folder_;  // empty: no state is kept
  FileHandle lock_;
  bool state_put_off_ = false;  // to keep_state()
  bool data_locked_ = false;    // the first selected file; not until it exists
  FileHandle top_lock_;         // the torrent's own folder, if it has one
  std::string state_path_;
  OpenReport report_;
  BeginReport begin_report_;
  FileOrigins origins_;               // as the last run left them
  std::vector<bool> kept_;            // by file: the user wants it left alone
  std::vector<bool> refused_;         // by file: begin() found that it can never be written
  std::optional<NameSearch> search_;  // while open() looks for the files
  // Until begin(): files that open() found and that may be somebody else's, as they looked.
  std::map<FileIndex, FileStamp> strangers_;
  std::vector<std::pair<FileIndex, FileIndex>>
      twins_;                                     // found under two names, and one to the disk
  std::unordered_set<std::uint64_t> own_inodes_;  // of the torrent's files, when it writes
  bool has_side_ = false;          // the last run may have put bytes into the side file
  bool begun_ = false;             // payload may be written
  std::uint64_t file_system_ = 0;  // of the root
  std::uint64_t root_inode_ = 0;
  std::vector<bool> sparse_;      // by file: it had holes when the store was opened
  std::mutex zeros_mutex_;        // of the two below, once the store is open
  std::uint32_t zeros_size_ = 0;  // of the piece of zeros with the hash below
  Sha1Digest zeros_hash_;

  std::vector<std::atomic<bool>> have_;  // by piece: verified, and on the disk
  // By file: the turn in which it was last looked at. What is read belongs to a file that was.
  std::vector<std::atomic<std::uint32_t>> looked_;
  std::atomic<std::uint32_t> turn_{0};
  std::atomic<bool> noticed_{false};  // find_changes() has something to tell
  bool exact_times_ = true;           // Files::exact_times() of the root
  std::atomic<std::uint64_t> unsynced_bytes_{0};
  std::mutex sync_mutex_;  // one sync or search for changes at a time; taken before mutex_

  std::mutex mutex_;  // of what follows
  std::optional<Journal> journal_;
  std::optional<Spill> spill_;
  bool spill_dirty_ = false;
  std::optional<Error> spill_trouble_;  // the last block could not be put aside
  std::set<FileIndex> dirty_;  // written by us since the last sync, also in a run that was killed
  bool side_dirty_ = false;
  // Files being written now, each by one thread: so what a file looks like after a write, and what
  // it looked like before, is known to be ours. The system lets nobody write beside another either.
  std::set<FileIndex> busy_;
  std::condition_variable idle_;     // some of them are no longer
  std::set<PieceIndex> lost_;        // no longer had, and not yet reported by find_changes()
  std::set<FileIndex> changed_;      // by others, and not yet reported by changed_files()
  std::set<FileIndex> absent_;       // files known to be gone
  std::set<FileIndex> replaced_;     // by a file of somebody else's
  std::set<FileIndex> blocked_;      // parts whose final name something else has
  std::set<FileIndex> replaceable_;  // of these, what the user lets us overwrite
  std::vector<NameNote> notes_;
};

}  // namespace barter
