#include "chunkstore/file_origins.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

namespace barter {

namespace {

constexpr const char* name = "origins";
constexpr const char* new_name = "origins.new";
constexpr std::string_view first_line = "barter origins 1\n";
constexpr std::string_view any_version = "barter origins ";
constexpr unsigned version = 1;
constexpr std::string_view last_line = "end\n";
constexpr std::array<std::pair<std::string_view, FileOrigin>, 5> words{
    {{"taken", FileOrigin::taken},
     {"aside", FileOrigin::aside},
     {"kept", FileOrigin::kept},
     {"edited", FileOrigin::edited},
     {"replacement", FileOrigin::replacement}}};

bool is_newer(std::string_view text) {
  if (!text.starts_with(any_version)) return false;
  text.remove_prefix(any_version.size());
  unsigned of = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), of);
  return error == std::errc{} && rest != text.data() + text.size() && *rest == '\n' && of > version;
}

}  // namespace

FileOrigins FileOrigins::load(Files& files, const FileHandle& folder, std::uint32_t file_count) {
  FileOrigins out;
  const auto file = files.open(folder, name, OpenMode::read);
  if (!file) return out;
  const auto info = files.look(*file);
  if (!info || info->size > max_bytes) return out;
  std::string text(info->size, '\0');
  const auto got = files.read(*file, 0, std::as_writable_bytes(std::span(text)));
  if (got && is_newer(text)) {
    out.newer_ = true;
    return out;
  }
  if (!got || *got != text.size() || !out.parse(text, file_count)) return {};
  out.known_ = true;
  return out;
}

bool FileOrigins::parse(std::string_view text, std::uint32_t file_count) {
  if (!text.starts_with(first_line)) return false;
  text.remove_prefix(first_line.size());
  while (text != last_line) {
    const auto end = text.find('\n');
    const auto blank = text.find(' ');
    if (end == std::string_view::npos || blank > end) return false;
    const auto word = std::find_if(words.begin(), words.end(), [&](const auto& one) {
      return one.first == text.substr(0, blank);
    });
    std::uint32_t file = 0;
    const auto [rest, error] = std::from_chars(text.data() + blank + 1, text.data() + end, file);
    if (word == words.end() || error != std::errc{} || rest != text.data() + end ||
        file >= file_count) {
      return false;
    }
    of_[file] = word->second;
    text.remove_prefix(end + 1);
  }
  return true;
}

bool FileOrigins::is(std::uint32_t file, FileOrigin origin) const {
  const auto found = of_.find(file);
  return found != of_.end() && found->second == origin;
}

Result<void> FileOrigins::save(Files& files, const FileHandle& folder) const {
  std::string text(first_line);
  for (const auto& [file, origin] : of_) {
    const auto word = std::find_if(words.begin(), words.end(),
                                   [&](const auto& one) { return one.second == origin; });
    text.append(word->first).append(" ").append(std::to_string(file)).append("\n");
  }
  text += last_line;
  const auto file = files.open(folder, new_name, OpenMode::create);
  if (!file) return file.error();
  if (auto done = files.truncate(*file, 0); !done) return done;
  const std::span<const std::byte> part = std::as_bytes(std::span(text));
  if (auto done = files.write(*file, 0, {&part, 1}); !done) return done;
  if (auto done = files.sync(*file); !done) return done;
  if (auto done = files.rename(folder, new_name, name); !done) return done;
  return files.sync(folder);
}

}  // namespace barter
