// Commands, timers, and what follows from an event once it is digested.
#include "client/swarm/swarm_core.hpp"

#include <algorithm>
#include <cassert>

namespace barter {

using std::chrono::milliseconds;
using std::chrono::seconds;

Swarm::Core::Core(std::shared_ptr<const Metainfo> metainfo,
                  std::shared_ptr<const SwarmConfig> config, PeerId our_id,
                  const std::vector<std::vector<std::string>>& trackers, std::uint64_t seed)
    : metainfo_(std::move(metainfo)),
      config_(std::move(config)),
      layout_(metainfo_->layout()),
      our_id_(our_id),
      random_(seed),
      have_(layout_.piece_count()),
      wanted_(layout_.piece_count(), true),
      picker_(layout_.piece_count(), random_),
      open_(layout_),
      open_piece_bytes_(config_->open_piece_bytes),
      connect_pace_(config_->connects_per_second),
      announcer_(trackers, metainfo_->is_private(), random_),
      download_limiter_(config_->download_limit),
      upload_limiter_(config_->upload_limit) {
  assert(fault(*config_).empty());
  if (config_->leech_policy) leech_policy_ = config_->leech_policy();
  if (config_->seed_policy) seed_policy_ = config_->seed_policy();
  if (config_->pick_policy) pick_policy_ = config_->pick_policy();
  recount();
}

// ---- commands

void Swarm::Core::resume(Standing standing) {
  assert(!started_);
  announcer_ = std::move(standing.announcer);
  downloaded_ = standing.downloaded;
  uploaded_ = standing.uploaded;
}

void Swarm::Core::start(TimePoint now) {
  if (started_ || stopping_) return;
  started_ = true;
  started_at_ = now;
  next_chance_ = now + config_->chance_interval;
  was_complete_ = have_.all();
  announced_wanted_ = needed_count_ == 0;
  announcer_.set_partial_seed(needed_count_ == 0 && !was_complete_, now);
  announcer_.start(now);
  if (!metadata_ && !metainfo_->is_private()) join_gossip(now);
  // Of a magnet link there are peers already.
  for (const auto& peer : peers_) mark(*peer);
  if (needed_count_ == 0) want_no_more(now);
  links_changed_ = true;
  settle(now);
}

void Swarm::Core::stop(TimePoint now) {
  if (stopping_) return;
  stopping_ = true;
  for (const auto& peer : peers_) disconnect(*peer, DisconnectReason::stopping, {}, now);
  for (const auto& open : open_.all())
    if (open->phase != OpenPiece::Phase::storing) spill_all(*open);
  announcer_.stop();
  links_changed_ = true;
  settle(now);
}

void Swarm::Core::select(const std::vector<bool>& files, TimePoint now) {
  if (metadata_) return;
  Bitfield wanted(layout_.piece_count());
  for (std::size_t file = 0; file < layout_.files().size(); ++file) {
    if (layout_.files()[file].pad || file >= files.size() || !files[file]) continue;
    const auto pieces = layout_.pieces_of(file);
    if (!pieces) continue;
    for (std::uint32_t i = to_number(pieces->first); i <= to_number(pieces->last); ++i)
      wanted.set(i);
  }
  wanted_ = std::move(wanted);
  std::vector<PieceIndex> dropped;
  for (const auto& open : open_.all())
    if (!wanted_.test(to_number(open->piece()))) dropped.push_back(open->piece());
  for (const PieceIndex piece : dropped)
    if (OpenPiece& open = *open_.find(piece); open.phase != OpenPiece::Phase::storing)
      abandon(open, now);
  recount();
  for (const auto& peer : peers_) update_interest(*peer, now);
  if (started_) {
    announced_wanted_ = announced_wanted_ && needed_count_ == 0;
    check_complete(now);
    announcer_.set_partial_seed(needed_count_ == 0 && !have_.all(), now);
  }
  work_freed_ = links_changed_ = true;
  settle(now);
}

void Swarm::Core::set_limits(std::uint64_t download, std::uint64_t upload, TimePoint now) {
  download_limiter_.set_limit(download, now);
  upload_limiter_.set_limit(upload, now);
  work_freed_ = true;
  upload_at_ = now;
  if (!metadata_) metadata_at_ = now;
  choke_soon(now);
  settle(now);
}

void Swarm::Core::set_open_piece_bytes(std::uint64_t bytes, TimePoint now) {
  open_piece_bytes_ = std::max(bytes, 2 * std::uint64_t{layout_.piece_length()});
  work_freed_ = true;
  settle(now);
}

void Swarm::Core::pieces_checked(const Bitfield& have, std::span<const BlockRef> spilled,
                                 TimePoint now) {
  if (metadata_ || have.size() != have_.size()) return;
  for (std::size_t i = have.next_set(0); i < have.size(); i = have.next_set(i + 1)) {
    const PieceIndex piece{static_cast<std::uint32_t>(i)};
    OpenPiece* open = open_.find(piece);
    if (open != nullptr && open->phase == OpenPiece::Phase::storing) continue;  // will tell itself
    if (open != nullptr) abandon(*open, now);
    if (!have_.set(i) || peers_.empty()) continue;
    SendHave action{piece, {}};
    for (const auto& peer : peers_)
      if (!peer->closing) action.connections.push_back(peer->id);
    actions_.emplace_back(std::move(action));
  }
  for (const BlockRef block : spilled) {
    const auto piece = layout_.piece(to_number(block.piece));
    if (!piece || block.block >= layout_.block_count(*piece) || !needed(*piece)) continue;
    OpenPiece* open = open_.find(*piece);
    if (open == nullptr) open = &open_piece(*piece);
    open->restore_spilled(block.block);
    open_.update(*open);
  }
  recount();
  std::vector<PieceIndex> restored;
  for (const auto& open : open_.all()) restored.push_back(open->piece());
  for (const PieceIndex piece : restored)
    if (OpenPiece* open = open_.find(piece)) store_if_complete(*open, now);
  for (const auto& peer : peers_) update_interest(*peer, now);
  if (started_) check_complete(now);
  work_freed_ = true;
  settle(now);
}

void Swarm::Core::pieces_lost(std::span<const PieceIndex> pieces, TimePoint now) {
  if (metadata_) return;
  std::vector<PieceIndex> lost;
  for (const PieceIndex piece : pieces)
    if (layout_.piece(to_number(piece)) && have_.clear(to_number(piece))) lost.push_back(piece);
  if (lost.empty()) return;
  recount();
  // The seeds that were left when all was there are called again at once.
  if (announced_wanted_ && needed_count_ > 0) known_.retry_all(now);
  announced_wanted_ = announced_wanted_ && needed_count_ == 0;
  for (const auto& peer : peers_) {
    if (peer->closing) continue;
    if (peer->extensions.lt_donthave == 0) {  // BEP 54: the only other way to take back a have
      disconnect(*peer, DisconnectReason::torrent_changed, {}, now);
      continue;
    }
    for (const PieceIndex piece : lost)
      send(*peer, wire::DontHave{to_number(piece), peer->extensions.lt_donthave}, now);
    refuse_waiting(*peer, now);
    update_interest(*peer, now);
  }
  work_freed_ = links_changed_ = true;
  settle(now);
}

void Swarm::Core::add_peers(PeerSource source, std::span<const Endpoint> peers, TimePoint now) {
  // BEP 27: a private torrent knows its tracker's peers and the user's, nobody else's.
  const bool allowed = source == PeerSource::tracker || source == PeerSource::user || gossips_;
  if (!allowed) return;
  for (const Endpoint& endpoint : peers) {
    if (bans_.banned(endpoint)) continue;
    const bool fresh = known_.add(endpoint, source, *config_, now, random_);
    // Trackers and the DHT tell us of ourselves, too; the call shows who it is.
    if (fresh && endpoint.port != listen_port_) tell_first_peer(endpoint, source);
  }
  links_changed_ = true;
  settle(now);
}

void Swarm::Core::disk_recovered(TimePoint now) {
  spill_works_ = true;
  if (!disk_paused_) return;
  disk_paused_ = false;
  notify(DiskRecovered{});
  for (const auto& peer : peers_) mark(*peer);
  std::vector<PieceIndex> waiting;
  for (const auto& open : open_.all())
    if (open->phase == OpenPiece::Phase::waiting) waiting.push_back(open->piece());
  for (const PieceIndex piece : waiting) {
    OpenPiece& open = *open_.find(piece);
    open.phase = OpenPiece::Phase::fetching;
    open_.update(open);
    store_if_complete(open, now);
  }
  work_freed_ = true;
  settle(now);
}

// ---- what follows from an event

void Swarm::Core::mark(Peer& peer) {
  if (peer.marked || peer.closing) return;
  peer.marked = true;
  marked_.push_back(&peer);
}

void Swarm::Core::settle(TimePoint now) {
  if (metadata_) {
    fetch_metadata(now);
    consider_gossip(now);
  } else if (metadata_at_ <= now) {
    serve_metadata(now);
  }
  if (choke_at_ <= now) choke_round(now);
  do {
    if (work_freed_) {
      work_freed_ = false;
      // From another peer on each time: under a limit the first would have it all.
      for (std::size_t i = 0; i < peers_.size(); ++i) {
        Peer& peer = *peers_[(download_turn_ + i) % peers_.size()];
        if (peer.hungry || (peer.requests.empty() && may_be_asked(peer))) mark(peer);
      }
    }
    // Looking at one peer may mark another; the list grows while it is walked.
    for (std::size_t i = 0; i < marked_.size(); ++i) {
      Peer& peer = *marked_[i];
      peer.marked = false;
      if (peer.closing) continue;
      top_up(peer, now);
      if (peer.uploads.waiting() > 0) serve(peer, now);
    }
    marked_.clear();
  } while (work_freed_);
  if (links_changed_) {
    links_changed_ = false;
    if (has_closing_) sweep();
    connect_more(now);
    announce_due(now);
  }
  if (has_closing_) sweep();
}

void Swarm::Core::send(Peer& peer, wire::Message message, TimePoint now) {
  if (peer.closing) return;
  peer.last_sent = now;
  actions_.emplace_back(Send{peer.id, std::move(message)});
}

void Swarm::Core::notify(Notice notice) {
  actions_.emplace_back(Notify{std::move(notice)});
}

void Swarm::Core::take_actions(std::vector<Action>& out) {
  if (out.empty()) {
    std::swap(out, actions_);  // the caller's memory comes back to us
    return;
  }
  out.insert(out.end(), std::make_move_iterator(actions_.begin()),
             std::make_move_iterator(actions_.end()));
  actions_.clear();
}

// ---- counting

bool Swarm::Core::needed(PieceIndex piece) const {
  return wanted_.test(to_number(piece)) && !have_.test(to_number(piece));
}

std::uint64_t Swarm::Core::content_bytes(PieceIndex piece) const {
  const std::uint32_t size = layout_.piece_size(piece);
  if (!layout_.has_pads()) return size;
  std::vector<FileRange> ranges;
  layout_.file_ranges(layout_.piece_offset(piece), size, ranges);
  std::uint64_t bytes = 0;
  for (const FileRange& range : ranges)
    if (!layout_.files()[range.file].pad) bytes += range.length;
  return bytes;
}

void Swarm::Core::recount() {
  needed_count_ = 0;
  wanted_bytes_ = verified_wanted_bytes_ = 0;
  for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
    const PieceIndex piece{i};
    picker_.set_pickable(piece, needed(piece) && open_.find(piece) == nullptr);
    if (!wanted_.test(i)) continue;
    const std::uint64_t bytes = content_bytes(piece);
    wanted_bytes_ += bytes;
    if (have_.test(i)) {
      verified_wanted_bytes_ += bytes;
    } else {
      ++needed_count_;
    }
  }
  for (const auto& peer : peers_) recount(*peer);
}

