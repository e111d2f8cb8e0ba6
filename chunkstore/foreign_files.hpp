// ForeignFiles: which of the files found at a torrent's places are somebody else's. Each is judged
// by what it holds itself, whatever its neighbours are. Owned by the Store, which asks when all
// that is there has been hashed and nothing has been written. Looks into files and touches none.
#pragma once

#include <cstdint>
#include <functional>

#include "chunkstore/file_set.hpp"
#include "torrent/layout.hpp"

namespace barter {

class ForeignFiles {
 public:
  using FileIndex = FileSet::FileIndex;
  // So much of a file must be right to prove that it is data of the torrent: the beginnings of
  // files of one format are often the same, and are shorter.
  static constexpr std::uint64_t proof_bytes = 4096;

  struct Pieces {
    std::function<bool(PieceIndex)> right;  // verified with the bytes of the files themselves
    std::function<bool(PieceIndex)> zeros;  // nothing but zeros in the torrent: proves nothing
  };

  // All must outlive this.
  ForeignFiles(const Layout& layout, FileSet& set, Pieces pieces)
      : layout_(layout), set_(set), pieces_(std::move(pieces)) {}

  // Of a file with `size` bytes on the disk; `cut`: what exceeds its length would go. False where
  // writing the torrent's bytes over it loses nothing but zeros, and where it is this torrent's
  // data: right pieces show 4 KiB of it, those counted for each file as far as they lie in it.
  // Bytes beyond the file's length are nobody's in the torrent, so they are always somebody else's.
  // A file that cannot be read counts as foreign.
  bool is_foreign(FileIndex file, std::uint64_t size, bool cut);

 private:
  struct Part {
    std::uint64_t begin = 0, end = 0;  // within the file
  };
  Part part_in(FileIndex file, PieceIndex piece) const;
  bool is_proven(FileIndex file);
  bool loses_nothing(FileIndex file, std::uint64_t size);

  const Layout& layout_;
  FileSet& set_;
  const Pieces pieces_;
};

}  // namespace barter
