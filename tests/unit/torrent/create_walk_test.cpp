#include "torrent/create_walk.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/temporary_folder.hpp"

using namespace barter;
using test::TemporaryFolder;

namespace {

std::vector<std::string> paths(const Walk& walk) {
  std::vector<std::string> out;
  for (const WalkedFile& file : walk.files)
    out.push_back(fmt::format("{}", fmt::join(file.path, "/")));
  return out;
}
using Paths = std::vector<std::string>;

std::vector<Glob> globs(std::initializer_list<const char*> patterns) {
  std::vector<Glob> out;
  for (const char* pattern : patterns) out.push_back(Glob::parse(pattern).value());
  return out;
}

Error failure(const std::string& source, const WalkOptions& options = {}) {
  const auto walk = walk_source(source, options);
  REQUIRE(walk.has_error());
  return walk.error();
}

}  // namespace

TEST_CASE("files come in byte order, element by element", "[walk]") {
  const TemporaryFolder folder;
  // As whole strings '-' (0x2d) and '.' (0x2e) would sort before '/' (0x2f).
  for (const char* name : {"a/z", "a-b/x", "a.txt", "a b", "B", "ä", "a/b/c", "a/b.c"}) {
    folder.write(name, "x");
  }
  const auto walk = walk_source(folder.path(), {});
  REQUIRE(walk.has_value());
  CHECK(paths(*walk) == Paths{"B", "a/b/c", "a/b.c", "a/z", "a b", "a-b/x", "a.txt", "ä"});
  CHECK(walk->total_size == 8);
  CHECK_FALSE(walk->single_file);
}

TEST_CASE("a file is walked as one", "[walk]") {
  const TemporaryFolder folder;
  const auto walk = walk_source(folder.write("x", "12345"), {});
  REQUIRE(walk.has_value());
  CHECK(walk->single_file);
  CHECK(walk->total_size == 5);
  CHECK(walk->files.at(0).path.empty());
}

TEST_CASE("what is left out is counted", "[walk]") {
  const TemporaryFolder folder;
  for (const char* name :
       {"keep.txt", ".hidden", ".git/a", "x.tmp", "cache/1", "cache/2", "sub/y.tmp"}) {
    folder.write(name, "x");
  }
  std::filesystem::create_directories(folder / "empty/inner");
  WalkOptions options;
  options.hidden = false;
  options.exclude = globs({"*.tmp", "cache/"});
  const auto walk = walk_source(folder.path(), options);
  REQUIRE(walk.has_value());
  CHECK(paths(*walk) == Paths{"keep.txt"});
  CHECK(walk->left_out.hidden == 2);
  CHECK(walk->left_out.excluded == 3);
  CHECK(walk->left_out.empty_folders == 1);
  const auto all = walk_source(folder.path(), {});
  REQUIRE(all.has_value());
  CHECK(all->files.size() == 7);
}

TEST_CASE("include narrows, exclude is stronger", "[walk]") {
  const TemporaryFolder folder;
  for (const char* name : {"a.iso", "b.iso", "c.txt", "deep/d.iso", "docs/x", "docs/y"}) {
    folder.write(name, "x");
  }
  WalkOptions options;
  options.include = globs({"*.iso", "docs"});
  options.exclude = globs({"b.*", "docs/y"});
  const auto walk = walk_source(folder.path(), options);
  REQUIRE(walk.has_value());
  CHECK(paths(*walk) == Paths{"a.iso", "deep/d.iso", "docs/x"});
  CHECK(walk->left_out.excluded == 3);
}

TEST_CASE("the torrent being written is left out, not files of the same name", "[walk]") {
  const TemporaryFolder folder;
  folder.write("x.torrent", "old");
  folder.write("sub/x.torrent", "other");
  WalkOptions options;
  options.skip = std::filesystem::canonical(folder / "x.torrent").string();
  const auto walk = walk_source(folder.path(), options);
  REQUIRE(walk.has_value());
  CHECK(paths(*walk) == Paths{"sub/x.torrent"});
}

TEST_CASE("links inside the tree are followed", "[walk]") {
  const TemporaryFolder folder;
  folder.write("real/a", "12");
  std::filesystem::create_directory_symlink("real", folder / "alias");
  std::filesystem::create_symlink("real/a", folder / "file");
  const auto walk = walk_source(folder.path(), {});
  REQUIRE(walk.has_value());
  CHECK(paths(*walk) == Paths{"alias/a", "file", "real/a"});
  CHECK(walk->total_size == 6);
}

