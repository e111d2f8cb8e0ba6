#include "torrent/metainfo.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>

#include "tests/unit/torrent/slowness.hpp"
#include "torrent/merkle.hpp"
#include "torrent/sha.hpp"

using namespace barter;
using Paths = std::vector<std::string>;

namespace {

constexpr std::int64_t kib = 1024;

// Bencode by hand, so that malformed torrents can be written as well.
std::string s(std::string_view text) {
  return fmt::format("{}:{}", text.size(), text);
}
std::string i(std::int64_t value) {
  return fmt::format("i{}e", value);
}
using Entries = std::map<std::string, std::string>;
std::string d(const Entries& entries) {
  std::string out = "d";
  for (const auto& [key, value] : entries) out += s(key) + value;
  return out + "e";
}
std::string l(const std::vector<std::string>& items) {
  std::string out = "l";
  for (const std::string& item : items) out += item;
  return out + "e";
}
std::string strings(const Paths& texts) {
  std::string out = "l";
  for (const std::string& text : texts) out += s(text);
  return out + "e";
}
std::string hashes(std::size_t count, std::size_t size = 20) {
  return s(std::string(count * size, 'h'));
}

Entries single() {
  return {{"length", i(425)},
          {"name", s("temp")},
          {"piece length", i(16 * kib)},
          {"pieces", hashes(1)}};
}
std::string entry(const Paths& path, std::int64_t length, Entries more = {}) {
  more["length"] = i(length);
  more["path"] = strings(path);
  return d(more);
}
Entries multi(const std::vector<std::string>& files, std::size_t pieces = 1) {
  return {{"files", l(files)},
          {"name", s("root")},
          {"piece length", i(16 * kib)},
          {"pieces", hashes(pieces)}};
}
Entries changed(Entries entries, const std::string& key, const std::string& value) {
  entries[key] = value;
  return entries;
}
Entries without(Entries entries, const std::string& key) {
  entries.erase(key);
  return entries;
}
std::string torrent(const Entries& info, Entries outer = {}) {
  outer["info"] = d(info);
  return d(outer);
}

std::shared_ptr<const Metainfo> good(const std::string& bytes) {
  auto parsed = Metainfo::parse(bytes);
  INFO((parsed ? "" : parsed.error().message));
  REQUIRE(parsed.has_value());
  return *parsed;
}
std::string verdict(const std::string& bytes, const MetainfoLimits& limits = {}) {
  const auto parsed = Metainfo::parse(bytes, limits);
  if (!parsed) {
    CHECK(parsed.error().message.find('\n') == std::string::npos);
    return std::string(to_string(parsed.error().code));
  }
  return "ok";
}
std::string verdict(const Entries& info) {
  return verdict(torrent(info));
}
Paths paths(const Metainfo& metainfo) {
  Paths out;
  for (const File& file : metainfo.files()) out.push_back(file.path);
  return out;
}

// v2: content of `blocks` blocks, all of it 'c'.
std::vector<Sha256Digest> leaves(std::size_t blocks) {
  return std::vector<Sha256Digest>(blocks, sha256(as_bytes(std::string(16 * kib, 'c'))));
}
std::string leaf_file(std::size_t blocks, Entries more = {}) {
  more["length"] = i(static_cast<std::int64_t>(blocks) * 16 * kib);
  if (blocks > 0 && !more.contains("pieces root")) {
    more["pieces root"] = s(small_file_root(leaves(blocks)).view());
  }
  return d({{"", d(more)}});
}
Entries v2(const std::string& tree) {
  return {{"file tree", tree},
          {"meta version", i(2)},
          {"name", s("root")},
          {"piece length", i(32 * kib)}};
}
std::string layer(std::size_t pieces) {
  std::string out;
  for (std::size_t p = 0; p < pieces; ++p) out += piece_root(leaves(2), 32 * kib).view();
  return s(out);
}
Entries with_layers(std::size_t blocks) {
  return {{"piece layers",
           d({{std::string(small_file_root(leaves(blocks)).view()), layer(blocks / 2)}})}};
}

}  // namespace

