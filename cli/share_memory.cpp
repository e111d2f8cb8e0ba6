#include "cli/share_memory.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "cli/mounts.hpp"
#include "torrent/digest.hpp"
#include "torrent/sha.hpp"
#include "torrent/write_file.hpp"

namespace barter::cli {
namespace {

namespace json = boost::json;

// Larger is no memory of ours: half a million files and a torrent of 32 MiB fit.
constexpr std::size_t max_bytes = 512 << 20;
constexpr std::size_t max_torrent_bytes = 64 << 20;
// Files without a number are of version 1.
constexpr std::int64_t memory_version = 1;

bool is_newer(const json::object& memory) {
  const json::value* version = memory.if_contains("version");
  return version != nullptr && !(version->is_int64() && version->get_int64() <= memory_version);
}

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

json::array to_json(const std::vector<SharedFile>& files) {
  json::array out;
  out.reserve(files.size());
  for (const SharedFile& file : files) {
    out.push_back(
        json::array{file.path, file.size, file.inode, file.device, file.mtime_ns, file.ctime_ns});
  }
  return out;
}

std::optional<SharedFile> to_file(const json::value& value) {
  const json::array* fields = value.if_array();
  if (fields == nullptr || fields->size() != 6 || !(*fields)[0].is_string()) return std::nullopt;
  SharedFile out;
  out.path = std::string((*fields)[0].get_string());
  json::error_code error;
  const auto number = [&](std::size_t at, auto& field) {
    if (!error) field = (*fields)[at].to_number<std::remove_reference_t<decltype(field)>>(error);
  };
  number(1, out.size);
  number(2, out.inode);
  number(3, out.device);
  number(4, out.mtime_ns);
  number(5, out.ctime_ns);
  if (error) return std::nullopt;
  return out;
}

}  // namespace

Result<std::vector<SharedFile>> look_at(const Walk& walk) {
  std::vector<SharedFile> out;
  out.reserve(walk.files.size());
  for (const WalkedFile& file : walk.files) {
    struct stat status {};
    if (::stat(file.source.c_str(), &status) != 0) return system_error(file.source, errno);
    SharedFile one;
    for (const std::string& element : file.path) {
      one.path += (one.path.empty() ? "" : "/") + element;
    }
    one.size = static_cast<std::uint64_t>(status.st_size);
    one.inode = status.st_ino;
    one.device = status.st_dev;
    one.mtime_ns = nanoseconds(status.st_mtim);
    one.ctime_ns = nanoseconds(status.st_ctim);
    out.push_back(std::move(one));
  }
  return out;
}

ShareMemory::ShareMemory(const std::string& folder)
    : folder_(folder.empty() ? folder : folder + "/share") {}

std::string ShareMemory::file_for(const std::string& source, std::string_view variant) const {
  const std::string key = fmt::format("{}{}{}", source, '\0', variant);
  return fmt::format("{}/{}", folder_, to_hex(sha256(as_bytes(key))).substr(0, 40));
}

std::optional<Remembered> ShareMemory::recall(const std::string& source,
                                              std::string_view variant) const {
  if (folder_.empty()) return std::nullopt;
  const std::string path = file_for(source, variant);
  const auto text = read_private_file(path + ".json", max_bytes);
  if (!text) return std::nullopt;
  json::error_code error;
  const json::value parsed = json::parse(*text, error);
  const json::object* object = error ? nullptr : parsed.if_object();
  if (object == nullptr || is_newer(*object)) return std::nullopt;
  const json::value* port = object->if_contains("port");
  const json::value* digest = object->if_contains("torrent_sha256");
  const json::value* files = object->if_contains("files");
  Remembered out;
  if (port != nullptr) out.port = port->to_number<std::uint16_t>(error);
  if (error || digest == nullptr || !digest->is_string() || files == nullptr ||
      !files->is_array()) {
    return std::nullopt;
  }
  // The two files may be of different runs, or cut short by a crash.
  auto torrent = read_private_file(path + ".torrent", max_torrent_bytes);
  if (!torrent || to_hex(sha256(as_bytes(*torrent))) != digest->get_string()) return out;
  for (const json::value& value : files->get_array()) {
    auto file = to_file(value);
    if (!file) return std::nullopt;
    out.files.push_back(std::move(*file));
  }
  out.torrent = std::move(*torrent);
  return out;
}

Result<void> ShareMemory::remember(const std::string& source, std::string_view variant,
                                   const Remembered& what) const {
  if (folder_.empty()) return {};
  if (auto made = make_private_folder(folder_, true); !made) return made;
  const std::string path = file_for(source, variant);
  if (const auto text = read_private_file(path + ".json", max_bytes)) {
    json::error_code error;
    const json::value before = json::parse(*text, error);
    if (!error && before.is_object() && is_newer(before.get_object())) {
      return Error{Errc::unsupported, path +
                                          ".json was written by a newer version of barter, and is "
                                          "left as it is"};
    }
  }
  if (auto done = write_private_file(path + ".torrent", what.torrent); !done) return done;
  json::object object{{"version", memory_version},
                      {"source", source},
                      {"port", what.port},
                      {"torrent_sha256", to_hex(sha256(as_bytes(what.torrent)))},
                      {"files", to_json(what.files)}};
  // For whoever asks later whether it is gone, or its file system is only not mounted.
  if (const auto mount = mount_of(current_mounts(), source)) {
    object["mount"] = {{"point", mount->point}, {"type", mount->type}, {"source", mount->source}};
  }
  return write_private_file(path + ".json", json::serialize(object) + "\n");
}

}  // namespace barter::cli
