#include "torrent/glob.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace barter {
namespace {

// Walks over the set that begins at pattern[at] == '[': the index past its end, or npos where it is
// not closed. `holds`: is `byte` in it?
std::size_t scan_set(std::string_view pattern, std::size_t at, unsigned char byte, bool& holds) {
  std::size_t i = at + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  const auto take = [&]() -> unsigned char {  // one member, a backslash before it removed
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    return static_cast<unsigned char>(pattern[i++]);
  };
  bool found = false;
  for (bool first = true; i < pattern.size(); first = false) {
    if (pattern[i] == ']' && !first) {
      holds = found != negated;
      return i + 1;
    }
    const unsigned char low = take();
    unsigned char high = low;
    if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
      ++i;
      high = take();
    }
    found = found || (low <= byte && byte <= high);
  }
  return std::string_view::npos;
}

// One character of the pattern against one byte of the text; `at` moves past it.
bool matches_one(std::string_view pattern, std::size_t& at, char c) {
  switch (pattern[at]) {
    case '?':
      ++at;
      return true;
    case '[': {
      bool holds = false;
      at = scan_set(pattern, at, static_cast<unsigned char>(c), holds);
      return holds;
    }
    case '\\':
      if (at + 1 < pattern.size()) ++at;
      [[fallthrough]];
    default:
      return pattern[at++] == c;
  }
}

// Classic matching with one place to return to: a later star makes the earlier ones final. At most
// |pattern| x |text| steps, no stack. `is_star(p)` and `step(p, t)` see indexes into both.
template <class IsStar, class Step>
bool matches_sequence(std::size_t pattern_size, std::size_t text_size, IsStar is_star, Step step) {
  constexpr auto none = static_cast<std::size_t>(-1);
  std::size_t p = 0, t = 0, star = none, star_text = 0;
  while (true) {
    std::size_t next = p;
    if (p < pattern_size && is_star(p)) {
      star = ++p, star_text = t;
    } else if (p == pattern_size && t == text_size) {
      return true;
    } else if (p < pattern_size && t < text_size && step(next, t)) {
      p = next, ++t;
    } else if (star != none && star_text < text_size) {
      p = star, t = ++star_text;
    } else {
      return false;
    }
  }
}

bool matches_element(std::string_view pattern, std::string_view name) {
  return matches_sequence(
      pattern.size(), name.size(), [&](std::size_t p) { return pattern[p] == '*'; },
      [&](std::size_t& p, std::size_t t) { return matches_one(pattern, p, name[t]); });
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
      [&](std::size_t& p, std::size_t t) { return matches_element(patterns[p++], names[t]); });
}

bool sets_are_closed(std::string_view element) {
  for (std::size_t i = 0; i < element.size(); ++i) {
    if (element[i] == '\\') {
      ++i;
    } else if (element[i] == '[') {
      bool holds = false;
      const std::size_t end = scan_set(element, i, 0, holds);
      if (end == std::string_view::npos) return false;
      i = end - 1;
    }
  }
  return true;
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
  if (rest.starts_with("./")) rest.remove_prefix(1);
  if (rest.starts_with('/')) rest.remove_prefix(1);
  if (rest.empty()) return refuse("empty");
  for (const std::string_view element : split(rest)) {
    if (!sets_are_closed(element)) return refuse("'[' without ']'");
  }
  glob.pattern_ = rest;
  return glob;
}

bool Glob::matches(std::string_view path, bool is_folder) const {
  if (folders_only_ && !is_folder) return false;
  if (anchored_) return matches_path(pattern_, path);
  const std::size_t slash = path.rfind('/');
  return matches_element(pattern_, slash == std::string_view::npos ? path : path.substr(slash + 1));
}

bool Glob::selects(std::string_view file_path) const {
  for (std::size_t slash = file_path.find('/'); slash != std::string_view::npos;
       slash = file_path.find('/', slash + 1)) {
    if (matches(file_path.substr(0, slash), true)) return true;
  }
  return matches(file_path, false);
}

}  // namespace barter