TEST_CASE("a v1 torrent of one file") {
  const std::string bytes =
      torrent(single(), {{"comment", s("c")}, {"created by", s("x")}, {"creation date", i(7)}});
  const auto metainfo = good(bytes);
  CHECK(metainfo->name() == "temp");
  CHECK(paths(*metainfo) == Paths{"temp"});
  CHECK_FALSE(metainfo->multi_file());
  CHECK(metainfo->layout().piece_count() == 1);
  CHECK(metainfo->content_size() == 425);
  CHECK(metainfo->info_bytes() == d(single()));
  CHECK(metainfo->info_hash().v1 == sha1(as_bytes(d(single()))));
  CHECK_FALSE(metainfo->has_v2());
  CHECK(metainfo->piece_hash_v1(PieceIndex{0}).view() == std::string(20, 'h'));
  CHECK_FALSE(metainfo->piece_hash_v2(PieceIndex{0}));
  CHECK(metainfo->comment() == "c");
  CHECK(metainfo->created_by() == "x");
  CHECK(metainfo->creation_date() == 7);
  CHECK_FALSE(metainfo->is_private());
  CHECK(metainfo->warnings().empty());
}

TEST_CASE("an info dictionary from a peer gives the same torrent") {
  const std::string info = d(multi({entry({"a", "b"}, 5), entry({"a", "b"}, 6)}));
  const auto metainfo = Metainfo::from_info(info).value();
  CHECK(metainfo->info_hash().v1 == sha1(as_bytes(info)));
  CHECK(paths(*metainfo) == Paths{"root/a/b", "root/a/b.1"});
  CHECK(metainfo->layout().files()[1].offset == 5);
  CHECK(Metainfo::from_info(info + "x").error().code == Errc::invalid_bencoding);
  CHECK(Metainfo::from_info("le").error().code == Errc::not_a_dictionary);
  const auto layered = Metainfo::from_info(d(v2(d({{"f", leaf_file(4)}})))).value();
  CHECK_FALSE(layered->has_piece_layers());
  CHECK(Metainfo::from_info(d(v2(d({{"f", leaf_file(2)}})))).value()->has_piece_layers());
}

TEST_CASE("the info-hash is over the bytes as received") {
  // Unsorted, and with a leading zero: a re-encoding would hash to something else.
  const std::string info =
      "d4:name4:temp6:lengthi0425e12:piece lengthi16384e6:pieces" + hashes(1) + "e";
  const auto metainfo = good("d4:info" + info + "e");
  CHECK(metainfo->info_hash().v1 == sha1(as_bytes(info)));
  CHECK(metainfo->info_bytes() == info);
  CHECK(metainfo->piece_hash_v1(PieceIndex{0}).view() == std::string(20, 'h'));
}

TEST_CASE("bytes after the end of a file are ignored with a warning") {
  const auto metainfo = good(torrent(single()) + "\n");
  CHECK(metainfo->warnings().size() == 1);
  CHECK(metainfo->info_bytes() == d(single()));
}

TEST_CASE("malformed v1 torrents are refused for what is wrong") {
  CHECK(verdict(std::string()) == "invalid_bencoding");
  CHECK(verdict(std::string("10:libtorrent")) == "not_a_dictionary");
  CHECK(verdict(std::string("de")) == "invalid_metainfo");
  CHECK(verdict(std::string("d4:infoi1ee")) == "invalid_metainfo");
  CHECK(verdict(without(single(), "piece length")) == "missing_piece_length");
  CHECK(verdict(changed(single(), "piece length", s("16384"))) == "missing_piece_length");
  CHECK(verdict(changed(single(), "piece length", i(0))) == "missing_piece_length");
  CHECK(verdict(changed(single(), "piece length", i(-16384))) == "missing_piece_length");
  CHECK(verdict(changed(single(), "piece length", i(536'854'528))) == "ok");
  CHECK(verdict(changed(single(), "piece length", i(536'854'529))) == "missing_piece_length");
  CHECK(verdict(changed(single(), "piece length", i(1))) == "invalid_pieces");
  CHECK(verdict(without(single(), "length")) == "invalid_length");
  CHECK(verdict(changed(single(), "length", i(0))) == "invalid_length");
  CHECK(verdict(changed(single(), "length", i(-45))) == "invalid_length");
  CHECK(verdict(changed(single(), "length", s("425"))) == "invalid_length");
  CHECK(verdict(changed(single(), "length", i(1'759'218'597'889))) == "too_many_pieces");
  CHECK(verdict(changed(single(), "length", i(INT64_MAX))) == "too_many_pieces");
  CHECK(verdict(without(single(), "pieces")) == "invalid_pieces");
  CHECK(verdict(changed(single(), "pieces", i(1))) == "invalid_pieces");
  CHECK(verdict(changed(single(), "pieces", hashes(0))) == "invalid_pieces");
  CHECK(verdict(changed(single(), "pieces", hashes(2))) == "invalid_pieces");
  CHECK(verdict(changed(single(), "pieces", s(std::string(19, 'h')))) == "invalid_pieces");
  CHECK(verdict(changed(single(), "pieces", s(std::string(21, 'h')))) == "invalid_pieces");
  CHECK(verdict(changed(without(single(), "pieces"), "root hash", hashes(1))) == "unsupported");
  CHECK(verdict(changed(single(), "files", i(1))) == "invalid_metainfo");
  CHECK(verdict("d4:info" + d(single()) + "4:info" + d(single()) + "e") == "invalid_metainfo");
  const std::string twice = "d6:lengthi425e4:name4:temp12:piece lengthi16384e6:pieces" + hashes(1) +
                            "6:pieces" + s(std::string(20, 'g')) + "e";
  CHECK(verdict("d4:info" + twice + "e") == "invalid_pieces");
  CHECK(verdict("d4:info" + std::string(10'000'000, 'l')) == "invalid_bencoding");
}

