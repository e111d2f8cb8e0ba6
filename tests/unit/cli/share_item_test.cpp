#include "cli/share_item.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "cli/share_change.hpp"
#include "tests/temporary_folder.hpp"

using namespace barter;
using namespace barter::cli;
using namespace barter::test;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

void touch(const fs::path& path) {
  fs::last_write_time(path, fs::last_write_time(path) - std::chrono::hours(1));
}

struct Fixture {
  Fixture() {
    fs::create_directory(folder / "album");
    write(folder / "album/a", std::string(100'000, 'a'));
    write(folder / "album/empty", "");
    auto planned = plan_item((folder / "album").string(), options);
    REQUIRE(planned.has_value());
    item = std::move(*planned);
    REQUIRE(hash_item(item, options, {}).has_value());
  }

  TemporaryFolder folder;
  CreateOptions options;
  ShareItem item;
};

}  // namespace

TEST_CASE("a touched file has the same bytes", "[share_item]") {
  Fixture f;
  for (const char* name : {"album/a", "album/empty"}) {
    touch(f.folder / name);
    CHECK(find_change(f.item));
    const auto same = hash_again(f.item, f.options, {});
    REQUIRE(same.has_value());
    CHECK(*same);
    CHECK_FALSE(find_change(f.item));  // it is known as it looks now
  }
  SECTION("also one that was put there anew") {
    fs::remove(f.folder / "album/a");
    write(f.folder / "album/a", std::string(100'000, 'a'));
    const auto same = hash_again(f.item, f.options, {});
    REQUIRE(same.has_value());
    CHECK(*same);
  }
  SECTION("and a file beside it does not matter") {
    write(f.folder / "album/b", "new");
    touch(f.folder / "album/a");
    const auto same = hash_again(f.item, f.options, {});
    REQUIRE(same.has_value());
    CHECK(*same);
  }
}

TEST_CASE("what has changed is not taken for the same", "[share_item]") {
  Fixture f;
  const std::string torrent = f.item.torrent;
  SECTION("other bytes") {
    write(f.folder / "album/a", std::string(100'000, 'b'));
    const auto same = hash_again(f.item, f.options, {});
    REQUIRE(same.has_value());
    CHECK_FALSE(*same);
  }
  SECTION("another size: nothing need be read") {
    write(f.folder / "album/empty", "no more");
    bool read = false;
    const auto same = hash_again(f.item, f.options, [&](std::uint64_t, std::uint64_t) {
      read = true;
      return true;
    });
    REQUIRE(same.has_value());
    CHECK_FALSE(*same);
    CHECK_FALSE(read);
  }
  SECTION("gone") {
    fs::remove(f.folder / "album/a");
    CHECK_FALSE(hash_again(f.item, f.options, {}).has_value());
  }
  SECTION("a link in its place") {
    fs::rename(f.folder / "album/a", f.folder / "a");
    fs::create_symlink(f.folder / "a", f.folder / "album/a");
    const auto same = hash_again(f.item, f.options, {});
    REQUIRE(same.has_value());
    CHECK(*same);  // the same bytes
    write(f.folder / "a", "something else");
    CHECK_FALSE(*hash_again(f.item, f.options, {}));
  }
  SECTION("or nobody waits for the end") {
    touch(f.folder / "album/a");
    const auto same =
        hash_again(f.item, f.options, [](std::uint64_t, std::uint64_t) { return false; });
    REQUIRE_FALSE(same.has_value());
    CHECK(same.error().code == Errc::cancelled);
  }
  CHECK(f.item.torrent == torrent);
}

TEST_CASE("events tell what may have changed", "[share_item]") {
  Fixture f;
  const auto changed = find_change(FilesChanged{{"album/a"}}, f.item);
  REQUIRE(changed);
  CHECK(changed->path == f.item.folder + "/album/a");
  CHECK(changed->may_be_same);
  CHECK_FALSE(changed->incomplete);
  const auto missing = find_change(FilesMissing{{"album/a"}}, f.item);
  REQUIRE(missing);
  CHECK_FALSE(missing->may_be_same);
  const auto gone = find_change(RootMissing{}, f.item);
  REQUIRE(gone);
  CHECK_FALSE(gone->may_be_same);
  const auto began = find_change(TransferBegan{false, 5, {}}, f.item);
  REQUIRE(began);
  CHECK(began->incomplete);
  CHECK_FALSE(find_change(TransferBegan{false, f.item.metainfo->content_size(), {}}, f.item));
  CHECK_FALSE(find_change(Completed{}, f.item));
}
