#include "cli/share_token.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/temporary_folder.hpp"

using namespace barter;
using namespace barter::cli;
namespace fs = std::filesystem;

TEST_CASE("tokens are made of what needs no escape, and differ", "[share_token]") {
  std::set<std::string> made;
  for (int i = 0; i < 1000; ++i) {
    const std::string token = make_token();
    CHECK(is_token(token));
    CHECK(token.size() == 20);
    made.insert(token);
  }
  CHECK(made.size() == 1000);
  for (const char* text :
       {"", "short", "with/slash", "with blank", "percent%41x", "\xc3\xbcmlaut00"}) {
    CHECK_FALSE(is_token(text));
  }
  CHECK_FALSE(is_token(std::string(129, 'a')));
  CHECK(same_token("abcdefgh", "abcdefgh"));
  CHECK_FALSE(same_token("abcdefgh", "abcdefgi"));
  CHECK_FALSE(same_token("abcdefgh", "abcdefghi"));
}

TEST_CASE("a token is remembered, for its owner alone", "[share_token]") {
  const test::TemporaryFolder folder;
  const auto first = remembered_token(folder.path());
  REQUIRE(first.has_value());
  CHECK(*remembered_token(folder.path()) == *first);
  const fs::path file = fs::path(folder.path()) / "share" / "token";
  CHECK(fs::status(file).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  std::ofstream(file).close();  // cut short by a crash
  const auto second = remembered_token(folder.path());
  REQUIRE(second.has_value());
  CHECK(*second != *first);
}

TEST_CASE("a token's file is the user's", "[share_token]") {
  const test::TemporaryFolder folder;
  const fs::path file = fs::path(folder.path()) / "secret";
  const auto made = token_of_file(file.string());
  REQUIRE(made.has_value());
  CHECK(*token_of_file(file.string()) == *made);
  CHECK(fs::status(file).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  std::ofstream(file) << "my-own-token\r\na note\n";
  CHECK(*token_of_file(file.string()) == "my-own-token");
  std::ofstream(file) << "no token\n";
  CHECK(token_of_file(file.string()).error().code == Errc::invalid_argument);
}
