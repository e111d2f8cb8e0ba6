// Limits: what keeps a transfer from going faster at this moment, for a person who wonders:
// functions from plain facts to a reason. Asked for now and then, never on the block path; nothing
// depends on them.
//
// Of a whole swarm the rule is one sentence: each peer that counts is taken to be able to do as
// much as the fastest does, what it does less is charged to its reason, and the reason charged most
// is told (of equal ones that of the most peers). What holds for all of them, as our own limit or a
// disk in trouble, comes before.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "client/swarm/config.hpp"
#include "torrent/time.hpp"

namespace barter {

// What keeps one peer, or all. docs/json.md promises to_string() of each.
enum class Limit : std::uint8_t {
  // both ways
  stopped,         // it does not trade yet, or no more
  own_limit,       // the user's
  no_trackers,     // no peer, and nobody to ask for one
  searching,       // no peer and no tracker: the DHT or the local network is asked
  tracker_failed,  // no peer, and the tracker fails
  tracker_silent,  // no peer, and no tracker has answered yet
  no_others,       // no peer, and the tracker knows none
  connecting,      // no peer yet, but some are being tried
  unreachable,     // no peer, and those we know cannot be reached
  hung_up,         // no peer, and one we know is there, but ends the link at the handshake
  // down
  complete,   // nothing more is wanted
  disk,       // ours: in trouble, or behind
  memory,     // no room for more unfinished pieces
  metadata,   // of a magnet link: it is not known yet what there is to fetch
  no_piece,   // it has nothing that we lack
  choked,     // it chokes us
  snubbed,    // it owes us blocks, and sends none
  rejects,    // what we ask for comes back unserved, so that we pause
  distrust,   // it, or its host, has sent wrong pieces: it waits for its turn to be tried
  no_blocks,  // all that it has and we lack is asked of others
  window,     // requests: all are on their way, none waits at the peer
  line,       // requests wait at the peer: it, or a line, is no faster
  // up
  nothing_yet,  // we have no piece to give
  no_interest,  // it wants nothing of us
  no_slot,      // we choke it: others have the slots
  receiver,     // blocks wait in its connection: it, or a line, takes no more
  no_requests,  // it may ask, and does not
};
inline constexpr std::size_t limit_reasons = static_cast<std::size_t>(Limit::no_requests) + 1;
std::string_view to_string(Limit limit);
// The same in some words for a person, of one peer or of several.
std::string_view describe(Limit limit);

// What holds for all peers of a swarm.
struct SwarmFacts {
  bool trading = false;
  bool complete = false;      // of what is wanted
  bool empty = false;         // we have no piece
  bool disk_trouble = false;  // paused by the disk
  bool disk_busy = false;     // pieces or blocks are being written
  bool may_open = true;       // there is room for one more piece
  bool metadata = false;      // the metainfo is not known yet
  std::uint64_t download_limit = unlimited, upload_limit = unlimited;  // bytes a second
  std::uint64_t download_rate = 0, upload_rate = 0;                    // bytes a second
  bool download_ready = true, upload_ready = true;  // the limit would let a block pass now
  std::size_t peers = 0, connecting = 0, known = 0, hung_up = 0;
  bool has_trackers = false, tracker_answered = false, tracker_failed = false;
  bool searching = false;  // others than trackers are asked for peers
};

// What holds for one.
struct PeerFacts {
  // down
  bool am_interested = false;  // it has pieces that we lack
  bool peer_choking = true;
  bool snubbed = false;      // owes us blocks for long; or all that it was asked for is overdue
  bool rejects = false;      // requests came back unserved, and we pause
  bool distrusted = false;   // it waits for its turn to be tried
  bool hungry = false;       // it has room for requests, and there was none to send
  std::size_t requests = 0;  // not answered yet
  std::uint64_t rate = 0;    // of its requests, bytes a second; 0: none came yet
  Duration delay{};          // the shortest seen from request to block
  // up
  bool peer_interested = false, am_choking = true;
  std::size_t uploads_waiting = 0;  // requests of its that wait for their turn
  std::size_t uploads_handed = 0;   // blocks given to its connection and not yet sent
  bool receiver_full = false;       // its connection holds as much as it may
};

Limit download_limit(const SwarmFacts& swarm, const PeerFacts& peer);
Limit upload_limit(const SwarmFacts& swarm, const PeerFacts& peer);

// The same for a whole swarm.
struct LimitSummary {
  Limit reason = Limit::stopped;
  std::uint32_t peers = 0, of = 0;  // so many of those that count; 0 where it is not about peers
  std::string detail;               // what the disk or the tracker said, if anything
};

// Takes the peers one by one, in any order. A value type of a fixed size.
class LimitTally {
 public:
  void add(Limit limit, std::uint64_t rate);  // bytes a second
  // `swarm` decides where it can, the peers else. Down: a peer without a piece for us counts only
  // if all are such. Up: those with a slot count; if there is none, the choked ones; if those lack
  // too, the rest. Whom we serve is how we divide the line, and no loss.
  LimitSummary download(const SwarmFacts& swarm) const;
  LimitSummary upload(const SwarmFacts& swarm) const;

 private:
  struct Row {
    std::uint32_t peers = 0;
    std::uint64_t rate = 0;
  };
  LimitSummary most(std::initializer_list<Limit> last) const;

  std::array<Row, limit_reasons> rows_{};
  std::uint64_t best_ = 0;
};

}  // namespace barter