TEST_CASE("malformed file lists are refused for what is wrong") {
  CHECK(verdict(multi({})) == "invalid_length");
  CHECK(verdict(multi({i(1)})) == "invalid_metainfo");
  CHECK(verdict(multi({entry({"a"}, 0), entry({"b"}, 0, {{"attr", s("p")}})})) == "invalid_length");
  CHECK(verdict(multi({entry({"a"}, -1), entry({"b"}, 5)})) == "invalid_length");
  CHECK(verdict(multi({d({{"path", strings({"a"})}})})) == "invalid_length");
  CHECK(verdict(multi({d({{"length", i(5)}})})) == "invalid_name");
  CHECK(verdict(multi({d({{"length", i(5)}, {"path", s("a")}})})) == "invalid_name");
  CHECK(verdict(multi({d({{"length", i(5)}, {"path", l({i(1242), s("a")})}})})) == "invalid_name");
  CHECK(verdict(multi({entry({"a"}, INT64_MAX), entry({"b"}, INT64_MAX),
                       entry({"c"}, INT64_MAX)})) == "too_many_pieces");
}

TEST_CASE("names are cleaned, not refused") {
  CHECK(paths(*good(torrent(changed(single(), "name", s("temp/../../abc"))))) ==
        Paths{"temp....abc"});
  CHECK(paths(*good(torrent(multi({entry({"..", "..", "etc"}, 5), entry({"", ""}, 6), entry({}, 7),
                                   entry({"aux.c"}, 1)})))) ==
        Paths{"root/_/_/etc", "root/_/_.1", "root/_.1", "root/aux.c"});
  for (const std::string& name : {s(".."), s(""), s("/"), i(5)}) {
    const Entries info = changed(multi({entry({"a"}, 5)}), "name", name);
    const auto metainfo = good(torrent(info));
    CHECK(metainfo->name() == to_hex(sha1(as_bytes(d(info)))));
    CHECK(paths(*metainfo) == Paths{metainfo->name() + "/a"});
    CHECK_FALSE(metainfo->warnings().empty());
  }
  const auto utf8 = good(torrent(changed(
      multi({entry({"\xe9"}, 5, {{"path.utf-8", strings({"\xc3\xa9"})}})}), "name.utf-8", s("n"))));
  CHECK(paths(*utf8) == Paths{"n/\xc3\xa9"});
  CHECK(utf8->warnings().empty());
  // Whoever looks for the files is told.
  const auto hidden = good(torrent(multi(
      {entry({"soft\u00adhyphen"}, 5), entry({"plain", "b"}, 6), entry({"sub\u200b", "c"}, 7)})));
  REQUIRE(hidden->warnings().size() == 1);
  CHECK(hidden->warnings()[0].starts_with("the names of 2 files were cleaned"));
}

