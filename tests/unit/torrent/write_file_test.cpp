#include "torrent/write_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/temporary_folder.hpp"

using namespace barter;
using test::TemporaryFolder;

TEST_CASE("a file appears whole, and nothing else", "[write_file]") {
  const TemporaryFolder folder;
  REQUIRE(write_file(folder / "a", "bytes", false).has_value());
  CHECK(folder.read("a") == "bytes");
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("what exists is overwritten only when asked", "[write_file]") {
  const TemporaryFolder folder;
  folder.write("a", "old");
  chmod((folder / "a").c_str(), 0640);
  const auto refused = write_file(folder / "a", "new", false);
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == Errc::already_exists);
  CHECK(folder.read("a") == "old");
  REQUIRE(write_file(folder / "a", "new", true).has_value());
  CHECK(folder.read("a") == "new");
  struct stat status {};
  REQUIRE(stat((folder / "a").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);
  CHECK(write_file(folder.path(), "x", true).error().code == Errc::already_exists);
  std::filesystem::create_symlink("nowhere", folder / "link");
  CHECK(write_file(folder / "link", "x", false).error().code == Errc::already_exists);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 2);
}

TEST_CASE("of a link, the file that it leads to is replaced", "[write_file]") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "real");
  folder.write("real/a", "old");
  chmod((folder / "real/a").c_str(), 0604);
  std::filesystem::create_symlink("real/a", folder / "link");
  std::filesystem::create_symlink("link", folder / "link of link");
  for (const std::string name : {"link", "link of link"}) {
    CHECK(write_file(folder / name, "x", false).error().code == Errc::already_exists);
    REQUIRE(write_file(folder / name, "new " + name, true).has_value());
    CHECK(std::filesystem::is_symlink(folder / name));
    CHECK(folder.read("real/a") == "new " + name);
  }
  CHECK(static_cast<unsigned>(std::filesystem::status(folder / "real/a").permissions()) == 0604);
  CHECK(std::distance(std::filesystem::directory_iterator(folder / "real"), {}) == 1);

  std::filesystem::create_symlink("real/none", folder / "dangling");
  const auto nowhere = write_file(folder / "dangling", "x", true);
  REQUIRE(nowhere.has_error());
  CHECK(nowhere.error().code == Errc::not_found);
  CHECK(nowhere.error().message.find(folder / "dangling") == 0);
  CHECK(std::filesystem::is_symlink(folder / "dangling"));
  std::filesystem::create_symlink("loop", folder / "loop");
  CHECK(write_file(folder / "loop", "x", true).has_error());
  std::filesystem::create_symlink("real", folder / "to a folder");
  CHECK(write_file(folder / "to a folder", "x", true).error().code == Errc::already_exists);
  std::filesystem::create_symlink("/dev/null", folder / "to a device");
  CHECK(write_file(folder / "to a device", "x", true).error().code == Errc::already_exists);
  CHECK(std::filesystem::is_symlink(folder / "to a device"));
}

TEST_CASE("a file with other names keeps them", "[write_file]") {
  const TemporaryFolder folder;
  folder.write("a", "old, and longer than what comes");
  std::filesystem::create_hard_link(folder / "a", folder / "b");
  for (const std::string text : {"new", "longer than all that was there before by far"}) {
    REQUIRE(write_file(folder / "a", text, true).has_value());
    CHECK(folder.read("a") == text);
    CHECK(folder.read("b") == text);
    CHECK(std::filesystem::hard_link_count(folder / "a") == 2);
  }
}

TEST_CASE("a file of another owner stays theirs", "[write_file]") {
  if (geteuid() != 0) return;  // an ordinary user cannot give files away
  const TemporaryFolder folder;
  folder.write("a", "old");
  REQUIRE(chown((folder / "a").c_str(), 1234, 4321) == 0);
  REQUIRE(write_file(folder / "a", "new", true).has_value());
  struct stat status {};
  REQUIRE(stat((folder / "a").c_str(), &status) == 0);
  CHECK(status.st_uid == 1234);
  CHECK(status.st_gid == 4321);
  CHECK(folder.read("a") == "new");
}

