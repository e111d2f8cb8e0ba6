// SearchSchedule: for which torrents the DHT is to be searched, and when. So many are searched at
// once, and those that are due are taken in the order of their hashes, so that neighbours share
// nodes. Time is an argument. Owned by who has the Node:
//
//   while (const auto hash = schedule.take_due(now)) {
//     schedule.began(*hash, node.announce(*hash, ...), now);
//   }
//   ... PeersFound: schedule.found(hash, count); RequestDone: schedule.done(request, ok, now);
//   ... and the loop again, also at next_deadline().
//
// Invariants: (1) a torrent is in exactly one of by_time_, due_ and running_. (2) running_ has no
// more than `at_once`.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "dht/node.hpp"
#include "torrent/digest.hpp"
#include "torrent/time.hpp"

namespace barter::dht {

struct SearchTimes {
  Duration interval = std::chrono::minutes(15);  // after a search that found somebody
  Duration retry_min =
      std::chrono::seconds(10);  // after one that did not; doubles up to `interval`
  std::size_t at_once = 64;
};

class SearchSchedule {
 public:
  explicit SearchSchedule(SearchTimes times) : times_(times) {}

  void add(const WireInfoHash& info_hash, TimePoint now);  // due at once; nothing where it is there
  // The search that is under way for it, if any.
  std::optional<RequestId> remove(const WireInfoHash& info_hash);
  // One that is due, and is due no more; began() follows.
  std::optional<WireInfoHash> take_due(TimePoint now);
  void began(const WireInfoHash& info_hash, RequestId request, TimePoint now);
  bool found(const WireInfoHash& info_hash, std::size_t peers);  // is it one of ours?
  void done(RequestId request, bool ok, TimePoint now);
  // There are nodes now: what was searched for in vain is due.
  void nodes_known(TimePoint now);
  // When something is due, unless too many are under way; `never` if nothing is.
  TimePoint next_deadline() const;
  std::size_t size() const { return torrents_.size(); }

 private:
  struct Torrent {
    std::optional<RequestId> request;
    TimePoint next{}, began{};
    Duration pause{};
    std::size_t found = 0;  // in this search
  };
  void put_off(const WireInfoHash& info_hash, Torrent& torrent, TimePoint until);

  const SearchTimes times_;
  std::map<WireInfoHash, Torrent> torrents_;
  std::set<std::pair<TimePoint, WireInfoHash>> by_time_;
  std::set<WireInfoHash> due_;
  std::map<RequestId, WireInfoHash> running_;
  std::optional<WireInfoHash> last_;  // taken
  TimePoint nodes_known_at_{};
};

}  // namespace barter::dht