TEST_CASE("names of old torrents are read in the encoding that they say, or that we are told") {
  const std::string gbk = "\xce\xc4\xbc\xfe";  // the word for a file
  const std::string file = "\u6587\u4ef6";
  const Entries info =
      changed(multi({entry({gbk + ".txt"}, 5), entry({"plain"}, 6)}), "name", s(gbk));
  const auto with = [&](const std::string& encoding) {
    return good(d({{"encoding", s(encoding)}, {"info", d(info)}}));
  };
  for (const char* name : {"GBK", "gbk", "GB2312", "936", "cp936"}) {
    const auto metainfo = with(name);
    CHECK(metainfo->name() == file);
    CHECK(paths(*metainfo) == Paths{file + "/" + file + ".txt", file + "/plain"});
    CHECK(metainfo->warnings().empty());
    CHECK(metainfo->raw_paths(0)[0] == gbk + "/" + gbk + ".txt");
    CHECK(metainfo->info_hash().v1 == sha1(as_bytes(d(info))));
  }
  CHECK(good(d({{"codepage", i(936)}, {"info", d(info)}}))->name() == file);
  // Not known, not said, or not true.
  for (const char* name : {"", "UTF-8", "klingon", "../../x", "KOI8"}) {
    INFO(name);
    const auto metainfo = with(name);
    CHECK(metainfo->warnings().back().find("--encoding") != std::string::npos);
    const auto told = metainfo->with_encoding("GBK");
    REQUIRE(told.has_value());
    CHECK((*told)->name() == file);
    CHECK((*told)->warnings().empty());
    CHECK((*told)->info_hash().v1 == metainfo->info_hash().v1);
  }
  // What is UTF-8 already is never converted.
  const Entries modern = changed(multi({entry({file}, 5)}), "name", s("n"));
  CHECK(paths(*good(d({{"encoding", s("GBK")}, {"info", d(modern)}}))) == Paths{"n/" + file});
  // Nor is what leads out of the folder by a detour.
  const Entries out = changed(multi({entry({"..", gbk}, 5)}), "name", s("n"));
  CHECK(paths(*good(d({{"encoding", s("GBK")}, {"info", d(out)}}))) == Paths{"n/_/" + file});
}

TEST_CASE("what the torrent says of a cleaned name is kept, if it is safe to look for") {
  const auto metainfo = good(torrent(changed(
      multi({entry({"soft\u00adhyphen"}, 5), entry({"plain"}, 6), entry({"back\\slash", "b"}, 7),
             entry({"..", "x\x01"}, 8), entry({"a/b"}, 9), entry({s("nul\0x")}, 1)}),
      "name", s("ro\u200bot"))));
  CHECK(metainfo->name() == "root");
  const auto raw = [&](std::size_t file) {
    const auto paths = metainfo->raw_paths(file);
    return std::vector<std::string>(paths.begin(), paths.end());
  };
  CHECK(raw(0) == Paths{"ro\u200bot/soft\u00adhyphen"});
  CHECK(raw(1) == Paths{"ro\u200bot/plain"});
  CHECK(raw(2) == Paths{"ro\u200bot/back\\slash/b"});
  CHECK(raw(3).empty());
  CHECK(raw(4).empty());
  const auto usual = good(torrent(multi({entry({"a"}, 5)})));
  CHECK(usual->raw_paths(0).empty());
  const auto legacy = good(torrent(changed(
      multi({entry({"\xe9"}, 5, {{"path.utf-8", strings({"\xc3\xa9"})}})}), "name.utf-8", s("n"))));
  CHECK(std::ranges::find(legacy->raw_paths(0), "root/\xe9") != legacy->raw_paths(0).end());
  const auto one = good(torrent(changed(single(), "name", s("so\u00adft"))));
  CHECK(one->files()[0].path == "soft");
  CHECK(one->raw_paths(0)[0] == "so\u00adft");
  const auto out = good(torrent(changed(single(), "name", s("../x"))));
  CHECK(out->raw_paths(0).empty());
}

TEST_CASE("files that would share a path are renamed, as would a file and a folder") {
  const auto metainfo =
      good(torrent(multi({entry({"/", "f"}, 1), entry({"\\", "f"}, 2), entry({"a"}, 3),
                          entry({"a", "b"}, 4), entry({"A"}, 5)})));
  CHECK(paths(*metainfo) == Paths{"root/_/f", "root/_/f.1", "root/a.1", "root/a/b", "root/A"});
  CHECK(metainfo->warnings().size() == 2);
}

TEST_CASE("a hundred thousand equal names load within a second") {
  std::string files;
  for (int n = 0; n < 100'000; ++n) files += "d6:lengthi1e4:pathl4:sameee";
  const std::string bytes = torrent(changed(multi({}, 7), "files", "l" + files + "e"));
  const auto start = std::chrono::steady_clock::now();
  const auto metainfo = good(bytes);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(slowness));
  CHECK(metainfo->files().back().path == "root/same.99999");
}