TEST_CASE("a file in a folder that takes no new ones is written in place", "[write_file]") {
  if (geteuid() == 0) return;  // root may write everywhere
  const TemporaryFolder folder;
  folder.write("a", "old");
  chmod(folder.path().c_str(), 0500);
  CHECK(write_file(folder / "a", "new", true).has_value());
  chmod(folder.path().c_str(), 0700);
  CHECK(folder.read("a") == "new");
}

TEST_CASE("errors name the path", "[write_file]") {
  const TemporaryFolder folder;
  const auto missing = write_file(folder / "no/such/a", "x", false);
  REQUIRE(missing.has_error());
  CHECK(missing.error().code == Errc::not_found);
  CHECK(missing.error().message.find(folder / "no/such") != std::string::npos);
  CHECK(read_file(folder / "none", 10).error().code == Errc::not_found);
  folder.write("long", "12345678901");
  CHECK(read_file(folder / "long", 10).error().code == Errc::invalid_length);
  CHECK(read_file(folder / "long", 11).value() == "12345678901");
  CHECK(read_file(folder.path(), 10).error().code == Errc::io_error);  // EISDIR
}

TEST_CASE("a name as long as a name can be is written", "[write_file]") {
  const TemporaryFolder folder;
  const std::string name(255, 'n');
  REQUIRE(write_file(folder / name, "x", false).has_value());
  CHECK(folder.read(name) == "x");
}

TEST_CASE("what is remembered is its owner's alone", "[write_file]") {
  const TemporaryFolder folder;
  const auto mode = [&](const std::string& name) {
    struct stat status {};
    REQUIRE(lstat((folder / name).c_str(), &status) == 0);
    return status.st_mode & 07777;
  };
  const mode_t before = umask(0);
  REQUIRE(make_private_folder(folder / "state/sub", true).has_value());
  REQUIRE(write_private_file(folder / "state/sub/a", "new").has_value());
  umask(before);
  CHECK(mode("state") == 0700);
  CHECK(mode("state/sub") == 0700);
  CHECK(mode("state/sub/a") == 0600);

  SECTION("what an earlier version made is closed to others") {
    chmod((folder / "state").c_str(), 0755);
    chmod((folder / "state/sub").c_str(), 0755);
    chmod((folder / "state/sub/a").c_str(), 0644);
    REQUIRE(make_private_folder(folder / "state", false).has_value());
    CHECK(mode("state") == 0755);  // the user's own choice
    REQUIRE(make_private_folder(folder / "state/sub", true).has_value());
    CHECK(mode("state/sub") == 0700);
    CHECK(read_private_file(folder / "state/sub/a", 10).value() == "new");
    CHECK(mode("state/sub/a") == 0600);
  }
  SECTION("links, pipes, folders and devices are neither followed nor waited for") {
    folder.write("victim", "precious");
    chmod((folder / "victim").c_str(), 0644);
    std::filesystem::create_symlink(folder / "victim", folder / "state/link");
    REQUIRE(mkfifo((folder / "state/pipe").c_str(), 0600) == 0);
    std::filesystem::create_directory(folder / "state/folder");
    for (const std::string name : {"state/link", "state/pipe", "state/folder"}) {
      const auto read = read_private_file(folder / name, 10);
      REQUIRE(read.has_error());
      CHECK(read.error().message.find(folder / name) == 0);
    }
    REQUIRE(write_private_file(folder / "state/link", "x").has_value());
    REQUIRE(write_private_file(folder / "state/pipe", "x").has_value());
    CHECK(write_private_file(folder / "state/folder", "x").has_error());
    CHECK(folder.read("state/link") == "x");
    CHECK(folder.read("state/pipe") == "x");
    CHECK(folder.read("victim") == "precious");
    CHECK(mode("victim") == 0644);
    std::filesystem::create_directory_symlink(folder / "state/sub", folder / "elsewhere");
    CHECK(make_private_folder(folder / "elsewhere", true).has_error());
    CHECK(make_private_folder(folder / "elsewhere", false).has_value());
    CHECK(make_private_folder(folder / "victim/sub", true).error().message.find("victim/sub") !=
          std::string::npos);
  }
}
