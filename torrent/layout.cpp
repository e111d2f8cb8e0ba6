#include "torrent/layout.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace barter {
namespace {

// The file that holds the byte at `offset`: the last that begins at or before it. Empty files begin
// where the next one does and come before it, so they are never found.
std::size_t file_at(const std::vector<FileSpan>& files, std::uint64_t offset) {
  const auto after = std::upper_bound(
      files.begin(), files.end(), offset,
      [](std::uint64_t value, const FileSpan& file) { return value < file.offset; });
  assert(after != files.begin());
  return static_cast<std::size_t>(after - files.begin()) - 1;
}

}  // namespace

Layout::Layout(std::uint32_t piece_length, std::vector<FileSpan> files, bool file_aligned)
    : piece_length_(piece_length),
      file_aligned_(file_aligned),
      files_(std::make_shared<const std::vector<FileSpan>>(std::move(files))) {
  assert(piece_length_ > 0);
  for (const FileSpan& file : *files_) {
    assert(file.offset == total_size_);
    assert(!file_aligned_ || file.pad || file.length == 0 || file.offset % piece_length_ == 0);
    total_size_ += file.length;
    has_pads_ = has_pads_ || (file.pad && file.length > 0);
  }
  assert(total_size_ > 0);
  const std::uint64_t pieces = (total_size_ - 1) / piece_length_ + 1;
  assert(pieces <= std::numeric_limits<std::uint32_t>::max());
  piece_count_ = static_cast<std::uint32_t>(pieces);
}

std::uint32_t Layout::piece_size(PieceIndex piece) const {
  assert(to_number(piece) < piece_count_);
  const std::uint64_t begin = piece_offset(piece);
  std::uint64_t end = total_size_;
  if (file_aligned_) {
    const FileSpan& file = (*files_)[file_at(*files_, begin)];
    end = file.offset + file.length;
  }
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(piece_length_, end - begin));
}

std::uint32_t Layout::block_count(PieceIndex piece) const {
  return (piece_size(piece) - 1) / block_length + 1;
}

std::uint32_t Layout::block_size(BlockRef block) const {
  const std::uint32_t size = piece_size(block.piece);
  assert(block.block <= (size - 1) / block_length);
  return std::min(block_length, size - block.block * block_length);
}

BlockRange Layout::range(BlockRef block) const {
  return {block.piece, block.block * block_length, block_size(block)};
}

std::optional<PieceIndex> Layout::piece(std::uint32_t index) const {
  if (index >= piece_count_) return std::nullopt;
  return PieceIndex{index};
}

std::optional<BlockRange> Layout::block_range(std::uint32_t index, std::uint32_t begin,
                                              std::uint32_t length) const {
  if (index >= piece_count_ || length == 0 || length > block_length) return std::nullopt;
  const std::uint32_t size = piece_size(PieceIndex{index});
  if (begin >= size || length > size - begin) return std::nullopt;
  return BlockRange{PieceIndex{index}, begin, length};
}

std::optional<BlockRef> Layout::block(std::uint32_t index, std::uint32_t begin,
                                      std::uint32_t length) const {
  if (index >= piece_count_ || begin % block_length != 0) return std::nullopt;
  const std::uint32_t size = piece_size(PieceIndex{index});
  if (begin >= size || length != std::min(block_length, size - begin)) return std::nullopt;
  return BlockRef{PieceIndex{index}, begin / block_length};
}

void Layout::file_ranges(std::uint64_t offset, std::uint64_t length,
                         std::vector<FileRange>& out) const {
  assert(offset <= total_size_ && length <= total_size_ - offset);
  if (length == 0) return;
  for (std::size_t i = file_at(*files_, offset); length > 0; ++i) {
    const FileSpan& file = (*files_)[i];
    if (file.length == 0) continue;
    const std::uint64_t within = offset - file.offset;
    const std::uint64_t part = std::min(length, file.length - within);
    out.push_back({i, within, part});
    offset += part;
    length -= part;
  }
}

std::optional<Layout::PieceSpan> Layout::pieces_of(std::size_t file) const {
  assert(file < files_->size());
  const FileSpan& span = (*files_)[file];
  // The implicit pads of v2 lie behind the end of the last piece of their file: in no piece at all.
  if (span.length == 0 || (file_aligned_ && span.pad)) return std::nullopt;
  const auto piece_at = [this](std::uint64_t offset) {
    return PieceIndex{static_cast<std::uint32_t>(offset / piece_length_)};
  };
  return PieceSpan{piece_at(span.offset), piece_at(span.offset + span.length - 1)};
}

bool Layout::is_pad(BlockRef block) const {
  if (!has_pads_ || file_aligned_) return false;
  const BlockRange bytes = range(block);
  const std::uint64_t begin = offset(bytes);
  for (std::size_t i = file_at(*files_, begin);
       i < files_->size() && (*files_)[i].offset < begin + bytes.length; ++i) {
    if (!(*files_)[i].pad && (*files_)[i].length > 0) return false;
  }
  return true;
}

}  // namespace barter
