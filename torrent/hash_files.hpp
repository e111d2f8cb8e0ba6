// hash_files: the piece hashes of a layout, read from files on all cores. Each thread takes the
// next pieces and streams them through one buffer, so memory is threads x buffer whatever the piece
// length; the kernel reads ahead of all threads. Used by the creator and by verify. Blocking; no
// state.
#pragma once

#include "torrent/digest.hpp"
#include "torrent/layout.hpp"
#include "torrent/result.hpp"
#include "torrent/sha.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

struct stat;

namespace barter {

// What tells that a file is still the one we looked at.
struct SourceStamp {
  std::uint64_t size = 0, inode = 0, device = 0;
  std::int64_t mtime_ns = 0;
  friend bool operator==(const SourceStamp&, const SourceStamp&) = default;
  static SourceStamp of(const struct stat& status);
};

struct FileToHash {  // parallel to the files of the layout
  std::string path;  // empty for a pad
  std::optional<SourceStamp>
      stamp;  // must hold after reading, else file_changed; none: any file will do
};

struct PieceDigests {
  Sha1Digest v1;  // if asked for
  Sha256Digest
      v2;  // if asked for: the root of the piece's subtree, or of the file if that has one piece
};

struct HashFilesJob {
  const Layout* layout = nullptr;
  std::span<const FileToHash> files;
  bool v1 = false, v2 = false;
  unsigned threads = 0;  // 0: one a core
  // On a thread of the job, once for each piece, in no order: null where a file of it could not be
  // read.
  std::function<void(PieceIndex, const PieceDigests*)> on_piece;
  // On a thread of the job, perhaps several times for a file. True: go on without; false: fail with
  // it.
  std::function<bool(std::size_t file, const Error&)> on_file_error;
  // On the caller's thread, about ten times a second, and with the last state. False: cancel.
  std::function<bool(std::uint64_t bytes_done)> progress;
};

// Errors: cancelled, and those that on_file_error does not forgive.
Result<void> hash_files(const HashFilesJob& job);

// The digests of one piece after the other, from bytes in order.
class PieceStreamHasher {
 public:
  PieceStreamHasher(bool v1, bool v2, std::uint32_t piece_length);
  // Of one piece; with v2, all but its last call must bring a multiple of 16 KiB.
  void update(std::span<const std::byte> bytes);
  // Zeros of a pad: they count for v1 only (BEP 52).
  void update_pad(std::uint64_t length);
  // `only_piece`: its file has no other piece.
  PieceDigests finish(bool only_piece);

 private:
  bool v1_, v2_;
  std::uint32_t piece_length_;
  Sha1 sha1_;
  Sha256 sha256_;
  std::vector<Sha256Digest> leaves_;
};

// The pieces of a stream that can be read once, of a size not known before. `on_piece` gets them in
// order, on the caller's thread; `progress` as above. Returns the number of bytes.
Result<std::uint64_t> hash_stream(int descriptor, std::uint32_t piece_length, bool v1, bool v2,
                                  const std::function<void(const PieceDigests&)>& on_piece,
                                  const std::function<bool(std::uint64_t)>& progress);

}  // namespace barter
