#include "cli/torrent_source.hpp"

#include "cli/signals.hpp"
#include "client/fetch.hpp"
#include "torrent/magnet.hpp"
#include "torrent/url.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <chrono>

namespace barter::cli {
namespace {

using namespace std::chrono_literals;

constexpr int failures_while_waiting = 5;  // a share that restarts is gone for a moment

// What a share tells while it hashes: {"state": "hashing", "bytes_done": N, "bytes_total": N}.
void show_remote_hashing(const FetchReply& reply, const std::string& url, Output& output) {
  boost::system::error_code error;
  const auto value = boost::json::parse(reply.body, error);
  const auto* object = error ? nullptr : value.if_object();
  if (object == nullptr) return;
  const auto number = [&](const char* key) -> std::uint64_t {
    const auto* found = object->if_contains(key);
    if (found == nullptr) return 0;
    const auto converted = found->to_number<std::uint64_t>(error);
    return error ? 0 : converted;
  };
  const std::uint64_t total = number("bytes_total");
  if (total > 0) output.hashing({std::min(number("bytes_done"), total), total, url});
}

Result<std::shared_ptr<const Metainfo>> fetch_torrent(const std::string& url, Output& output,
                                                      const std::vector<Address>& connect_from) {
  FetchOptions options = FetchOptions::torrent();
  options.connect_from = connect_from;
  const std::string shown = redacted(url);
  bool waited = false;
  int failures = 0;
  while (true) {
    auto reply = fetch(url, options, signals::stop_requested);
    std::chrono::milliseconds pause = 2s;
    if (!reply) {
      if (reply.error().code == Errc::cancelled) return reply.error();
      if (!waited || ++failures > failures_while_waiting) return reply.error();
    } else if (reply->status == 200) {
      if (waited) output.end_progress();
      auto metainfo = Metainfo::parse(std::move(reply->body));
      if (!metainfo) {
        return Error{metainfo.error().code, fmt::format("{}: {}", shown, metainfo.error().message)};
      }
      return *metainfo;
    } else if (reply->status == 503 && reply->retry_after) {
      failures = 0;
      if (!waited) output.message(fmt::format("{}: is being hashed; waiting", shown));
      waited = true;
      show_remote_hashing(*reply, shown, output);
      pause = std::clamp<std::chrono::milliseconds>(*reply->retry_after, 500ms, 30s);
    } else {
      return Error{Errc::rejected, fmt::format("{}: HTTP status {}", shown, reply->status)};
    }
    if (signals::wait(pause)) return Error{Errc::cancelled, "cancelled"};
  }
}

}  // namespace

bool is_web_url(const std::string& text) {
  const auto url = Url::parse(text);
  return url.has_value() && url->is_http();
}

Result<std::shared_ptr<const Metainfo>> load_torrent(const std::string& source, Output& output,
                                                     const std::vector<Address>& connect_from) {
  if (is_magnet(source)) {
    return Error{Errc::unsupported,
                 "this needs the torrent, not a magnet link: 'barter get --save-torrent' makes one of it"};
  }
  if (is_web_url(source)) return fetch_torrent(source, output, connect_from);
  return Metainfo::load(source);
}

Result<void> check_tradable(const Metainfo& metainfo) {
  if (metainfo.has_v1()) return {};
  return Error{Errc::unsupported,
               fmt::format("{}: a v2-only torrent; only v1 and hybrid torrents can be traded yet",
                           metainfo.name())};
}

boost::json::object torrent_fields(const Metainfo& metainfo) {
  return torrent_fields(metainfo.name(), metainfo.info_hash());
}

boost::json::object torrent_fields(const std::string& name, const InfoHash& hash) {
  boost::json::object out{{"name", name}};
  out["v1_info_hash"] = hash.v1 ? boost::json::value(to_hex(*hash.v1)) : nullptr;
  out["v2_info_hash"] = hash.v2 ? boost::json::value(to_hex(*hash.v2)) : nullptr;
  return out;
}

}  // namespace barter::cli
