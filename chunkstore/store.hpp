// Store: keeps verified pieces in files and gives blocks back. Nothing unverified is written into
// the payload, served or advertised.
//
// All calls block and belong on the disk pool. store_pieces, spill_block, read and check_pieces may
// run on several threads at once for different pieces; the rest are called alone. Errors of the
// environment come back as values.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chunkstore/block_buffer.hpp"
#include "chunkstore/store_outcome.hpp"
#include "torrent/bitfield.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/result.hpp"

namespace barter {

class WrittenFiles;  // chunkstore/written_files
class Files;         // chunkstore/files: the operating system as the store sees it

enum class Allocation { sparse, full };

// What becomes of files at the torrent's places that are somebody else's (ForeignFiles).
enum class Existing : std::uint8_t {
  refuse,     // nothing is touched, and nothing begins
  keep,       // they stay as they are and count as not selected; this is remembered
  update,     // they are an older version of this data: written over where they differ
  overwrite,  // whatever they are, and also where a file has other names (hard links)
};

// How a file looked when the caller hashed all of it and found it right.
struct VerifiedFile {
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t inode = 0;
};

struct StoreOptions {
  std::string folder;        // the download folder; the torrent's paths are below it
  std::string state_folder;  // "" keeps no state: no journal, no spill, no lock
  bool read_only = false;    // `seed`: never writes payload, creates nothing
  // read_only: a state that is there is used, and none is made before keep_state(). Whoever has
  // thousands of whole torrents remembers them by verified_files() instead.
  bool lazy_state = false;
  Existing existing = Existing::refuse;
  // A file that is made is called NAME.part until it is whole and durable.
  bool part_names = false;
  // What the file of a torrent of one file is called, in `folder`; empty: as the torrent says, or
  // as it was called last time.
  std::string output;
  Allocation allocation = Allocation::sparse;
  std::vector<bool> selected;  // by file; empty selects all. Unselected files create nothing.
  // read_only: by file, pads included. Pieces whose files all still look so are had unchecked
  // (`share` has just made the torrent of them). Empty: nothing was verified.
  std::vector<VerifiedFile> verified;
  // Entered there: which files are written, by all stores of a program. Null: by this one alone.
  std::shared_ptr<WrittenFiles> written;
  // By piece: whatever the journal says of it, it must be hashed again. Empty: none.
  std::vector<bool> doubted;
  std::size_t sync_singly = 64;     // with more changed files than this, the whole file system
  std::size_t max_open_files = 64;  // handles kept open; the least recently used one closes
};

// What open() knows of the data without hashing.
struct OpenReport {
  Bitfield have;                      // trusted by the journal
  std::vector<PieceIndex> unchecked;  // may be right: must be hashed (check_piece) before use
  std::vector<BlockRef> spilled;      // unverified blocks kept from the last run
  bool resumed = false;               // there was a journal for this torrent and folder
  bool found_files = false;           // payload files existed without a journal
  std::vector<std::string> missing;   // read_only: files that are absent or short
};

// A file that would have to be written to, and may not be.
struct InTheWay {
  std::string path;
  std::uint64_t size = 0;
  bool linked = false;  // no foreign file, but it has other names (hard links)
};

// A file that the system does not let us write, now or later.
struct RefusedFile {
  std::uint32_t file = 0;
  Error error;
};

// What begin() made of the files that were there.
struct BeginReport {
  std::vector<InTheWay> in_the_way;   // all of them; where it has failed
  std::vector<std::uint32_t> kept;    // files that count as not selected, by index
  std::vector<RefusedFile> refused;   // left alone, too: they cannot be written
  std::vector<PieceIndex> withdrawn;  // had until then, in files that are now left alone
};

// What a person must be told of the names on the disk, each once.
struct NameNote {
  enum class Kind : std::uint8_t {
    clash,     // the disk takes its name for that of another file of the torrent: it is at `path`
    refused,   // the disk cannot hold its name: it is at `path`
    found,     // it was there already, under another spelling of its name: `path`
    in_place,  // what is at `path` is another version, and is changed in place
    taken,     // it is whole, at `path`, and something else has the name it should get
    no_link,   // a symbolic link that the disk does not take
  };
  Kind kind{};
  std::uint32_t file = 0;  // of Metainfo::files()
  std::string path;        // in the download folder
};

// One piece to be stored. `blocks` are all blocks in order; an empty buffer stands for a block that
// was spilled or that lies wholly in pads.
struct StoreRequest {
  PieceIndex piece{};
  std::span<const BlockBuffer> blocks;
  bool want_digests = false;
};

// The folder with the state of a torrent in a download folder, whose path is canonical.
std::string state_path_of(const Metainfo& metainfo, const std::string& state_folder,
                          const std::string& canonical);

class Store {
 public:
  // Locks the state, reads the journal, looks at the files. Unless read_only it also locks the
  // first of the selected files, here or in begin(), so that no two barters write the same data,
  // whatever their state folders; for a part of the files, the torrent's own folder too. A
  // read_only store does not: beside one that writes it reads only what it has verified, and
  // withdraws the pieces of files that change. Errors: locked, no_space (with need and have),
  // permission_denied, not_found (read_only and nothing there), io_error.
  static Result<std::unique_ptr<Store>> open(std::shared_ptr<const Metainfo> metainfo,
                                             StoreOptions options, Files& files);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  const OpenReport& report() const;

