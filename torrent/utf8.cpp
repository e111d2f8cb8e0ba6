#include "torrent/utf8.hpp"

#include <cstdint>

namespace barter {
namespace {

bool in(char32_t value, char32_t first, char32_t last) {
  return value >= first && value <= last;
}

}  // namespace

Rune decode_utf8(std::string_view text, std::size_t offset) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[offset + i]));
  };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {static_cast<char32_t>(first), 1, true};
  std::size_t length = 0;
  std::uint32_t value = 0, least = 0;
  if ((first & 0xe0) == 0xc0) {
    length = 2, value = first & 0x1f, least = 0x80;
  } else if ((first & 0xf0) == 0xe0) {
    length = 3, value = first & 0x0f, least = 0x800;
  } else if ((first & 0xf8) == 0xf0) {
    length = 4, value = first & 0x07, least = 0x10000;
  }
  if (length == 0 || length > text.size() - offset) return {};
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3f);
  }
  if (value < least || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return {};
  return {static_cast<char32_t>(value), length, true};
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const Rune rune = decode_utf8(text, i);
    if (!rune.valid) return false;
    i += rune.length;
  }
  return true;
}

std::string_view cut_utf8(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  // At most three bytes back lies the beginning of the code point that the border would split.
  std::size_t end = bytes;
  while (end > 0 && bytes - end < 3 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end;
  return text.substr(0, end);
}

bool is_invisible(char32_t value) {
  return value == 0x00ad || value == 0x061c || value == 0x180e || value == 0x200b ||
         in(value, 0x200e, 0x200f) || in(value, 0x2028, 0x202e) || in(value, 0x2060, 0x206f) ||
         value == 0xfeff || in(value, 0xfff9, 0xfffb) || in(value, 0xe0000, 0xe007f);
}

bool is_control(char32_t value) {
  return value < 0x20 || in(value, 0x7f, 0x9f);
}

}  // namespace barter
