#include "cli/allow_list.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/temporary_folder.hpp"
#include "torrent/create.hpp"

using namespace barter;
using namespace barter::cli;
using namespace barter::test;

namespace {

const std::string v1 = "0123456789abcdef0123456789ABCDEF01234567";
const std::string v2 = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

struct Bench {
  TemporaryFolder folder;
  std::vector<WireInfoHash> hashes;
  std::vector<std::string> skipped;
  int made = 0;

  Result<void> add(const std::string& name) {
    AllowList list({folder / name});
    auto found = read(list);
    if (!found) return found.error();
    hashes.insert(hashes.end(), found->begin(), found->end());
    return {};
  }
  Result<std::vector<WireInfoHash>> read(AllowList& list) {
    return list.read([&](const Error& error) { skipped.push_back(error.message); });
  }
  std::string torrent(TorrentVersion version) {
    test::write_file(folder / "data", "hello" + std::to_string(++made));
    CreateOptions options;
    options.version = version;
    const auto plan = plan_torrent(folder / "data", options);
    REQUIRE(plan.has_value());
    const auto created = create_torrent(*plan, options);
    REQUIRE(created.has_value());
    return created->bytes;
  }
};

}  // namespace

TEST_CASE("a list of info-hashes", "[allow_list]") {
  Bench bench;
  test::write_file(bench.folder / "list",
                   "# ours\n" + v1 + "\r\n\n" + v2 + " the second\n" + v1 + "#x");
  REQUIRE(bench.add("list").has_value());
  REQUIRE(bench.hashes.size() == 3);
  CHECK(to_hex(bench.hashes[0]) == "0123456789abcdef0123456789abcdef01234567");
  CHECK(to_hex(bench.hashes[1]) == v2.substr(0, 40));
  CHECK(bench.hashes[2] == bench.hashes[0]);
}

TEST_CASE("what is no list of info-hashes", "[allow_list]") {
  Bench bench;
  for (const std::string& line :
       {std::string("hello"), v1.substr(1), v1 + "0", "g" + v1.substr(1), v2 + v1}) {
    CAPTURE(line);
    test::write_file(bench.folder / "list", v1 + "\n" + line + "\n");
    const auto added = bench.add("list");
    REQUIRE(added.has_error());
    CHECK(added.error().message.find("line 2") != std::string::npos);
  }
  const auto missing = bench.add("missing");
  REQUIRE(missing.has_error());
  CHECK(missing.error().message.find("missing") != std::string::npos);
  test::write_file(bench.folder / "bad.torrent", "hello");
  CHECK(bench.add("bad.torrent").has_error());
}

TEST_CASE("torrents, alone and in a folder", "[allow_list]") {
  Bench bench;
  test::write_file(bench.folder / "one.torrent", bench.torrent(TorrentVersion::v1));
  REQUIRE(bench.add("one.torrent").has_value());
  CHECK(bench.hashes.size() == 1);
  test::write_file(bench.folder / "all/hybrid.torrent", bench.torrent(TorrentVersion::hybrid));
  test::write_file(bench.folder / "all/bad.torrent", "hello");
  test::write_file(bench.folder / "all/readme", "hello");
  REQUIRE(bench.add("all").has_value());
  CHECK(bench.hashes.size() == 3);  // a hybrid has two
  REQUIRE(bench.skipped.size() == 1);
  CHECK(bench.skipped[0].find("bad.torrent") != std::string::npos);
}

TEST_CASE("what has changed is seen, and read again", "[allow_list]") {
  Bench bench;
  const auto write = [&](const char* name, const std::string& text) {
    test::write_file(bench.folder / name, text);
  };
  write("all/a.torrent", bench.torrent(TorrentVersion::v1));
  write("list", v1);
  AllowList list({bench.folder / "all", bench.folder / "list"});
  REQUIRE(bench.read(list)->size() == 2);
  CHECK(list.look() == list.looks_read());
  write("all/b.torrent", bench.torrent(TorrentVersion::v1));
  CHECK(list.look() != list.looks_read());
  REQUIRE(bench.read(list)->size() == 3);
  CHECK(list.look() == list.looks_read());
  write("list", v1 + "\n" + v2);
  CHECK(list.look() != list.looks_read());
  REQUIRE(bench.read(list)->size() == 4);
  std::filesystem::remove(bench.folder / "all/a.torrent");
  CHECK(list.look() != list.looks_read());
  CHECK(bench.read(list)->size() == 3);
  CHECK(bench.skipped.empty());
}

TEST_CASE("what cannot be read again counts as it was", "[allow_list]") {
  Bench bench;
  const std::string whole = bench.torrent(TorrentVersion::v1);
  test::write_file(bench.folder / "all/a.torrent", whole);
  test::write_file(bench.folder / "list", v1);
  AllowList list({bench.folder / "all", bench.folder / "list"});
  const auto first = bench.read(list);
  REQUIRE(first->size() == 2);
  test::write_file(bench.folder / "all/a.torrent",
                   whole.substr(0, whole.size() / 2));  // it is being written
  CHECK(*bench.read(list) == *first);
  CHECK(bench.skipped.size() == 1);
  test::write_file(bench.folder / "list", "nonsense");
  CHECK(bench.read(list).has_error());
  test::write_file(bench.folder / "list", v1);
  CHECK(*bench.read(list) == *first);
  std::filesystem::remove_all(bench.folder / "all");
  CHECK(bench.read(list).has_error());
}
