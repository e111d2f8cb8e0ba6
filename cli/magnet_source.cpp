#include "cli/magnet_source.hpp"

#include "cli/kept_files.hpp"
#include "cli/text.hpp"
#include "torrent/edit.hpp"
#include "torrent/piece_layers.hpp"
#include "torrent/write_file.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

namespace barter::cli {
namespace {

namespace fs = std::filesystem;

std::string folder_of(const std::string& state_folder) {
  return state_folder + "/metainfo";
}

std::string place_of(const std::string& state_folder, const InfoHash& hash) {
  return fmt::format("{}/{}.torrent", folder_of(state_folder), to_hex(*hash.v1));
}

// Is that a file of ours, and not what somebody has put there?
bool is_remembered(const fs::directory_entry& entry) {
  Sha1Digest hash;
  std::error_code error;
  return entry.path().extension() == ".torrent" &&
         from_hex(entry.path().stem().string(), hash.bytes) &&
         fs::is_regular_file(entry.symlink_status(error));
}

}  // namespace

Result<Magnet> read_magnet(const std::string& link) {
  auto magnet = Magnet::parse(link);
  if (!magnet || magnet->info_hash.v1) return magnet;
  return Error{Errc::unsupported,
               "a magnet link of a v2-only torrent; only v1 and hybrid torrents can be traded yet"};
}

std::string shown_name(const Magnet& magnet) {
  if (!magnet.name.empty()) return valid_utf8(magnet.name);
  return "magnet " + to_hex(*magnet.info_hash.v1).substr(0, 8);
}

std::vector<std::vector<std::string>> tracker_tiers(const Magnet& magnet) {
  std::vector<std::vector<std::string>> out;
  for (const std::string& tracker : magnet.trackers) out.push_back({tracker});
  return out;
}

std::shared_ptr<const Metainfo> recall_metainfo(const std::string& state_folder,
                                                const InfoHash& wanted) {
  const std::string place = place_of(state_folder, wanted);
  // A folder that an earlier version left open to others is closed here.
  (void)make_private_folder(folder_of(state_folder), true);
  auto bytes = read_private_file(place, MetainfoLimits().bytes);
  if (!bytes) return nullptr;
  auto metainfo = Metainfo::parse(std::move(*bytes));
  if (!metainfo) return nullptr;
  note_use(place);
  const InfoHash& found = (*metainfo)->info_hash();
  if (found.v1 != wanted.v1 || (wanted.v2 && found.v2 != wanted.v2)) return nullptr;
  return std::move(*metainfo);
}

Result<void> remember_metainfo(const std::string& state_folder, const Metainfo& metainfo) {
  const std::string place = place_of(state_folder, metainfo.info_hash());
  if (auto made = make_private_folder(folder_of(state_folder), true); !made) return made;
  auto written = write_private_file(place, wrap_info(metainfo, {}));
  forget_oldest(folder_of(state_folder), is_remembered);
  return written;
}

Result<SavedTorrent> save_torrent(const std::string& path, const Metainfo& metainfo,
                                  const std::vector<std::vector<std::string>>& trackers,
                                  bool overwrite) {
  std::error_code error;
  std::string place = path;
  if (path.ends_with('/')) fs::create_directories(path, error);
  if (path.ends_with('/') || fs::is_directory(path, error)) {
    place = (fs::path(path) / (metainfo.name() + ".torrent")).string();
  }
  const bool lacks = metainfo.has_v2() && !metainfo.has_piece_layers();
  if (const auto there = Metainfo::load(place);
      there && (*there)->info_bytes() == metainfo.info_bytes()) {
    const std::string again = wrap_info(**there, trackers);
    if (const auto bytes = read_file(place, again.size()); bytes && *bytes == again)
      return SavedTorrent{place, lacks && !(*there)->has_piece_layers()};
  }
  if (auto written = write_file(place, wrap_info(metainfo, trackers), overwrite); !written)
    return written.error();
  return SavedTorrent{place, lacks};
}

Result<void> add_piece_layers(const SavedTorrent& saved, const Metainfo& metainfo,
                              const std::vector<std::vector<std::string>>& trackers,
                              const std::string& folder,
                              const std::function<bool(std::uint64_t)>& progress,
                              std::span<const std::string> paths) {
  const auto layers = read_piece_layers(metainfo, folder, 0, progress, paths);
  if (!layers) return layers.error();
  return write_file(saved.path, wrap_info(metainfo, trackers, *layers), true);
}

}  // namespace barter::cli
