// Swarm::Core: the private half of Swarm. Joins the policies and holds
// the tables; split by concern over
//   swarm_core.cpp         commands, timers, what happens after each event
//   swarm_connections.cpp  links: whom to take, to keep, to call, to drop; trackers
//   swarm_trials.cpp       newcomers that must show first what they send
//   swarm_places.cpp       whose place a newcomer gets when all are taken
//   swarm_messages.cpp     each message of a peer
//   swarm_metadata.cpp     the time before the metainfo is known
//   swarm_exchange.cpp     whom peers are told of, and what they tell (BEP 11)
//   swarm_download.cpp     what to ask of whom
//   swarm_picking.cpp      the same by other rules than our own, for comparisons
//   swarm_pieces.cpp       blocks into pieces into the store; spilling, blame
//   swarm_upload.cpp       whom to serve, and with which block next
//   swarm_progress.cpp     questions
//   swarm_invariants.cpp   what must always hold between the tables
// Not included by anybody else.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/swarm/announcer.hpp"
#include "client/swarm/bans.hpp"
#include "client/swarm/blame.hpp"
#include "client/swarm/choker.hpp"
#include "client/swarm/first_copy.hpp"
#include "client/swarm/known_peers.hpp"
#include "client/swarm/metadata_fetch.hpp"
#include "client/swarm/open_pieces.hpp"
#include "client/swarm/own_address.hpp"
#include "client/swarm/passed_on.hpp"
#include "client/swarm/peer.hpp"
#include "client/swarm/peer_exchange.hpp"
#include "client/swarm/pick_policy.hpp"
#include "client/swarm/piece_picker.hpp"
#include "client/swarm/rate.hpp"
#include "client/swarm/rate_limiter.hpp"
#include "client/swarm/standing.hpp"
#include "client/swarm/swarm.hpp"
#include "client/swarm/trade_policy.hpp"
#include "client/swarm/trials.hpp"
#include "torrent/random.hpp"

namespace barter {

class Swarm::Core {
 public:
  Core(std::shared_ptr<const Metainfo> metainfo, std::shared_ptr<const SwarmConfig> config,
       PeerId our_id, const std::vector<std::vector<std::string>>& trackers, std::uint64_t seed);
  Core(const InfoHash& wanted, std::shared_ptr<const SwarmConfig> config, PeerId our_id,
       const std::vector<std::vector<std::string>>& trackers, std::uint64_t seed);

  // Commands and events: see Swarm.
  void metainfo_known(std::shared_ptr<const Metainfo> metainfo, TimePoint now);
  void resume(Standing standing);
  void start(TimePoint now);
  void stop(TimePoint now);
  void select(const std::vector<bool>& files, TimePoint now);
  void set_limits(std::uint64_t download, std::uint64_t upload, TimePoint now);
  void set_listen_port(std::uint16_t port) { listen_port_ = port; }
  void set_open_piece_bytes(std::uint64_t bytes, TimePoint now);
  void pieces_checked(const Bitfield& have, std::span<const BlockRef> spilled, TimePoint now);
  void pieces_lost(std::span<const PieceIndex> pieces, TimePoint now);
  void add_peers(PeerSource source, std::span<const Endpoint> peers, TimePoint now);
  void disk_recovered(TimePoint now);

  void peer_connected(ConnectionId connection, const PeerInfo& info, TimePoint now);
  void connect_failed(const Endpoint& endpoint, ConnectFailure failure, TimePoint now);
  void messages_received(ConnectionId connection, std::span<wire::Message> messages, TimePoint now);
  void block_sent(ConnectionId connection, BlockRange range, TimePoint now);
  void metadata_sent(ConnectionId connection, TimePoint now);
  void block_not_sent(ConnectionId connection, BlockRange range, SendFailure failure,
                      TimePoint now);
  void peer_disconnected(ConnectionId connection, DisconnectReason reason, TimePoint now);
  void piece_stored(PieceIndex piece, const StoreOutcome& outcome, TimePoint now,
                    std::vector<BlockBuffer> blocks);
  void block_spilled(BlockRef block, bool kept, TimePoint now, BlockBuffer buffer);
  void memory_short(TimePoint now);
  void announce_finished(TrackerId tracker, const AnnounceOutcome& outcome, TimePoint now);
  void network_changed(TimePoint now);
  void time_passed(TimePoint now);
  void take_actions(std::vector<Action>& out);
  TimePoint next_deadline() const;