  // Several pieces are hashed side by side, which takes far less time than one after the other: how
  // many are best handed over together.
  std::size_t hash_width() const;
  // The files lie on a disk that turns: they are best read by one thread, in order.
  bool one_reader() const;
  // Hashes what the files hold for these pieces; true and recorded for each that is right. An
  // absent or short file makes it false, not an error.
  Result<std::vector<bool>> check_pieces(std::span<const PieceIndex> pieces);
  Result<bool> check_piece(PieceIndex piece);
  // After the check: decides which of the files that were found are somebody else's, and what
  // becomes of them; fails with already_exists, or permission_denied where it is only for hard
  // links, if one is in the way. Nothing was touched until then. Creates files and folders. Files
  // that can never be written count as not selected from then on, and are reported; where no other
  // is wanted, that is the error.
  Result<void> begin();
  const BeginReport& begin_report() const;

  // Verifies, then writes what is right. `done` gets the outcome of each, by its place in
  // `requests`, as soon as its blocks are not needed any more.
  using PieceDone = std::function<void(std::size_t which, StoreOutcome outcome)>;
  void store_pieces(std::span<const StoreRequest> requests, const PieceDone& done);
  StoreOutcome store_piece(PieceIndex piece, std::span<const BlockBuffer> blocks,
                           bool want_digests);
  // Puts an unverified block aside in the state folder.
  Result<void> spill_block(BlockRef block, const BlockBuffer& buffer);
  // Forgets spilled blocks of a piece (after a mismatch).
  void drop_spilled(PieceIndex piece);

  // Reads verified bytes; `out` has range.length bytes. `may_block` false: only what the page cache
  // has, else an empty result. Errors: file_changed, not_found, io_error.
  Result<bool> read(BlockRange range, std::span<std::byte> out, bool may_block);

  // A peer that asks for this will ask for what follows: has it fetched into memory meanwhile, to
  // the end of the piece or a MiB.
  void read_ahead(BlockRange range);

  // Makes all that was stored durable and writes `synced`. Called every 5 s or 256 MiB, and at the
  // end. Files that only others wrote are not flushed: what a check found right in them counts as
  // durable as long as they look the same. Files that were whole when it was called have their
  // final names afterwards.
  Result<void> sync();
  // Bytes stored since the last sync.
  std::uint64_t unsynced_bytes() const;
  // Looks at size, mtime and inode of the files: the pieces of those that changed, now no longer
  // had. A file of a download that is gone or has another size gets its shape back.
  std::vector<PieceIndex> find_changes();
  // The files whose change find_changes() has told of since this was last asked.
  std::vector<std::string> changed_files();
  // A read or a write has met a file that somebody else changed: find_changes() has something to
  // tell. From any thread.
  bool change_noticed() const;
  // Somebody put another file in the place of one of ours. Nothing is
  // written to it: this store cannot go on. One that is opened anew judges
  // that file, and leaves it out if it is no data of the torrent.
  std::optional<Error> replaced();
  // Selected files that find_changes() could not put in the place where they belong.
  std::vector<std::string> absent_files();
  // From now on a file is looked at again before any of it is read. Called every second, so that
  // what is served belongs to a file that looked right a second ago at most.
  void look_anew();
  // With `lazy_state`: what is known from now on is remembered in the state folder. Errors: locked.
  Result<void> keep_state();
  // read_only: how the files look, for StoreOptions::verified; pads and links look like nothing.
  // Empty unless every piece is had and every file is where the torrent says.
  std::vector<VerifiedFile> verified_files();
  // Why journal or spill cannot be written, while they cannot: the download goes on, and sync()
  // tries again. What is stored meanwhile may have to be hashed again in the next run.
  std::optional<Error> state_trouble();
  // What begin() and sync() found out about names since the last call.
  std::vector<NameNote> take_name_notes();
  // What a file is called once it is whole, below the download folder.
  std::string final_path(std::uint32_t file);
  // Is the root folder there, on the file system it was on?
  bool root_present();
  // Is there room for `bytes` more? Asked while paused for lack of space.
  bool has_space(std::uint64_t bytes);

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What the files of a torrent are called that was fetched into `folder` with this state: by file,
// below the folder. Without a state, what the torrent says, or what others may have made of that,
// where a file is there.
Result<std::vector<std::string>> names_on_disk(const Metainfo& metainfo, const std::string& folder,
                                               const std::string& state_folder, Files& files);

}  // namespace barter
