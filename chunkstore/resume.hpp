// Resume: what survives a restart. A journal of one torrent in one folder says which pieces were
// being written, are written, and are durable, how the files looked then, and which unverified
// blocks lie in the spill file. Owned by the Store, which locks it: one thread at a time. It never
// looks at payload.
//
// The journal is append-only with a checksum per record; what follows
// the first bad record is ignored. A snapshot replaces it (temporary
// file, sync, rename, sync of the folder), so it stays bounded.
//
// A file that cannot be written is no reason to stop: the journal goes on in memory, and the file
// stays behind until a snapshot has found room. A run that ends meanwhile leaves stamps behind that
// are older than its files, so the next run hashes these.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chunkstore/disk_names.hpp"
#include "chunkstore/files.hpp"
#include "torrent/layout.hpp"
#include "torrent/result.hpp"

namespace barter {

// How a file looked: if it still looks so, nobody changed it.
struct FileStamp {
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t inode = 0;
  // Numbers of inodes are soon used again; with the time of birth they name a file for good.
  std::int64_t birth_ns = 0;
  bool is_same_file(const FileStamp& other) const {
    return inode == other.inode && birth_ns == other.birth_ns;
  }
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};
FileStamp stamp_of(const FileInfo& info);

struct FileStampEntry {
  std::uint32_t file = 0;
  FileStamp stamp;
};

enum class PieceMark : std::uint8_t {
  absent,   // not on the disk, or known to be wrong there
  suspect,  // may be right: must be hashed
  writing,  // a write began and was not seen to end
  written,  // verified and written; a power cut may undo it
  synced,   // verified and durable
};

struct SpillSlot {
  std::uint32_t slot = 0;      // place in the spill file, in blocks
  std::uint64_t checksum = 0;  // of the bytes
};

// What a journal adds up to.
struct JournalState {
  struct FileRecord {
    std::optional<FileStamp> latest;   // after our last write
    std::optional<FileStamp> durable;  // before the last sync
    bool created = false;              // we made it, or were about to
    bool partial = false;              // called by its part name, until it is whole
  };

  std::string boot_id;            // of the run that wrote it
  std::uint64_t file_system = 0;  // of the download folder; 0 until it is known
  bool begun = false;             // the files were ours to write
  std::vector<PieceMark> pieces;
  std::vector<FileRecord> files;
  std::map<std::uint32_t, DiskName> names;  // of files that are not called as the torrent says
  std::map<BlockRef, SpillSlot> spilled;
  // Set while writes may have reached files beyond what the journal can show after a power cut: the
  // time when that began, by the clock of the file system.
  std::optional<std::int64_t> window;
  std::uint64_t ordinal = 0;                        // of the last `written`
  std::map<std::uint32_t, std::uint64_t> unsynced;  // written pieces and their ordinals
};

struct JournalIdentity {
  std::string torrent;  // the info-hash
  std::uint32_t pieces = 0;
  std::uint32_t files = 0;
};

// The state after the valid records of `bytes`; nothing if not even the first is.
std::optional<JournalState> replay(std::string_view bytes, const JournalIdentity& identity);

// Did a version of barter write it that knows more than we do? It must not be overwritten.
bool is_newer(std::string_view bytes);
Error newer_state(const std::string& file);

// Did nobody but us touch the file since the journal was written? `in_flight`: a piece of it was
// being written when the journal ended, at `journal_mtime_ns`.
struct FileHistory {
  bool same_boot = false;
  bool in_flight = false;
  std::int64_t journal_mtime_ns = 0;
  std::optional<std::int64_t> window;
};
bool is_ours(const JournalState::FileRecord& record, const FileStamp& now,
             const FileHistory& history);

class Journal {
 public:
  struct Loaded {
    JournalState state;
    std::int64_t mtime_ns = 0;
  };
  // Nothing if there is none, or if it is not of this torrent. Errors: unsupported, where a newer
  // version of barter wrote it.
  static Result<std::optional<Loaded>> load(Files& files, const FileHandle& folder,
                                            const JournalIdentity& identity);

  // The state of whatever torrent the folder is of; nothing where there is none, or where its
  // journal has more than `max_bytes`. `bytes`: how many it took.
  static std::optional<JournalState> peek(Files& files, const FileHandle& folder,
                                          std::uint64_t max_bytes, std::uint64_t& bytes);

  // Starts with `state` in memory alone; attach() gives it a file.
  Journal(Files& files, JournalIdentity identity, JournalState state);
  // Writes a snapshot into `folder`, durably, and appends to it from then on. The folder's handle
  // must outlive the journal. After an error the file is behind.
  Result<void> attach(const FileHandle& folder);
  // Removes the file; the journal goes on in memory.
  void discard();

  const JournalState& state() const { return state_; }
  // Why the file is behind, while it is.
  const std::optional<Error>& trouble() const { return trouble_; }

  void begun(std::uint64_t file_system);
  void created(std::span<const std::uint32_t> files);
  // The same of files that are there, look so, and are ours from now on, whatever they hold.
  void made(std::span<const FileStampEntry> stamps);
  void named(std::uint32_t file, const DiskName& name);
  void partial(std::span<const std::uint32_t> files, bool partial);
  void stamped(std::span<const FileStampEntry> stamps, bool durable);
  void writing(PieceIndex piece);
  void written(PieceIndex piece, std::span<const FileStampEntry> stamps);
  // Absent, or suspect: then a file that is behind is emptied, since it may call them right.
  void marked(PieceMark mark, std::span<const PieceIndex> pieces);
  // Pieces up to this ordinal are durable; stamps as they were before the sync.
  void synced(std::uint64_t ordinal, std::span<const FileStampEntry> stamps);
  void spilled(BlockRef block, SpillSlot slot);
  void unspilled(PieceIndex piece);
  // Payload is about to be written: noted durably, once until close_window().
  void open_window();
  void close_window();

  void sync();
  // A snapshot, if the file is behind, or has grown well beyond one.
  void keep_up();

 private:
  void append(std::string_view payload);
  void fell_behind(const Result<void>& done);
  Result<void> write_snapshot(const FileHandle& folder);
  std::string snapshot() const;

  Files& files_;
  JournalIdentity identity_;
  JournalState state_;
  const FileHandle* folder_ = nullptr;
  FileHandle file_;
  std::uint64_t size_ = 0;           // of the file, valid records only
  std::uint64_t snapshot_size_ = 0;  // when it was last rewritten
  std::optional<Error> trouble_;
};

}  // namespace barter
