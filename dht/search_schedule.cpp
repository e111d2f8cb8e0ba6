#include "dht/search_schedule.hpp"

#include <algorithm>

namespace barter::dht {

void SearchSchedule::add(const WireInfoHash& info_hash, TimePoint now) {
  const auto [place, fresh] = torrents_.try_emplace(info_hash);
  if (!fresh) return;
  place->second.pause = times_.retry_min;
  put_off(info_hash, place->second, now);
}

std::optional<RequestId> SearchSchedule::remove(const WireInfoHash& info_hash) {
  const auto found = torrents_.find(info_hash);
  if (found == torrents_.end()) return std::nullopt;
  const auto request = found->second.request;
  by_time_.erase({found->second.next, info_hash});
  due_.erase(info_hash);
  if (request) running_.erase(*request);
  torrents_.erase(found);
  return request;
}

std::optional<WireInfoHash> SearchSchedule::take_due(TimePoint now) {
  while (!by_time_.empty() && by_time_.begin()->first <= now) {
    due_.insert(by_time_.begin()->second);
    by_time_.erase(by_time_.begin());
  }
  if (due_.empty() || running_.size() >= times_.at_once) return std::nullopt;
  auto next = last_ ? due_.upper_bound(*last_) : due_.begin();
  if (next == due_.end()) next = due_.begin();
  last_ = *next;
  due_.erase(next);
  return last_;
}

void SearchSchedule::began(const WireInfoHash& info_hash, RequestId request, TimePoint now) {
  Torrent& torrent = torrents_.at(info_hash);
  torrent.found = 0;
  torrent.began = now;
  torrent.request = request;
  running_.emplace(request, info_hash);
}

bool SearchSchedule::found(const WireInfoHash& info_hash, std::size_t peers) {
  const auto torrent = torrents_.find(info_hash);
  if (torrent == torrents_.end()) return false;
  torrent->second.found += peers;
  return true;
}

void SearchSchedule::done(RequestId request, bool ok, TimePoint now) {
  const auto running = running_.find(request);
  if (running == running_.end()) return;
  const WireInfoHash info_hash = running->second;
  running_.erase(running);
  Torrent& torrent = torrents_.at(info_hash);
  torrent.request.reset();
  // Ourselves is one of those found, from the second time on.
  const bool well = ok && torrent.found > 1;
  torrent.pause = well ? times_.interval : std::min(2 * torrent.pause, times_.interval);
  // It failed for want of a node, and meanwhile there is one.
  const bool again = !ok && nodes_known_at_ >= torrent.began;
  put_off(info_hash, torrent, again ? now : now + torrent.pause);
}

void SearchSchedule::put_off(const WireInfoHash& info_hash, Torrent& torrent, TimePoint until) {
  by_time_.erase({torrent.next, info_hash});
  torrent.next = until;
  by_time_.emplace(until, info_hash);
}

void SearchSchedule::nodes_known(TimePoint now) {
  nodes_known_at_ = now;
  for (auto& [info_hash, torrent] : torrents_) {
    if (!torrent.request && torrent.found == 0 && !due_.contains(info_hash)) {
      put_off(info_hash, torrent, now);
    }
  }
}

TimePoint SearchSchedule::next_deadline() const {
  if (running_.size() >= times_.at_once) return never;
  if (!due_.empty()) return TimePoint{};
  return by_time_.empty() ? never : by_time_.begin()->first;
}

}  // namespace barter::dht