void Swarm::Core::recount(Peer& peer) {
  peer.nothing_at_epoch = ~0ull;
  peer.interesting = 0;
  if (peer.counted_as_seed) return;
  for (std::size_t i = peer.has.next_set(0); i < peer.has.size(); i = peer.has.next_set(i + 1))
    if (needed(PieceIndex{static_cast<std::uint32_t>(i)})) ++peer.interesting;
}

// ---- time

TimePoint Swarm::Core::next_deadline() const {
  return std::min({choke_at_, peers_at_, spill_at_, connect_at_, announce_at_, download_at_,
                   upload_at_, metadata_at_, tell_at_, gossip_at_, doubt_at_, trial_at_,
                   pardon_at_});
}

void Swarm::Core::time_passed(TimePoint now) {
  if (peers_at_ <= now) check_peers(now);
  if (spill_at_ <= now) spill_overdue(now);
  if (doubt_at_ <= now) store_doubted(now);
  if (download_at_ <= now) {
    download_at_ = never;
    ++download_turn_;
    work_freed_ = true;
  }
  if (upload_at_ <= now) {
    upload_at_ = never;
    serve_in_turn(now);
  }
  if (tell_at_ <= now) tell_contacts(now);
  if (trial_at_ <= now) {
    trial_at_ = never;
    work_freed_ = true;
  }
  if (connect_at_ <= now || announce_at_ <= now || pardon_at_ <= now) links_changed_ = true;
  settle(now);
}