  // Questions.
  Progress progress(TimePoint now) const;
  void peers(std::vector<PeerProgress>& out, TimePoint now) const;
  const Bitfield& have() const { return have_; }
  bool wants_connection(const Endpoint& from, TimePoint now) const;
  std::uint32_t blocks_due(ConnectionId connection) const;
  TimePoint listen_at(ConnectionId connection) const;
  bool stopped() const;
  bool at_rest() const;
  Standing standing() const { return {announcer_, downloaded_, uploaded_}; }
  std::string stall_reason(TimePoint now) const;
  std::string broken_invariant() const;

 private:
  std::string idle_without_reason(const Peer& peer) const;
  using Peers = std::vector<std::unique_ptr<Peer>>;

  // swarm_core.cpp
  void settle(TimePoint now);  // ends every event: what follows from what has changed
  void mark(Peer& peer);       // it may have room for requests or blocks: look at it in settle()
  void check_peers(TimePoint now);
  void check_peer(Peer& peer, TimePoint now);
  TimePoint peer_deadline(const Peer& peer, TimePoint now) const;
  TimePoint overloaded_at(const Peer& peer) const;
  void relieve(Peer& peer, TimePoint now);
  TimePoint silent_at(const Peer& peer, TimePoint now) const;
  Duration backlog(TimePoint now) const;
  void recount();  // after select, pieces_checked, pieces_lost
  void recount(Peer& peer);
  std::uint64_t content_bytes(PieceIndex piece) const;  // pads left out
  bool needed(PieceIndex piece) const;                  // wanted and not had
  bool trading() const { return started_ && !stopping_; }
  void send(Peer& peer, wire::Message message, TimePoint now);
  void notify(Notice notice);

  // swarm_connections.cpp
  Peer* find(ConnectionId connection) const;
  using Refusal = std::pair<DisconnectReason, std::string>;
  std::optional<Refusal> refusal(const PeerInfo& info, std::optional<Endpoint>& listen,
                                 TimePoint now);
  enum class Duplicate : std::uint8_t { none, keep_old, keep_new };
  Duplicate resolve_duplicate(const PeerInfo& fresh, const Peer& old) const;
  void greet(Peer& peer, TimePoint now);
  wire::ExtensionHandshake extension_handshake(const Peer& peer) const;
  void disconnect(Peer& peer, DisconnectReason reason, std::string detail, TimePoint now);
  void forget(Peer& peer, DisconnectReason reason, Duration pause,
              TimePoint now);  // the link is gone: undo what it holds
  void sweep();
  void tell_first_peer(const Endpoint& endpoint, PeerSource source);
  void connect_more(TimePoint now);
  void announce_due(TimePoint now);
  bool starving(TimePoint now) const;
  bool lonely() const;
  TimePoint famine_at() const;  // when we starve though we have links, if no block comes before
  bool link_is_pointless(const Peer& peer) const;
  void leave_seeds(TimePoint now);
  void ban(const Contributor& contributor, const std::string& reason, TimePoint now);
  void forget_blocks_of(ConnectionId connection);
  void forget_blocks(OpenPiece& open, ConnectionId connection);

  // swarm_trials.cpp
  bool must_prove_itself(const Peer& peer) const;
  bool host_is_busy(const Peer& peer) const;
  bool may_be_tried(const Peer& peer, TimePoint now);
  std::optional<BlockRef> trial_block(Peer& peer, TimePoint now);
  void end_trial(Peer& peer);
  void trust_senders(const OpenPiece& open);
  void distrust(const Address& address, bool all, TimePoint now);
  bool alone(TimePoint now) const;
  TimePoint pardon_until(TimePoint now) const;  // bans that end by then do not count

