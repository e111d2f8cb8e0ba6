// Newcomers of whom we must see first what they send (trials.hpp).
#include <algorithm>
#include <utility>

#include "client/swarm/places.hpp"
#include "client/swarm/swarm_core.hpp"

namespace barter {

namespace {
// Of so many peers of one host that have not sent a right piece yet blocks are due at a time: more
// would only tell us later that all of them are one liar.
constexpr std::ptrdiff_t unknown_at_once = 4;

// In whose turn they are tried: whom we called because somebody
// answers for it, then who came first.
int standing(const Peer& peer) {
  if (peer.source == PeerSource::user) return 0;
  return peer.source == PeerSource::tracker ? 1 : 2;
}
bool goes_before(const Peer& a, const Peer& b) {
  if (standing(a) != standing(b)) return standing(a) < standing(b);
  return a.id < b.id;
}
}  // namespace

bool Swarm::Core::must_prove_itself(const Peer& peer) const {
  return !trials_.clean() && !peer.trusted && trials_.price(peer.remote.address) > 0;
}

// Its host has many peers here that we know nothing of, and enough of them are busy.
bool Swarm::Core::host_is_busy(const Peer& peer) const {
  if (peer.trusted || peer.source == PeerSource::user || !peer.requests.empty()) return false;
  if (peers_.size() <= static_cast<std::size_t>(unknown_at_once)) return false;
  const Address host = host_of(peer.remote.address);
  const auto busy = std::count_if(peers_.begin(), peers_.end(), [&](const auto& other) {
    const bool answers = !other->snubbed && other->requests.late_count() == 0;
    return !other->trusted && !other->requests.empty() && answers &&
           host_of(other->remote.address) == host;
  });
  return busy >= unknown_at_once;
}

// May this one be given a piece of its own now? If not only for the time, we look again then.
bool Swarm::Core::may_be_tried(const Peer& peer, TimePoint now) {
  const TimePoint at = trials_.next_at(peer.remote.address);
  if (at > now) {
    trial_at_ = std::min(trial_at_, at);
    return false;
  }
  const Address host = host_of(peer.remote.address);
  return std::none_of(peers_.begin(), peers_.end(), [&](const auto& other) {
    if (other.get() == &peer || other->closing || !must_prove_itself(*other)) return false;
    if (!trials_.everywhere() && host_of(other->remote.address) != host) return false;
    if (other->trial) return true;
    const bool waits = may_be_asked(*other) && !other->peer_choking && !other->snubbed &&
                       other->asks_again_at <= now && other->nothing_at_epoch != picker_.epoch() &&
                       trials_.next_at(other->remote.address) <= now;
    return waits && goes_before(*other, peer);
  });
}

std::optional<BlockRef> Swarm::Core::trial_block(Peer& peer, TimePoint now) {
  if (peer.peer_choking) return std::nullopt;
  if (!peer.trial) {
    if (!may_open() || !may_be_tried(peer, now)) return std::nullopt;
    OpenPiece* open = nullptr;
    if (const auto fresh = new_piece(peer)) {
      open = &open_piece(*fresh);
    } else {  // all are begun: one that nobody is at
      for (OpenPiece* one : open_.partial())
        if (open == nullptr && peer.has_piece(one->piece()) && !one->has_requests() &&
            one->has_for(peer.id, {false, true}))
          open = one;
    }
    if (open == nullptr) return std::nullopt;
    open->reserve(peer.id);
    peer.trial = open->piece();
    store_if_complete(*open, now);  // a piece of pads
  }
  OpenPiece* open = open_.find(*peer.trial);
  if (open == nullptr) return std::nullopt;
  return take_from(*open, peer, true);
}

// It came to nothing: what it has sent of the piece is not kept.
void Swarm::Core::end_trial(Peer& peer) {
  const auto piece = std::exchange(peer.trial, std::nullopt);
  if (!piece) return;
  work_freed_ = true;
  OpenPiece* open = open_.find(*piece);
  if (open == nullptr || open->phase != OpenPiece::Phase::fetching) return;
  open->reserve(no_connection);
  forget_blocks(*open, peer.id);
  open_.update(*open);
}

// A right piece: all who had a part in it sent what they should.
void Swarm::Core::trust_senders(const OpenPiece& open) {
  for (const Contributor& contributor : open.contributors()) {
    Peer* peer = find(contributor.connection);
    if (peer == nullptr) continue;
    peer->trial.reset();
    const std::uint32_t price = std::max(1u, trials_.price(peer->remote.address));
    if (peer->trusted || ++peer->right_pieces < price) continue;
    peer->trusted = true;
    known_.pardon(peer->listen);
  }
}

// Who is at the same host, or anywhere if `all`, and has shown nothing yet, is asked for nothing
// until its turn comes, and what it has sent is not believed.
void Swarm::Core::distrust(const Address& address, bool all, TimePoint now) {
  const Address host = host_of(address);
  for (const auto& peer : peers_) {
    if (peer->closing || peer->trusted) continue;
    if (!all && host_of(peer->remote.address) != host) continue;
    end_trial(*peer);
    release_all(*peer, now, true);
    forget_blocks_of(peer->id);
  }
}

// Nobody has what we lack, or nobody has sent any of it for long: then those are called again who
// were banned, when their time is over.
bool Swarm::Core::alone(TimePoint now) const {
  if (!trading() || metadata_ || needed_count_ == 0 || disk_paused_) return false;
  if (now >= famine_at()) return true;
  return std::none_of(peers_.begin(), peers_.end(),
                      [](const auto& peer) { return !peer->closing && peer->am_interested; });
}

TimePoint Swarm::Core::pardon_until(TimePoint now) const {
  return alone(now) ? now : TimePoint::min();
}

}  // namespace barter
