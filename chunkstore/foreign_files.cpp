#include "chunkstore/foreign_files.hpp"

#include <algorithm>

namespace barter {

bool ForeignFiles::is_foreign(FileIndex file, std::uint64_t size, bool cut) {
  const std::uint64_t length = set_.length(file);
  if (cut && size > length) {
    const auto zeros = set_.only_zeros(file, length, size);
    if (!zeros || !*zeros) return true;
  }
  return !is_proven(file) && !loses_nothing(file, std::min(size, length));
}

ForeignFiles::Part ForeignFiles::part_in(FileIndex file, PieceIndex piece) const {
  const FileSpan& span = layout_.files()[file];
  const std::uint64_t begin = layout_.piece_offset(piece);
  const std::uint64_t end = begin + layout_.piece_size(piece);
  return {std::max(begin, span.offset) - span.offset,
          std::min(end, span.offset + span.length) - span.offset};
}

bool ForeignFiles::is_proven(FileIndex file) {
  const auto span = layout_.pieces_of(file);
  if (!span) return false;
  std::uint64_t shown = 0;
  for (auto i = to_number(span->first); i <= to_number(span->last); ++i) {
    const PieceIndex piece{i};
    if (!pieces_.right(piece) || pieces_.zeros(piece)) continue;
    const Part part = part_in(file, piece);
    // A neighbour may have brought all that is no zero.
    const bool shared = part.end - part.begin != layout_.piece_size(piece);
    if (shared) {
      const auto zeros = set_.only_zeros(file, part.begin, part.end);
      if (!zeros || *zeros) continue;
    }
    shown += part.end - part.begin;
    if (shown >= proof_bytes) return true;
  }
  return false;
}

bool ForeignFiles::loses_nothing(FileIndex file, std::uint64_t size) {
  const auto span = layout_.pieces_of(file);
  if (!span) return true;
  for (auto i = to_number(span->first); i <= to_number(span->last); ++i) {
    const PieceIndex piece{i};
    const Part part = part_in(file, piece);
    if (part.begin >= size) break;
    if (pieces_.right(piece)) continue;
    const auto zeros = set_.only_zeros(file, part.begin, std::min(part.end, size));
    if (!zeros || !*zeros) return false;
  }
  return true;
}

}  // namespace barter