  // swarm_places.cpp
  struct Place {
    bool free = false;
    Peer* out = nullptr;  // who has to leave it
  };
  Place place_for(const Endpoint& newcomer, PeerSource source, TimePoint now) const;
  template <class Eligible>
  Peer* least_useful(const Endpoint& newcomer, TimePoint now, const Eligible& eligible) const;
  template <class Eligible>
  Peer* unused(const Eligible& eligible, TimePoint now) const;
  template <class Eligible>
  Peer* wasteful(const Eligible& eligible, TimePoint now) const;
  template <class Eligible>
  Peer* unproven(const Endpoint& newcomer, const Eligible& eligible, TimePoint now) const;
  template <class Eligible>
  Peer* outranked(const Endpoint& newcomer, const Eligible& eligible, TimePoint now) const;
  static bool carries(const Peer& peer);

  // swarm_messages.cpp
  void on(Peer& peer, wire::KeepAlive&, TimePoint now);
  void on(Peer& peer, wire::Choke&, TimePoint now);
  void on(Peer& peer, wire::Unchoke&, TimePoint now);
  void on(Peer& peer, wire::Interested&, TimePoint now);
  void on(Peer& peer, wire::NotInterested&, TimePoint now);
  void on(Peer& peer, wire::Have& message, TimePoint now);
  void on(Peer& peer, wire::BitfieldMessage& message, TimePoint now);
  void on(Peer& peer, wire::Request& message, TimePoint now);
  void on(Peer& peer, wire::Piece& message, TimePoint now);
  void on(Peer& peer, wire::Cancel& message, TimePoint now);
  void on(Peer& peer, wire::Port&, TimePoint now);
  void on(Peer& peer, wire::Suggest& message, TimePoint now);
  void on(Peer& peer, wire::HaveAll&, TimePoint now);
  void on(Peer& peer, wire::HaveNone&, TimePoint now);
  void on(Peer& peer, wire::Reject& message, TimePoint now);
  void on(Peer& peer, wire::AllowedFast& message, TimePoint now);
  void on(Peer& peer, wire::ExtensionHandshake& message, TimePoint now);
  void on(Peer& peer, wire::MetadataRequest& message, TimePoint now);
  void on(Peer& peer, wire::MetadataData& message, TimePoint now);
  void on(Peer& peer, wire::MetadataReject& message, TimePoint now);
  void on(Peer& peer, wire::DontHave& message, TimePoint now);
  void on(Peer& peer, wire::PeerExchange& message, TimePoint now);
  void on(Peer& peer, wire::Unknown&, TimePoint now);
  std::uint32_t idle_messages(const Peer& peer, const wire::Message& message) const;
  void declared(Peer& peer, TimePoint now);
  void has_all(Peer& peer);
  bool needs_fast(Peer& peer, const char* what, TimePoint now);
  void offer_allowed_fast(Peer& peer, TimePoint now);
  void update_interest(Peer& peer, TimePoint now);
  void repeat_unchoke(Peer& peer, TimePoint now);
  void breaks_protocol(Peer& peer, std::string detail, TimePoint now);

  // swarm_metadata.cpp
  bool keep_for_later(Peer& peer, wire::Message& message);
  void metadata_offered(Peer& peer, const wire::ExtensionHandshake& message);
  void fetch_metadata(TimePoint now);
  void serve_metadata(TimePoint now);
  void metadata_complete(TimePoint now);
  void consider_gossip(TimePoint now);
  void join_gossip(TimePoint now);
  void leave_gossip(TimePoint now);
  void greet_again(TimePoint now);
  std::string metadata_stall(std::uint32_t links, TimePoint now) const;

  // swarm_exchange.cpp
  bool exchanges_peers() const;
  void contacts_changed(TimePoint now);
  void tell_contacts(TimePoint now);
  void tell_contacts(Peer& peer, TimePoint now);
  void begin_telling(Peer& peer, std::uint8_t ut_pex, TimePoint now);
  void reached(const Endpoint& listen);
  void not_reached(ContributorId contributor, ConnectFailure failure);

