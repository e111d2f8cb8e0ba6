// What a simulated world is made of: its nodes and their lines, the torrent, the network's habits.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/swarm/config.hpp"
#include "torrent/time.hpp"

namespace barter::sim {

struct NodeOptions {
  std::uint64_t up = 1 << 20, down = 4 << 20;      // bytes a second of the line
  Duration delay = std::chrono::milliseconds(20);  // from the node to the middle of the network
  bool seed = false;
  double has = 0;                          // share of the pieces at the start, by chance
  std::optional<bool> first_piece = {};    // whether it begins with piece 0, whatever else it has
  std::optional<std::uint32_t> host = {};  // the number of a node whose address it shares
  bool connectable = true;
  bool honest = true;
  bool must_finish = true;
  bool rides = false;    // gives nothing on purpose; not in the figures of the honest crowd
  bool watched = false;  // its progress is kept, piece by piece
  double corrupts = 0;   // share of the blocks sent that are wrong
  double stalls = 0;     // share of the blocks never sent
  bool floods = false;   // asks for everything, always
  bool idles = false;    // says that it is interested, and asks for nothing
  // Lets everybody ask, and answers each request by choke, reject and unchoke.
  bool sends_back = false;
  TimePoint joins{};
  TimePoint leaves = never;         // vanishes
  TimePoint freezes = never;        // its line stands still from then on
  bool leaves_when_copied = false;  // a seed that goes once the swarm has one copy besides it
  bool leaves_when_complete = false;
  std::vector<std::uint32_t> knows = {};  // nodes, by number, that its user has named
  std::string group = {};                 // as reports call it; else seed or peer
  std::function<void(SwarmConfig&)> configure = {};
};

struct WorldOptions {
  std::uint32_t pieces = 64;
  std::uint32_t piece_length = 64 << 10;
  std::uint32_t last_piece = 20'000;  // bytes of the last one
  bool is_private = false;
  bool fast = true;  // the Fast extension on all links
  std::size_t buffers = 1 << 16;
  Duration disk_delay = std::chrono::milliseconds(3);
  std::shared_ptr<const SwarmConfig> config = {};  // of all nodes; each may change a copy

  // Packets: a line carries 1514 bytes for 1448 of the stream, and acknowledgements.
  bool frames = false;
  // TCP: slow start from ten segments, again after a pause. Off, a line is filled at once.
  bool slow_start = true;
  // Bytes in packets wait before a full uplink, and before a full downlink, as long as this.
  Duration queue = std::chrono::milliseconds(20);
  // What a socket takes that is not sent yet (TCP_NOTSENT_LOWAT), as client/link/peer_link sets it.
  std::uint32_t unsent_low_water = 32 << 10;
  // All nodes in one private network, as namespaces of one machine are; else each in its own /24.
  bool one_network = false;
  std::uint32_t announce_interval = 30;  // seconds; the tracker's
  std::uint32_t announce_min_interval = 5;
  TimePoint tracker_fails = never;  // from then on it answers nobody
  // The named checkers run with every event; without them a world is several times as fast.
  bool checked = true;
};

}  // namespace barter::sim
