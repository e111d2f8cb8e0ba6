#include "cli/torrent_source.hpp"

#include "cli/signals.hpp"
#include "cli/sizes.hpp"
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
// Shows it; the bytes done, or nothing where the server tells something else.
std::uint64_t show_remote_hashing(const FetchReply& reply, const std::string& url, Output& output) {
  boost::system::error_code error;
  const auto value = boost::json::parse(reply.body, error);
  const auto* object = error ? nullptr : value.if_object();
  if (object == nullptr) return 0;
  const auto number = [&](const char* key) -> std::uint64_t {
    const auto* found = object->if_contains(key);
    if (found == nullptr) return 0;
    const auto converted = found->to_number<std::uint64_t>(error);
    return error ? 0 : converted;
  };
  const std::uint64_t done = number("bytes_done"), total = number("bytes_total");
  if (total > 0) output.hashing({std::min(done, total), total, url});
  return done;
}

// Fetches a torrent until it is there, the server fails, or nothing has come of it for too long.
class TorrentFetch {
 public:
  TorrentFetch(const std::string& url, Output& output, const TorrentSourceOptions& options)
      : url_(url), shown_(redacted(url)), output_(output), patience_(options.stall_timeout) {
    fetch_ = FetchOptions::torrent();
    fetch_.connect_from = options.connect_from;
  }

  Result<std::shared_ptr<const Metainfo>> run() {
    while (true) {
      const std::chrono::milliseconds left = patience_left();
      fetch_.deadline = FetchOptions().deadline;
      if (left != no_timeout) fetch_.deadline = std::min<Duration>(fetch_.deadline, left);
      auto reply = fetch(url_, fetch_, signals::stop_requested);
      std::chrono::milliseconds pause = 2s;
      if (!reply) {
        if (reply.error().code == Errc::cancelled) return reply.error();
        if (patience_left() == 0ms) return stalled();
        if (!waited_ || ++failures_ > failures_while_waiting) return reply.error();
      } else if (reply->status == 200) {
        return parsed(std::move(*reply));
      } else if (reply->status == 503 && reply->retry_after) {
        being_hashed(*reply);
        if (patience_left() == 0ms) return stalled();
        pause = std::clamp<std::chrono::milliseconds>(*reply->retry_after, 500ms, 30s);
      } else {
        return Error{Errc::rejected, fmt::format("{}: HTTP status {}", shown_, reply->status)};
      }
      // At the end of its patience it asks once more.
      if (signals::wait(std::min(pause, patience_left()))) {
        return Error{Errc::cancelled, "cancelled"};
      }
    }
  }

  // Who sent it, where that is a share, so a peer.
  const std::optional<HostPort>& peer() const { return peer_; }

 private:
  std::chrono::milliseconds patience_left() const {
    if (patience_ == no_timeout) return no_timeout;
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - last_news_);
    return std::max(patience_ - passed, 0ms);
  }

  void being_hashed(const FetchReply& reply) {
    failures_ = 0;
    if (!waited_) output_.message(fmt::format("{}: is being hashed; waiting", shown_));
    waited_ = true;
    const std::uint64_t done = show_remote_hashing(reply, shown_, output_);
    if (done <= hashed_) return;
    hashed_ = done;
    last_news_ = std::chrono::steady_clock::now();
  }

  Error stalled() const {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience_);
    return Error{Errc::timed_out,
                 fmt::format("{}: no torrent came for {}: {}", shown_, format_duration(seconds),
                             waited_ ? "it is still being hashed" : "no reply in time")};
  }

  Result<std::shared_ptr<const Metainfo>> parsed(FetchReply reply) {
    if (waited_) output_.end_progress();
    auto metainfo = Metainfo::parse(std::move(reply.body));
    if (metainfo) {
      const auto from = Url::parse(reply.url);
      if (from && reply.peer_port) peer_ = HostPort{from->host, *reply.peer_port};
      return *metainfo;
    }
    return Error{metainfo.error().code, fmt::format("{}: {}", shown_, metainfo.error().message)};
  }

  const std::string url_, shown_;
  Output& output_;
  const std::chrono::milliseconds patience_;
  FetchOptions fetch_;
  std::chrono::steady_clock::time_point last_news_ = std::chrono::steady_clock::now();
  std::uint64_t hashed_ = 0;  // by the server, bytes
  std::optional<HostPort> peer_;
  bool waited_ = false;
  int failures_ = 0;
};

}  // namespace

bool is_web_url(const std::string& text) {
  const auto url = Url::parse(text);
  return url.has_value() && url->is_http();
}

Result<std::shared_ptr<const Metainfo>> load_torrent(const std::string& source, Output& output,
                                                     const TorrentSourceOptions& options,
                                                     std::vector<HostPort>* peers) {
  if (is_magnet(source)) {
    return Error{
        Errc::unsupported,
        "this needs the torrent, not a magnet link: 'barter get --save-torrent' makes one of it"};
  }
  if (is_web_url(source)) {
    TorrentFetch fetch(source, output, options);
    auto metainfo = fetch.run();
    if (peers != nullptr && fetch.peer()) peers->push_back(*fetch.peer());
    return metainfo;
  }
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
