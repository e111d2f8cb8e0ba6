// Every limit and time of the Swarm: a name and a sentence. Shared, immutable; tests and the
// simulator change a copy.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>

#include "torrent/time.hpp"

namespace barter {

inline constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

class PickPolicy;
class TradePolicy;

struct SwarmConfig {
  std::string client_name = "barter";  // as peers are told ("v" of the extension handshake)

  // Connections
  std::uint32_t max_connections = 80;      // per torrent, both directions
  std::uint32_t max_half_open = 16;        // connects under way
  std::uint32_t connects_per_second = 20;  // new attempts
  std::uint32_t max_known_peers = 2000;    // addresses remembered; the stalest go first
  // Links of one host (places.hpp). A public IPv6 /64 may be one host's or a household's. In local
  // networks many may share one address behind a router, and there is less to fear. All processes
  // of this machine share loopback, and crowds are tried out there: it may have seven eighths of
  // max_connections, so that it never shuts others out. Whom the user names is not counted.
  std::uint32_t max_connections_per_address = 2;
  std::uint32_t max_connections_per_network = 8;
  std::uint32_t max_connections_per_local_address = 8;
  Duration keep_alive_after = std::chrono::seconds(100);  // of silence on our side
  Duration closed_after = std::chrono::seconds(120);      // of silence on the peer's side
  Duration reconnect_min = std::chrono::seconds(5);  // first pause after a failed connect; doubles
  Duration reconnect_max = std::chrono::minutes(30);
  Duration user_retry_max = std::chrono::seconds(60);  // the same for peers that the user names
  Duration unused_after = std::chrono::minutes(5);     // neither side interested: may be closed
  // Unchoked, interested, and it asks for nothing: the slot goes to others, for a while; and its
  // place to a newcomer, if no block has come or gone for long.
  Duration slot_lapses_after = std::chrono::seconds(3);
  Duration slot_lapsed_for = std::chrono::seconds(60);
  Duration wasteful_after = std::chrono::seconds(20);
  // A full table still takes a newcomer now and then, in place of a link that has carried nothing.
  Duration chance_interval = std::chrono::seconds(10);

  // A magnet link that names trackers may be that of a private torrent (BEP 27): it is looked for
  // in the DHT, on the local network and with peers' help only when no metadata came for so long,
  // or so long after its start, or when all of its trackers have failed.
  Duration trackers_first = std::chrono::seconds(5);
  Duration trackers_first_max = std::chrono::seconds(30);
  // Whoever runs the swarm looks there when asked to (FindPeers); here only to be told of.
  bool dht = false, local_discovery = false;

  // Before that, a link that carries nothing does not give way to one
  // of a higher priority (BEP 40).
  Duration settled_after = std::chrono::minutes(1);

  // Peer exchange (BEP 11), never for private torrents
  bool peer_exchange = true;
  Duration pex_interval = std::chrono::seconds(60);    // between messages to one peer
  Duration pex_first_after = std::chrono::seconds(1);  // the first message to a peer
  std::uint32_t pex_contacts = 50;                     // added, and dropped, a message
  std::uint32_t pex_untried = 50;  // addresses that one peer has named and nobody has called yet
  Duration hearsay_retry = std::chrono::seconds(60);  // an address only heard of, and never reached
  std::uint32_t hearsay_attempts = 3;                 // before such an address is forgotten

