#include "torrent/ascii.hpp"

#include <catch2/catch.hpp>

using namespace barter;

TEST_CASE("letters and digits are those of ASCII alone") {
  CHECK(lower("Az-Ä09") == "az-Ä09");
  CHECK((is_digit('0') && is_digit('9') && !is_digit('/') && !is_digit(':')));
  CHECK((is_alpha('a') && is_alpha('Z') && !is_alpha('@') && !is_alpha('[') && !is_alpha('\xc4')));
  CHECK((hex_value('7') == 7 && hex_value('F') == 15 && hex_value('a') == 10));
  CHECK((hex_value('g') == -1 && hex_value('`') == -1 && hex_value('@') == -1));
}

TEST_CASE("blanks are cut off at both ends") {
  CHECK(trimmed(" \ta b\t") == "a b");
  CHECK(trimmed("a\n") == "a\n");
  CHECK(trimmed("\r\na\n", "\r\n") == "a");
  CHECK(trimmed(" ").empty());
  CHECK(trimmed("").empty());
}
