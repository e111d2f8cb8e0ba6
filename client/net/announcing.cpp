#include "client/net/announcing.hpp"

#include <set>
#include <string_view>
#include <utility>

#include "client/net/swarm_driver.hpp"
#include "torrent/url.hpp"

namespace barter::net {

std::vector<std::vector<std::string>> usable_trackers(const AddTorrent& torrent,
                                                      std::vector<std::string>& skipped) {
  std::vector<std::vector<std::string>> out;
  std::set<std::string_view> known;
  // A magnet link has trackers of its own, and no metainfo yet.
  for (const auto& tier : torrent.trackers ? *torrent.trackers : torrent.metainfo->trackers()) {
    std::vector<std::string> usable;
    for (const std::string& text : tier) {
      if (!known.insert(text).second) continue;
      (Url::parse(text) ? usable : skipped).push_back(text);
    }
    if (!usable.empty()) out.push_back(std::move(usable));
  }
  return out;
}

std::vector<std::string> flat(const std::vector<std::vector<std::string>>& tiers) {
  std::vector<std::string> out;
  for (const auto& tier : tiers) out.insert(out.end(), tier.begin(), tier.end());
  return out;
}

tracker::AnnounceRequest announce_request(const DriverShared& shared, const WireInfoHash& info_hash,
                                          const Announce& announce) {
  tracker::AnnounceRequest out;
  out.info_hash = info_hash;
  out.peer_id = shared.peer_id;
  out.port = shared.port;
  out.uploaded = announce.uploaded;
  out.downloaded = announce.downloaded;
  out.left = announce.left;
  out.event = static_cast<tracker::Event>(announce.event);
  out.peers_wanted = announce.peers_wanted;
  out.key = shared.announce_key;
  out.tracker_id = announce.tracker_id;
  return out;
}

}  // namespace barter::net