void Swarm::Core::check_peers(TimePoint now) {
  for (const auto& peer : peers_)
    if (!peer->closing) check_peer(*peer, now);
  peers_at_ = never;
  for (const auto& peer : peers_)
    if (!peer->closing) peers_at_ = std::min(peers_at_, peer_deadline(*peer, now));
}

void Swarm::Core::check_peer(Peer& peer, TimePoint now) {
  if (now - peer.last_received >= config_->closed_after) {
    disconnect(peer, DisconnectReason::timeout, "silent", now);
    return;
  }
  if (now - peer.last_sent >= config_->keep_alive_after) send(peer, wire::KeepAlive{}, now);
  mark_late_requests(peer, now);
  if (peer.trial && peer.requests.late_count() > 0) {  // others shall have their turn
    end_trial(peer);
    release_all(peer, now, true);
    pause_asking(peer, config_->block_timeout_min, now);
  }
  if (!peer.snubbed && silent_at(peer, now) <= now) {
    peer.snubbed = true;
    peer.requests.stalled();
    end_trial(peer);
    release_all(peer, now, true);
    pause_asking(peer, {}, now);
  }
  if (overloaded_at(peer) <= now) relieve(peer, now);
  // The one request that shows when it recovers is overdue as well: others shall have the block.
  // Two such peers would else hold it for ever, since no third is asked.
  if (peer.snubbed && peer.requests.late_count() > 0) {
    release_all(peer, now, true);
    pause_asking(peer, std::min(2 * peer.debt.spent(), config_->snubbed_after), now);
  }
  if (peer.asks_again_at != TimePoint{} && peer.asks_again_at <= now) {
    peer.asks_again_at = {};
    mark(peer);
  }
}

