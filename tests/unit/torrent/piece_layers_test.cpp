#include "torrent/piece_layers.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/torrent/created.hpp"

using namespace barter;
using test::pattern;
using test::TemporaryFolder;

namespace {

CreatedTorrent make(const TemporaryFolder& folder, TorrentVersion version) {
  folder.write("d/same", pattern(70'000, 3));
  folder.write("d/exact", pattern(32'768, 4));
  return test::create_small(folder, version);
}

}  // namespace

TEST_CASE("the piece layers that a link lacks are made of the files", "[piece_layers]") {
  const TemporaryFolder folder;
  const auto version = GENERATE(TorrentVersion::v2, TorrentVersion::hybrid);
  const CreatedTorrent torrent = make(folder, version);
  const auto bare = Metainfo::from_info(std::string(torrent.metainfo->info_bytes())).value();
  REQUIRE_FALSE(bare->has_piece_layers());
  const auto layers = read_piece_layers(*bare, folder.path(), 2, {});
  REQUIRE(layers.has_value());
  CHECK(*layers == torrent.metainfo->encode_piece_layers());
}

TEST_CASE("piece layers are not made of files that are something else", "[piece_layers]") {
  const TemporaryFolder folder;
  const auto metainfo = make(folder, TorrentVersion::hybrid).metainfo;
  folder.write("d/c", pattern(70'000, 9));
  const auto wrong = read_piece_layers(*metainfo, folder.path(), 1, {});
  REQUIRE(wrong.has_error());
  CHECK(wrong.error().code == Errc::file_changed);
  CHECK(wrong.error().message.find("d/c") != std::string::npos);
  const auto gone = read_piece_layers(*metainfo, folder / "nowhere", 1, {});
  REQUIRE(gone.has_error());
  CHECK(gone.error().code == Errc::not_found);
  const auto stopped =
      read_piece_layers(*metainfo, folder.path(), 1, [](std::uint64_t) { return false; });
  REQUIRE(stopped.has_error());
  CHECK(stopped.error().code == Errc::cancelled);
}
