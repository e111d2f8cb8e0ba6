#include "torrent/create.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/unit/torrent/created.hpp"
#include "torrent/bencode.hpp"
#include "torrent/merkle.hpp"
#include "torrent/sha.hpp"

using namespace barter;
using test::create;
using test::pattern;
using test::TemporaryFolder;

namespace {

Error plan_failure(const std::string& source, const CreateOptions& options) {
  const auto plan = plan_torrent(source, options);
  REQUIRE(plan.has_error());
  return plan.error();
}

// Small files and a folder whose name sorts before its neighbours' only element by element.
void fill(const TemporaryFolder& folder) {
  folder.write("album/a.txt", pattern(10'000, 1));
  folder.write("album/a/long.bin", pattern(150'000, 2));
  folder.write("album/a-b", pattern(16'384, 3));
  folder.write("album/empty", "");
  folder.write("album/ünï", pattern(70'000, 4));
}

}  // namespace

TEST_CASE("the piece length follows the size: 2^round(log2(size) - 10)", "[create]") {
  CHECK(default_piece_length(0) == 16 << 10);
  CHECK(default_piece_length(1) == 16 << 10);
  CHECK(default_piece_length(16 << 20) == 16 << 10);
  CHECK(default_piece_length(23'726'566) == 16 << 10);  // sqrt(2) * 2^24 = 23726566.4
  CHECK(default_piece_length(23'726'567) == 32 << 10);
  CHECK(default_piece_length(1 << 30) == 1 << 20);
  CHECK(default_piece_length(std::uint64_t{3} << 30) == 4 << 20);
  CHECK(default_piece_length(std::uint64_t{16} << 30) == 16 << 20);
  CHECK(default_piece_length(std::uint64_t{1} << 50) == 16 << 20);
  CHECK(default_piece_length(UINT64_MAX) == 16 << 20);
}

TEST_CASE("legal piece lengths", "[create]") {
  using V = TorrentVersion;
  for (const V version : {V::v1, V::v2, V::hybrid}) {
    CHECK(check_piece_length(16 << 10, version).has_value());
    CHECK(check_piece_length(64 << 20, version).has_value());
    CHECK_FALSE(check_piece_length(8 << 10, version).has_value());
    CHECK_FALSE(check_piece_length(17'000, version).has_value());
    CHECK_FALSE(check_piece_length(1 << 30, version).has_value());
  }
  CHECK(check_piece_length(48 << 10, V::v1).has_value());
  CHECK_FALSE(check_piece_length(48 << 10, V::hybrid).has_value());
  CHECK(check_piece_length(512 << 20, V::v2).has_value());
}

TEST_CASE("a file as a v1 torrent", "[create]") {
  const TemporaryFolder folder;
  const std::string bytes = pattern(100'000, 5);
  folder.write("x.bin", bytes);
  CreateOptions options;
  options.piece_length = 32'768;
  options.created_by = "barter/test";
  options.creation_date = 1'700'000'000;
  const CreatedTorrent torrent = create(folder / "x.bin", options);
  std::string pieces;
  for (std::size_t at = 0; at < bytes.size(); at += 32'768) {
    pieces += sha1(as_bytes(std::string_view(bytes).substr(at, 32'768))).view();
  }
  const std::string info =
      "d6:lengthi100000e4:name5:x.bin12:piece lengthi32768e6:pieces80:" + pieces + "e";
  CHECK(torrent.bytes ==
        "d10:created by11:barter/test13:creation datei1700000000e4:info" + info + "e");
  CHECK(torrent.metainfo->info_hash().v1 == sha1(as_bytes(info)));
  CHECK_FALSE(torrent.metainfo->has_v2());
}

TEST_CASE("every version of a folder reads back as it is", "[create]") {
  const TemporaryFolder folder;
  fill(folder);
  CreateOptions options;
  options.piece_length = 65'536;
  options.version = GENERATE(TorrentVersion::v1, TorrentVersion::v2, TorrentVersion::hybrid);
  const CreatedTorrent torrent = create(folder / "album", options);
  const Metainfo& metainfo = *torrent.metainfo;
  CHECK(metainfo.name() == "album");
  CHECK(metainfo.has_v1() == (options.version != TorrentVersion::v2));
  CHECK(metainfo.has_v2() == (options.version != TorrentVersion::v1));
  CHECK(metainfo.content_size() == 246'384);
  std::vector<std::pair<std::string, std::uint64_t>> files;
  for (const File& file : metainfo.files()) {
    if (!file.pad) files.emplace_back(file.path, file.length);
  }
  const std::vector<std::pair<std::string, std::uint64_t>> expected{{"album/a/long.bin", 150'000},
                                                                    {"album/a-b", 16'384},
                                                                    {"album/a.txt", 10'000},
                                                                    {"album/empty", 0},
                                                                    {"album/ünï", 70'000}};
  CHECK(files == expected);
  // The bytes themselves, by the layout that the torrent describes.
  std::string all;
  for (const File& file : metainfo.files()) {
    all += file.pad ? std::string(file.length, '\0') : folder.read(file.path);
  }
  const Layout& layout = metainfo.layout();
  REQUIRE(layout.total_size() == all.size());
  for (std::uint32_t i = 0; i < layout.piece_count(); ++i) {
    const PieceIndex piece{i};
    const auto bytes =
        std::string_view(all).substr(layout.piece_offset(piece), layout.piece_size(piece));
    if (metainfo.has_v1()) CHECK(metainfo.piece_hash_v1(piece) == sha1(as_bytes(bytes)));
  }
  for (const File& file : metainfo.files()) {
    if (!metainfo.has_v2() || file.pad || file.length == 0) continue;
    const std::string bytes = folder.read(file.path);
    std::vector<Sha256Digest> leaves;
    for (std::size_t at = 0; at < bytes.size(); at += block_length) {
      leaves.push_back(sha256(as_bytes(std::string_view(bytes).substr(at, block_length))));
    }
    // A tree is a tree: from the leaves up, without the detour over a piece layer.
    CHECK(file.pieces_root == merkle_root(leaves, 0, std::bit_ceil(leaves.size())));
  }
}

TEST_CASE("a hybrid pads between files and not behind the last", "[create]") {
  const TemporaryFolder folder;
  fill(folder);
  CreateOptions options;
  options.piece_length = 65'536;
  options.version = TorrentVersion::hybrid;
  const CreatedTorrent torrent = create(folder / "album", options);
  std::vector<std::string> names;
  for (const File& file : torrent.metainfo->files()) names.push_back(file.pad ? "pad" : file.path);
  CHECK(names == std::vector<std::string>{"album/a/long.bin", "pad", "album/a-b", "pad",
                                          "album/a.txt", "album/empty", "pad", "album/ünï"});
  CHECK(torrent.bytes.find("d4:attr1:p6:lengthi46608e4:pathl4:.pad1:0ee") != std::string::npos);
  CHECK(torrent.bytes.find("d4:attr1:p6:lengthi49152e4:pathl4:.pad1:1ee") != std::string::npos);
  folder.write("album/.pad/0", "mine");
  const CreatedTorrent other = create(folder / "album", options);
  CHECK(other.bytes.find("4:pathl5:.pad_1:0ee") != std::string::npos);
  CHECK(other.bytes.find("4:pathl4:.pad1:0ee") != std::string::npos);
}

TEST_CASE("the same input and options make the same bytes", "[create]") {
  const TemporaryFolder folder;
  fill(folder);
  CreateOptions options;
  options.version = TorrentVersion::hybrid;
  options.threads = 1;
  const std::string first = create(folder / "album", options).bytes;
  options.threads = 4;
  CHECK(create(folder / "album/", options).bytes == first);
  options.comment = "another";
  const CreatedTorrent commented = create(folder / "album/../album", options);
  CHECK(commented.bytes != first);
  CHECK(first.find(commented.metainfo->info_bytes()) != std::string::npos);
}

TEST_CASE("everything beside the files", "[create]") {
  const TemporaryFolder folder;
  folder.write("x", "12345");
  CreateOptions options;
  options.trackers = {{"http://a/announce", "http://b/announce"}, {"udp://c:1/announce"}};
  options.web_seeds = {"http://w/1"};
  options.is_private = true;
  options.source = "S";
  options.comment = "C";
  options.name = "other";
  const CreatedTorrent torrent = create(folder / "x", options);
  const Metainfo& metainfo = *torrent.metainfo;
  CHECK(metainfo.name() == "other");
  CHECK(metainfo.trackers() == options.trackers);
  CHECK(metainfo.web_seeds() == options.web_seeds);
  CHECK(metainfo.is_private());
  CHECK(metainfo.source() == "S");
  CHECK(metainfo.comment() == "C");
  CHECK_FALSE(metainfo.creation_date().has_value());
  CHECK(metainfo.created_by().empty());
  CHECK(torrent.bytes.starts_with("d8:announce17:http://a/announce13:announce-listll17:http://a/"));
  CHECK(torrent.bytes.ends_with("8:url-list10:http://w/1e"));
  options.trackers = {{"http://a/announce"}};
  CHECK(create(folder / "x", options).bytes.find("announce-list") == std::string::npos);
  options.web_seeds.push_back("http://w/2");
  CHECK(create(folder / "x", options).metainfo->web_seeds() == options.web_seeds);
}

TEST_CASE("attributes are noted when asked for", "[create]") {
  const TemporaryFolder folder;
  folder.write("d/run", "12345");
  folder.write("d/.secret", "12345");
  chmod((folder / "d/run").c_str(), 0755);
  CreateOptions options;
  options.version = GENERATE(TorrentVersion::v1, TorrentVersion::v2, TorrentVersion::hybrid);
  const CreatedTorrent plain = create(folder / "d", options);
  for (const File& file : plain.metainfo->files()) {
    CHECK_FALSE(file.executable);
    CHECK_FALSE(file.hidden);
  }
  options.attributes = CreateOptions::Attributes::all;
  const CreatedTorrent noted = create(folder / "d", options);
  for (const File& file : noted.metainfo->files()) {
    if (file.pad) continue;
    CHECK(file.executable == (file.path == "d/run"));
    CHECK(file.hidden == (file.path == "d/.secret"));
  }
  CHECK(create(folder / "d/run", options).metainfo->files().at(0).executable);
}

TEST_CASE("what makes no torrent is refused before hashing", "[create]") {
  const TemporaryFolder folder;
  folder.write("d/empty", "");
  CreateOptions options;
  CHECK(plan_failure(folder / "d", options).code == Errc::invalid_length);
  CHECK(plan_failure(folder / "d/empty", options).code == Errc::invalid_length);
  std::filesystem::create_directory(folder / "hollow");
  CHECK(plan_failure(folder / "hollow", options).message.find("no files") != std::string::npos);
  folder.write("x", "12345");
  for (const char* name : {".", "..", "a/b", "\xFF"}) {
    options.name = name;
    CHECK(plan_failure(folder / "x", options).code == Errc::invalid_name);
  }
  options.name = std::string(256, 'n');
  CHECK(plan_failure(folder / "x", options).code == Errc::invalid_name);
  options = {};
  options.piece_length = 17'000;
  CHECK(plan_failure(folder / "x", options).code == Errc::invalid_argument);
  // Too many pieces to be read back: known from the size alone.
  options.piece_length = 16 << 10;
  REQUIRE(truncate((folder / "x").c_str(), std::int64_t{1} << 40) == 0);
  CHECK(plan_failure(folder / "x", options).code == Errc::too_many_pieces);
}

TEST_CASE("a folder with one file looks like a file in v2 and is refused there", "[create]") {
  const TemporaryFolder folder;
  folder.write("x/y", "12345");
  CreateOptions options;
  options.version = GENERATE(TorrentVersion::v1, TorrentVersion::hybrid);
  CHECK(create(folder / "x", options).metainfo->files().at(0).path == "x/y");
  options.version = TorrentVersion::v2;
  CHECK(plan_failure(folder / "x", options).code == Errc::invalid_name);
  folder.write("x/z", "");
  CHECK(create(folder / "x", options).metainfo->files().at(0).path == "x/y");
}

TEST_CASE("names that a reader would change are refused", "[create]") {
  const TemporaryFolder folder;
  folder.write("d/good", "x");
  const std::string name = GENERATE("back\\slash", "new\nline", "right\xE2\x80\x8Fto left");
  folder.write("d/" + name, "x");
  CreateOptions options;
  const Error error = plan_failure(folder / "d", options);
  CHECK(error.code == Errc::invalid_argument);
  CHECK(error.message.find(name) != std::string::npos);
  options.walk.include.push_back(Glob::parse("good").value());
  CHECK(create(folder / "d", options).metainfo->files().size() == 1);
  options.name = name;
  CHECK(plan_failure(folder / "d", options).code == Errc::invalid_name);
}

TEST_CASE("names that do not show but are kept by clients stay", "[create]") {
  const TemporaryFolder folder;
  const std::string soft = "soft\u00adhyphen", zero = "zero\u200bwidth", sub = "fl\u2060ag";
  folder.write("d/" + soft, "x");
  folder.write("d/" + sub + "/" + zero, "y");
  const auto metainfo = create(folder / "d", {}).metainfo;
  CHECK(metainfo->raw_paths(0)[0] == "d/" + sub + "/" + zero);
  CHECK(metainfo->raw_paths(1)[0] == "d/" + soft);
}

TEST_CASE("all names that clients would change are told at once, or replaced", "[create]") {
  const TemporaryFolder folder;
  folder.write("d\\/b\\x", "1");
  folder.write("d\\/a\n/deep", "2");
  folder.write("d\\/zz", "3");
  CreateOptions options;
  options.name = "d";
  const Error error = plan_failure(folder / "d\\", options);
  CHECK(error.message.find("b\\x: ") != std::string::npos);
  CHECK(error.message.find("a\n: ") != std::string::npos);
  CHECK(error.message.find("--replace-names") != std::string::npos);
  options.name.clear();
  CHECK(plan_failure(folder / "d\\", options).code == Errc::invalid_name);
  options.walk.replace_names = true;
  const auto plan = plan_torrent(folder / "d\\", options);
  REQUIRE(plan.has_value());
  CHECK(plan->walk.replaced.size() == 3);
  const auto metainfo = create(folder / "d\\", options).metainfo;
  CHECK(metainfo->files().at(0).path == "d/a_/deep");
  CHECK(metainfo->files().at(1).path == "d/bx");
  CHECK(metainfo->files().at(2).path == "d/zz");
  CHECK(metainfo->warnings().empty());
  // Two may not become one.
  folder.write("d\\/bx", "4");
  CHECK(plan_failure(folder / "d\\", options).message.find("called bx") != std::string::npos);
}

TEST_CASE("the folder itself by a dot is called by its name", "[create]") {
  const TemporaryFolder folder;
  fill(folder);
  CHECK(source_name(folder / "album/.") == "album");
  CHECK(source_name(folder / "album/a/..") == "album");
  CHECK(source_name(folder / "album///") == "album");
  CHECK(source_name("album") == "album");
}

TEST_CASE("a change between planning and hashing is an error", "[create]") {
  const TemporaryFolder folder;
  fill(folder);
  const auto plan = plan_torrent(folder / "album", {});
  REQUIRE(plan.has_value());
  const bool empty = GENERATE(false, true);
  folder.write(empty ? "album/empty" : "album/a.txt", empty ? "no more" : pattern(10'000, 9));
  const auto torrent = create_torrent(*plan, {});
  REQUIRE(torrent.has_error());
  CHECK(torrent.error().code == Errc::file_changed);
}

TEST_CASE("a stream makes the torrent that its file would", "[create]") {
  const TemporaryFolder folder;
  const std::string path = folder.write("x", pattern(200'000, 7));
  CreateOptions options;
  options.name = "x";
  options.version = GENERATE(TorrentVersion::v1, TorrentVersion::v2, TorrentVersion::hybrid);
  options.piece_length = GENERATE(0u, 65'536u, 1u << 20);
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(file >= 0);
  const auto streamed = create_torrent_of_stream(file, options);
  close(file);
  REQUIRE(streamed.has_value());
  CHECK(streamed->bytes == create(path, options).bytes);
}

TEST_CASE("an empty stream is refused", "[create]") {
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  CreateOptions options;
  options.name = "x";
  CHECK(create_torrent_of_stream(null, options).error().code == Errc::invalid_length);
  close(null);
}
