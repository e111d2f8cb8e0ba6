#include "torrent/layout.hpp"

#include <catch2/catch.hpp>

using namespace barter;

namespace {

constexpr std::uint32_t kib = 1024;

std::vector<FileSpan> spans(std::initializer_list<FileSpan> files) {
  std::vector<FileSpan> out(files);
  std::uint64_t offset = 0;
  for (FileSpan& file : out) {
    file.offset = offset;
    offset += file.length;
  }
  return out;
}

std::vector<FileRange> ranges(const Layout& layout, std::uint64_t offset, std::uint64_t length) {
  std::vector<FileRange> out;
  layout.file_ranges(offset, length, out);
  return out;
}

}  // namespace

TEST_CASE("a v1 layout is short at its end only") {
  const Layout layout(32 * kib, spans({{0, 40 * kib}, {0, 0}, {0, 30 * kib + 1}}), false);
  CHECK(layout.total_size() == 70 * kib + 1);
  CHECK(layout.piece_count() == 3);
  CHECK(layout.piece_size(PieceIndex{0}) == 32 * kib);
  CHECK(layout.piece_size(PieceIndex{2}) == 6 * kib + 1);
  CHECK(layout.block_count(PieceIndex{1}) == 2);
  CHECK(layout.block_count(PieceIndex{2}) == 1);
  CHECK(layout.block_size({PieceIndex{2}, 0}) == 6 * kib + 1);
  CHECK(layout.range({PieceIndex{1}, 1}) == BlockRange{PieceIndex{1}, 16 * kib, 16 * kib});
  CHECK(layout.offset(layout.range({PieceIndex{1}, 1})) == 48 * kib);
}

TEST_CASE("numbers from the wire become valid references or nothing") {
  const Layout layout(32 * kib, spans({{0, 40 * kib + 5}}), false);
  CHECK(layout.piece(1) == PieceIndex{1});
  CHECK_FALSE(layout.piece(2));
  CHECK(layout.block(0, 16 * kib, 16 * kib) == BlockRef{PieceIndex{0}, 1});
  CHECK(layout.block(1, 0, 8 * kib + 5) == BlockRef{PieceIndex{1}, 0});
  CHECK_FALSE(layout.block(1, 0, 16 * kib));
  CHECK_FALSE(layout.block(0, 1, 16 * kib));
  CHECK_FALSE(layout.block(0, 32 * kib, 16 * kib));
  CHECK_FALSE(layout.block(2, 0, 16 * kib));
  CHECK_FALSE(layout.block(0xffffffff, 0xffffc000, 0xffffffff));
  CHECK(layout.block_range(0, 1, 16 * kib) == BlockRange{PieceIndex{0}, 1, 16 * kib});
  CHECK(layout.block_range(1, 8 * kib + 4, 1));
  CHECK_FALSE(layout.block_range(1, 8 * kib + 5, 1));
  CHECK_FALSE(layout.block_range(1, 8 * kib + 4, 2));
  CHECK_FALSE(layout.block_range(0, 0, 0));
  CHECK_FALSE(layout.block_range(0, 0, 16 * kib + 1));
  CHECK_FALSE(layout.block_range(2, 0, 1));
  CHECK_FALSE(layout.block_range(0, 0xffffffff, 16));
}

TEST_CASE("file ranges skip empty files and know their offsets") {
  const Layout layout(16 * kib, spans({{0, 0}, {0, 10}, {0, 0}, {0, 0}, {0, 5}, {0, 100}, {0, 0}}),
                      false);
  CHECK(ranges(layout, 0, 10) == std::vector<FileRange>{{1, 0, 10}});
  CHECK(ranges(layout, 9, 7) == std::vector<FileRange>{{1, 9, 1}, {4, 0, 5}, {5, 0, 1}});
  CHECK(ranges(layout, 114, 1) == std::vector<FileRange>{{5, 99, 1}});
  CHECK(ranges(layout, 115, 0).empty());
  CHECK_FALSE(layout.pieces_of(0));
  CHECK_FALSE(layout.pieces_of(6));
  CHECK(layout.pieces_of(4)->first == PieceIndex{0});
}

TEST_CASE("a v2 layout begins and ends pieces with files") {
  const Layout layout(32 * kib,
                      spans({{0, 5},
                             {0, 32 * kib - 5, true},
                             {0, 0},
                             {0, 64 * kib},
                             {0, 33 * kib},
                             {0, 31 * kib, true},
                             {0, 7}}),
                      true);
  CHECK(layout.piece_count() == 6);
  CHECK(layout.piece_size(PieceIndex{0}) == 5);
  CHECK(layout.piece_size(PieceIndex{2}) == 32 * kib);
  CHECK(layout.piece_size(PieceIndex{4}) == kib);
  CHECK(layout.piece_size(PieceIndex{5}) == 7);
  CHECK(layout.block(0, 0, 5));
  CHECK_FALSE(layout.block_range(0, 5, 1));
  CHECK_FALSE(layout.is_pad({PieceIndex{0}, 0}));
  CHECK_FALSE(layout.pieces_of(1));
  CHECK(layout.pieces_of(4)->first == PieceIndex{3});
  CHECK(layout.pieces_of(4)->last == PieceIndex{4});
  CHECK(layout.has_pads());
}

TEST_CASE("blocks that lie wholly in pads are known") {
  const Layout layout(64 * kib, spans({{0, 10}, {0, 64 * kib - 10, true}, {0, 0}, {0, 64 * kib}}),
                      false);
  CHECK_FALSE(layout.is_pad({PieceIndex{0}, 0}));
  CHECK(layout.is_pad({PieceIndex{0}, 1}));
  CHECK(layout.is_pad({PieceIndex{0}, 3}));
  CHECK_FALSE(layout.is_pad({PieceIndex{1}, 0}));
  const Layout end(64 * kib, spans({{0, 16 * kib}, {0, 3, true}, {0, 0}, {0, 4, true}}), false);
  CHECK(end.is_pad({PieceIndex{0}, 1}));
  CHECK_FALSE(Layout(16 * kib, spans({{0, 1}}), false).has_pads());
}

TEST_CASE("sizes beyond 4 GiB are exact") {
  const Layout layout(1 << 20, spans({{0, (std::uint64_t{6} << 40) + 1}}), false);
  CHECK(layout.piece_count() == (6U << 20) + 1);
  CHECK(layout.piece_size(PieceIndex{6U << 20}) == 1);
  CHECK(layout.piece_offset(PieceIndex{6U << 20}) == std::uint64_t{6} << 40);
}
