// Where a command gets its torrent from: a file, or a URL that serves one.
#pragma once

#include "cli/fetch_plan.hpp"
#include "cli/output.hpp"
#include "cli/torrent_pin.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/result.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace barter::cli {

// How a URL is fetched.
struct TorrentSourceOptions {
  std::vector<Address> connect_from{};  // addresses of ours, as FetchOptions has them
  // The server has so long to send the torrent, or to tell that it has hashed more of it.
  std::chrono::milliseconds stall_timeout = no_timeout;
  // Connections that fail, and 502, 503 and 504, are tried again for so long.
  std::chrono::milliseconds retry_for{0};
  bool fresh = false;               // a copy that is kept will not do
  bool may_be_magnet = false;       // what is at the URL, or where it leads
  std::string state_folder{};       // what keeps the copies; empty: nothing does
  std::optional<TorrentPin> pin{};  // besides that of the URL
  std::string encoding{};           // of names; empty: what the torrent says
};

enum class TorrentOrigin : std::uint8_t {
  file,
  server,      // fetched now
  unchanged,   // the server says that the copy that is kept is right
  remembered,  // the copy, without the server
};

struct LoadedTorrent {
  std::shared_ptr<const Metainfo> metainfo;  // null: `magnet` is what there is
  TorrentOrigin origin = TorrentOrigin::file;
  std::optional<HostPort> peer;  // who serves the URL, where that is a share, and so a peer
  std::string magnet{};
};

bool is_web_url(const std::string& text);

// The text of `--expect`. Throws UsageError where it is no hash; empty: none.
std::optional<TorrentPin> parse_expected(const std::string& hash);

// Reads a file or fetches a URL. The server is asked first, whatever is kept; the copy counts when
// it cannot be reached, or has the torrent no more. One that says 503 because it still hashes (a
// share) is waited for, and its progress is shown. Where a torrent of a URL was taken from is told
// (the event `torrent`). Errors: cancelled by a signal, besides those of reading, fetching and
// parsing; timed_out also when the stall timeout has passed; unexpected, where it is not the pinned
// one. A magnet link is unsupported here: it takes peers.
Result<LoadedTorrent> load_torrent(const std::string& source, Output& output,
                                   const TorrentSourceOptions& options = {});

// v2-only torrents are refused by what trades.
Result<void> check_tradable(const Metainfo& metainfo);

// {name, v1_info_hash, v2_info_hash}: what every event about a torrent begins with.
boost::json::object torrent_fields(const Metainfo& metainfo);
boost::json::object torrent_fields(const std::string& name, const InfoHash& hash);

}  // namespace barter::cli
