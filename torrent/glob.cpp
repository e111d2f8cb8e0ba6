#include "torrent/glob.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "torrent/utf8.hpp"

namespace barter {
namespace {

// What counts as one character: a code point, or a byte that is part of none.
char32_t character(std::string_view text, std::size_t& at) {
  const Rune rune = decode_utf8(text, at);
  const auto byte = static_cast<unsigned char>(text[at]);
  at += rune.length;
  return rune.valid ? rune.value : U'\x110000' + byte;
}

// Walks over the set that begins at pattern[at] == '[': the index past its end, or npos where it is
// not closed. `holds`: is `c` in it?
std::size_t scan_set(std::string_view pattern, std::size_t at, char32_t c, bool& holds) {
  std::size_t i = at + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  const auto take = [&] {  // one member, a backslash before it removed
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    return character(pattern, i);
  };
  bool found = false;
  for (bool first = true; i < pattern.size(); first = false) {
    if (pattern[i] == ']' && !first) {
      holds = found != negated;
      return i + 1;
    }
    const char32_t low = take();
    char32_t high = low;
    if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
      ++i;
      high = take();
    }
    found = found || (low <= c && c <= high);
  }
  return std::string_view::npos;
}

// One character of the pattern against one of the text; `at` and `text_at` move past them.
bool matches_one(std::string_view pattern, std::size_t& at, std::string_view text,
                 std::size_t& text_at) {
  const char32_t c = character(text, text_at);
  if (pattern[at] == '?') return ++at, true;
  if (pattern[at] == '[') {
    bool holds = false;
    const std::size_t end = scan_set(pattern, at, c, holds);
    if (end != std::string_view::npos) return at = end, holds;
    // Not closed: it stands for itself, as in a shell.
  }
  if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
  return character(pattern, at) == c;
}

// Classic matching with one place to return to: a later star makes the earlier ones final. At most
// |pattern| x |text| steps, no stack. `is_star(p)`, `skip(t)`, which moves past one item of the
// text, and `step(p, t)`, which moves past one of both, see indexes into both.
template <class IsStar, class Skip, class Step>
bool matches_sequence(std::size_t pattern_size, std::size_t text_size, IsStar is_star, Skip skip,
                      Step step) {
  constexpr auto none = static_cast<std::size_t>(-1);
  std::size_t p = 0, t = 0, star = none, star_text = 0;
  while (true) {
    std::size_t next = p, text_next = t;
    if (p < pattern_size && is_star(p)) {
      star = ++p, star_text = t;
    } else if (p == pattern_size && t == text_size) {
      return true;
    } else if (p < pattern_size && t < text_size && step(next, text_next)) {
      p = next, t = text_next;
    } else if (star != none && star_text < text_size) {
      skip(star_text);
      p = star, t = star_text;
    } else {
      return false;
    }
  }
}

bool matches_element(std::string_view pattern, std::string_view name) {
  return matches_sequence(
      pattern.size(), name.size(), [&](std::size_t p) { return pattern[p] == '*'; },
      [&](std::size_t& t) { (void)character(name, t); },
      [&](std::size_t& p, std::size_t& t) { return matches_one(pattern, p, name, t); });
}

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> out;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    out.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

bool matches_path(std::string_view pattern, std::string_view path) {
  const auto patterns = split(pattern), names = split(path);
  return matches_sequence(
      patterns.size(), names.size(), [&](std::size_t p) { return patterns[p] == "**"; },
      [](std::size_t& t) { ++t; },
      [&](std::size_t& p, std::size_t& t) { return matches_element(patterns[p++], names[t++]); });
}

}  // namespace

Result<Glob> Glob::parse(std::string_view pattern) {
  const auto refuse = [&](const char* why) {
    return Error{Errc::invalid_argument, fmt::format("pattern '{}': {}", pattern, why)};
  };
  Glob glob;
  std::string_view rest = pattern;
  if (rest.size() > 4096) return refuse("longer than 4096 bytes");
  if (rest.ends_with('/')) {
    glob.folders_only_ = true;
    rest.remove_suffix(1);
  }
  glob.anchored_ = rest.find('/') != std::string_view::npos;
  for (const std::string_view element : split(rest)) {
    if (element.empty() || element == ".") continue;  // "./a", "a//b"
    if (!glob.pattern_.empty()) glob.pattern_ += '/';
    glob.pattern_ += element;
  }
  if (glob.pattern_.empty()) return refuse("empty");
  return glob;
}

bool Glob::is_literally(std::string_view path, bool is_folder) const {
  if (folders_only_ && !is_folder) return false;
  const std::size_t slash = path.rfind('/');
  if (!anchored_ && slash != std::string_view::npos) path.remove_prefix(slash + 1);
  return path == pattern_;
}

bool Glob::matches(std::string_view path, bool is_folder) const {
  if (folders_only_ && !is_folder) return false;
  if (is_literally(path, is_folder)) return true;
  if (anchored_) return matches_path(pattern_, path);
  const std::size_t slash = path.rfind('/');
  return matches_element(pattern_, slash == std::string_view::npos ? path : path.substr(slash + 1));
}

namespace {

// Is it true of a file, or of a folder above it?
template <class True>
bool any_above(std::string_view file_path, True is_true) {
  for (std::size_t slash = file_path.find('/'); slash != std::string_view::npos;
       slash = file_path.find('/', slash + 1)) {
    if (is_true(file_path.substr(0, slash), true)) return true;
  }
  return is_true(file_path, false);
}

}  // namespace

bool Glob::selects(std::string_view file_path) const {
  return any_above(file_path, [this](std::string_view path, bool is_folder) {
    return matches(path, is_folder);
  });
}

bool Glob::selects_literally(std::string_view file_path) const {
  return any_above(file_path, [this](std::string_view path, bool is_folder) {
    return is_literally(path, is_folder);
  });
}

}  // namespace barter