  // swarm_download.cpp
  bool may_be_asked(const Peer& peer) const;
  void top_up(Peer& peer, TimePoint now);
  bool request_one(Peer& peer, TimePoint now);
  std::optional<BlockRef> choose_block(Peer& peer, TimePoint now);
  std::optional<BlockRef> choose_while_choked(Peer& peer, TimePoint now);
  OpenPiece* best_partial(const Peer& peer, bool alone, TimePoint now) const;
  std::optional<PieceIndex> new_piece(Peer& peer);
  std::size_t most_partial() const;
  bool may_open() const;
  bool memory_is_full() const;
  OpenPiece& open_piece(PieceIndex piece);
  std::optional<BlockRef> take_from(OpenPiece& open, Peer& peer, bool again);
  std::optional<BlockRef> sent_back_block(Peer& peer, TimePoint now);
  bool another_waits(const Peer& peer, PieceIndex piece, TimePoint now) const;
  std::optional<BlockRef> duplicate_slow_block(Peer& peer, TimePoint now);
  void release(Peer& peer, BlockRef block);  // the peer will not deliver it
  void pause_asking(Peer& peer, Duration least, TimePoint now);
  void withdraw(Peer& peer, BlockRef block, TimePoint now);  // we do not want it of this peer
  void release_all(Peer& peer, TimePoint now, bool cancel);
  bool may_help(const Peer& peer) const;
  void mark_late_requests(Peer& peer, TimePoint now);
  std::uint32_t request_target(const Peer& peer, TimePoint now) const;

  // swarm_picking.cpp
  PickingPeer picking(const Peer& peer, TimePoint now) const;
  bool is_foreign(const Peer& peer, const OpenPiece& open, TimePoint now) const;
  std::optional<BlockRef> second_request(Peer& peer, TimePoint now);
  std::optional<BlockRef> end_game_block(Peer& peer);
  void withdraw_from_all(BlockRef block, TimePoint now);

  // swarm_pieces.cpp
  void block_arrived(Peer& peer, BlockRef block, bool asked, BlockBuffer buffer, TimePoint now);
  void store_if_complete(OpenPiece& open, TimePoint now);
  bool doubted(OpenPiece& open, TimePoint now);
  void store_doubted(TimePoint now);
  void piece_verified(OpenPiece& open, const StoreOutcome& outcome, TimePoint now);
  void piece_was_wrong(OpenPiece& open, const StoreOutcome& outcome, TimePoint now);
  void blocks_lost(OpenPiece& open, const StoreOutcome& outcome, std::vector<BlockBuffer> blocks,
                   TimePoint now);
  void disk_failed(OpenPiece& open, const StoreOutcome& outcome, std::vector<BlockBuffer> blocks,
                   TimePoint now);
  void suspect_senders(const OpenPiece& open);
  void check_complete(TimePoint now);
  void want_no_more(TimePoint now);
  void abandon(OpenPiece& open, TimePoint now);
  bool is_large(PieceIndex piece) const;
  TimePoint spill_due(const OpenPiece& open) const;
  void spill_all(OpenPiece& open);
  void spill_overdue(TimePoint now);
  void relieve_memory(TimePoint now);
  bool give_up_memory(OpenPiece& open, TimePoint now);
  std::uint64_t memory_bytes() const { return memory_blocks_ * block_length; }

  // swarm_progress.cpp
  std::uint64_t missing_bytes(const OpenPiece& open) const;
  std::string asked_besides() const;
  PeerProgress row_of(const Peer& peer, TimePoint now) const;
  SwarmFacts swarm_facts(TimePoint now) const;
  PeerFacts peer_facts(const Peer& peer, TimePoint now) const;
  void summarize_limits(Progress& out, TimePoint now) const;

  // swarm_upload.cpp
  void serve(Peer& peer, TimePoint now);
  void serve_in_turn(TimePoint now);
  bool serve_one(Peer& peer, TimePoint now);
  void serve_by_policy(TradePolicy& policy, TimePoint now);
  TradePolicy* other_policy() const;              // null: our own
  bool receiver_is_full(const Peer& peer) const;  // it gets no more until it reads
  bool may_serve(const Peer& peer, const BlockRange& range) const;
  bool is_granted(const Peer& peer, PieceIndex piece) const;
  void reject(Peer& peer, const BlockRange& range, TimePoint now);
  void count_misbehaviour(Peer& peer, TimePoint now);
  void count_vain_cancel(Peer& peer, TimePoint now);
  void choke(Peer& peer, TimePoint now);
  void unchoke(Peer& peer, TimePoint now);
  void refuse_waiting(Peer& peer, TimePoint now);  // those it may no longer have
  void choke_round(TimePoint now);
  bool has_few() const;
  void update_first_copy();
  double lag_of(const Peer& peer) const;
  static bool ungrateful(const Peer& peer);
  bool keeps(const Peer& peer, TimePoint now) const;
  static bool leaves_slot_empty(const Peer& peer, TimePoint now);
  void note_lapse(Peer& peer, TimePoint now) const;
  bool lets_slots_lapse(const Peer& peer, TimePoint now) const;
  void choke_soon(TimePoint now);
  void offer_first_copy(Peer& peer, TimePoint now);

