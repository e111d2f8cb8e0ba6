#include "torrent/utf8.hpp"

#include <catch2/catch.hpp>

using namespace barter;

TEST_CASE("well-formed UTF-8 of each length is decoded") {
  CHECK(decode_utf8("a", 0).value == U'a');
  CHECK(decode_utf8("x\xc3\xa9", 1).value == 0xe9);
  CHECK(decode_utf8("\xe2\x82\xac", 0).value == 0x20ac);
  CHECK(decode_utf8("\xf0\x9f\x98\x80", 0).value == 0x1f600);
  CHECK(decode_utf8("\xf0\x9f\x98\x80", 0).length == 4);
  CHECK(is_utf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf"));
  CHECK(is_utf8(""));
}

TEST_CASE("overlong, surrogate, too large and broken forms are invalid") {
  for (const char* bad :
       {"\x80", "\xbf", "\xc0\xae", "\xc1\xbf", "\xe0\x80\xae", "\xe0\x9f\xbf", "\xf0\x80\x80\xae",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xc3",
        "\xe2\x82", "\xf0\x9f\x98", "\xc3(", "\xe2(\xa1"}) {
    CHECK_FALSE(decode_utf8(bad, 0).valid);
    CHECK(decode_utf8(bad, 0).length == 1);
    CHECK_FALSE(is_utf8(bad));
  }
}

TEST_CASE("a cut never splits a code point") {
  const std::string text = "ab\xe2\x82\xac\xf0\x9f\x98\x80";
  const std::size_t lengths[] = {0, 1, 2, 2, 2, 5, 5, 5, 5, 9, 9};
  for (std::size_t bytes = 0; bytes <= 10; ++bytes)
    CHECK(cut_utf8(text, bytes).size() == lengths[bytes]);
}

TEST_CASE("marks that move or hide text are known, joiners are spared") {
  for (const char32_t c :
       {0x202eU, 0x200eU, 0x2066U, 0xfeffU, 0x200bU, 0x2028U, 0x61cU, 0xe0041U}) {
    CHECK(is_invisible(c));
  }
  for (const char32_t c : {0x200cU, 0x200dU, 0x41U, 0x4e00U, 0x1f600U})
    CHECK_FALSE(is_invisible(c));
  CHECK(is_control(0x85));
  CHECK(is_control(0x7f));
  CHECK(is_control(0));
  CHECK_FALSE(is_control(0xa0));
}
