// Runs the shared corpus of malformed and odd torrents, where it lies beside the checkout: each
// file must get the verdict, the hashes and the sizes of expected.tsv, and what its remark says.
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "torrent/bencode.hpp"
#include "torrent/metainfo.hpp"

using namespace barter;
using Paths = std::vector<std::string>;

namespace {

const std::filesystem::path corpus =
    std::filesystem::path(BARTER_SOURCE) / ".." / "shared" / "corpus";

struct Row {
  std::string file, expected, error_kind, remark;
  std::size_t files = 0, pads = 0;
  std::uint64_t total_size = 0;
  std::string v1, v2;
};

std::vector<Row> read_table() {
  std::vector<Row> rows;
  std::ifstream table(corpus / "expected.tsv");
  std::string line;
  std::getline(table, line);
  while (std::getline(table, line)) {
    std::vector<std::string> cells;
    std::istringstream in(line);
    for (std::string cell; std::getline(in, cell, '\t');) cells.push_back(cell);
    cells.resize(9);
    Row row{cells[0], cells[1], cells[2], cells[3], 0, 0, 0, cells[7], cells[8]};
    if (row.expected == "ok") {
      row.files = std::stoull(cells[4]);
      row.pads = std::stoull(cells[5]);
      row.total_size = std::stoull(cells[6]);
    }
    rows.push_back(row);
  }
  return rows;
}

// The table's names, which are those of libtorrent.
std::string kind(Errc code) {
  static const std::map<Errc, std::string> names{
      {Errc::invalid_bencoding, "invalid_bencoding"},
      {Errc::not_a_dictionary, "torrent_is_no_dict"},
      {Errc::invalid_name, "torrent_invalid_name"},
      {Errc::invalid_length, "torrent_invalid_length"},
      {Errc::missing_piece_length, "torrent_missing_piece_length"},
      {Errc::too_many_pieces, "too_many_pieces_in_torrent"},
      {Errc::invalid_file_tree, "torrent_file_parse_failed"},
      {Errc::invalid_pad_file, "torrent_invalid_pad_file"},
      {Errc::missing_pieces_root, "torrent_missing_pieces_root"},
      {Errc::invalid_piece_layer, "torrent_invalid_piece_layer"}};
  const auto found = names.find(code);
  return found == names.end() ? std::string(to_string(code)) : found->second;
}

Paths paths(const Metainfo& torrent) {
  Paths out;
  for (const File& file : torrent.files()) out.push_back(file.path);
  return out;
}

Paths first_targets(const Metainfo& torrent) {
  Paths out;
  for (std::size_t i = 0; i < 3; ++i) out.push_back(torrent.files()[i].symlink_target);
  return out;
}

std::string bytes_of(const std::string& name) {
  std::ifstream in(corpus / "torrents" / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

const Paths framework{"SDL2.framework/Versions/Current/Headers",
                      "SDL2.framework/Versions/Current/Resources",
                      "SDL2.framework/Versions/Current/SDL2"};

void check_single_root(const Metainfo& torrent, const std::string& path, const std::string& root) {
  REQUIRE(torrent.files().size() == 1);
  CHECK(torrent.files()[0].path == path);
  CHECK(to_hex(*torrent.files()[0].pieces_root) == root);
}

// What the remarks of the accepted files ask for.
const std::map<std::string, std::function<void(const Metainfo&)>> remarks{
    {"collection",
     [](auto& t) {
       CHECK(t.collections() == Paths{"bar", "foo"});
     }},
    {"collection2",
     [](auto& t) {
       CHECK(t.collections() == Paths{"bar", "foo"});
     }},
    {"creation_date", [](auto& t) { CHECK(t.creation_date() == 1234567); }},
    {"no_creation_date", [](auto& t) { CHECK(t.creation_date().value_or(0) == 0); }},
    {"dht_nodes",
     [](auto& t) {
       CHECK(t.dht_nodes() == std::vector<HostPort>{{"127.0.0.1", 6881}, {"192.168.1.1", 6881}});
     }},
    {"duplicate_web_seeds",
     [](auto& t) {
       CHECK(t.web_seeds() ==
             Paths{"http://foobar.com/foo", "http://foobar.com/foobar", "http://foobar.com/bar"});
     }},
    {"empty-files-2", [](auto& t) { CHECK(t.files()[2].pad); }},
    {"empty-files-3", [](auto& t) { CHECK(t.files()[1].pad); }},
    {"empty-files-5", [](auto& t) { CHECK(t.files()[5].pad); }},
    {"empty_path", [](auto& t) { CHECK(paths(t) == Paths{"temp/_/_"}); }},
    {"hidden_parent_path", [](auto& t) { CHECK(paths(t) == Paths{"temp/foo......bar/bar"}); }},
    {"httpseed", [](auto& t) { CHECK(t.web_seeds().empty()); }},
    {"invalid_directory_name",
     [](auto& t) {
       CHECK(paths(t) == Paths{"test2/_/foo", "test2/_/foo.1"});
     }},
    {"invalid_filename",
     [](auto& t) {
       CHECK(paths(t) == Paths{"est2/f", "est2/_"});
     }},
    {"invalid_name2",
     [](auto& t) {
       const std::string hash = "b61560c2918f463768cd122b6d2fdd47b77bdb35";
       CHECK(t.name() == hash);
       CHECK(paths(t) == Paths{hash + "/foo/bar.txt", hash + "/foo/var.txt"});
     }},
    {"large_piece_size", [](auto& t) { CHECK(t.layout().piece_length() == 536854528); }},
    {"long_name",
     [](auto& t) {
       CHECK(t.name().size() == 255);
       CHECK(t.name().find('.') != std::string::npos);
     }},
    {"overlapping_symlinks", [](auto& t) { CHECK(first_targets(t) == framework); }},
    {"sample",
     [](auto& t) {
       CHECK(paths(t) ==
             Paths{"sample/text_file2.txt", "sample/.____padding_file/0", "sample/text_file.txt"});
     }},
    {"slash_path", [](auto& t) { CHECK(paths(t) == Paths{"temp/_/_/bar"}); }},
    {"slash_path3", [](auto& t) { CHECK(paths(t) == Paths{"temp....abc"}); }},
    {"url_list2", [](auto& t) { CHECK(t.web_seeds().empty()); }},
    {"url_list3", [](auto& t) { CHECK(t.web_seeds().empty()); }},
    {"url_seed", [](auto& t) { CHECK(t.web_seeds() == Paths{"http://test.com/file"}); }},
    {"url_seed_multi", [](auto& t) { CHECK(t.web_seeds() == Paths{"http://test.com/file/"}); }},
    {"url_seed_multi_single_file",
     [](auto& t) { CHECK(t.web_seeds() == Paths{"http://test.com/file/temp/foo/bar.txt"}); }},
    {"v2",
     [](auto& t) {
       check_single_root(t, "test64K",
                         "60aae9c7b428f87e0713e88229e18f0adf12cd7b22a0dd8a92bb2485eb7af242");
       CHECK(t.piece_hash_v2(PieceIndex{0}) == t.files()[0].pieces_root);
     }},
    {"v2_empty_file",
     [](auto& t) {
       const std::string bytes = bytes_of("v2_empty_file.torrent");
       const auto document = bencode::parse(bytes).value();
       CHECK(t.info_bytes() == document.root().find("info")->raw());
       CHECK(t.encode_piece_layers() == document.root().find("piece layers")->raw());
     }},
    {"v2_invalid_filename", [](auto& t) { CHECK(paths(t) == Paths{"_estMB"}); }},
    {"v2_invalid_filename2",
     [](auto& t) {
       CHECK(paths(t) == Paths{"test/_", "test/_.1", "test/stress_test2"});
     }},
    {"v2_multipiece_file",
     [](auto& t) {
       check_single_root(t, "test1MB",
                         "515ea9181744b817744ded9d2e8e9dc6a8450c0b0c52e24b5077f302ffbd9008");
       CHECK(t.piece_layer(0).size() == 16);
     }},
    {"v2_no_piece_layers",
     [](auto& t) {
       CHECK_FALSE(t.has_piece_layers());
       CHECK_FALSE(t.piece_hash_v2(PieceIndex{3}));
     }},
    {"v2_symlinks",
     [](auto& t) {
       CHECK(first_targets(t) == framework);
       CHECK(t.files().size() > 3);
     }},
};

void check_accepted(const Row& row, const Metainfo& torrent) {
  CHECK(torrent.files().size() == row.files);
  CHECK(static_cast<std::size_t>(std::count_if(torrent.files().begin(), torrent.files().end(),
                                               [](const File& file) { return file.pad; })) ==
        row.pads);
  CHECK(torrent.layout().total_size() == row.total_size);
  CHECK((torrent.has_v1() ? to_hex(*torrent.info_hash().v1) : "") == row.v1);
  CHECK((torrent.has_v2() ? to_hex(*torrent.info_hash().v2) : "") == row.v2);
  if (row.remark.empty()) return;
  const auto remark = remarks.find(row.file.substr(0, row.file.rfind('.')));
  REQUIRE(remark != remarks.end());
  remark->second(torrent);
}

}  // namespace

TEST_CASE("the shared corpus gets its verdicts") {
  if (!std::filesystem::exists(corpus / "expected.tsv")) {
    WARN("the shared corpus was not found beside the checkout: its files were not run");
    return;
  }
  const std::vector<Row> rows = read_table();
  CHECK(rows.size() >= 50);
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.file) {
      const auto torrent = Metainfo::load((corpus / "torrents" / row.file).string());
      INFO(row.remark);
      if (row.expected == "error") {
        REQUIRE(torrent.has_error());
        INFO(torrent.error().message);
        CHECK(kind(torrent.error().code) == row.error_kind);
        CHECK(torrent.error().message.find(row.file) != std::string::npos);
        continue;
      }
      INFO((torrent ? "" : torrent.error().message));
      REQUIRE(torrent.has_value());
      check_accepted(row, **torrent);
      // The same info dictionary from a peer gives the same torrent.
      const auto again = Metainfo::from_info(std::string((*torrent)->info_bytes()));
      REQUIRE(again.has_value());
      CHECK((*again)->info_hash() == (*torrent)->info_hash());
      CHECK(paths(**again) == paths(**torrent));
    }
  }
}