  std::shared_ptr<const Metainfo> metainfo_;
  std::shared_ptr<const SwarmConfig> config_;
  Layout layout_;
  // While the metainfo is not known: then metainfo_ and layout_ stand
  // for one piece that nobody has.
  std::unique_ptr<MetadataFetch> metadata_;
  bool told_metadata_ = false;
  // Others than trackers may know of the torrent: it is not private, or nobody can tell and the
  // trackers of its link have had their chance.
  bool gossips_ = false;
  PeerId our_id_;
  std::uint16_t listen_port_ = 0;
  Random random_;

  bool started_ = false, stopping_ = false;
  bool disk_paused_ = false, spill_works_ = true;
  std::string disk_message_;

  // Pieces.
  Bitfield have_, wanted_;
  std::uint32_t needed_count_ = 0;
  std::uint64_t wanted_bytes_ = 0, verified_wanted_bytes_ = 0;
  bool was_complete_ = false, announced_wanted_ = false;
  PiecePicker picker_;
  OpenPieces open_;
  Blame blame_;
  std::uint64_t open_piece_bytes_;   // may be held; beyond: spilled, or given up
  bool memory_was_short_ = false;    // then what is asked for counts as held
  std::uint64_t memory_blocks_ = 0;  // in open pieces, on their way to the store or the spill
  std::uint32_t storing_ = 0;        // pieces
  std::uint32_t spilling_ = 0;       // blocks

  // Peers.
  Peers peers_;                    // by ConnectionId
  std::vector<ConnectionId> ids_;  // of them, in the same order
  std::vector<Peer*> marked_;
  bool has_closing_ = false;
  KnownPeers known_;
  PeerExchange exchange_;
  Bans bans_;
  Trials trials_;
  std::vector<Endpoint> connecting_;
  RateLimiter connect_pace_;
  TimePoint next_chance_{};  // when a newcomer may get a place by chance
  bool told_first_peer_ = false;
  bool links_changed_ = false;  // connect_more() and announce_due() should look
  std::uint32_t sources_ = 0;   // peers that do not choke us
  Answers answers_;

  Choker choker_;
  FirstCopy first_copy_;
  PassedOn passed_on_;
  // Null, but in comparisons.
  std::unique_ptr<TradePolicy> leech_policy_, seed_policy_;
  std::unique_ptr<PickPolicy> pick_policy_;
  std::uint32_t slots_ = 0;
  TimePoint last_round_{}, rotate_at_{}, started_at_{}, finished_at_{};
  std::size_t upload_turn_ = 0, download_turn_ = 0;

  Announcer announcer_;
  OwnAddress own_address_;

  RateLimiter download_limiter_, upload_limiter_;
  bool work_freed_ = false;  // hungry peers should look again
  Rate down_, up_;
  std::uint64_t downloaded_ = 0, uploaded_ = 0, wasted_ = 0;

  // Deadlines: each is when its work is due, or a time before it.
  TimePoint choke_at_ = never, peers_at_ = never, spill_at_ = never, connect_at_ = never,
            announce_at_ = never, download_at_ = never, upload_at_ = never, metadata_at_ = never,
            tell_at_ = never, gossip_at_ = never, doubt_at_ = never, trial_at_ = never,
            pardon_at_ = never;

  std::vector<Action> actions_;
  std::vector<ChokeCandidate> candidates_;  // scratch
  std::vector<bool> unchoke_;               // scratch
};

}  // namespace barter
