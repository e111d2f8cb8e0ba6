#include "cli/magnet_source.hpp"

#include "cli/text.hpp"
#include "torrent/edit.hpp"
#include "torrent/escape.hpp"
#include "torrent/write_file.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace barter::cli {
namespace {

namespace fs = std::filesystem;

std::string place_of(const std::string& state_folder, const InfoHash& hash) {
  return fmt::format("{}/metainfo/{}.torrent", state_folder, to_hex(*hash.v1));
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
  auto metainfo = Metainfo::load(place_of(state_folder, wanted));
  if (!metainfo) return nullptr;
  const InfoHash& found = (*metainfo)->info_hash();
  if (found.v1 != wanted.v1 || (wanted.v2 && found.v2 != wanted.v2)) return nullptr;
  return std::move(*metainfo);
}

Result<void> remember_metainfo(const std::string& state_folder, const Metainfo& metainfo) {
  const std::string place = place_of(state_folder, metainfo.info_hash());
  std::error_code error;
  fs::create_directories(fs::path(place).parent_path(), error);
  if (error) {
    return Error{Errc::io_error, fmt::format("{}: {}", escape(state_folder), error.message())};
  }
  return write_file(place, wrap_info(metainfo, {}), true);
}

Result<std::string> save_torrent(const std::string& path, const Metainfo& metainfo,
                                 const std::vector<std::vector<std::string>>& trackers,
                                 bool overwrite) {
  std::error_code error;
  std::string place = path;
  if (path.ends_with('/')) fs::create_directories(path, error);
  if (path.ends_with('/') || fs::is_directory(path, error)) {
    place = (fs::path(path) / (metainfo.name() + ".torrent")).string();
  }
  const std::string bytes = wrap_info(metainfo, trackers);
  const auto there = read_file(place, bytes.size());
  if (there && *there == bytes) return place;
  if (auto written = write_file(place, bytes, overwrite); !written) return written.error();
  return place;
}

}  // namespace barter::cli
