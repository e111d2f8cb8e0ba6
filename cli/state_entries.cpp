#include "cli/state_entries.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <filesystem>
#include <map>
#include <set>

#include "chunkstore/posix_files.hpp"
#include "chunkstore/seed_memory.hpp"
#include "chunkstore/store.hpp"
#include "torrent/sha.hpp"
#include "torrent/write_file.hpp"

namespace barter::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using std::chrono::system_clock;

constexpr std::int64_t about_version = 1;
constexpr std::size_t max_about_bytes = 1 << 20, max_share_bytes = 512 << 20;
constexpr std::size_t max_tops = 100;  // entries of the download folder that a torrent has
constexpr const char* about_name = "about";
constexpr const char* missing_name = "missing";
constexpr auto look_interval = std::chrono::hours(24);
constexpr std::size_t hash_digits = 40, place_digits = 16;

bool is_transfer_name(const std::string& name) {
  return name.size() == hash_digits + 1 + place_digits && name[hash_digits] == '-';
}

std::optional<json::object> read_json(const std::string& path, std::size_t limit) {
  const auto text = read_private_file(path, limit);
  if (!text) return std::nullopt;
  json::error_code error;
  json::value parsed = json::parse(*text, error);
  if (error || !parsed.is_object()) return std::nullopt;
  const json::value* version = parsed.get_object().if_contains("version");
  if (version != nullptr && !(version->is_int64() && version->get_int64() <= about_version)) {
    return std::nullopt;  // of a newer version
  }
  return std::move(parsed.get_object());
}

std::string text_at(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::vector<std::string> list_at(const json::object& object, const char* key) {
  std::vector<std::string> out;
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) return out;
  for (const json::value& one : value->get_array()) {
    if (one.is_string()) out.emplace_back(one.get_string());
  }
  return out;
}

json::object to_json(const Mount& mount) {
  return {{"point", mount.point}, {"type", mount.type}, {"source", mount.source}};
}

std::optional<Mount> to_mount(const json::object& object) {
  const json::value* value = object.if_contains("mount");
  if (value == nullptr || !value->is_object()) return std::nullopt;
  const json::object& mount = value->get_object();
  return Mount{text_at(mount, "point"), text_at(mount, "type"), text_at(mount, "source")};
}

// Is it there? Nothing where that cannot be told.
std::optional<bool> exists(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return std::nullopt;
}

// One of the names, or a part of it. The folder, which thousands may share, is read only where none
// of the names is there.
std::optional<bool> any_exists(const std::string& folder, const std::vector<std::string>& tops) {
  for (const std::string& top : tops) {
    const auto found = exists(folder + "/" + top);
    if (!found || *found) return found;
  }
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!name.ends_with(".part")) continue;
    if (std::any_of(tops.begin(), tops.end(),
                    [&](const std::string& top) { return name.starts_with(top + "."); })) {
      return true;
    }
  }
  return false;
}

DataState look_at_data(const std::string& folder, const std::vector<std::string>& tops,
                       const std::optional<Mount>& then, const std::vector<Mount>& mounts) {
  if (folder.empty() || tops.empty()) return DataState::unknown;
  const auto found = any_exists(folder, tops);
  if (!found) return DataState::not_mounted;
  if (*found) return DataState::there;
  if (!then) return DataState::unknown;
  const auto now = mount_of(mounts, folder);
  return now && *now == *then ? DataState::gone : DataState::not_mounted;
}

system_clock::time_point last_change(const fs::path& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return {};
  return system_clock::from_time_t(status.st_mtim.tv_sec);
}

