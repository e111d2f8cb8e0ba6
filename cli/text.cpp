#include "cli/text.hpp"

#include "torrent/utf8.hpp"

#include <fmt/format.h>

namespace barter::cli {
std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Rune rune = decode_utf8(text, i);
    const auto value = static_cast<std::uint32_t>(rune.value);
    if (!rune.valid) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
    } else if (is_control(rune.value)) {
      out += value == '\n' ? "\\n" : fmt::format("\\x{:02x}", value);
    } else if (is_invisible(rune.value)) {
      out += fmt::format("\\u{{{:x}}}", value);
    } else {
      out += text.substr(i, rune.length);
    }
    i += rune.length;
  }
  return out;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Rune rune = decode_utf8(text, i);
    out += rune.valid ? text.substr(i, rune.length) : std::string_view("\xEF\xBF\xBD");
    i += rune.length;
  }
  return out;
}

std::string cut_to_columns(std::string_view line, std::size_t columns) {
  std::size_t used = 0, end = 0;
  while (end < line.size() && used < columns) {
    end += decode_utf8(line, end).length;
    ++used;
  }
  return std::string(line.substr(0, end));
}

std::string quoted(std::string_view name) {
  return fmt::format("'{}'", name);
}

std::string counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string in_words(const std::vector<Walk::Replaced>& replaced) {
  constexpr std::size_t most = 20;
  std::string out;
  for (std::size_t i = 0; i < std::min(most, replaced.size()); ++i) {
    out += fmt::format("{}{} as {}", i == 0 ? "" : ", ", replaced[i].source, replaced[i].name);
  }
  if (replaced.size() > most) out += fmt::format(" and {} more", replaced.size() - most);
  return out;
}

std::string in_words(const LeftOut& left_out) {
  std::vector<std::string> parts;
  if (left_out.excluded > 0) parts.push_back(fmt::format("{} excluded", left_out.excluded));
  if (left_out.hidden > 0) parts.push_back(fmt::format("{} hidden", left_out.hidden));
  if (left_out.empty_folders > 0) parts.push_back(counted(left_out.empty_folders, "empty folder"));
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace barter::cli
