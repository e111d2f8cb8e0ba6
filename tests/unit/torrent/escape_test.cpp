#include "torrent/escape.hpp"

#include <catch2/catch.hpp>

using namespace barter;

TEST_CASE("ordinary text passes unchanged") {
  for (const char* text : {"", "a b.txt", "caf\xc3\xa9", "\xe6\x97\xa5\xe6\x9c\xac",
                           "\xf0\x9f\x98\x80", "it's \"it\""}) {
    CHECK(escape(text) == text);
  }
}

TEST_CASE("nothing reaches the terminal that could drive it") {
  CHECK(escape("\x1b]0;x\x07") == "\\x1b]0;x\\x07");
  CHECK(escape("a\nb\rc\td") == "a\\x0ab\\x0dc\\x09d");
  CHECK(escape(std::string_view("\0", 1)) == "\\x00");
  CHECK(escape("\x7f") == "\\x7f");
  CHECK(escape("\xc2\x9b"
               "31m") == "\\u{9b}31m");
  CHECK(escape("a\x9b"
               "b\xff") == "a\\x9bb\\xff");
  CHECK(escape("\xc0\xae") == "\\xc0\\xae");
  CHECK(escape("a\xe2\x80\xae"
               "gpj.exe") == "a\\u{202e}gpj.exe");
  CHECK(escape("\xe2\x80\xa8") == "\\u{2028}");
}

TEST_CASE("a backslash is doubled, so that no name can imitate an escape") {
  CHECK(escape("\\x1b") == "\\\\x1b");
}
