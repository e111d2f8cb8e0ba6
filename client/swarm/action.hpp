// Action: what a Swarm wants done. Plain values in the imperative; the driver does them in order
// and reports back with the Swarm's events. An action about a connection that has gone is dropped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "chunkstore/block_buffer.hpp"
#include "client/swarm/limits.hpp"
#include "client/wire/message.hpp"
#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/layout.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/time.hpp"

namespace barter {

// A link to a peer: a number given by the driver, never used twice in a swarm's life.
enum class ConnectionId : std::uint32_t {};
// A tracker of the torrent: its place in Swarm's flat list.
enum class TrackerId : std::uint16_t {};

enum class PeerSource : std::uint8_t { incoming, tracker, user, dht, pex, lsd };
inline constexpr std::size_t peer_sources = static_cast<std::size_t>(PeerSource::lsd) + 1;
std::string_view to_string(PeerSource source);
// Told by others than the tracker, the user and the peer itself:
// private torrents know none (BEP 27).
constexpr bool is_gossip(PeerSource source) {
  return source == PeerSource::dht || source == PeerSource::pex || source == PeerSource::lsd;
}

enum class DisconnectReason : std::uint8_t {
  // ours
  protocol_error,
  bad_data,
  self,
  duplicate,
  both_seeds,
  not_interesting,
  too_many,
  timeout,
  idle,
  flooding,
  banned,
  unused,
  stopping,
  torrent_changed,
  // the link's
  closed_by_peer,
  connection_lost,
};
std::string_view to_string(DisconnectReason reason);

enum class ConnectFailure : std::uint8_t {
  refused,
  timed_out,
  unreachable,
  handshake_failed,
  wrong_torrent,
  no_room,  // we have no connection or descriptor left: it says nothing of the peer
};

enum class SendFailure : std::uint8_t { read_error, file_changed, cancelled };

enum class AnnounceEvent : std::uint8_t { none, started, completed, stopped, paused };

// Open a connection and shake hands; answered by peer_connected or connect_failed.
struct Connect {
  Endpoint endpoint;
  PeerSource source = PeerSource::tracker;
};
// Close it at once. No peer_disconnected follows: the swarm has forgotten the connection.
struct Disconnect {
  ConnectionId connection{};
  DisconnectReason reason{};
  std::string detail;  // for the log: what was wrong
};
struct Send {
  ConnectionId connection{};
  wire::Message message;
};
// The same `have` to many: one action, so that a hundred peers cost one variant.
struct SendHave {
  PieceIndex piece{};
  std::vector<ConnectionId> connections;
};
// Read the block and send it; answered by block_sent, or block_not_sent.
struct SendBlock {
  ConnectionId connection{};
  BlockRange range;
};
// Do not send it if it has not begun; answered by block_not_sent(cancelled), or by block_sent.
struct CancelBlock {
  ConnectionId connection{};
  BlockRange range;
};
// Hash and write; answered by piece_stored. Blocks as in Store::store_piece.
struct StorePiece {
  PieceIndex piece{};
  std::vector<BlockBuffer> blocks;
  bool want_digests = false;
};
// Put an unverified block aside; answered by block_spilled.
struct SpillBlock {
  BlockRef block;
  BlockBuffer buffer;
};
// Forget the spilled blocks of a piece that failed.
struct DropSpilled {
  PieceIndex piece{};
};
// Tell a tracker; answered by announce_finished. All addresses families of the host.
struct Announce {
  TrackerId tracker{};
  AnnounceEvent event{};
  std::uint64_t uploaded = 0, downloaded = 0, left = 0;  // bytes; left counts wanted ones
  std::uint32_t peers_wanted = 0;
  std::string tracker_id;  // "trackerid" of its last reply, passed back
};

// The DHT and the local network may be asked for peers from now on; or not any more, since the
// torrent has shown to be private (BEP 27). Not said of a torrent that is known to be private.
struct FindPeers {
  bool wanted = true;
};

// A peer has told of its node of the DHT (BEP 5), which is a matter of the whole client. Said again
// after FindPeers.
struct NodeHeard {
  Endpoint node;
};

// What a person or a program may want to know. Cheap: not on the block path.
struct PieceVerified {
  PieceIndex piece{};
};
// The first whom anybody named, or who came by itself.
struct FirstPeer {
  Endpoint endpoint;
  PeerSource source{};
};
struct WantedComplete {};  // every wanted piece is verified and written
struct PeerBanned {
  Endpoint endpoint;
  std::string reason;
};
struct PieceFailed {
  PieceIndex piece{};
};
struct DiskTrouble {  // transfer paused for want of space or after an error; `message` says which
  std::string message;
  bool no_space = false;
};
struct DiskRecovered {};
// A file can never be written as it is: nothing more is stored. Whoever owns the files decides.
struct WriteRefused {
  std::string message;
};
struct TrackerMessage {  // a tracker's warning or failure, once per change
  TrackerId tracker{};
  bool failure = false;
  std::string message;
};
// Of a magnet link: its info dictionary has come and its hashes are right. With an error instead
// nothing can become of the torrent.
struct MetadataComplete {
  std::shared_ptr<const Metainfo> metainfo;
  std::optional<Error> error;
};
// One peer as a person may see it.
struct PeerProgress {
  ConnectionId connection{};
  PeerId peer_id;
  Endpoint remote;
  std::string client;  // as it calls itself, or from its peer id; to be escaped when shown
  PeerSource source{};
  bool outgoing = false;
  bool am_choking = true, am_interested = false, peer_choking = true, peer_interested = false;
  bool snubbed = false;
  std::uint64_t downloaded = 0, uploaded = 0;        // payload bytes
  std::uint64_t download_rate = 0, upload_rate = 0;  // bytes a second
  std::uint32_t pieces = 0;                          // it has
  std::uint32_t requests_out = 0, requests_in = 0;
  // What keeps it from being faster; Swarm::peers() knows, PeerLeft does not.
  Limit download_limit = Limit::stopped, upload_limit = Limit::stopped;
};

// A link has ended; what went over it.
struct PeerLeft {
  PeerProgress peer;
  DisconnectReason reason{};
};
using Notice =
    std::variant<PieceVerified, WantedComplete, PeerBanned, PieceFailed, DiskTrouble, DiskRecovered,
                 WriteRefused, TrackerMessage, PeerLeft, MetadataComplete, FirstPeer>;
struct Notify {
  Notice notice;
};

using Action = std::variant<Connect, Disconnect, Send, SendHave, SendBlock, CancelBlock, StorePiece,
                            SpillBlock, DropSpilled, Announce, FindPeers, NodeHeard, Notify>;

}  // namespace barter
