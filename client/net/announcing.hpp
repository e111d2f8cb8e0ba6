// What a torrent and the requests to its trackers have in common, whether it trades or is parked.
// Functions, no state.
#pragma once

#include <string>
#include <vector>

#include "client/add_torrent.hpp"
#include "client/swarm/action.hpp"
#include "torrent/digest.hpp"
#include "tracker/announce.hpp"

namespace barter::net {

struct DriverShared;

// What the swarm may announce to, by tiers: http, https and udp, each once. The rest goes to
// `skipped`.
std::vector<std::vector<std::string>> usable_trackers(const AddTorrent& torrent,
                                                      std::vector<std::string>& skipped);
// The same in the order of TrackerId.
std::vector<std::string> flat(const std::vector<std::vector<std::string>>& tiers);

tracker::AnnounceRequest announce_request(const DriverShared& shared, const WireInfoHash& info_hash,
                                          const Announce& announce);

}  // namespace barter::net
