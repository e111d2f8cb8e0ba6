#include "torrent/file_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "torrent/utf8.hpp"

namespace barter {
namespace {

constexpr std::size_t max_extension_bytes = 32;
constexpr std::size_t counter_bytes = 11;  // '.' and ten digits

struct Split {
  std::string_view stem, extension;  // the extension with its dot, or empty
};

Split split_extension(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || name.size() - dot > max_extension_bytes) {
    return {name, {}};
  }
  return {name.substr(0, dot), name.substr(dot)};
}

// '/' before everything else, so that what lies in a folder follows the folder's own path directly.
int compare_paths(std::string_view a, std::string_view b) {
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (x == a.end() || y == b.end()) return (x != a.end()) - (y != b.end());
  const auto rank = [](char c) {
    return c == '/' ? -1 : static_cast<int>(static_cast<unsigned char>(c));
  };
  return rank(*x) - rank(*y);
}

// What stands before and after the counter in a path that gets one.
struct Numbering {
  std::string head, extension;

  explicit Numbering(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
    const Split name = split_extension(path.substr(begin));
    extension = name.extension;
    head = path.substr(0, begin);
    head += cut_utf8(name.stem, max_name_bytes - counter_bytes - extension.size());
  }
  std::string numbered(std::uint32_t number) const {
    return fmt::format("{}.{}{}", head, number, extension);
  }
};

bool is_below(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path[folder.size()] == '/' && path.starts_with(folder);
}

class Renamer {
 public:
  explicit Renamer(std::span<std::string* const> paths) {
    for (std::string* path : paths) {
      if (path != nullptr) sorted_.push_back(path);
    }
    std::stable_sort(
        sorted_.begin(), sorted_.end(),
        [](const std::string* a, const std::string* b) { return compare_paths(*a, *b) < 0; });
  }

  std::size_t run() {
    std::vector<std::pair<std::string*, const std::string*>> renamed;
    for (std::size_t i = 0; i < sorted_.size();) {
      std::size_t end = i + 1;
      while (end < sorted_.size() && *sorted_[end] == *sorted_[i]) ++end;
      const bool folder = end < sorted_.size() && is_below(*sorted_[end], *sorted_[i]);
      for (std::size_t j = folder ? i : i + 1; j < end; ++j) {
        renamed.emplace_back(sorted_[j], &new_path(*sorted_[j]));
      }
      i = end;
    }
    // Not before the end: the search above needs the order of the old paths.
    for (const auto& [path, replacement] : renamed) *path = *replacement;
    return renamed.size();
  }

 private:
  bool is_taken(const std::string& path) const {
    if (given_.contains(path)) return true;
    const auto at = std::lower_bound(
        sorted_.begin(), sorted_.end(), path,
        [](const std::string* a, const std::string& b) { return compare_paths(*a, b) < 0; });
    return at != sorted_.end() && (**at == path || is_below(**at, path));
  }

  const std::string& new_path(std::string_view path) {
    const Numbering name(path);
    // One counter for all names that give the same candidates: each candidate is looked at once.
    std::uint32_t& counter = counters_[{name.head, name.extension}];
    for (;;) {
      std::string candidate = name.numbered(++counter);
      if (!is_taken(candidate)) return *given_.insert(std::move(candidate)).first;
    }
  }

  std::vector<std::string*> sorted_;
  std::set<std::string> given_;
  std::map<std::pair<std::string, std::string>, std::uint32_t> counters_;
};

}  // namespace

std::string clean_torrent_name(std::string_view raw) {
  std::string out;
  for (std::size_t i = 0; i < raw.size();) {
    const Rune rune = decode_utf8(raw, i);
    if (!rune.valid || is_control(rune.value)) {
      out.push_back('_');
    } else if (rune.value != U'/' && rune.value != U'\\' && !is_invisible(rune.value)) {
      out.append(raw.substr(i, rune.length));
    }
    i += rune.length;
  }
  if (out == "." || out == "..") out.clear();
  if (out.size() > max_name_bytes) {
    const auto [stem, extension] = split_extension(out);
    out = fmt::format("{}{}", cut_utf8(stem, max_name_bytes - extension.size()), extension);
  }
  return out;
}

std::string clean_name(std::string_view raw) {
  std::string out = clean_torrent_name(raw);
  return out.empty() ? "_" : out;
}

std::string_view name_fault(std::string_view name) {
  if (name == "." || name == "..") return "it is no name";
  for (std::size_t i = 0; i < name.size();) {
    const Rune rune = decode_utf8(name, i);
    if (!rune.valid) return "it is not UTF-8";
    if (is_control(rune.value)) return "it has a control character";
    if (rune.value == U'\\') return "it has a backslash";
    if (rune.value == U'/') return "it has a slash";
    if (rune.value == 0x200e || rune.value == 0x200f ||
        (rune.value >= 0x202a && rune.value <= 0x202e)) {
      return "it has a mark that changes the direction of text";
    }
    i += rune.length;
  }
  return name.size() > max_name_bytes ? "it is longer than 255 bytes" : "";
}

void append_clean_path(std::string& path, std::span<const std::string_view> elements) {
  if (elements.empty()) {
    path += "/_";
    return;
  }
  const std::string last = clean_name(elements.back());
  // The counter of a renamed file must still fit.
  const std::size_t room = max_path_bytes - counter_bytes - last.size() - 1;
  std::size_t count = 2;  // the root and the last
  for (const std::string_view element : elements.first(elements.size() - 1)) {
    if (count == max_path_elements) break;
    const std::string folder = clean_name(element);
    if (path.size() + 1 + folder.size() > room) break;
    path += '/';
    path += folder;
    ++count;
  }
  path += '/';
  path += last;
}

std::optional<std::string> raw_path(std::span<const std::string_view> elements) {
  if (elements.empty() || elements.size() > max_path_elements) return std::nullopt;
  std::string out;
  for (const std::string_view element : elements) {
    if (element.empty() || element == "." || element == ".." || element.size() > max_name_bytes ||
        element.find('/') != std::string_view::npos ||
        element.find('\0') != std::string_view::npos) {
      return std::nullopt;
    }
    if (!out.empty()) out += '/';
    out += element;
  }
  if (out.size() > max_path_bytes) return std::nullopt;
  return out;
}

std::string numbered_path(std::string_view path, std::uint32_t number) {
  return Numbering(path).numbered(number);
}

std::size_t make_paths_unique(std::span<std::string* const> paths) {
  return Renamer(paths).run();
}

}  // namespace barter