TEST_CASE("pads, attributes and links of BEP 47") {
  const auto metainfo = good(torrent(multi(
      {entry({"run"}, 5, {{"attr", s("xh?")}}), d({{"attr", s("p")}, {"length", i(16 * kib - 5)}}),
       d({{"attr", s("lx")},
          {"path", strings({"link"})},
          {"symlink path", strings({"..", "sub/", "run"})}}),
       entry({"dangling"}, 0, {{"attr", s("l")}}),
       entry({"full"}, 3, {{"attr", s("l")}, {"symlink path", strings({"run"})}})},
      2)));
  const auto& files = metainfo->files();
  CHECK(files[0].executable);
  CHECK(files[0].hidden);
  CHECK_FALSE(files[0].pad);
  CHECK(files[1].pad);
  CHECK(files[1].path == "root/.pad/16379");
  CHECK(files[2].symlink_target == "root/_/sub/run");
  CHECK(files[2].length == 0);
  CHECK(files[3].symlink_target.empty());
  CHECK(files[4].symlink_target.empty());
  CHECK(metainfo->content_size() == 8);
  CHECK(metainfo->layout().total_size() == 16 * kib + 3);
  CHECK(metainfo->layout().has_pads());
  CHECK(metainfo->warnings().size() == 1);
  CHECK(verdict(multi({entry({"a"}, 5, {{"attr", s("l")}, {"symlink path", l({i(1)})}})})) ==
        "invalid_name");
}

TEST_CASE("paddings of BitComet's kind are paddings") {
  const char* const pad =
      "_____padding_file_0_if you see this file, please update to BitComet 0.85 or above____";
  const auto metainfo = good(torrent(multi(
      {entry({"a"}, 5), entry({pad}, 16 * kib - 5), entry({"sub", pad}, 10), entry({pad, "b"}, 3)},
      2)));
  const auto& files = metainfo->files();
  CHECK_FALSE(files[0].pad);
  CHECK(files[1].pad);
  CHECK(files[2].pad);
  CHECK_FALSE(files[3].pad);  // a folder of that name is none
  CHECK(metainfo->content_size() == 8);
}

TEST_CASE("private, source and collections") {
  Entries info = changed(changed(single(), "private", i(1)), "source", s("SRC"));
  info["collections"] = l({s("in"), i(3), s("both")});
  const auto metainfo = good(torrent(info, {{"collections", strings({"both", "out"})}}));
  CHECK(metainfo->is_private());
  CHECK(metainfo->source() == "SRC");
  CHECK(metainfo->collections() == Paths{"in", "both", "out"});
  CHECK_FALSE(good(torrent(changed(single(), "private", i(0))))->is_private());
  CHECK_FALSE(good(torrent(changed(single(), "private", s("1"))))->warnings().empty());
}

TEST_CASE("trackers come in tiers, each once") {
  const auto trackers = [](const Entries& outer) {
    return good(torrent(single(), outer))->trackers();
  };
  using Tiers = std::vector<Paths>;
  CHECK(trackers({}).empty());
  CHECK(trackers({{"announce", s("http://a")}}) == Tiers{{"http://a"}});
  CHECK(trackers({{"announce", s("http://a")}, {"announce-list", "le"}}) == Tiers{{"http://a"}});
  CHECK(trackers({{"announce", s("http://a")},
                  {"announce-list", l({strings({"http://b", " http://c\n", "http://b"}), i(1),
                                       strings({"", "http://b"}), s("http://d")})}}) ==
        Tiers{{"http://b", "http://c"}, {"http://d"}});
  CHECK(trackers({{"announce", i(5)}}).empty());
}

TEST_CASE("web seeds and nodes are taken where they make sense") {
  const auto seeds = [](const Entries& info, const std::string& value) {
    return good(torrent(info, {{"url-list", value}}))->web_seeds();
  };
  const Entries two = multi({entry({"a"}, 5), entry({"b"}, 6)});
  CHECK(seeds(single(), s("http://a/f")) == Paths{"http://a/f"});
  CHECK(seeds(single(), l({s("http://a/f"), s("http://a/f"), i(-20), l({s("")}), s("")})) ==
        Paths{"http://a/f"});
  CHECK(seeds(two, l({s("http://a/f"), s("http://a/f/")})) == Paths{"http://a/f/"});
  CHECK(seeds(multi({entry({"a"}, 5)}), s("http://a/root/a")) == Paths{"http://a/root/a"});
  CHECK(seeds(single(), i(1)).empty());
  const auto metainfo = good(torrent(
      single(), {{"nodes", l({l({s("127.0.0.1"), i(6881)}), l({s("::1"), i(1)}), l({s("h"), i(0)}),
                              l({s("h"), i(65536)}), l({s("bad host"), i(1)}), i(4),
                              l({i(1), s("x")}), s("x")})}}));
  CHECK(metainfo->dht_nodes() == std::vector<HostPort>{{"127.0.0.1", 6881}, {"::1", 1}});
}