// When a peer that owes us blocks is no longer waited for: soon, by its own measure, while others
// answer; else our own line may be at fault.
TimePoint Swarm::Core::silent_at(const Peer& peer, TimePoint now) const {
  const TimePoint owed = peer.debt.since();
  if (owed == never) return never;
  const Duration patience = peer.requests.patience(*config_);
  const TimePoint answered = answers_.since(now);
  const TimePoint soon = answered == never ? now : std::max(owed, answered);
  const TimePoint latest = owed + config_->snubbed_after;
  if (soon + patience > now) return std::min(latest, soon + patience);
  return std::min(latest, soon + std::max(patience, backlog(now)));
}

// When it is time to look whether a peer that owes us many blocks and sends none holds less than it
// says: once for each time that it keeps silent.
TimePoint Swarm::Core::overloaded_at(const Peer& peer) const {
  const TimePoint owed = peer.debt.since();
  if (peer.snubbed || owed == never || owed == peer.relieved) return never;
  return owed + peer.requests.patience(*config_);
}

// Where nobody else can be asked, it is asked for few. Else others get its blocks in time anyway.
void Swarm::Core::relieve(Peer& peer, TimePoint now) {
  peer.relieved = peer.debt.since();
  const bool others = std::any_of(peers_.begin(), peers_.end(), [&](const auto& other) {
    return other.get() != &peer && may_be_asked(*other) && !other->snubbed;
  });
  if (others || peer.requests.size() <= RequestQueue::few) return;
  peer.requests.stalled();
  release_all(peer, now, true);
  mark(peer);
}

// How long our line needs for all that is asked for: where it is full, nobody can answer sooner.
Duration Swarm::Core::backlog(TimePoint now) const {
  std::uint64_t blocks = 0;
  for (const auto& peer : peers_) blocks += peer->requests.size();
  const std::uint64_t rate = std::max<std::uint64_t>(1, down_.per_second(now));
  // Clamped as a number: of many links at a rate of nothing the nanoseconds would overflow.
  const auto most = std::chrono::duration_cast<milliseconds>(config_->snubbed_after).count();
  const std::uint64_t needed = 1000 * blocks * block_length / rate;
  return milliseconds(std::min(needed, static_cast<std::uint64_t>(most)));
}

TimePoint Swarm::Core::peer_deadline(const Peer& peer, TimePoint now) const {
  TimePoint deadline = std::min(peer.last_received + config_->closed_after,
                                peer.last_sent + config_->keep_alive_after);
  deadline = std::min(deadline, peer.requests.next_late(*config_));
  if (!peer.snubbed) deadline = std::min(deadline, silent_at(peer, now));
  deadline = std::min(deadline, overloaded_at(peer));
  if (peer.asks_again_at != TimePoint{}) deadline = std::min(deadline, peer.asks_again_at);
  return deadline;
}

}  // namespace barter
