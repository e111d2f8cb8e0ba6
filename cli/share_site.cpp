#include "cli/share_site.hpp"

#include <algorithm>
#include <cassert>
#include <set>

#include <fmt/format.h>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "cli/metrics.hpp"
#include "cli/share_token.hpp"
#include "cli/text.hpp"
#include "torrent/digest.hpp"
#include "torrent/sha.hpp"
#include "torrent/url.hpp"

namespace barter::cli {
namespace {

// What `get` waits before it asks again while the files are hashed.
constexpr const char* retry_after_seconds = "1";
constexpr std::string_view extension = ".torrent";

tracker::HttpReply json_reply(unsigned status, const boost::json::object& body) {
  return {status, "application/json", boost::json::serialize(body) + "\n", {}};
}

std::string file_in_url(std::string_view name) {
  return fmt::format("{}{}", percent_encode(name), extension);
}

// The same for the same bytes, also after a restart.
std::string etag_of(std::string_view digest, std::string_view beginning) {
  const std::string key = fmt::format("{}{}", digest, beginning);
  return fmt::format("\"{}\"", to_hex(sha256(as_bytes(key))).substr(0, 32));
}

}  // namespace

ShareSite::ShareSite(std::vector<std::string> names, std::string token) : token_(std::move(token)) {
  for (std::string& name : names) {
    items_.emplace_back();
    items_.back().name = std::move(name);
  }
}

std::string ShareSite::path_of(std::size_t item) const {
  const std::lock_guard lock(mutex_);
  return path_of(file_in_url(items_[item].name));
}

std::string ShareSite::path_of(std::string_view name) const {
  return token_.empty() ? fmt::format("/{}", name) : fmt::format("/{}/{}", token_, name);
}

void ShareSite::set_peer_port(std::uint16_t port) {
  const std::lock_guard lock(mutex_);
  peer_port_ = port;
}

void ShareSite::set_progress(std::size_t item, std::uint64_t bytes_done,
                             std::uint64_t bytes_total) {
  const std::lock_guard lock(mutex_);
  items_[item].bytes_done = bytes_done;
  items_[item].bytes_total = bytes_total;
  items_[item].state = State::hashing;
}

void ShareSite::set_torrent(std::size_t item, std::string torrent, std::string pin) {
  const std::lock_guard lock(mutex_);
  assert(torrent.starts_with('d'));
  items_[item].pin = std::move(pin);
  items_[item].digest = to_hex(sha256(as_bytes(torrent)));
  torrent.erase(0, 1);
  items_[item].torrent = std::make_shared<const std::string>(std::move(torrent));
  items_[item].state = State::ready;
}

void ShareSite::set_metrics(std::string text) {
  const std::lock_guard lock(mutex_);
  metrics_ = std::move(text);
}

void ShareSite::withdraw(std::size_t item) {
  const std::lock_guard lock(mutex_);
  items_[item].torrent = {};
  items_[item].state = State::withdrawn;
}

tracker::HttpReply ShareSite::answer(const tracker::HttpQuestion& question) const {
  const auto& [path, host, known] = question;
  const auto decoded = percent_decode(path);
  const auto asked = decoded ? behind_token(*decoded) : std::nullopt;
  if (asked && asked->empty()) return {200, "text/plain; charset=utf-8", list(host), {}};
  const std::lock_guard lock(mutex_);
  if (asked == "metrics") return {200, Metrics::content_type, metrics_, {}};
  const auto item = std::find_if(items_.begin(), items_.end(), [&](const Item& one) {
    return asked && *asked == fmt::format("{}{}", one.name, extension);
  });
  if (item == items_.end()) return {404, "text/plain", "not found\n", {}};
  if (item->state == State::ready) {
    const std::string beginning = torrent_beginning(fmt::format("http://{}/announce", host));
    const std::string etag = etag_of(item->digest, beginning);
    tracker::HttpReply reply{
        200,
        "application/x-bittorrent",
        beginning,
        {{"Cache-Control", "no-store"}, {"ETag", etag}}};  // they depend on the Host
    if (peer_port_ != 0) reply.headers.emplace_back("Barter-Peer-Port", std::to_string(peer_port_));
    if (known.find(etag) != std::string_view::npos) {
      reply.status = 304;
      reply.body.clear();
    } else {
      reply.shared = item->torrent;
    }
    return reply;
  }
  if (item->state == State::withdrawn) return json_reply(410, {{"state", "changed"}});
  auto reply = json_reply(
      503,
      {{"state", "hashing"}, {"bytes_done", item->bytes_done}, {"bytes_total", item->bytes_total}});
  reply.headers = {{"Retry-After", retry_after_seconds}, {"Cache-Control", "no-store"}};
  return reply;
}

// What is asked for, without "/TOKEN/"; nothing where the token is another.
std::optional<std::string_view> ShareSite::behind_token(std::string_view path) const {
  if (!path.starts_with('/')) return std::nullopt;
  path.remove_prefix(1);
  if (token_.empty()) return path;
  const std::size_t end = std::min(path.find('/'), path.size());
  if (!same_token(path.substr(0, end), token_)) return std::nullopt;
  return path.substr(std::min(end + 1, path.size()));
}

std::string ShareSite::list(std::string_view host) const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const Item& item : items_) {
    out +=
        fmt::format("barter get http://{}{}{}\n", host, path_of(file_in_url(item.name)), item.pin);
  }
  return out;
}

std::vector<std::string> unique_names(std::vector<std::string> names) {
  std::set<std::string> taken(names.begin(), names.end());
  std::set<std::string> used;
  for (std::string& name : names) {
    if (used.insert(name).second) continue;
    std::string numbered;
    for (int number = 2; numbered.empty() || !taken.insert(numbered).second; ++number) {
      numbered = fmt::format("{}-{}", name, number);
    }
    used.insert(numbered);
    name = std::move(numbered);
  }
  return names;
}

std::string torrent_beginning(std::string_view url) {
  // No key of a torrent sorts before it.
  return fmt::format("d8:announce{}:{}", url.size(), url);
}

}  // namespace barter::cli
