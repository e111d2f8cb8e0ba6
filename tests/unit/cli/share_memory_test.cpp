#include "cli/share_memory.hpp"

#include <catch2/catch.hpp>

#include <filesystem>

#include "cli/share_item.hpp"
#include "tests/temporary_folder.hpp"

using namespace barter;
using namespace barter::cli;
using namespace barter::test;

namespace {

CreateOptions options() {
  CreateOptions out;
  out.is_private = true;
  return out;
}

ShareItem planned(const std::string& path) {
  auto item = plan_item(path, options());
  if (!item) FAIL(item.error().message);
  return std::move(*item);
}

// A folder that is shared, and a state folder.
struct Bench {
  TemporaryFolder folder;
  std::string tree = folder / "tree";
  ShareMemory memory{folder / "state"};

  Bench() {
    test::write_file(tree + "/a b.txt", "hello");
    test::write_file(tree + "/sub/c", std::string(100'000, 'c'));
    test::write_file(tree + "/empty", "");
  }
  ShareItem shared() {
    ShareItem item = planned(tree);
    const auto hashed = hash_item(item, options(), {});
    if (!hashed) FAIL(hashed.error().message);
    const auto kept = memory.remember(item.source, "v", {7171, item.torrent, item.files});
    if (!kept) FAIL(kept.error().message);
    return item;
  }
  bool reused() {
    ShareItem again = planned(tree);
    const auto remembered = memory.recall(again.source, "v");
    return remembered && reuse(again, *remembered);
  }
};

}  // namespace

TEST_CASE("an unchanged folder needs no hashing again", "[share_memory]") {
  Bench bench;
  CHECK_FALSE(bench.reused());
  const ShareItem item = bench.shared();
  CHECK_FALSE(find_change(item));
  ShareItem again = planned(bench.tree);
  const auto remembered = bench.memory.recall(again.source, "v");
  REQUIRE(remembered);
  CHECK(remembered->port == 7171);
  REQUIRE(reuse(again, *remembered));
  CHECK(again.torrent == item.torrent);
  CHECK(again.metainfo->info_hash() == item.metainfo->info_hash());
  CHECK(again.metainfo->is_private());
  CHECK(again.metainfo->trackers().empty());
  CHECK(bench.memory.recall(again.source, "other flags") == std::nullopt);
  CHECK(bench.memory.recall(again.source + "x", "v") == std::nullopt);
}

TEST_CASE("whatever changes in a folder is noticed", "[share_memory]") {
  Bench bench;
  const ShareItem item = bench.shared();
  const std::string file = bench.tree + "/a b.txt";
  SECTION("size") {
    test::write_file(file, "hello!");
  }
  SECTION("contents, the time set back") {
    const auto time = std::filesystem::last_write_time(file);
    test::write_file(file, "HELLO");
    std::filesystem::last_write_time(file, time);
    CHECK(find_change(item) == file);
  }
  SECTION("another file in its place") {
    std::filesystem::rename(file, bench.folder / "old");
    test::write_file(file, "hello");
  }
  SECTION("a new file") {
    test::write_file(bench.tree + "/new", "x");
  }
  SECTION("one less") {
    std::filesystem::remove(file);
  }
  SECTION("a name") {
    std::filesystem::rename(file, bench.tree + "/other");
  }
  CHECK_FALSE(bench.reused());
}

TEST_CASE("a damaged memory is none", "[share_memory]") {
  Bench bench;
  bench.shared();
  std::string json, torrent;
  for (const auto& entry : std::filesystem::directory_iterator(bench.folder / "state/share")) {
    (entry.path().extension() == ".json" ? json : torrent) = entry.path().string();
  }
  REQUIRE_FALSE(json.empty());
  const std::string text = test::read_file(json);
  SECTION("cut short") {
    test::write_file(json, text.substr(0, text.size() / 2));
  }
  SECTION("empty") {
    test::write_file(json, "");
  }
  SECTION("of another kind") {
    test::write_file(json, "[1]");
  }
  SECTION("numbers that do not fit") {
    test::write_file(json, R"({"port":99999,"torrent_sha256":"","files":[]})");
  }
  SECTION("gone") {
    std::filesystem::remove(json);
  }
  SECTION("the torrent of another run") {
    test::write_file(torrent, "d4:infodee");
    const auto remembered = bench.memory.recall(planned(bench.tree).source, "v");
    REQUIRE(remembered);  // the port is still good
    CHECK(remembered->port == 7171);
    CHECK(remembered->torrent.empty());
  }
  CHECK_FALSE(bench.reused());
}

TEST_CASE("without a state folder nothing is remembered", "[share_memory]") {
  const ShareMemory none("");
  CHECK(none.remember("/x", "v", {}).has_value());
  CHECK(none.recall("/x", "v") == std::nullopt);
}

TEST_CASE("a share of which a mode has changed is another torrent", "[share_memory]") {
  Bench bench;
  bench.shared();
  CHECK(bench.reused());
  const std::string file = bench.tree + "/sub/c";
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  CHECK_FALSE(bench.reused());
}

TEST_CASE("a share serves links that stay in it", "[share_memory]") {
  Bench bench;
  const std::size_t before = planned(bench.tree).plan.walk.files.size();
  SECTION("the shared path itself may be one") {
    std::filesystem::create_directory_symlink(bench.tree, bench.folder / "link");
    const ShareItem item = planned(bench.folder / "link");
    CHECK(item.source == std::filesystem::canonical(bench.tree));
    CHECK(item.plan.name == "tree");
  }
  SECTION("within") {
    std::filesystem::create_symlink("a b.txt", bench.tree + "/link");
    CHECK(planned(bench.tree).plan.walk.files.size() == 1 + before);
  }
  SECTION("those that leave it only if asked to") {
    test::write_file(bench.folder / "secret", "x");
    std::filesystem::create_symlink(bench.folder / "secret", bench.tree + "/link");
    const auto item = plan_item(bench.tree, options());
    REQUIRE(item.has_error());
    CHECK(item.error().message.find("tree/link") != std::string::npos);
    CHECK(item.error().message.find("--follow-links") != std::string::npos);
    CreateOptions follow = options();
    follow.walk.follow_links = true;
    const auto all = plan_item(bench.tree, follow);
    REQUIRE(all.has_value());
    CHECK(all->plan.walk.files.size() == 1 + before);
  }
  SECTION("nothing there") {
    const auto item = plan_item(bench.tree + "/nothing", options());
    REQUIRE(item.has_error());
    CHECK(item.error().code == Errc::not_found);
    CHECK(item.error().message.find("nothing") != std::string::npos);
  }
}

TEST_CASE("a file that changes while it is hashed is refused", "[share_memory]") {
  Bench bench;
  ShareItem item = planned(bench.tree);
  test::write_file(bench.tree + "/sub/c", std::string(100'000, 'd'));
  const auto hashed = hash_item(item, options(), {});
  REQUIRE(hashed.has_error());
  CHECK(hashed.error().code == Errc::file_changed);
}

TEST_CASE("the store learns what was hashed, pads included", "[share_memory]") {
  Bench bench;
  CreateOptions hybrid = options();
  hybrid.version = TorrentVersion::hybrid;
  auto item = plan_item(bench.tree, hybrid);
  REQUIRE(item.has_value());
  REQUIRE(hash_item(*item, hybrid, {}).has_value());
  const auto verified = verified_files(*item);
  const auto& files = item->metainfo->files();
  REQUIRE(verified.size() == files.size());
  bool pads = false;
  for (std::size_t i = 0; i < files.size(); ++i) {
    pads = pads || files[i].pad;
    CHECK(verified[i].size == (files[i].pad ? 0 : files[i].length));
    CHECK((verified[i].inode != 0) == !files[i].pad);
  }
  CHECK(pads);
}
