#include "cli/text.hpp"

#include <catch2/catch.hpp>

using namespace barter::cli;

TEST_CASE("what would drive a terminal becomes visible", "[text]") {
  CHECK(printable("plain, 'quoted' and ünïcödé \xF0\x9F\x8D\x8E") ==
        "plain, 'quoted' and ünïcödé \xF0\x9F\x8D\x8E");
  CHECK(printable("a\x1b[31mb") == "a\\x1b[31mb");
  CHECK(printable("a\nb\tc\rd\x7F") == "a\\nb\\x09c\\x0dd\\x7f");
  CHECK(printable("\xC2\x9B"
                  "31m") == "\\x9b31m");                            // CSI as one character
  CHECK(printable("a\xE2\x80\xAEgpj.exe") == "a\\u{202e}gpj.exe");  // right-to-left override
  CHECK(printable("\xFF\xC0\xAF\xED\xA0\x80") == "\\xff\\xc0\\xaf\\xed\\xa0\\x80");
  CHECK(printable(std::string_view("\0x", 2)) == "\\x00x");
}

TEST_CASE("JSON strings are UTF-8 whatever came in", "[text]") {
  CHECK(valid_utf8("grün") == "grün");
  CHECK(valid_utf8("a\xFF"
                   "b") ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(valid_utf8("\xE2\x82") == "\xEF\xBF\xBD\xEF\xBF\xBD");  // cut off
}

TEST_CASE("a line is cut between characters", "[text]") {
  CHECK(cut_to_columns("grün", 3) == "grü");
  CHECK(cut_to_columns("ab", 5) == "ab");
  CHECK(cut_to_columns("ab", 0).empty());
}