  // Requests
  // To one peer, whatever its rate. Other clients ask for seconds ahead: where a peer serves many
  // at once, few requests are a small share of its line.
  std::uint32_t min_requests = 8;
  std::uint32_t first_requests = 16;  // and two more with each block, until it stalls
  // To one peer; the peer's reqq may lower it. More than the usual only to a peer so far away that
  // four times rate x delay is more: its TCP must never run dry, or it does not find out how fast
  // the line is (BBR). 1 Gbit/s over 100 ms is 763 blocks in flight.
  std::uint32_t usual_requests = 1500;
  std::uint32_t max_requests = 4000;
  Duration request_horizon = std::chrono::milliseconds(500);  // added to the measured delay
  std::uint32_t max_incoming_requests = 5000;  // queued of one peer (our reqq); beyond: reject
  // Blocks in memory, of all torrents of a client together; beyond: spilled.
  std::uint64_t open_piece_bytes = 64 << 20;
  Duration spill_after = std::chrono::seconds(4);  // a block older than this is spilled
  // Of a large piece sooner: it takes long to complete, and a program that is killed loses what is
  // in memory. Not so soon that fast lines write most blocks twice.
  std::uint32_t large_piece = 4 << 20;  // bytes
  Duration spill_large_after = std::chrono::seconds(1);
  Duration block_timeout_min = std::chrono::seconds(2);  // before a block gets a second holder
  Duration block_timeout_max = std::chrono::seconds(20);
  Duration snubbed_after = std::chrono::seconds(60);  // asked and got nothing, as all others
  // A peer that sends requests back unserved: so many times in a row cost it nothing, then it is
  // not asked for a while that doubles.
  std::uint32_t unserved_turns = 2;
  Duration unserved_pause_min = std::chrono::milliseconds(250);
  Duration unserved_pause_max = std::chrono::seconds(30);
  Duration reject_pause = std::chrono::milliseconds(100);  // unchoked, and yet it rejected
  std::uint64_t max_unsent_bytes = 1 << 20;  // handed to one connection, not yet in its socket
  std::uint32_t max_unsent_blocks = 256;     // the same; they may be small ones

  // Choking
  Duration choke_interval = std::chrono::seconds(2);
  Duration optimistic_interval = std::chrono::seconds(4);
  std::uint32_t upload_slots_min = 4;  // unless the maximum is less
  std::uint32_t upload_slots_max = 40;
  std::uint32_t allowed_fast_pieces = 10;  // BEP 6
  // Other rules than our own (trade_policy.hpp), of those that lack pieces and of seeds. Empty, but
  // for comparisons in the simulator.
  std::function<std::unique_ptr<TradePolicy>()> leech_policy, seed_policy;
  // The same for what is asked of whom (pick_policy.hpp).
  std::function<std::unique_ptr<PickPolicy>()> pick_policy;

  // Bad data
  std::uint32_t bad_blocks_before_ban = 1;  // proven by digest
  // Before another newcomer is tried of a host that has sent wrong pieces; doubles with each.
  Duration trial_pause_min = std::chrono::milliseconds(250);
  Duration trial_pause_max = std::chrono::seconds(60);
  // A ban is for good, as long as there are others. Else one is tried again after so long, with one
  // piece: its disk may have changed while it read. Doubles each time.
  Duration ban_min = std::chrono::seconds(10);
  Duration ban_max = std::chrono::minutes(10);
  // Limits of the user, bytes a second
  std::uint64_t download_limit = unlimited;
  std::uint64_t upload_limit = unlimited;

  // Trackers
  Duration announce_interval_min = std::chrono::seconds(5);  // whatever a tracker asks
  Duration announce_interval_max = std::chrono::hours(2);
  Duration announce_retry_min = std::chrono::seconds(5);  // doubles up to the max, with jitter
  Duration announce_retry_max = std::chrono::minutes(30);
  // No tracker answers: how long we wait before more of a tier are asked side by side.
  Duration announce_patience = std::chrono::seconds(2);
  // Of a private torrent one tracker is asked at a time: for so long, if there is another.
  Duration announce_overdue = std::chrono::seconds(8);
  // We have all, free places and nobody to serve: how often newcomers are asked for, in the
  // beginning and at last, unless the tracker wants it less often.
  Duration lonely_interval_min = std::chrono::seconds(60);
  Duration lonely_interval_max = std::chrono::minutes(5);
  std::uint32_t peers_wanted = 80;
  // In need: of many that have gone without a word, those still there must be among the answer.
  std::uint32_t peers_wanted_in_need = 200;
  Duration famine_after = std::chrono::seconds(15);  // no block from anybody: ask a tracker early
};

// Which relation between limits does not hold, in one line; empty if all do, as a Swarm requires.
std::string fault(const SwarmConfig& config);

}  // namespace barter
