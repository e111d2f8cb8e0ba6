// Where a command gets its torrent from: a file, or a URL that serves one.
#pragma once

#include "cli/output.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/result.hpp"

#include <boost/json/object.hpp>

#include <memory>
#include <string>
#include <vector>

namespace barter::cli {

bool is_web_url(const std::string& text);

// Reads a file or fetches a URL. A server that says 503 with Retry-After (a share that still
// hashes) is waited for, and its progress is shown. Errors: cancelled by a signal, besides those of
// reading, fetching and parsing. A magnet link is unsupported here: it takes peers. `connect_from`: addresses of
// ours, as FetchOptions has them.
Result<std::shared_ptr<const Metainfo>> load_torrent(const std::string& source, Output& output,
                                                     const std::vector<Address>& connect_from = {});

// v2-only torrents are refused by what trades.
Result<void> check_tradable(const Metainfo& metainfo);

// {name, v1_info_hash, v2_info_hash}: what every event about a torrent begins with.
boost::json::object torrent_fields(const Metainfo& metainfo);
boost::json::object torrent_fields(const std::string& name, const InfoHash& hash);

}  // namespace barter::cli
