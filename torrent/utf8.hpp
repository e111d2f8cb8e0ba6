// UTF-8, one code point at a time, for text that nobody vouches for: names in torrents, URLs.
// Strict: overlong forms, surrogates and values beyond U+10FFFF are invalid.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace barter {

struct Rune {
  char32_t value = 0;      // meaningless if invalid
  std::size_t length = 1;  // bytes; an invalid byte is one by itself
  bool valid = false;
};

// The code point at `offset`, which must be below text.size().
Rune decode_utf8(std::string_view text, std::size_t offset);
bool is_utf8(std::string_view text);

// The longest head of `text` that has at most `bytes` bytes and splits no code point.
std::string_view cut_utf8(std::string_view text, std::size_t bytes);

// Characters that move or hide other text instead of showing: direction
// marks, zero-width spaces, joiners of lines, tags. The joiners U+200C
// and U+200D are not among them, Persian and emoji need them.
bool is_invisible(char32_t value);
// C0, DEL and C1.
bool is_control(char32_t value);

}  // namespace barter