TEST_CASE("a v2 torrent is aligned to pieces, and its layers are checked") {
  const std::string tree =
      d({{"a", leaf_file(5)}, {"dir", d({{"e", leaf_file(0)}, {"b", leaf_file(4)}})}});
  const Entries layers{
      {"piece layers", d({{std::string(small_file_root(leaves(4)).view()), layer(2)}})}};
  CHECK(good(torrent(v2(tree), layers))->has_piece_layers() == false);  // that of "a" is missing
  const auto metainfo = good(torrent(v2(tree)));
  CHECK(paths(*metainfo) == Paths{"root/a", "root/.pad/16384", "root/dir/b", "root/dir/e"});
  CHECK(metainfo->info_hash().v2 == sha256(as_bytes(d(v2(tree)))));
  CHECK_FALSE(metainfo->has_v1());
  CHECK(metainfo->layout().piece_count() == 5);
  CHECK(metainfo->layout().piece_size(PieceIndex{2}) == 16 * kib);
  CHECK(metainfo->content_size() == 9 * 16 * kib);
  CHECK_FALSE(metainfo->piece_hash_v2(PieceIndex{0}));

  const auto known = good(torrent(
      v2(d({{"f", leaf_file(4)}, {"g", leaf_file(2)}, {"h", leaf_file(4)}})), with_layers(4)));
  CHECK(known->has_piece_layers());
  CHECK(known->piece_hash_v2(PieceIndex{0}) == piece_root(leaves(2), 32 * kib));
  CHECK(known->piece_hash_v2(PieceIndex{2}) == small_file_root(leaves(2)));
  CHECK(known->piece_layer(0).size() == 2);
  CHECK(known->piece_layer(1).empty());
  CHECK(known->piece_layer(2).data() == known->piece_layer(0).data());
  CHECK(known->encode_piece_layers() == with_layers(4)["piece layers"]);
  const auto one = good(torrent(v2(d({{"f", leaf_file(1)}}))));
  CHECK(paths(*one) == Paths{"f", "root/.pad/16384"});
  CHECK_FALSE(one->multi_file());
}

