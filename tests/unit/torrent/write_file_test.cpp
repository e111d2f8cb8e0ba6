#include "torrent/write_file.hpp"

#include <sys/stat.h>

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
