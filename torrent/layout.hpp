// Layout: how the bytes of a torrent are cut into pieces, blocks and files. A value type; copies
// share the list of files.
//
// Both versions use one byte range: the files one after the other, pads included. A v2-only torrent
// has implicit pads that bring each file to a piece boundary (BEP 52), and there the last piece of
// a file ends with the file; in v1 and hybrids only the last piece of the torrent is short.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "torrent/result.hpp"

namespace barter {

inline constexpr std::uint32_t block_length = 16 * 1024;  // BEP 3 practice; the leaf of BEP 52

// A piece number that was checked against a Layout.
enum class PieceIndex : std::uint32_t {};
constexpr std::uint32_t to_number(PieceIndex piece) {
  return static_cast<std::uint32_t>(piece);
}

// What we ask for: one aligned block, 16 KiB long or the last of its piece.
struct BlockRef {
  PieceIndex piece{};
  std::uint32_t block = 0;  // number within the piece
  friend auto operator<=>(const BlockRef&, const BlockRef&) = default;
};

// What others may ask for: any offset within a piece, 1 to 16384 bytes.
struct BlockRange {
  PieceIndex piece{};
  std::uint32_t begin = 0;
  std::uint32_t length = 0;
  friend auto operator<=>(const BlockRange&, const BlockRange&) = default;
};

// Where a file lies in the byte range. Pads hold zeros and are never stored.
struct FileSpan {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool pad = false;
};

// A part of one file.
struct FileRange {
  std::size_t file = 0;      // index into the files of the Layout
  std::uint64_t offset = 0;  // within the file
  std::uint64_t length = 0;
  friend bool operator==(const FileRange&, const FileRange&) = default;
};

class Layout {
 public:
  // Requires a legal piece length (> 0) and at least one byte; Metainfo makes sure of both.
  // `file_aligned`: v2 only, each file begins a piece and ends its last one.
  Layout(std::uint32_t piece_length, std::vector<FileSpan> files, bool file_aligned);

  std::uint64_t total_size() const { return total_size_; }      // pads included
  std::uint32_t piece_length() const { return piece_length_; }  // bytes, all but the short ones
  std::uint32_t piece_count() const { return piece_count_; }
  std::span<const FileSpan> files() const { return *files_; }

  std::uint64_t piece_offset(PieceIndex piece) const {
    return std::uint64_t{to_number(piece)} * piece_length_;
  }
  std::uint32_t piece_size(PieceIndex piece) const;  // bytes
  std::uint32_t block_count(PieceIndex piece) const;
  std::uint32_t block_size(BlockRef block) const;  // bytes
  BlockRange range(BlockRef block) const;
  std::uint64_t offset(BlockRange range) const { return piece_offset(range.piece) + range.begin; }

  // Numbers from the wire: valid, or nothing.
  std::optional<PieceIndex> piece(std::uint32_t index) const;
  std::optional<BlockRange> block_range(std::uint32_t index, std::uint32_t begin,
                                        std::uint32_t length) const;
  std::optional<BlockRef> block(std::uint32_t index, std::uint32_t begin,
                                std::uint32_t length) const;

  // The parts of files that `length` bytes from `offset` of the byte range cover, pads included,
  // appended to `out` in order.
  void file_ranges(std::uint64_t offset, std::uint64_t length, std::vector<FileRange>& out) const;
  // The pieces that hold bytes of a file: [first, last]; nothing for an empty file.
  struct PieceSpan {
    PieceIndex first{}, last{};
  };
  std::optional<PieceSpan> pieces_of(std::size_t file) const;
  // Does the block lie wholly in pads? Such a block is known to be zeros and never requested.
  bool is_pad(BlockRef block) const;
  bool has_pads() const { return has_pads_; }

 private:
  std::uint32_t piece_length_;
  std::uint32_t piece_count_ = 0;
  std::uint64_t total_size_ = 0;
  bool file_aligned_;
  bool has_pads_ = false;
  std::shared_ptr<const std::vector<FileSpan>> files_;
};

}  // namespace barter