TEST_CASE("malformed v2 torrents are refused for what is wrong") {
  const std::string tree = d({{"f", leaf_file(4)}});
  CHECK(verdict(torrent(v2(tree), with_layers(4))) == "ok");
  CHECK(verdict(changed(v2(tree), "meta version", i(3))) == "unsupported");
  CHECK(verdict(changed(v2(tree), "meta version", s("2"))) == "invalid_metainfo");
  CHECK(verdict(changed(v2(tree), "meta version", i(1))) == "invalid_pieces");
  CHECK(verdict(without(v2(tree), "file tree")) == "invalid_file_tree");
  CHECK(verdict(v2(i(1))) == "invalid_file_tree");
  CHECK(verdict(v2("de")) == "invalid_length");
  for (const std::int64_t length :
       {16 * kib - 1, std::int64_t{32767}, 8 * kib, std::int64_t{INT32_MAX}, 1024 * kib * kib}) {
    CHECK(verdict(changed(v2(tree), "piece length", i(length))) == "missing_piece_length");
  }
  CHECK(verdict(changed(v2(tree), "piece length", i(512 * kib * kib))) == "ok");
  CHECK(verdict(v2(d({{"", leaf_file(1)}, {"g", leaf_file(1)}}))) == "invalid_file_tree");
  CHECK(verdict(v2(d({{"f", i(1)}}))) == "invalid_file_tree");
  CHECK(verdict(v2(d({{"f", d({{"", i(1)}})}}))) == "invalid_file_tree");
  CHECK(verdict(v2(d({{"f", d({{"", d({{"length", i(0)}})}, {"g", leaf_file(1)}})}}))) ==
        "invalid_file_tree");
  CHECK(verdict(v2(d({{"f", leaf_file(1, {{"attr", s("p")}})}}))) == "invalid_pad_file");
  CHECK(verdict(v2(d({{"f", d({{"", d({{"length", i(1)}})}})}}))) == "missing_pieces_root");
  CHECK(verdict(v2(d({{"f", leaf_file(1, {{"pieces root", s(std::string(32, '\0'))}})}}))) ==
        "missing_pieces_root");
  CHECK(verdict(v2(d({{"f", leaf_file(1, {{"pieces root", s(std::string(31, 'x'))}})}}))) ==
        "missing_pieces_root");
  CHECK(verdict(v2(d({{"f", d({{"", d({{"length", i(-1)}})}})}}))) == "invalid_length");
  Entries many;
  for (int n = 0; n < 16; ++n) {
    many[std::string(1, static_cast<char>('a' + n))] =
        d({{"", d({{"length", i(17'592'186'011'648)}, {"pieces root", hashes(1, 32)}})}});
  }
  CHECK(verdict(v2(d(many))) == "too_many_pieces");
  // Strict bencoding: a leading zero, and keys out of order.
  CHECK(verdict("d4:infod9:file treed1:fd0:d6:lengthi07e11:pieces root" + hashes(1, 32) +
                "eee12:meta versioni2e4:name1:n12:piece lengthi16384eee") == "invalid_bencoding");
  CHECK(verdict("d4:infod9:file treed1:gd0:d6:lengthi0eee1:fd0:d6:lengthi7e11:pieces root" +
                hashes(1, 32) + "eee12:meta versioni2e4:name1:n12:piece lengthi16384eee") ==
        "invalid_bencoding");
  std::string deep = leaf_file(1);
  for (int n = 0; n < 99; ++n) deep = d({{"d", deep}});
  CHECK(verdict(v2(d({{"d", deep}}))) == "ok");
  CHECK(verdict(v2(d({{"d", d({{"d", deep}})}}))) == "invalid_file_tree");
}

TEST_CASE("piece layers must hash up to their roots and belong to a file") {
  const std::string tree = d({{"f", leaf_file(4)}});
  const std::string root(small_file_root(leaves(4)).view());
  const auto layered = [&](const std::string& layers) {
    return verdict(torrent(v2(tree), {{"piece layers", layers}}));
  };
  CHECK(layered(i(1)) == "invalid_piece_layer");
  CHECK(layered(d({{root, i(1)}})) == "invalid_piece_layer");
  CHECK(layered(d({{root, layer(1)}})) == "invalid_piece_layer");
  CHECK(layered(d({{root, layer(3)}})) == "invalid_piece_layer");
  CHECK(layered(d({{root, s(std::string(65, 'x'))}})) == "invalid_piece_layer");
  CHECK(layered(d({{root, hashes(2, 32)}})) == "invalid_piece_layer");
  CHECK(layered(d({{"a" + root, layer(2)}})) == "invalid_piece_layer");
  CHECK(layered(d({{root, layer(2)}, {std::string(32, 'u'), layer(2)}})) == "invalid_piece_layer");
  CHECK(layered("d" + s(root) + layer(2) + s(root) + layer(2) + "e") == "invalid_piece_layer");
  CHECK(layered("de") == "ok");
  // Nothing is allocated for layers that are not there.
  const Entries huge = changed(v2(d({{"f", d({{"", d({{"length", i(std::int64_t{4} << 36)},
                                                      {"pieces root", hashes(1, 32)}})}})}})),
                               "piece length", i(64 * kib));
  CHECK(good(torrent(huge))->layout().piece_count() == 4 << 20);
}

