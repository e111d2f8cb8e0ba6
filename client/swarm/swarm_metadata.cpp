// The time before the metainfo is known: a magnet link. The Core has a
// layout of one piece then, which nobody has and everybody lacks, so
// that links, addresses and trackers are looked after as ever.
#include <utility>

#include <fmt/format.h>

#include "client/swarm/swarm_core.hpp"
#include "torrent/bencode.hpp"

namespace barter {

namespace {

// What we pretend to lack: one block, as other clients do (BEP 9 leaves it open what `left` is).
std::shared_ptr<const Metainfo> stand_in() {
  bencode::Writer info;
  info.begin_dictionary();
  info.key("length").integer(block_length);
  info.key("name").string("magnet");
  info.key("piece length").integer(block_length);
  info.key("pieces").string(std::string(Sha1Digest::size, '\0'));
  info.end();
  return Metainfo::from_info(info.take()).value();
}

// Bytes that come keep it from being called a stall for so long.
constexpr Duration lively = std::chrono::seconds(5);

}  // namespace

Swarm::Core::Core(const InfoHash& wanted, std::shared_ptr<const SwarmConfig> config, PeerId our_id,
                  const std::vector<std::vector<std::string>>& trackers, std::uint64_t seed)
    : Core(stand_in(), std::move(config), our_id, trackers, seed) {
  metadata_ = std::make_unique<MetadataFetch>(wanted);
}

void Swarm::Core::metainfo_known(std::shared_ptr<const Metainfo> metainfo, TimePoint now) {
  if (!metadata_ || stopping_) return;
  metadata_.reset();
  metadata_at_ = gossip_at_ = never;
  metainfo_ = std::move(metainfo);
  layout_ = metainfo_->layout();
  started_ = false;
  have_ = Bitfield(layout_.piece_count());
  wanted_ = Bitfield(layout_.piece_count(), true);
  picker_ = PiecePicker(layout_.piece_count(), random_);
  open_ = OpenPieces(layout_);
  open_piece_bytes_ = std::max(open_piece_bytes_, 2 * std::uint64_t{layout_.piece_length()});
  recount();
  metainfo_->is_private() ? leave_gossip(now) : join_gossip(now);
  greet_again(now);  // now they can have the metadata of us
  for (const auto& peer : peers_) {
    const auto early = std::exchange(peer->early, nullptr);
    if (!early) continue;
    for (wire::Message& message : early->release()) {
      if (peer->closing) break;
      std::visit([&](auto& value) { on(*peer, value, now); }, message);
    }
  }
  settle(now);
}

// BEP 10: a later handshake adds to the first.
void Swarm::Core::greet_again(TimePoint now) {
  for (const auto& peer : peers_)
    if (peer->extended) send(*peer, extension_handshake(*peer), now);
}

// BEP 27: a link does not say whether its torrent is private. A private one has trackers, and with
// them the metadata, which does; so they come first where there are any.
void Swarm::Core::consider_gossip(TimePoint now) {
  gossip_at_ = never;
  if (gossips_ || !trading() || metadata_->state() != MetadataFetch::State::fetching) return;
  const TimePoint lively = std::max(started_at_, metadata_->last_data()) + config_->trackers_first;
  const TimePoint due = std::min(lively, started_at_ + config_->trackers_first_max);
  if (now < due && !announcer_.all_failed()) {
    gossip_at_ = due;
    return;
  }
  join_gossip(now);
  greet_again(now);
}

void Swarm::Core::join_gossip(TimePoint now) {
  if (std::exchange(gossips_, true)) return;
  actions_.emplace_back(FindPeers{true});
  for (const auto& peer : peers_) {
    if (peer->dht_port != 0)
      actions_.emplace_back(NodeHeard{{peer->remote.address, peer->dht_port}});
  }
  for (const auto& peer : peers_)
    if (!peer->closing && peer->extensions.ut_pex != 0)
      begin_telling(*peer, peer->extensions.ut_pex, now);
}

// It has shown to be private, so whom only other peers told of goes.
void Swarm::Core::leave_gossip(TimePoint now) {
  if (std::exchange(gossips_, false)) actions_.emplace_back(FindPeers{false});
  announcer_.take_turns();
  known_.forget_gossip();
  for (const auto& peer : peers_) {
    if (peer->closing || !is_gossip(peer->source)) continue;
    if (peer->listen_known) known_.shun(peer->listen, never);
    disconnect(*peer, DisconnectReason::unused, "the torrent is private", now);
  }
}

bool Swarm::Core::keep_for_later(Peer& peer, wire::Message& message) {
  if (!metadata_) return false;
  if (!peer.early) peer.early = std::make_unique<EarlyMessages>();
  return peer.early->take(message);
}

// ---- ut_metadata

void Swarm::Core::metadata_offered(Peer& peer, const wire::ExtensionHandshake& message) {
  if (!metadata_ || peer.extensions.ut_metadata == 0 || !message.metadata_size) return;
  metadata_->offered(peer.contributor(), *message.metadata_size);
}

void Swarm::Core::on(Peer& peer, wire::MetadataData& message, TimePoint now) {
  if (!metadata_) return;  // late
  if (!metadata_->data(peer.id, message.piece, message.total_size, std::move(message.data), now))
    breaks_protocol(peer, "metadata that was not asked for, or of another size than it said", now);
}

void Swarm::Core::on(Peer& peer, wire::MetadataReject& message, TimePoint now) {
  if (metadata_) metadata_->rejected(peer.id, message.piece, now);
}

void Swarm::Core::fetch_metadata(TimePoint now) {
  metadata_at_ = never;
  if (!trading()) return;
  for (const Contributor& liar : metadata_->take_guilty())
    ban(liar, "it sent metadata that is wrong", now);
  if (metadata_->state() != MetadataFetch::State::fetching) return metadata_complete(now);
  std::vector<MetadataFetch::Ask> asks;
  metadata_->take_asks(asks, now);
  for (const MetadataFetch::Ask& ask : asks)
    if (Peer* peer = find(ask.peer))
      send(*peer, wire::MetadataRequest{ask.piece, peer->extensions.ut_metadata}, now);
  metadata_at_ = metadata_->next_deadline(now);
}

// It is upload like any other, but that who gives nothing away still tells what the torrent is.
void Swarm::Core::serve_metadata(TimePoint now) {
  metadata_at_ = never;
  const bool limited = upload_limiter_.limit() != 0;
  for (const auto& peer : peers_) {
    MetadataServer& server = peer->metadata;
    while (!peer->closing && server.ready_at() <= now && (!limited || upload_limiter_.ready(now))) {
      auto data = server.next(metainfo_->info_bytes(), peer->extensions.ut_metadata, now);
      if (limited) upload_limiter_.take(data.data.size(), now);
      send(*peer, std::move(data), now);
    }
    TimePoint next = peer->closing ? never : server.ready_at();
    if (next != never && limited) next = std::max(next, upload_limiter_.ready_at());
    metadata_at_ = std::min(metadata_at_, next);
  }
}

void Swarm::Core::metadata_sent(ConnectionId connection, TimePoint now) {
  Peer* peer = find(connection);
  if (peer == nullptr || metadata_) return;
  peer->metadata.flushed();
  metadata_at_ = std::min(metadata_at_, now);
  settle(now);
}

void Swarm::Core::metadata_complete(TimePoint now) {
  if (std::exchange(told_metadata_, true)) return;
  MetadataComplete told;
  if (metadata_->state() == MetadataFetch::State::link_lies) {
    told.error = Error{Errc::invalid_magnet,
                       "the magnet link names a v1 and a v2 hash that do not belong together"};
  } else if (auto metainfo = Metainfo::from_info(metadata_->take_info())) {
    told.metainfo = std::move(*metainfo);
    // At once: what is on disk may have to be checked before the metainfo is ours.
    told.metainfo->is_private() ? leave_gossip(now) : join_gossip(now);
  } else {
    told.error = metainfo.error();
  }
  notify(std::move(told));
}

std::string Swarm::Core::metadata_stall(std::uint32_t links, TimePoint now) const {
  const auto progress = metadata_->progress();
  if (metadata_->state() != MetadataFetch::State::fetching) return {};
  if (progress.bytes > 0 && now - metadata_->last_data() < lively) return {};
  if (progress.offers == 0)
    return fmt::format("none of the {} connected peers has the metadata", links);
  return fmt::format(
      "{} of {} connected peers say they have the metadata, and do not send it right",
      progress.offers, links);
}

}  // namespace barter