std::optional<StateEntry> transfer_entry(const fs::path& folder, const std::vector<Mount>& mounts) {
  StateEntry out;
  out.kind = StateEntry::Kind::transfer;
  out.id = folder.filename().string();
  out.info_hash = out.id.substr(0, hash_digits);
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    struct stat status {};
    if (lstat(it->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    out.bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
    out.used = std::max(out.used, last_change(it->path()));
  }
  if (error) return std::nullopt;
  const auto about = read_json((folder / about_name).string(), max_about_bytes);
  if (!about) return out;
  out.name = text_at(*about, "name");
  const std::string place = text_at(*about, "folder");
  const auto tops = list_at(*about, "paths");
  out.path = tops.size() == 1 ? place + "/" + tops.front() : place;
  json::error_code ignored;
  if (const json::value* size = about->if_contains("size")) {
    out.size = size->to_number<std::uint64_t>(ignored);
  }
  out.data = look_at_data(place, tops, to_mount(*about), mounts);
  return out;
}

std::optional<StateEntry> share_entry(const fs::path& file, const std::vector<Mount>& mounts) {
  StateEntry out;
  out.kind = StateEntry::Kind::share;
  out.id = "share/" + file.stem().string();
  const fs::path torrent = fs::path(file).replace_extension(".torrent");
  for (const fs::path& one : {file, torrent}) {
    struct stat status {};
    if (lstat(one.c_str(), &status) != 0) continue;
    out.bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  out.used = last_change(file);
  const auto memory = read_json(file.string(), max_share_bytes);
  if (!memory) return out;
  out.path = text_at(*memory, "source");
  const fs::path source = out.path;
  out.name = source.filename().string();
  if (const auto bytes = read_private_file(torrent.string(), MetainfoLimits().bytes)) {
    if (const auto metainfo = Metainfo::parse(*bytes)) {
      out.info_hash = to_hex((*metainfo)->info_hash().wire());
      out.size = (*metainfo)->content_size();
    }
  }
  out.data = look_at_data(source.parent_path().string(), {out.name}, to_mount(*memory), mounts);
  return out;
}

constexpr const char* seeds_prefix = "seeds/";

std::string id_of(const SeedRecord& seed) {
  return fmt::format("{}{}-{}", seeds_prefix, to_hex(seed.info_hash),
                     to_hex(sha256(as_bytes(seed.folder))).substr(0, place_digits));
}

DataState look_at_seed(const SeedRecord& seed, Files& files) {
  const auto folder = files.open_folder(seed.folder, false);
  if (!folder) return DataState::not_mounted;
  const auto found = exists(seed.folder + "/" + seed.top);
  if (!found) return DataState::not_mounted;
  if (*found) return DataState::there;
  const auto system = files.file_system(*folder);
  return system && *system == seed.file_system ? DataState::gone : DataState::not_mounted;
}

StateEntry seed_entry(const SeedRecord& seed, Files& files) {
  constexpr std::uint64_t bytes_of_a_record = 200;  // about, of the one file
  StateEntry out;
  out.kind = StateEntry::Kind::seed;
  out.id = id_of(seed);
  out.name = seed.name;
  out.info_hash = to_hex(seed.info_hash);
  out.path = seed.folder + "/" + seed.top;
  out.size = seed.size;
  out.bytes = bytes_of_a_record;
  out.used = system_clock::time_point(std::chrono::seconds(seed.used));
  out.data = look_at_seed(seed, files);
  return out;
}

Result<void> forget_seed(const std::string& state_folder, const std::string& id) {
  const auto seeds = load_seeds(state_folder);
  if (!seeds) return seeds.error();
  const auto seed =
      std::find_if(seeds->begin(), seeds->end(), [&](const auto& s) { return id_of(s) == id; });
  return seed == seeds->end() ? Result<void>() : update_seeds(state_folder, {}, {&*seed, 1});
}

struct Missing {
  system_clock::time_point looked;
  std::map<std::string, system_clock::time_point> since;  // by id
};

Missing read_missing(const std::string& state_folder) {
  Missing out;
  const auto object = read_json(state_folder + "/" + missing_name, max_about_bytes * 16);
  if (!object) return out;
  json::error_code error;
  const auto time = [&](const json::value& value) {
    return system_clock::time_point(std::chrono::seconds(value.to_number<std::int64_t>(error)));
  };
  if (const json::value* looked = object->if_contains("looked")) out.looked = time(*looked);
  const json::value* since = object->if_contains("since");
  if (since != nullptr && since->is_object()) {
    for (const auto& [id, value] : since->get_object()) out.since.emplace(id, time(value));
  }
  return error ? Missing{} : out;
}

std::int64_t seconds_of(system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

void write_missing(const std::string& state_folder, const Missing& missing) {
  json::object since;
  for (const auto& [id, time] : missing.since) since[id] = seconds_of(time);
  const json::object object{
      {"version", about_version}, {"looked", seconds_of(missing.looked)}, {"since", since}};
  // If it cannot be written, things are kept for longer.
  (void)write_private_file(state_folder + "/" + missing_name, json::serialize(object) + "\n");
}

}  // namespace

Result<void> note_transfer(const std::string& state_folder, const Metainfo& metainfo,
                           const std::string& folder, const std::vector<std::string>& paths) {
  if (state_folder.empty()) return {};
  std::error_code error;
  const fs::path whole = fs::absolute(folder.empty() ? "." : folder, error);
  std::string place = error ? std::string() : fs::weakly_canonical(whole, error).string();
  if (error) return {};
  while (place.size() > 1 && place.ends_with('/')) place.pop_back();
  const std::string state = state_path_of(metainfo, state_folder, place);
  if (!fs::is_directory(state, error)) return {};
  std::set<std::string> tops;
  for (const std::string& path : paths) {
    if (tops.size() < max_tops) tops.insert(path.substr(0, path.find('/')));
  }
  json::object about{{"version", about_version},
                     {"name", metainfo.name()},
                     {"folder", place},
                     {"paths", json::array(tops.begin(), tops.end())},
                     {"size", metainfo.content_size()}};
  if (const auto mount = mount_of(current_mounts(), place)) about["mount"] = to_json(*mount);
  return write_private_file(state + "/" + about_name, json::serialize(about) + "\n");
}

std::vector<StateEntry> list_state(const std::string& state_folder,
                                   const std::vector<Mount>& mounts) {
  std::vector<StateEntry> out;
  std::error_code error;
  for (fs::directory_iterator it(state_folder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    if (!is_transfer_name(it->path().filename().string()) || it->is_symlink(ignored) ||
        !it->is_directory(ignored)) {
      continue;
    }
    if (auto entry = transfer_entry(it->path(), mounts)) out.push_back(std::move(*entry));
  }
  for (fs::directory_iterator it(state_folder + "/share", error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    if (it->path().extension() != ".json" || it->is_symlink(ignored)) continue;
    if (auto entry = share_entry(it->path(), mounts)) out.push_back(std::move(*entry));
  }
  if (const auto seeds = load_seeds(state_folder)) {
    const auto files = posix_files();
    for (const SeedRecord& seed : *seeds) out.push_back(seed_entry(seed, *files));
  }
  const Missing missing = read_missing(state_folder);
  for (StateEntry& entry : out) {
    const auto since = missing.since.find(entry.id);
    if (entry.data == DataState::gone && since != missing.since.end()) {
      entry.missing_since = since->second;
    }
  }
  std::sort(out.begin(), out.end(), [](const StateEntry& a, const StateEntry& b) {
    return std::pair(b.used, a.id) < std::pair(a.used, b.id);
  });
  return out;
}

Result<void> forget_entry(const std::string& state_folder, const StateEntry& entry) {
  if (entry.kind == StateEntry::Kind::seed) return forget_seed(state_folder, entry.id);
  const std::string path = state_folder + "/" + entry.id;
  if (entry.kind == StateEntry::Kind::share) {
    for (const char* extension : {".json", ".torrent"}) {
      if (unlink((path + extension).c_str()) != 0 && errno != ENOENT) {
        return system_error(path + extension, errno);
      }
    }
    if (!entry.info_hash.empty()) {
      unlink(fmt::format("{}/share/{}.copies", state_folder, entry.info_hash).c_str());
    }
    return {};
  }
  // Whoever works on it holds this.
  const int lock = open((path + "/lock").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (lock < 0 && errno != ENOENT) return system_error(path + "/lock", errno);
  if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) != 0) {
    close(lock);
    return Error{Errc::locked, fmt::format("{}: a barter is at work on it", path)};
  }
  std::error_code error;
  fs::remove_all(path, error);
  if (lock >= 0) close(lock);
  if (error) return Error{Errc::io_error, fmt::format("{}: {}", path, error.message())};
  return {};
}

std::vector<StateEntry> sweep_state(const std::string& state_folder,
                                    const std::vector<Mount>& mounts,
                                    system_clock::time_point now) {
  std::vector<StateEntry> dropped;
  std::error_code error;
  if (state_folder.empty() || !fs::is_directory(state_folder, error)) return dropped;
  Missing missing = read_missing(state_folder);
  if (missing.looked <= now && now - missing.looked < look_interval) return dropped;
  std::map<std::string, system_clock::time_point> since;
  for (const StateEntry& entry : list_state(state_folder, mounts)) {
    const auto before = missing.since.find(entry.id);
    // Where it cannot be looked at, its time begins anew once it can.
    if (entry.data == DataState::not_mounted && before != missing.since.end()) {
      since.emplace(entry.id, now);
    }
    if (entry.data != DataState::gone) continue;
    const auto from = before != missing.since.end() ? std::min(before->second, now) : now;
    if (now - from >= kept_when_gone && forget_entry(state_folder, entry)) {
      dropped.push_back(entry);
    } else {
      since.emplace(entry.id, from);
    }
  }
  missing.since = std::move(since);
  missing.looked = now;
  write_missing(state_folder, missing);
  return dropped;
}

}  // namespace barter::cli
