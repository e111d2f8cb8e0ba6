// Swarm: our behaviour toward everybody who shares one torrent. A state machine: a few things can
// happen to it, and a few it can ask for. No socket, file, clock or randomness of its own
// (docs/design.md).
//
//   commands   imperative: what the user wants
//   events     past tense: what happened. `now` never goes backwards
//   actions    take_actions(): what it wants done; drain after every event or batch
//   questions  nouns: no side effects
//
// How it is driven:
//
//   swarm.messages_received(connection, messages, now);  // or another event, or several
//   swarm.take_actions(actions);                         // and do them: some answer by an event,
//   for (Action& action : actions) perform(action);      // so again until there are none
//   timer.expires_at(swarm.next_deadline());             // then: swarm.time_passed(now)
//
// One owner, one thread. Nothing a peer sends can make it fail: a peer that breaks the protocol
// gets Disconnect{reason}.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chunkstore/store_outcome.hpp"
#include "client/swarm/action.hpp"
#include "client/swarm/config.hpp"
#include "torrent/bitfield.hpp"
#include "torrent/metainfo.hpp"

namespace barter {

struct Standing;  // client/swarm/standing

struct PeerInfo {
  Endpoint remote;
  PeerId peer_id;
  bool outgoing = false;
  PeerSource source = PeerSource::incoming;
  bool fast = false;      // both sides set the bit (BEP 6)
  bool extended = false;  // both sides set the bit (BEP 10)
};

struct AnnounceOutcome {
  bool ok = false;
  bool retryable = true;  // false: the tracker said "retry in never"
  std::string failure;    // of the tracker or the network, without passkeys
  std::string warning;
  std::optional<Duration> interval, min_interval, retry_in;  // BEP 31
  std::vector<Endpoint> peers;
  std::string tracker_id;
  std::optional<std::uint32_t> complete, incomplete;
  std::optional<Address> external_ip;  // BEP 24
};

// How far a magnet link's info dictionary is; only `offers` means something before a size is known.
struct MetadataProgress {
  std::uint64_t bytes_done = 0, bytes_total = 0;  // total 0: no peer has told its size
  std::uint32_t offers = 0;                       // connected peers that say they have it
};

struct Progress {
  std::uint64_t wanted_bytes = 0;                    // of selected files' pieces
  std::uint64_t verified_bytes = 0;                  // of those
  std::uint64_t received_bytes = 0;                  // verified or in open pieces, for a smooth bar
  std::uint64_t downloaded = 0, uploaded = 0;        // payload of this run
  std::uint64_t wasted = 0;                          // arrived twice, unasked or wrong
  std::uint64_t download_rate = 0, upload_rate = 0;  // bytes a second
  std::uint32_t connections = 0, seeds = 0;          // connected peers, and those that have all
  std::uint32_t known_peers = 0;
  bool wanted_complete = false;  // every wanted piece
  bool complete = false;         // every piece: a seed
  bool paused_by_disk = false;
  LimitSummary download_limit, upload_limit;  // what keeps it from being faster
  std::optional<MetadataProgress> metadata;  // while the metainfo is not known; no bytes are wanted
};

class Swarm {
 public:
  // `seed` is the source of all randomness. `trackers`: tiers (BEP 12), already filtered to what
  // the driver can announce to; TrackerId counts through them in order.
  Swarm(std::shared_ptr<const Metainfo> metainfo, std::shared_ptr<const SwarmConfig> config,
        PeerId our_id, std::vector<std::vector<std::string>> trackers, std::uint64_t seed);
  // Of a magnet link: it fetches the info dictionary that has this v1 hash (and the v2 hash, where
  // there is one), tells MetadataComplete and waits for metainfo_known(). Links stay; what peers
  // say of their pieces meanwhile is heard then.
  Swarm(const InfoHash& wanted, std::shared_ptr<const SwarmConfig> config, PeerId our_id,
        std::vector<std::vector<std::string>> trackers, std::uint64_t seed);
  ~Swarm();
  Swarm(Swarm&&) noexcept;
  Swarm& operator=(Swarm&&) noexcept;