TEST_CASE("links that leave the tree are followed if asked to", "[walk]") {
  const TemporaryFolder outside, folder;
  outside.write("blobs/0123", "12345");
  folder.write("snapshot/plain", "x");
  std::filesystem::create_symlink(outside / "blobs/0123", folder / "snapshot/model.bin");
  std::filesystem::create_directory_symlink(outside / "blobs", folder / "snapshot/more");
  const Error error = failure(folder / "snapshot");
  CHECK(error.message.find("model.bin: a link that leaves") != std::string::npos);
  CHECK(error.message.find("more: a link that leaves") != std::string::npos);
  CHECK(error.message.find("--follow-links") != std::string::npos);
  WalkOptions options;
  options.follow_links = true;
  const auto walk = walk_source(folder / "snapshot", options);
  REQUIRE(walk.has_value());
  CHECK(paths(*walk) == Paths{"model.bin", "more/0123", "plain"});
  // Back into the tree by a way around.
  std::filesystem::create_directory_symlink(folder.path(), outside / "blobs/back");
  CHECK(failure(folder / "snapshot", options).message.find("a loop") != std::string::npos);
}

TEST_CASE("links that multiply are no walk without an end", "[walk]") {
  const TemporaryFolder folder;
  for (int i = 0; i < 30; ++i) std::filesystem::create_directory(folder / fmt::format("{}", i));
  for (int i = 0; i < 29; ++i) {
    for (const char* name : {"a", "b"}) {
      std::filesystem::create_directory_symlink(fmt::format("../{}", i + 1),
                                                folder / fmt::format("{}/{}", i, name));
    }
  }
  WalkOptions options;
  options.max_folders = 1000;
  CHECK(failure(folder.path(), options).message.find("1000 folders") != std::string::npos);
}

TEST_CASE("what cannot be in a torrent is an error that names it, unless excluded", "[walk]") {
  const TemporaryFolder outside, folder;
  outside.write("secret", "x");
  folder.write("good", "x");
  const std::string sub = folder / "sub";
  std::filesystem::create_directory(sub);
  std::string wrong = "odd", why;
  SECTION("dangling link") {
    std::filesystem::create_symlink("nowhere", sub + "/odd");
    why = "dangling";
  }
  SECTION("link to itself") {
    std::filesystem::create_symlink("odd", sub + "/odd");
    why = "itself";
  }
  SECTION("escaping link to a file") {
    std::filesystem::create_symlink(outside / "secret", sub + "/odd");
    why = "leaves";
  }
  SECTION("escaping link to a folder") {
    std::filesystem::create_directory_symlink(outside.path(), sub + "/odd");
    why = "leaves";
  }
  SECTION("link to a sibling of the root whose name begins as the root's") {
    std::filesystem::create_directory(folder.path() + "-twin");
    std::filesystem::create_directory_symlink(folder.path() + "-twin", sub + "/odd");
    why = "leaves";
  }
  SECTION("loop through the parent") {
    std::filesystem::create_directory_symlink("..", sub + "/odd");
    why = "loop";
  }
  SECTION("FIFO") {
    REQUIRE(mkfifo((sub + "/odd").c_str(), 0600) == 0);
    why = "FIFO";
  }
  SECTION("name that is not UTF-8") {
    wrong = "odd\xFF";
    folder.write("sub/odd\xFF", "x");
    why = "UTF-8";
  }
  const Error error = failure(folder.path());
  CHECK(error.message.find(sub + "/" + wrong) != std::string::npos);
  CHECK(error.message.find(why) != std::string::npos);
  WalkOptions options;
  options.exclude = globs({"odd*"});
  const auto walk = walk_source(folder.path(), options);
  REQUIRE(walk.has_value());
  CHECK(paths(*walk) == Paths{"good"});
  std::filesystem::remove_all(folder.path() + "-twin");
}

TEST_CASE("two folders linking each other are a loop", "[walk]") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "a");
  std::filesystem::create_directory(folder / "b");
  std::filesystem::create_directory_symlink("../b", folder / "a/to_b");
  std::filesystem::create_directory_symlink("../a", folder / "b/to_a");
  CHECK(failure(folder.path()).message.find("a loop") != std::string::npos);
}

TEST_CASE("limits of a walk", "[walk]") {
  const TemporaryFolder folder;
  for (int i = 0; i < 5; ++i) folder.write(fmt::format("{}", i), "x");
  WalkOptions options;
  options.max_files = 4;
  CHECK(failure(folder.path(), options).message.find("more than 4 files") != std::string::npos);
  options = {};
  options.max_depth = 3;
  folder.write("1d/2/3/x", "x");
  CHECK(walk_source(folder.path(), options).has_value());
  folder.write("1d/2/3/4/x", "x");
  CHECK(failure(folder.path(), options).message.find("folders deep") != std::string::npos);
}

TEST_CASE("a source that is not there", "[walk]") {
  const TemporaryFolder folder;
  CHECK(failure(folder / "none").code == Errc::not_found);
  REQUIRE(mkfifo((folder / "fifo").c_str(), 0600) == 0);
  CHECK(failure(folder / "fifo").message.find("a FIFO") != std::string::npos);
}
