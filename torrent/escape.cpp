#include "torrent/escape.hpp"

#include <fmt/format.h>

#include <iterator>

#include "torrent/utf8.hpp"

namespace barter {

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Rune rune = decode_utf8(text, i);
    const auto byte = static_cast<unsigned>(static_cast<unsigned char>(text[i]));
    if (!rune.valid || rune.value < 0x20 || rune.value == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    } else if (is_control(rune.value) || is_invisible(rune.value)) {
      fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", static_cast<unsigned>(rune.value));
    } else if (rune.value == U'\\') {
      out += "\\\\";
    } else {
      out.append(text.substr(i, rune.length));
    }
    i += rune.length;
  }
  return out;
}

}  // namespace barter
