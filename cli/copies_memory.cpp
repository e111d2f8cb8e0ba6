#include "cli/copies_memory.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "torrent/write_file.hpp"

namespace barter::cli {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr std::int64_t memory_version = 1;
constexpr std::size_t max_bytes = 32 << 20;

std::string file_for(const std::string& state_folder, const WireInfoHash& torrent) {
  return fmt::format("{}/share/{}.copies", state_folder, to_hex(torrent));
}

std::optional<json::object> read(const std::string& path) {
  const auto text = read_private_file(path, max_bytes);
  if (!text) return std::nullopt;
  json::error_code error;
  json::value parsed = json::parse(*text, error);
  if (error || !parsed.is_object()) return std::nullopt;
  return std::move(parsed.get_object());
}

bool is_newer(const json::object& memory) {
  const json::value* version = memory.if_contains("version");
  return version == nullptr || !version->is_int64() || version->get_int64() > memory_version;
}

std::int64_t to_number(system_clock::time_point time) {
  return std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
}

std::optional<system_clock::time_point> to_time(const json::value* value) {
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return system_clock::time_point(milliseconds(value->get_int64()));
}

std::optional<Copy> to_copy(const json::value& value) {
  const json::object* object = value.if_object();
  if (object == nullptr) return std::nullopt;
  const json::value* at = object->if_contains("address");
  const json::value* id = object->if_contains("peer_id");
  const auto since = to_time(object->if_contains("since"));
  if (at == nullptr || !at->is_string() || id == nullptr || !id->is_string() || !since) {
    return std::nullopt;
  }
  const auto address = Address::parse(std::string_view(at->get_string()));
  Copy out;
  if (!address || !from_hex(std::string_view(id->get_string()), out.id.bytes)) return std::nullopt;
  out.address = *address;
  json::error_code error;
  const json::value* port = object->if_contains("port");
  if (port != nullptr) out.port = port->to_number<std::uint16_t>(error);
  if (error) return std::nullopt;
  out.since = *since;
  return out;
}

}  // namespace

std::optional<RememberedCopies> recall_copies(const std::string& state_folder,
                                              const WireInfoHash& torrent) {
  if (state_folder.empty()) return std::nullopt;
  const auto memory = read(file_for(state_folder, torrent));
  if (!memory || is_newer(*memory)) return std::nullopt;
  const auto began = to_time(memory->if_contains("began"));
  const json::value* list = memory->if_contains("copies");
  if (!began || list == nullptr || !list->is_array()) return std::nullopt;
  RememberedCopies out;
  out.began = *began;
  for (const json::value& value : list->get_array()) {
    if (auto copy = to_copy(value)) out.copies.push_back(std::move(*copy));
  }
  return out;
}

Result<void> remember_copies(const std::string& state_folder, const WireInfoHash& torrent,
                             const RememberedCopies& what) {
  if (state_folder.empty()) return {};
  if (auto made = make_private_folder(state_folder + "/share", true); !made) return made;
  const std::string path = file_for(state_folder, torrent);
  if (const auto before = read(path); before && is_newer(*before)) {
    return Error{Errc::unsupported,
                 path + " was written by a newer version of barter, and is left as it is"};
  }
  json::array list;
  for (const Copy& copy : what.copies) {
    list.push_back({{"address", to_string(copy.address)},
                    {"port", copy.port},
                    {"peer_id", to_hex(copy.id)},
                    {"since", to_number(copy.since)}});
  }
  const json::object memory{{"version", memory_version},
                            {"torrent", to_hex(torrent)},
                            {"began", to_number(what.began)},
                            {"copies", std::move(list)}};
  return write_private_file(path, json::serialize(memory) + "\n");
}

}  // namespace barter::cli
