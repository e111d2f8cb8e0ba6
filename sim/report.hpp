// Report: how a simulated swarm did against the best that its lines allow, and where the rest went.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/usage.hpp"
#include "sim/world.hpp"

namespace barter::sim {

// What a line carries for each byte of the stream.
inline constexpr double frame_factor = 1514.0 / 1448.0;

// No swarm can be faster (Kumar and Ross 2006): the seeds must send each piece once, each peer must
// receive the whole, and all must be sent what they lack. Seconds from the beginning of the world,
// headers of packets included where the world has them, acknowledgements not. Peers that come later
// count from then. Left out are liars, riders, and peers that freeze or leave at a set time.
struct Bound {
  double seeds = 0, downlink = 0, uplinks = 0;
  double seconds() const;
};
Bound fluid_bound(const World& world);

// Peers of one kind.
struct GroupReport {
  std::string name;
  std::uint32_t peers = 0, finished = 0;
  double mean_seconds = 0, last_seconds = 0;  // from joining to having all, of those that did
  double sent_at_finish = 0, sent = 0;  // payload, in copies of the torrent, mean of the peers
};

// Share of the capacity of uplinks, in [0, 1], by what became of it.
struct UplinkReport {
  double capacity_bytes = 0;
  double blocks = 0, control = 0, headers = 0;
  std::array<double, idle_reasons> idle{};
};

struct Report {
  std::uint32_t peers = 0, finished = 0;  // honest ones that began without all
  std::uint64_t size = 0;                 // bytes of the torrent
  Bound bound;
  // Of the honest peers. Seconds from the beginning of the world; the mean from each one's joining.
  double last_seconds = 0, mean_seconds = 0, median_seconds = 0, p99_seconds = 0;
  double efficiency = 0, mean_efficiency = 0;  // bound / last, bound / mean
  double copied_seconds = 0;                   // when every piece had left the seeds; 0: never
  double seeds_sent = 0;                       // copies of the torrent
  double wasted = 0;  // payload received twice, unasked or wrong, of all received
  double haves = 0;   // messages for each piece that arrived
  // Before a peer has all, and after.
  UplinkReport seeds, peers_before, peers_after;
  std::vector<GroupReport> groups;
  // Jain's index of the peers' download speed for each byte a second of uplink: 1 is equal.
  double fairness = 0;
  // Peers that give nothing: pieces they held when the mean honest peer was done, as a share.
  double rider_share = 0;
  std::uint32_t riders = 0;
  // Peers that send wrong blocks, and those of them that somebody banned; all bans, of whomever.
  std::uint32_t liars = 0, liars_banned = 0;
  std::uint64_t bans = 0, failed_pieces = 0;
  std::uint32_t failed_most = 0;  // pieces, at one honest peer
  std::uint64_t events = 0;
  std::vector<double> finish_times;  // of the honest peers, ascending
};
// After World::run().
Report make_report(World& world);

std::string to_text(const Report& report);
std::string to_json(const Report& report);
// Completion over time against the bound: lines "seconds,finished", or a drawing.
std::string curve_csv(const Report& report);
std::string curve_svg(const Report& report, const std::string& title);
// Several runs in one drawing, the first of them thick. `plain` are the seconds in which the peers
// would be served one after the other; 0: not drawn.
std::string curves_svg(std::span<const Report> reports, const std::string& title, double plain);

}  // namespace barter::sim