  // Commands.
  // Before start(): goes on from what an earlier swarm of this torrent has left.
  void resume(Standing standing);
  void start(TimePoint now);
  // Chokes nobody new, spills open blocks, sends `stopped`; ready to
  // be destroyed when stopped() is true.
  void stop(TimePoint now);
  // Once, for a swarm that began without; start() again after it, and
  // after what comes before a start.
  void metainfo_known(std::shared_ptr<const Metainfo> metainfo, TimePoint now);
  void select(const std::vector<bool>& files, TimePoint now);  // by file; before or after start
  void set_limits(std::uint64_t download, std::uint64_t upload, TimePoint now);  // bytes a second
  void set_listen_port(std::uint16_t port);
  // Instead of SwarmConfig's: this torrent's share. At least two
  // pieces, so that one can always be completed.
  void set_open_piece_bytes(std::uint64_t bytes, TimePoint now);
  void pieces_checked(const Bitfield& have, std::span<const BlockRef> spilled, TimePoint now);
  void pieces_lost(std::span<const PieceIndex> pieces, TimePoint now);  // files changed (BEP 54)
  void add_peers(PeerSource source, std::span<const Endpoint> peers, TimePoint now);
  // There is room again after DiskTrouble.
  void disk_recovered(TimePoint now);

  // Events.
  void peer_connected(ConnectionId connection, const PeerInfo& info, TimePoint now);
  void connect_failed(const Endpoint& endpoint, ConnectFailure failure, TimePoint now);
  void messages_received(ConnectionId connection, std::span<wire::Message> messages, TimePoint now);
  void block_sent(ConnectionId connection, BlockRange range, TimePoint now);
  // All messages with metadata to this peer are written.
  void metadata_sent(ConnectionId connection, TimePoint now);
  void block_not_sent(ConnectionId connection, BlockRange range, SendFailure failure,
                      TimePoint now);
  void peer_disconnected(ConnectionId connection, DisconnectReason reason, TimePoint now);
  // `blocks`: on no_space and io_error those of the StorePiece come back, to be stored again later.
  void piece_stored(PieceIndex piece, const StoreOutcome& outcome, TimePoint now,
                    std::vector<BlockBuffer> blocks = {});
  // `kept` false: `buffer` is the block, which stays in memory; without it the block is lost.
  void block_spilled(BlockRef block, bool kept, TimePoint now, BlockBuffer buffer = {});
  // The buffers of all torrents are in use: whoever holds more than half of its share gives the
  // rest back, the piece that lacks least excepted.
  void memory_short(TimePoint now);
  void announce_finished(TrackerId tracker, const AnnounceOutcome& outcome, TimePoint now);
  // This machine has other addresses than before.
  void network_changed(TimePoint now);
  void time_passed(TimePoint now);

  // Actions, appended to `out` in the order in which to do them.
  void take_actions(std::vector<Action>& out);
  // When to call time_passed if nothing else happens first; `never` if nothing is due.
  TimePoint next_deadline() const;

  // Questions.
  Progress progress(TimePoint now) const;
  void peers(std::vector<PeerProgress>& out, TimePoint now) const;
  const Bitfield& have() const;
  bool wants_connection(const Endpoint& from,
                        TimePoint now) const;  // an incoming one, before its handshake is answered
  // How many blocks are due from this connection: the reader prepares that many buffers.
  std::uint32_t blocks_due(ConnectionId connection) const;
  // Before that time nothing is to be read from this connection: it says too much that brings
  // nothing. A time in the past if it may be read.
  TimePoint listen_at(ConnectionId connection) const;
  bool stopped() const;
  // All is had, nobody is linked or called, and no tracker has still to answer: what would be lost
  // with this swarm is its standing().
  bool at_rest() const;
  Standing standing() const;
  // Why nothing moves, in one line for a person; empty while bytes flow.
  std::string stall_reason(TimePoint now) const;
  // A contradiction between the tables, in one line; empty if there is none, as ever. Walks
  // everything: for the simulator and the fuzzer.
  std::string broken_invariant() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace barter
