// Where a command gets its torrent from: a file, or a URL that serves one.
#pragma once

#include "cli/output.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/result.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace barter::cli {

inline constexpr auto no_timeout = std::chrono::milliseconds::max();

// How a URL is fetched.
struct TorrentSourceOptions {
  std::vector<Address> connect_from;  // addresses of ours, as FetchOptions has them
  // The server has so long to send the torrent, or to tell that it has hashed more of it.
  std::chrono::milliseconds stall_timeout = no_timeout;
};

bool is_web_url(const std::string& text);

// Reads a file or fetches a URL. A server that says 503 with Retry-After (a share that still
// hashes) is waited for, and its progress is shown. Errors: cancelled by a signal, besides those of
// reading, fetching and parsing; timed_out also when the stall timeout has passed. A magnet link is
// unsupported here: it takes peers. `peers` gets the host of the URL where that is a share, so a peer.
Result<std::shared_ptr<const Metainfo>> load_torrent(const std::string& source, Output& output,
                                                     const TorrentSourceOptions& options = {},
                                                     std::vector<HostPort>* peers = nullptr);

// v2-only torrents are refused by what trades.
Result<void> check_tradable(const Metainfo& metainfo);

// {name, v1_info_hash, v2_info_hash}: what every event about a torrent begins with.
boost::json::object torrent_fields(const Metainfo& metainfo);
boost::json::object torrent_fields(const std::string& name, const InfoHash& hash);

}  // namespace barter::cli
