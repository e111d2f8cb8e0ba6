// Links: whom to take, to keep, to call and to drop; and the trackers, who tell whom to call.
#include <algorithm>
#include <utility>

#include "client/swarm/swarm_core.hpp"

namespace barter {

// Among the numbers alone: looking into each peer would cost a cache miss a step.
Peer* Swarm::Core::find(ConnectionId connection) const {
  const auto place = std::lower_bound(ids_.begin(), ids_.end(), connection);
  if (place == ids_.end() || *place != connection) return nullptr;
  Peer* peer = peers_[static_cast<std::size_t>(place - ids_.begin())].get();
  return peer->closing ? nullptr : peer;
}

// ---- a link begins

void Swarm::Core::peer_connected(ConnectionId connection, const PeerInfo& info, TimePoint now) {
  if (info.outgoing) {
    std::erase(connecting_, info.remote);
    known_.answered(info.remote);
  }
  links_changed_ = true;
  std::optional<Endpoint> listen;
  if (const auto refused = refusal(info, listen, now)) {
    actions_.emplace_back(Disconnect{connection, refused->first, refused->second});
    const bool banned = refused->first == DisconnectReason::banned;
    if (info.outgoing && (banned || refused->first == DisconnectReason::self))
      known_.shun(info.remote, banned ? now + config_->ban_min : never);
    if (info.outgoing && !listen)
      known_.disconnected(info.remote, false, config_->reconnect_min, *config_, now, random_);
    settle(now);
    return;
  }
  tell_first_peer(info.remote, info.outgoing ? info.source : PeerSource::incoming);
  auto fresh = std::make_unique<Peer>(connection, info, now);
  Peer& peer = *fresh;
  const auto place = std::lower_bound(ids_.begin(), ids_.end(), connection) - ids_.begin();
  peers_.insert(peers_.begin() + place, std::move(fresh));
  ids_.insert(ids_.begin() + place, connection);
  if (listen && !peer.listen_known) {
    peer.listen = *listen;
    peer.listen_known = true;
  }
  if (peer.listen_known) {
    reached(peer.listen);
    contacts_changed(now);
  }
  greet(peer, now);
  choke_soon(now);
  peers_at_ = std::min(peers_at_, peer_deadline(peer, now));
  settle(now);
}

// `listen` becomes the address by which a peer that we are linked to twice is known.
std::optional<Swarm::Core::Refusal> Swarm::Core::refusal(const PeerInfo& info,
                                                         std::optional<Endpoint>& listen,
                                                         TimePoint now) {
  if (!trading()) return Refusal{DisconnectReason::stopping, {}};
  if (info.peer_id == our_id_) return Refusal{DisconnectReason::self, "our own peer id"};
  const TimePoint pardon = pardon_until(now);
  if (bans_.banned(info.peer_id, pardon) || bans_.banned(info.remote, pardon))
    return Refusal{DisconnectReason::banned, {}};
  for (const auto& old : peers_) {
    if (old->closing || old->peer_id != info.peer_id) continue;
    switch (resolve_duplicate(info, *old)) {
      case Duplicate::none:
        break;
      case Duplicate::keep_old:
        if (info.outgoing && !old->listen_known) {  // now we know where the one we keep listens
          old->listen = info.remote;
          old->listen_known = true;
          listen = info.remote;
          contacts_changed(now);
        }
        return Refusal{DisconnectReason::duplicate, "a second link to the same peer"};
      case Duplicate::keep_new:
        if (old->listen_known) listen = old->listen;
        disconnect(*old, DisconnectReason::duplicate, "a second link to the same peer", now);
        break;
    }
  }
  const Place place = place_for(info.remote, info.source, now);
  if (!place.free) return Refusal{DisconnectReason::too_many, "links"};
  if (place.out != nullptr) {
    disconnect(*place.out, DisconnectReason::unused, "another peer takes its place", now);
    next_chance_ = now + config_->chance_interval;
  }
  bans_.lift(info.peer_id, info.remote);
  return std::nullopt;
}

// Both ends must drop the same link. The rule is libtorrent's: compare the ports on which the two
// listen, which both ends see, since each is the target end of one of the two links: the side with
// the lower port keeps its outgoing link. Where the ports are equal (each on an address of its own)
// libtorrent tosses a coin; we let the lower peer id keep its outgoing link. Of two links in one
// direction the newer goes.
Swarm::Core::Duplicate Swarm::Core::resolve_duplicate(const PeerInfo& fresh,
                                                      const Peer& old) const {
  if (fresh.outgoing == old.outgoing) return Duplicate::keep_old;
  // Another host that claims a peer id of ours to push it out; the two address families of one host
  // look alike and are let through.
  if (fresh.remote.address != old.remote.address &&
      fresh.remote.address.is_v4() == old.remote.address.is_v4() &&
      !fresh.remote.address.is_local())
    return Duplicate::keep_old;
  const std::uint16_t their_port = fresh.outgoing ? fresh.remote.port : old.remote.port;
  const bool keep_outgoing =
      listen_port_ != their_port ? listen_port_ < their_port : our_id_ < fresh.peer_id;
  return keep_outgoing == fresh.outgoing ? Duplicate::keep_new : Duplicate::keep_old;
}

void Swarm::Core::greet(Peer& peer, TimePoint now) {
  if (peer.fast && have_.all()) {
    send(peer, wire::HaveAll{}, now);
  } else if (peer.fast && have_.none()) {
    send(peer, wire::HaveNone{}, now);
  } else if (!have_.none()) {
    const auto bits = have_.wire();
    send(peer, wire::BitfieldMessage{{bits.begin(), bits.end()}}, now);
  }
  if (peer.extended) send(peer, extension_handshake(peer), now);
}

wire::ExtensionHandshake Swarm::Core::extension_handshake(const Peer& peer) const {
  wire::ExtensionHandshake handshake;
  handshake.ut_metadata = wire::our_ut_metadata_id;
  handshake.lt_donthave = wire::our_lt_donthave_id;
  if (!metadata_)
    handshake.metadata_size = static_cast<std::int64_t>(metainfo_->info_bytes().size());
  if (exchanges_peers()) handshake.ut_pex = wire::our_ut_pex_id;
  handshake.reqq = config_->max_incoming_requests;
  if (listen_port_ != 0) handshake.listen_port = listen_port_;
  handshake.client = config_->client_name;
  handshake.your_ip = peer.remote.address;
  handshake.upload_only = needed_count_ == 0;
  return handshake;
}

// ---- a link ends

void Swarm::Core::disconnect(Peer& peer, DisconnectReason reason, std::string detail,
                             TimePoint now) {
  if (peer.closing) return;
  actions_.emplace_back(Disconnect{peer.id, reason, std::move(detail)});
  Duration pause = config_->reconnect_min;
  switch (reason) {
    case DisconnectReason::protocol_error:
    case DisconnectReason::flooding:
    case DisconnectReason::both_seeds:
    case DisconnectReason::not_interesting:
    case DisconnectReason::unused:
    case DisconnectReason::duplicate:
      pause = config_->reconnect_max;
      break;
    case DisconnectReason::torrent_changed:
      pause = Duration::zero();
      break;
    default:
      break;
  }
  if (reason == DisconnectReason::banned && peer.listen_known)
    known_.shun(peer.listen, std::max(bans_.until(peer.listen), now + config_->ban_min));
  forget(peer, reason, pause, now);
}

void Swarm::Core::peer_disconnected(ConnectionId connection, DisconnectReason reason,
                                    TimePoint now) {
  Peer* peer = find(connection);
  if (peer == nullptr) return;
  forget(*peer, reason, config_->reconnect_min, now);
  settle(now);
}

void Swarm::Core::forget(Peer& peer, DisconnectReason reason, Duration pause, TimePoint now) {
  notify(PeerLeft{row_of(peer, now), reason});
  peer.closing = has_closing_ = links_changed_ = true;
  end_trial(peer);
  release_all(peer, now, false);
  if (metadata_) metadata_->left(peer.id);
  if (!peer.peer_choking) --sources_;
  if (peer.counted_as_seed) {
    picker_.seed_left();
  } else if (peer.has.size() != 0) {
    picker_.peer_left(peer.has);
  }
  const bool useful = peer.downloaded > 0 || peer.uploaded > 0;
  if (peer.listen_known) {
    known_.disconnected(peer.listen, useful, pause, *config_, now, random_);
    contacts_changed(now);
  }
  first_copy_.dropped(peer.id);
  passed_on_.left(peer.id);
  if (!peer.am_choking) choke_soon(now);
}

void Swarm::Core::sweep() {
  has_closing_ = false;
  std::erase_if(marked_, [](const Peer* peer) { return peer->closing; });
  std::erase_if(peers_, [](const std::unique_ptr<Peer>& peer) { return peer->closing; });
  ids_.clear();
  for (const auto& peer : peers_) ids_.push_back(peer->id);
}

// Neither end has anything for the other, nor will have: seeds leave
// seeds (BEP 21: partial ones too).
bool Swarm::Core::link_is_pointless(const Peer& peer) const {
  if (needed_count_ != 0) return false;
  return peer.is_seed(layout_.piece_count()) || peer.extensions.upload_only;
}

void Swarm::Core::leave_seeds(TimePoint now) {
  for (const auto& peer : peers_) {
    if (peer->closing || !link_is_pointless(*peer)) continue;
    if (peer->listen_known) known_.set_seed(peer->listen, true);
    disconnect(*peer, DisconnectReason::both_seeds, {}, now);
  }
}

void Swarm::Core::ban(const Contributor& contributor, const std::string& reason, TimePoint now) {
  Endpoint listen = contributor.remote;
  for (const auto& peer : peers_)
    if (peer->id == contributor.connection && peer->listen_known) listen = peer->listen;
  const Address& address = contributor.remote.address;
  const Endpoint place = address.is_local() ? listen : contributor.remote;
  if (bans_.banned(contributor.peer_id) && bans_.banned(place)) return;  // known as a liar
  const bool was_everywhere = trials_.everywhere();
  trials_.offended(address, *config_, now);
  const TimePoint until = now + trials_.ban(address, *config_);
  bans_.add(contributor.peer_id, contributor.remote, listen, until);
  known_.shun(listen, until);
  forget_blocks_of(contributor.connection);
  blame_.forget(contributor.connection);
  notify(PeerBanned{contributor.remote, reason});
  for (const auto& peer : peers_) {
    if (peer->closing) continue;
    if (bans_.banned(peer->peer_id) || bans_.banned(peer->remote))
      disconnect(*peer, DisconnectReason::banned, reason, now);
  }
  distrust(address, trials_.everywhere() && !was_everywhere, now);
}

// What a liar sent is fetched again: each of its blocks might cost a whole piece.
void Swarm::Core::forget_blocks_of(ConnectionId connection) {
  for (const auto& open : open_.all()) {
    if (open->phase == OpenPiece::Phase::fetching) forget_blocks(*open, connection);
  }
}

void Swarm::Core::forget_blocks(OpenPiece& open, ConnectionId connection) {
  const std::uint64_t missing = missing_bytes(open);
  const std::uint32_t blocks = open.forget(connection);
  if (blocks == 0) return;
  memory_blocks_ -= blocks;
  wasted_ += missing_bytes(open) - missing;  // the last block may be a short one
  open_.update(open);
  work_freed_ = true;
}

// ---- calling

void Swarm::Core::tell_first_peer(const Endpoint& endpoint, PeerSource source) {
  if (!std::exchange(told_first_peer_, true)) notify(FirstPeer{endpoint, source});
}

void Swarm::Core::connect_failed(const Endpoint& endpoint, ConnectFailure failure, TimePoint now) {
  std::erase(connecting_, endpoint);
  not_reached(known_.failed(endpoint, failure, *config_, now, random_), failure);
  links_changed_ = true;
  settle(now);
}

void Swarm::Core::connect_more(TimePoint now) {
  connect_at_ = never;
  if (!trading()) return;
  const bool skip_seeds = needed_count_ == 0;
  const TimePoint pardon = pardon_until(now);
  // When a ban ends there may be nobody else by then.
  pardon_at_ = never;
  if (const TimePoint end = known_.next_pardon(); end != never && needed_count_ > 0) {
    const TimePoint due = alone(now) ? end : std::max(end, famine_at());
    if (due > now) pardon_at_ = due;
  }
  while (peers_.size() + connecting_.size() < config_->max_connections &&
         connecting_.size() < config_->max_half_open) {
    const TimePoint next = known_.next_attempt(skip_seeds, *config_, pardon);
    if (next > now || !connect_pace_.ready(now)) {
      connect_at_ = next == never ? never : std::max(next, connect_pace_.ready_at());
      return;
    }
    const auto candidate = known_.take(skip_seeds, *config_, now, pardon);
    if (!candidate) return;
    if (bans_.banned(candidate->endpoint, pardon)) {
      known_.shun(candidate->endpoint, bans_.until(candidate->endpoint));
      known_.disconnected(candidate->endpoint, false, config_->reconnect_min, *config_, now,
                          random_);
      continue;
    }
    connect_pace_.take(1, now);
    connecting_.push_back(candidate->endpoint);
    actions_.emplace_back(Connect{candidate->endpoint, candidate->source});
  }
}

// ---- trackers

// There is nobody, and nobody to try soon; or those whom we have do not bring us forward: they lack
// the same pieces, choke us or do not answer.
bool Swarm::Core::starving(TimePoint now) const {
  constexpr Duration soon = std::chrono::seconds(20);
  if (!trading() || needed_count_ == 0 || disk_paused_) return false;
  if (now >= famine_at()) return true;
  return peers_.empty() && connecting_.empty() &&
         (connect_at_ == never || connect_at_ > now + soon);
}

TimePoint Swarm::Core::famine_at() const {
  return std::max(started_at_, answers_.last()) + config_->famine_after;
}

// A seed that nobody has found: whoever cannot call us waits for our call.
bool Swarm::Core::lonely() const {
  return trading() && !metadata_ && needed_count_ == 0 && !have_.none() && peers_.empty() &&
         upload_limiter_.limit() != 0;
}

void Swarm::Core::announce_due(TimePoint now) {
  const bool hungry = starving(now);
  const Need need = hungry ? Need::peers : lonely() ? Need::newcomers : Need::nothing;
  const bool gives = needed_count_ == 0 && !peers_.empty();
  if (gives || now < answers_.last() + config_->famine_after) announcer_.fed();
  while (const auto due = announcer_.take_due(need, now, *config_)) {
    Announce announce;
    announce.tracker = due->tracker;
    announce.event = due->event;
    announce.uploaded = uploaded_;
    announce.downloaded = downloaded_;
    announce.left = wanted_bytes_ - verified_wanted_bytes_;
    const std::size_t links = peers_.size();
    // Not with the first: in a young crowd nobody has gone yet.
    const bool in_need = hungry && due->event == AnnounceEvent::none;
    const std::uint32_t wanted = in_need ? config_->peers_wanted_in_need : config_->peers_wanted;
    announce.peers_wanted = stopping_ || links >= config_->max_connections ? 0 : wanted;
    announce.tracker_id = due->tracker_id;
    actions_.emplace_back(std::move(announce));
  }
  announce_at_ = announcer_.next_deadline(need, *config_);
  if (!hungry && trading() && needed_count_ > 0 && announcer_.has_trackers())
    announce_at_ = std::min(announce_at_, std::max(famine_at(), now + config_->famine_after / 4));
}

// Links that lead nowhere any more end by silence; peers that could not be reached may be now.
void Swarm::Core::network_changed(TimePoint now) {
  announcer_.address_changed(now);
  known_.retry_all(now);
  links_changed_ = true;
  settle(now);
}

void Swarm::Core::announce_finished(TrackerId tracker, const AnnounceOutcome& outcome,
                                    TimePoint now) {
  if (!announcer_.knows(tracker)) return;
  const bool heeded = announcer_.outcome(tracker, outcome, now, *config_, random_);
  const std::string& message = outcome.ok ? outcome.warning : outcome.failure;
  if (announcer_.message_changed(tracker, message) && !message.empty())
    notify(TrackerMessage{tracker, !outcome.ok, message});
  if (outcome.external_ip) {
    own_address_.told_by_tracker(*outcome.external_ip);
    known_.set_own({*outcome.external_ip, listen_port_});
  }
  links_changed_ = true;
  // Who was full when we called may have room by now. As seldom as we announce, and paced.
  if (starving(now) || lonely()) known_.retry_all(now);
  if (stopping_ || !heeded) {
    settle(now);
  } else {
    add_peers(PeerSource::tracker, outcome.peers, now);
  }
}

}  // namespace barter
