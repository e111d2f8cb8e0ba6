#include "cli/url_memory.hpp"

#include <filesystem>

#include <fmt/format.h>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "cli/kept_files.hpp"
#include "torrent/digest.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/sha.hpp"
#include "torrent/url.hpp"
#include "torrent/write_file.hpp"

namespace barter::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// A file is a line of JSON, then the torrent.
constexpr std::int64_t memory_version = 1;
constexpr std::size_t max_line_bytes = 64 << 10;
constexpr std::string_view extension = ".url";

// Is that a file of ours, and not what somebody has put there?
bool is_remembered(const fs::directory_entry& entry) {
  Sha1Digest name;  // of the same length
  std::error_code error;
  return entry.path().extension() == extension &&
         from_hex(entry.path().stem().string(), name.bytes) &&
         fs::is_regular_file(entry.symlink_status(error));
}

std::optional<json::object> line_of(std::string_view file) {
  json::error_code error;
  json::value parsed = json::parse(file.substr(0, file.find('\n')), error);
  if (error || !parsed.is_object()) return std::nullopt;
  return std::move(parsed.get_object());
}

bool is_newer(const json::object& line) {
  const json::value* version = line.if_contains("version");
  return version == nullptr || !version->is_int64() || version->get_int64() > memory_version;
}

std::string text_at(const json::object& line, const char* key) {
  const json::value* value = line.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

Result<std::string> read(const std::string& path) {
  return read_private_file(path, MetainfoLimits().bytes + max_line_bytes);
}

}  // namespace

UrlMemory::UrlMemory(const std::string& state_folder)
    : folder_(state_folder.empty() ? state_folder : state_folder + "/urls") {}

std::string UrlMemory::file_for(const std::string& url) const {
  const auto parsed = Url::parse(url);
  const std::string key = parsed ? to_string(*parsed) : url;
  return fmt::format("{}/{}{}", folder_, to_hex(sha256(as_bytes(key))).substr(0, 40), extension);
}

std::optional<RememberedUrl> UrlMemory::recall(const std::string& url) const {
  if (folder_.empty()) return std::nullopt;
  const std::string path = file_for(url);
  const auto file = read(path);
  if (!file) return std::nullopt;
  const auto line = line_of(*file);
  if (!line || is_newer(*line)) return std::nullopt;
  RememberedUrl out;
  out.etag = text_at(*line, "etag");
  json::error_code error;
  const json::value* fetched = line->if_contains("fetched");
  if (fetched == nullptr) return std::nullopt;
  out.fetched = std::chrono::system_clock::time_point(
      std::chrono::seconds(fetched->to_number<std::int64_t>(error)));
  if (error) return std::nullopt;
  if (const auto peer = HostPort::parse(text_at(*line, "peer"))) out.peer = *peer;
  out.torrent = file->substr(std::min(file->find('\n') + 1, file->size()));
  // Cut short by a crash, or by a hand.
  if (to_hex(sha256(as_bytes(out.torrent))) != text_at(*line, "torrent_sha256"))
    return std::nullopt;
  note_use(path);
  return out;
}

Result<void> UrlMemory::remember(const std::string& url, const RememberedUrl& what) const {
  if (folder_.empty()) return {};
  if (auto made = make_private_folder(folder_, true); !made) return made;
  const std::string path = file_for(url);
  if (const auto before = read(path)) {
    const auto line = line_of(*before);
    if (line && is_newer(*line)) {
      return Error{Errc::unsupported,
                   path + " was written by a newer version of barter, and is left as it is"};
    }
  }
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(what.fetched.time_since_epoch());
  const auto parsed = Url::parse(url);
  const json::object line{{"version", memory_version},
                          {"url", parsed ? to_string(*parsed) : url},
                          {"etag", what.etag},
                          {"fetched", seconds.count()},
                          {"peer", what.peer ? to_string(*what.peer) : std::string()},
                          {"torrent_sha256", to_hex(sha256(as_bytes(what.torrent)))}};
  auto written = write_private_file(path, json::serialize(line) + "\n" + what.torrent);
  forget_oldest(folder_, is_remembered);
  return written;
}

}  // namespace barter::cli
