#include "cli/allow_list.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <span>

#include <fmt/format.h>
#include <sys/stat.h>

#include "cli/text.hpp"
#include "torrent/metainfo.hpp"

namespace barter::cli {
namespace {

namespace fs = std::filesystem;

// A list longer than this is something else.
constexpr std::uintmax_t max_list_bytes = 256 << 20;

void add_torrent(const Metainfo& metainfo, std::vector<WireInfoHash>& out) {
  const InfoHash& hash = metainfo.info_hash();
  // A hybrid is announced under both.
  if (hash.v1) out.push_back(InfoHash{hash.v1, {}}.wire());
  if (hash.v2) out.push_back(InfoHash{{}, hash.v2}.wire());
}

// One hash a line, v1 or v2 in hexadecimal; what follows a blank or '#' is the reader's.
Result<void> add_list(const fs::path& path, std::vector<WireInfoHash>& out) {
  std::ifstream in(path);
  if (!in) return Error{Errc::not_found, fmt::format("cannot read {}", cli::quoted(path.string()))};
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    const std::string_view word =
        std::string_view(line).substr(0, std::min(line.find_first_of(" \t\r#"), line.size()));
    if (word.empty()) continue;
    Sha256Digest digest;
    const bool v1 = word.size() == 40;
    if ((!v1 && word.size() != 64) ||
        !from_hex(word, std::span(digest.bytes).first(word.size() / 2))) {
      return Error{Errc::invalid_argument,
                   fmt::format("{}, line {}: no info-hash of 40 or 64 hexadecimal digits",
                               cli::quoted(path.string()), number)};
    }
    out.push_back(InfoHash{{}, digest}.wire());
  }
  return {};
}

bool is_torrent(const fs::path& path) {
  return path.extension() == ".torrent";
}

// The file itself, or the torrents of the folder, in order.
Result<std::vector<fs::path>> files_of(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return std::vector<fs::path>{path};
  std::vector<fs::path> out;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    if (is_torrent(it->path())) out.push_back(it->path());
  }
  if (error) {
    return Error{Errc::io_error,
                 fmt::format("cannot list {}: {}", cli::quoted(path.string()), error.message())};
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<std::vector<WireInfoHash>> read_torrent(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {  // a pipe would keep us waiting
    return Error{Errc::io_error,
                 fmt::format("{}: not a regular file; left out", cli::quoted(path.string()))};
  }
  const auto metainfo = Metainfo::load(path.string());
  if (!metainfo) return metainfo.error();
  std::vector<WireInfoHash> out;
  add_torrent(**metainfo, out);
  return out;
}

Result<std::vector<WireInfoHash>> read_given(const fs::path& path) {
  std::vector<WireInfoHash> out;
  if (is_torrent(path)) {
    const auto metainfo = Metainfo::load(path.string());
    if (!metainfo) return metainfo.error();
    add_torrent(**metainfo, out);
    return out;
  }
  std::error_code error;
  if (fs::file_size(path, error) > max_list_bytes && !error) {
    return Error{Errc::invalid_argument,
                 fmt::format("{} is too large for a list", cli::quoted(path.string()))};
  }
  if (auto added = add_list(path, out); !added) return added.error();
  return out;
}

}  // namespace

AllowList::Looks AllowList::look() const {
  Looks out;
  for (const std::string& path : paths_) {
    const auto files = files_of(path);
    if (!files) continue;
    for (const fs::path& file : *files) {
      struct stat status {};
      if (stat(file.c_str(), &status) != 0) continue;
      const auto nanoseconds = [](const timespec& time) {
        return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
      };
      out[file.string()] = {static_cast<std::uint64_t>(status.st_size), status.st_ino,
                            nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
    }
  }
  return out;
}

Result<std::vector<WireInfoHash>> AllowList::read(
    const std::function<void(const Error&)>& skipped) {
  Looks looks = look();
  decltype(hashes_) hashes;
  for (const std::string& path : paths_) {
    std::error_code ignored;
    const bool folder = fs::is_directory(path, ignored);
    const auto files = files_of(path);
    if (!files) return files.error();
    for (const fs::path& file : *files) {
      const auto before = hashes_.find(file.string());
      const auto look = looks.find(file.string()), look_before = read_.find(file.string());
      if (before != hashes_.end() && look != looks.end() && look_before != read_.end() &&
          look->second == look_before->second) {
        hashes.insert(*before);
        continue;
      }
      auto found = folder ? read_torrent(file) : read_given(file);
      if (found) {
        hashes[file.string()] = std::move(*found);
        continue;
      }
      if (!folder) return found.error();
      // Half written, perhaps: its swarm is not to be forgotten for that.
      if (before != hashes_.end()) hashes.insert(*before);
      skipped(found.error());
    }
  }
  std::vector<WireInfoHash> out;
  for (const auto& [path, some] : hashes) out.insert(out.end(), some.begin(), some.end());
  hashes_ = std::move(hashes);
  read_ = std::move(looks);
  return out;
}

}  // namespace barter::cli