TEST_CASE("the two sides of a hybrid must agree") {
  const std::string tree = d({{"a", leaf_file(3)}, {"b", leaf_file(0)}, {"c", leaf_file(2)}});
  const auto hybrid = [&](const std::vector<std::string>& files, std::size_t pieces = 3) {
    Entries info = multi(files, pieces);
    info.merge(v2(tree));
    info["piece length"] = i(32 * kib);
    return info;
  };
  const std::string a = entry({"a"}, 48 * kib), b = entry({"b"}, 0), c = entry({"c"}, 32 * kib);
  const std::string pad = entry({".pad", "16384"}, 16 * kib, {{"attr", s("p")}});
  const auto metainfo = good(torrent(hybrid({a, b, pad, c})));
  CHECK(metainfo->has_v1());
  CHECK(metainfo->has_v2());
  CHECK(metainfo->files()[3].pieces_root == small_file_root(leaves(2)));
  CHECK_FALSE(metainfo->piece_hash_v2(PieceIndex{1}));
  CHECK(metainfo->piece_hash_v2(PieceIndex{2}) == small_file_root(leaves(2)));
  CHECK(metainfo->layout().piece_size(PieceIndex{1}) == 32 * kib);
  CHECK(verdict(hybrid({a, pad, b, c})) == "ok");
  CHECK(verdict(hybrid({a, b, c})) == "hybrid_mismatch");                        // not aligned
  CHECK(verdict(hybrid({b, a, pad, c})) == "hybrid_mismatch");                   // another order
  CHECK(verdict(hybrid({a, pad, c})) == "hybrid_mismatch");                      // one missing
  CHECK(verdict(hybrid({a, b, pad, c, entry({"d"}, 0)})) == "hybrid_mismatch");  // one too many
  CHECK(verdict(hybrid({a, entry({"x"}, 0), pad, c})) == "hybrid_mismatch");     // another name
  CHECK(verdict(hybrid({a, b, pad, entry({"c"}, 32 * kib - 1)})) ==
        "hybrid_mismatch");  // another size
  CHECK(verdict(hybrid({a, b, pad, c, entry({"p"}, 32 * kib, {{"attr", s("p")}})}, 4)) ==
        "hybrid_mismatch");
  CHECK(verdict(hybrid({a, b, pad, c}, 2)) == "invalid_pieces");
  Entries one = changed(changed(single(), "length", i(48 * kib)), "pieces", hashes(2));
  one["file tree"] = d({{"temp", leaf_file(3)}});
  one["meta version"] = i(2);
  one["piece length"] = i(32 * kib);
  CHECK(verdict(one) == "ok");
  CHECK(verdict(changed(one, "name", s("other"))) == "hybrid_mismatch");
}

TEST_CASE("limits hold") {
  MetainfoLimits limits;
  limits.files = 2;
  CHECK(verdict(torrent(multi({entry({"a"}, 1), entry({"b"}, 2)})), limits) == "ok");
  CHECK(verdict(torrent(multi({entry({"a"}, 1), entry({"b"}, 2), entry({"c"}, 3)})), limits) ==
        "invalid_metainfo");
  const std::string three = d({{"a", leaf_file(1)}, {"b", leaf_file(1)}, {"c", leaf_file(1)}});
  CHECK(verdict(torrent(v2(three)), limits) == "invalid_metainfo");
  CHECK(verdict(torrent(v2(d({{"a", leaf_file(1)}, {"b", leaf_file(1)}}))), limits) == "ok");
  limits = {};
  limits.pieces = 1;
  CHECK(verdict(torrent(changed(single(), "length", i(16 * kib))), limits) == "ok");
  CHECK(verdict(torrent(changed(changed(single(), "length", i(16 * kib + 1)), "pieces", hashes(2))),
                limits) == "too_many_pieces");
  limits = {};
  limits.bytes = 50;
  CHECK(verdict(torrent(single()), limits) == "invalid_bencoding");
}

TEST_CASE("loading names the path in its errors") {
  const std::string folder = fmt::format("/tmp/barter-metainfo-test-{}", ::getpid());
  ::mkdir(folder.c_str(), 0700);
  const std::string path = folder + "/x\n.torrent";
  CHECK(Metainfo::load(path).error().code == Errc::not_found);
  std::ofstream(path) << torrent(single());
  CHECK(Metainfo::load(path).value()->name() == "temp");
  MetainfoLimits limits;
  limits.bytes = 20;
  CHECK(Metainfo::load(path, limits).error().message.find("larger than 20 bytes") !=
        std::string::npos);
  std::ofstream(path) << "d4:info";
  const Error error = Metainfo::load(path).error();
  CHECK(error.code == Errc::invalid_bencoding);
  CHECK(error.message.find(folder + "/x\\x0a.torrent: bencode: ") == 0);
  CHECK(Metainfo::load(folder).error().code == Errc::io_error);
  std::remove(path.c_str());
  ::rmdir(folder.c_str());
}

TEST_CASE("every truncation of a torrent is refused") {
  const std::string bytes =
      torrent(multi({entry({"a", "b"}, 5), entry({"c"}, 6)}), {{"announce", s("http://a")}});
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    REQUIRE(Metainfo::parse(bytes.substr(0, length)).has_error());
  }
}
