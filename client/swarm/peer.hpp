// Peer: all that the swarm knows of one live link. A plain table row: the decisions are in the
// policies, the joining in the Core. Kept small, for ten thousand swarms of thirty connections.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/swarm/chatter.hpp"
#include "client/swarm/early_messages.hpp"
#include "client/swarm/metadata_server.hpp"
#include "client/swarm/open_piece.hpp"
#include "client/swarm/peer_exchange.hpp"
#include "client/swarm/rate.hpp"
#include "client/swarm/request_queue.hpp"
#include "client/swarm/silence.hpp"
#include "client/swarm/swarm.hpp"
#include "client/swarm/unserved.hpp"
#include "client/swarm/upload_queue.hpp"
#include "torrent/bitfield.hpp"

namespace barter {

// What an extension handshake tells (BEP 10); before it comes, nothing is supported.
struct PeerExtensions {
  std::uint8_t ut_metadata = 0, lt_donthave = 0, ut_pex = 0;
  bool upload_only = false;  // BEP 21
  std::uint32_t reqq = 250;  // the customary limit of those that state none
};

struct Peer {
  Peer(ConnectionId connection, const PeerInfo& link, TimePoint now)
      : id(connection),
        remote(link.remote),
        listen(link.remote),
        peer_id(link.peer_id),
        source(link.source),
        outgoing(link.outgoing),
        fast(link.fast),
        extended(link.extended),
        listen_known(link.outgoing),
        connected_at(now),
        last_received(now),
        last_sent(now),
        last_block(now),
        choke_changed(now) {}

  ConnectionId id;
  Endpoint remote;
  Endpoint listen;  // where it accepts connections, if listen_known
  PeerId peer_id;
  PeerSource source;
  bool outgoing, fast, extended, listen_known;

  // BEP 3, in the specification's words.
  bool am_choking = true, am_interested = false, peer_choking = true, peer_interested = false;
  bool closing = false;          // Disconnect was emitted; removed at the end of the event
  bool declared = false;         // its bitfield, have all or have none has come
  bool counted_as_seed = false;  // by the picker, as a number; its bitfield is empty then
  bool snubbed = false;          // owed us blocks for too long
  TimePoint relieved = never;    // the debt for which it was looked at, whether it holds less
  bool suspect = false;          // sent a part of a wrong piece, and no right one alone since then
  bool trusted = false;          // has sent right pieces, as many as we want to see (trials.hpp)
  bool took_only = false;        // when we had all: it had a good start and gave nothing like it
  bool hungry = false;           // has room for requests, and found nothing to ask for
  bool marked = false;           // on the Core's list of peers to be looked at
  bool sent_allowed_fast = false;

  Bitfield has;                   // empty: none, or all where counted_as_seed
  std::uint32_t interesting = 0;  // pieces it has and we want
  PeerExtensions extensions;
  std::string client;          // as it calls itself
  std::uint16_t dht_port = 0;  // of its node of the DHT, once it has told

  RequestQueue requests;
  Debt debt;
  PieceIndex current_piece{};              // the piece it was asked for last
  std::uint64_t nothing_at_epoch = ~0ull;  // of the picker, when it had no piece for this peer
  std::uint32_t right_pieces = 0;          // in which it had a part
  std::optional<PieceIndex> trial;         // the piece that it is tried with
  Unserved unserved;
  TimePoint asks_again_at{};         // after requests that came back: not before
  std::uint32_t strays_allowed = 0;  // requests withdrawn: their blocks or rejects may still come
  std::vector<PieceIndex> allowed_fast;  // it lets us fetch these while it chokes us
  std::vector<PieceIndex> suggested;

  UploadQueue uploads;
  std::vector<PieceIndex> granted_fast;  // we let it fetch these while we choke it
  std::uint32_t misbehaved = 0;          // requests beyond what it may have, since the last change
  std::uint64_t requests_received = 0, cancels_in_vain = 0;
  Chatter chatter;
  MetadataServer metadata;
  std::unique_ptr<EarlyMessages> early;  // while the metainfo is not known
  ExchangeState exchange;

  Rate down, up;
  std::uint64_t downloaded = 0, uploaded = 0, uploaded_since_unchoke = 0;

  TimePoint connected_at, last_received, last_sent;
  TimePoint last_block;  // of payload, either way; or connected
  TimePoint choke_changed;
  TimePoint interested_since{};   // the peer
  TimePoint slot_lapsed = never;  // was unchoked, and asked for nothing

  bool is_seed(std::size_t pieces) const { return counted_as_seed || has.count() == pieces; }
  bool has_piece(PieceIndex piece) const {
    return counted_as_seed || (has.size() != 0 && has.test(to_number(piece)));
  }
  const Bitfield* pieces_or_all() const { return counted_as_seed ? nullptr : &has; }
  Contributor contributor() const { return {id, peer_id, remote}; }
};

}  // namespace barter
