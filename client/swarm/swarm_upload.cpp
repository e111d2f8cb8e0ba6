// Whom to serve, and with which block next: joins the choker, the
// upload queues and the upload limit.
#include <algorithm>

#include "client/swarm/swarm_core.hpp"

namespace barter {

namespace {
// The first rounds come quickly: in a young swarm ten seconds are a long time.
constexpr Duration young_for = std::chrono::seconds(30);
constexpr Duration young_interval = std::chrono::seconds(1);
// A slot that stands empty for longer than a round trip is a line unused.
constexpr Duration shortest_interval = std::chrono::milliseconds(20);
// Who has few pieces has the same few for everybody: given to fewer at a time they are out sooner,
// and those who got them can pass them on.
constexpr std::size_t few_pieces = 8;
constexpr std::uint32_t slots_with_few = 3;
// While nobody else has all: the first copy is passed on sooner in few thick slices.
constexpr std::uint32_t slots_alone = 12;
// Who only took while we were fetching comes last for so long once we have all.
constexpr Duration remembered_for = std::chrono::minutes(1);
// What a peer may take before it is expected to give.
constexpr std::uint64_t start_bytes = 256 << 10;
// Beyond the piece that makes a beginner one that gives: blocks of others, begun beside it.
constexpr std::uint64_t spare_start_bytes = 64 << 10;
// From an unchoke to the first request, over the longest way.
constexpr Duration time_to_ask = std::chrono::seconds(1);
// Counted against the upload limit besides the payload: the header of a piece message.
constexpr std::uint64_t header_bytes = 13;
}  // namespace

// ---- requests

bool Swarm::Core::is_granted(const Peer& peer, PieceIndex piece) const {
  if (upload_limiter_.limit() == 0 || peer.has.count() > config_->allowed_fast_pieces) return false;
  return std::find(peer.granted_fast.begin(), peer.granted_fast.end(), piece) !=
         peer.granted_fast.end();
}

bool Swarm::Core::may_serve(const Peer& peer, const BlockRange& range) const {
  if (!have_.test(to_number(range.piece))) return false;
  return !peer.am_choking || is_granted(peer, range.piece);
}

// BEP 6: every request gets exactly one answer. Without Fast it is dropped silently.
void Swarm::Core::reject(Peer& peer, const BlockRange& range, TimePoint now) {
  if (peer.fast) send(peer, wire::Reject{to_number(range.piece), range.begin, range.length}, now);
}

// Requests in vain are normal for a moment after a choke, and while queues are full; a whole queue
// of them is a flood. The count begins anew with each unchoke.
void Swarm::Core::count_misbehaviour(Peer& peer, TimePoint now) {
  if (++peer.misbehaved > 2 * config_->max_incoming_requests)
    disconnect(peer, DisconnectReason::flooding, "requests that it may not have", now);
}

// A block that has just gone out cannot be taken back, so cancels in vain are normal; but whoever
// takes nothing back that it has not asked for sends no more of them than requests.
void Swarm::Core::count_vain_cancel(Peer& peer, TimePoint now) {
  if (++peer.cancels_in_vain > peer.requests_received + config_->max_incoming_requests)
    disconnect(peer, DisconnectReason::flooding, "cancels of what it has not asked for", now);
}

void Swarm::Core::refuse_waiting(Peer& peer, TimePoint now) {
  peer.uploads.remove_waiting([&](const BlockRange& range) {
    if (may_serve(peer, range)) return false;
    reject(peer, range, now);
    return true;
  });
  for (std::size_t i = 0; i < peer.uploads.handed(); ++i)
    if (!may_serve(peer, peer.uploads.handed(i)))
      actions_.emplace_back(CancelBlock{peer.id, peer.uploads.handed(i)});
}

// ---- blocks

// A peer that does not read gets no more into its connection.
bool Swarm::Core::receiver_is_full(const Peer& peer) const {
  if (peer.uploads.handed() >= config_->max_unsent_blocks) return true;
  return peer.uploads.unsent_bytes() > 0 && peer.uploads.waiting() > 0 &&
         peer.uploads.unsent_bytes() + peer.uploads.next().length > config_->max_unsent_bytes;
}

bool Swarm::Core::serve_one(Peer& peer, TimePoint now) {
  if (peer.closing || peer.uploads.waiting() == 0) return false;
  if (receiver_is_full(peer)) return false;
  upload_limiter_.take(peer.uploads.next().length + header_bytes, now);
  actions_.emplace_back(SendBlock{peer.id, peer.uploads.hand()});
  return true;
}

void Swarm::Core::serve(Peer& peer, TimePoint now) {
  if (TradePolicy* policy = other_policy(); policy != nullptr && policy->by_turns())
    return serve_by_policy(*policy, now);
  if (upload_limiter_.limit() != unlimited) {
    if (upload_limiter_.ready(now)) {
      serve_in_turn(now);
    } else {
      upload_at_ = upload_limiter_.ready_at();
    }
    return;
  }
  while (serve_one(peer, now)) {
  }
}

TradePolicy* Swarm::Core::other_policy() const {
  if (upload_limiter_.limit() == 0) return nullptr;
  return (needed_count_ == 0 ? seed_policy_ : leech_policy_).get();
}

// Block by block, while no more than a tenth of a second waits in
// sockets: what is there is decided.
void Swarm::Core::serve_by_policy(TradePolicy& policy, TimePoint now) {
  const std::uint64_t most = std::max<std::uint64_t>(4 * block_length, up_.per_second(now) / 10);
  std::uint64_t unsent = 0;
  for (const auto& peer : peers_) unsent += peer->uploads.unsent_bytes();
  std::vector<ServeCandidate> waiting;
  while (unsent < most && upload_limiter_.ready(now)) {
    waiting.clear();
    for (const auto& peer : peers_) {
      if (peer->closing || peer->uploads.waiting() == 0 || receiver_is_full(*peer)) continue;
      const PieceIndex piece = peer->uploads.next().piece;
      waiting.push_back(
          {peer->id, peer->uploaded, peer->downloaded, piece, picker_.availability(piece)});
    }
    if (waiting.empty()) return;
    Peer& peer = *find(waiting[policy.next(waiting)].connection);
    unsent += peer.uploads.next().length;
    serve_one(peer, now);
  }
}

// Under a limit: a block for each in turn, going on where the last call stopped.
void Swarm::Core::serve_in_turn(TimePoint now) {
  std::size_t without = 0;
  while (!peers_.empty() && without < peers_.size()) {
    if (!upload_limiter_.ready(now)) {
      upload_at_ = upload_limiter_.ready_at();
      return;
    }
    upload_turn_ = (upload_turn_ + 1) % peers_.size();
    without = serve_one(*peers_[upload_turn_], now) ? 0 : without + 1;
  }
  upload_at_ = never;  // nobody waits, or all of them must read first
}

void Swarm::Core::block_sent(ConnectionId connection, BlockRange range, TimePoint now) {
  Peer* peer = find(connection);
  if (peer == nullptr || !peer->uploads.done(range)) return;
  if (first_copy_.active())
    passed_on_.sent(connection, range.piece, picker_.availability(range.piece) == 0, now);
  peer->last_sent = peer->last_block = now;
  peer->uploaded += range.length;
  peer->uploaded_since_unchoke += range.length;
  peer->up.add(range.length, now);
  uploaded_ += range.length;
  up_.add(range.length, now);
  mark(*peer);
  if (TradePolicy* policy = other_policy(); policy != nullptr && policy->by_turns())
    serve_by_policy(*policy, now);
  settle(now);
}

void Swarm::Core::block_not_sent(ConnectionId connection, BlockRange range, SendFailure failure,
                                 TimePoint now) {
  Peer* peer = find(connection);
  if (peer == nullptr || !peer->uploads.done(range)) return;
  upload_limiter_.give_back(range.length + header_bytes);
  reject(*peer, range, now);
  // Without Fast there is no way to tell it, and it would wait.
  if (failure != SendFailure::cancelled && !peer->fast)
    disconnect(*peer, DisconnectReason::torrent_changed, "a block could not be read", now);
  mark(*peer);
  settle(now);
}

// ---- choking

void Swarm::Core::choke_soon(TimePoint now) {
  if (!trading()) return;
  choke_at_ = std::min(choke_at_, std::max(now, last_round_ + shortest_interval));
}

bool Swarm::Core::has_few() const {
  return have_.count() < few_pieces;
}

void Swarm::Core::update_first_copy() {
  first_copy_.update(have_.all() && !seed_policy_, picker_, random_);
}

// Of the pieces we have, the share by which it has fewer. What we sent it counts, whatever it says:
// one that never tells of a piece is not behind for ever.
double Swarm::Core::lag_of(const Peer& peer) const {
  const auto ours = static_cast<double>(have_.count());
  const auto told = static_cast<double>(peer.has.count());
  const double sent = static_cast<double>(peer.uploaded) / layout_.piece_length();
  const double theirs = std::max(told, sent);
  return theirs < ours ? 1 - theirs / ours : 0;
}

bool Swarm::Core::ungrateful(const Peer& peer) {
  return peer.uploaded > 4 * peer.downloaded + start_bytes;
}

// Nobody gives to a seed. It goes by what it saw while it fetched, or by what becomes of the pieces
// that it alone has.
bool Swarm::Core::keeps(const Peer& peer, TimePoint now) const {
  if (needed_count_ > 0) return false;
  return (peer.took_only && now - finished_at_ < remembered_for) || passed_on_.keeps(peer.id, now);
}

// It holds a slot that it said it wants, has had the time to ask, and asks for nothing.
bool Swarm::Core::leaves_slot_empty(const Peer& peer, TimePoint now) {
  if (peer.closing || peer.am_choking || !peer.peer_interested) return false;
  if (peer.uploads.size() > 0 || peer.uploaded_since_unchoke > 0) return false;
  return now - std::max(peer.choke_changed, peer.interested_since) >= time_to_ask;
}

void Swarm::Core::note_lapse(Peer& peer, TimePoint now) const {
  if (!leaves_slot_empty(peer, now)) return;
  if (now - std::max(peer.choke_changed, peer.interested_since) >= config_->slot_lapses_after)
    peer.slot_lapsed = now;
}

bool Swarm::Core::lets_slots_lapse(const Peer& peer, TimePoint now) const {
  return peer.slot_lapsed != never && now - peer.slot_lapsed < config_->slot_lapsed_for;
}

void Swarm::Core::choke_round(TimePoint now) {
  last_round_ = now;
  choke_at_ = never;
  if (!trading()) return;
  const bool rotate = rotate_at_ <= now;
  if (rotate) rotate_at_ = now + config_->optimistic_interval;
  update_first_copy();
  candidates_.clear();
  const bool few = has_few();
  bool contested = false;
  std::uint32_t asleep = 0;
  for (const auto& peer : peers_) {
    ChokeCandidate candidate;
    candidate.connection = peer->id;
    candidate.interested = peer->peer_interested && !peer->closing;
    candidate.may_want = !peer->closing && !peer->is_seed(layout_.piece_count());
    candidate.unchoked = !peer->am_choking;
    candidate.snubbing = peer->snubbed;
    candidate.beginner = few && candidate.may_want && peer->has.none() &&
                         peer->uploaded <= layout_.piece_length() + spare_start_bytes;
    candidate.ungrateful = ungrateful(*peer);
    if (leaves_slot_empty(*peer, now)) ++asleep;
    note_lapse(*peer, now);
    candidate.gives = peer->down.per_second(now);
    candidate.keeps = keeps(*peer, now) || (candidate.gives == 0 && lets_slots_lapse(*peer, now));
    candidate.newcomer = now - peer->connected_at < 3 * config_->choke_interval;
    candidate.takes = peer->up.per_second(now);
    candidate.downloaded = peer->downloaded;
    candidate.taken = peer->uploaded_since_unchoke;
    candidate.since = peer->choke_changed;
    // A seed owes nothing to those who are behind because they give nothing.
    const bool deserves = !first_copy_.active() && (needed_count_ > 0 || !candidate.ungrateful);
    if (candidate.may_want && deserves) candidate.lag = lag_of(*peer);
    contested = contested || candidate.interested;
    candidates_.push_back(candidate);
  }
  slots_ = upload_slots(*config_, upload_limiter_.limit(), needed_count_ == 0, candidates_);
  if (first_copy_.active()) slots_ = std::min(slots_, slots_alone);
  if (few) slots_ = std::min(slots_, slots_with_few);
  // A slot that nothing is asked of costs nothing: another may be tried beside it.
  slots_ = std::max(slots_, std::min(slots_ + std::min(asleep, slots_), config_->upload_slots_max));
  if (TradePolicy* policy = other_policy()) {
    policy->choose(candidates_, now, random_, unchoke_);
  } else {
    choker_.choose(candidates_, slots_, needed_count_ == 0, rotate, now, random_, unchoke_);
  }
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    Peer& peer = *peers_[i];
    if (peer.closing || unchoke_[i] != peer.am_choking) continue;
    unchoke_[i] ? unchoke(peer, now) : choke(peer, now);
  }
  if (contested) {
    const Duration interval =
        now - started_at_ < young_for ? young_interval : config_->choke_interval;
    choke_at_ = now + std::min(interval, config_->choke_interval);
  }
}

void Swarm::Core::choke(Peer& peer, TimePoint now) {
  peer.am_choking = true;
  peer.choke_changed = now;
  peer.misbehaved = 0;
  // BEP 6: choke first, then reject, so that the peer does not ask again for what is rejected.
  send(peer, wire::Choke{}, now);
  first_copy_.dropped(peer.id);
  refuse_waiting(peer, now);
}

void Swarm::Core::unchoke(Peer& peer, TimePoint now) {
  peer.am_choking = false;
  peer.choke_changed = now;
  peer.misbehaved = 0;
  peer.uploaded_since_unchoke = 0;
  offer_first_copy(peer, now);
  send(peer, wire::Unchoke{}, now);
}

// Before the unchoke, so that its first requests are for what nobody has.
void Swarm::Core::offer_first_copy(Peer& peer, TimePoint now) {
  if (!peer.fast || peer.am_choking) return;
  while (const auto piece = first_copy_.offer(peer.id, picker_))
    send(peer, wire::Suggest{to_number(*piece)}, now);
}

}  // namespace barter
