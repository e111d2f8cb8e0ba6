#include "cli/allow_list.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <span>

#include <fmt/format.h>

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

}  // namespace

Result<void> add_allowed(const std::string& given, const std::function<void(const Error&)>& skipped,
                         std::vector<WireInfoHash>& out) {
  const fs::path path = given;
  std::error_code error;
  if (fs::is_directory(path, error)) {
    std::vector<fs::path> torrents;
    for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      if (it->path().extension() == ".torrent") torrents.push_back(it->path());
    }
    if (error) {
      return Error{Errc::io_error,
                   fmt::format("cannot list {}: {}", cli::quoted(path.string()), error.message())};
    }
    std::sort(torrents.begin(), torrents.end());
    for (const fs::path& torrent : torrents) {
      if (!fs::is_regular_file(torrent, error)) {  // a pipe would keep us waiting
        skipped(Error{Errc::io_error, fmt::format("{}: not a regular file; left out",
                                                  cli::quoted(torrent.string()))});
        continue;
      }
      const auto metainfo = Metainfo::load(torrent.string());
      if (metainfo) {
        add_torrent(**metainfo, out);
      } else {
        skipped(metainfo.error());
      }
    }
    return {};
  }
  if (path.extension() == ".torrent") {
    const auto metainfo = Metainfo::load(path.string());
    if (!metainfo) return metainfo.error();
    add_torrent(**metainfo, out);
    return {};
  }
  if (fs::file_size(path, error) > max_list_bytes && !error) {
    return Error{Errc::invalid_argument,
                 fmt::format("{} is too large for a list", cli::quoted(path.string()))};
  }
  return add_list(path, out);
}

}  // namespace barter::cli
