// Questions: what a person or a program may want to know. No side effects.
#include <algorithm>

#include <fmt/format.h>

#include "client/swarm/client_name.hpp"
#include "client/swarm/swarm_core.hpp"

namespace barter {

std::uint64_t Swarm::Core::missing_bytes(const OpenPiece& open) const {
  const std::uint32_t last = open.block_count() - 1;
  const std::uint64_t bytes = std::uint64_t{open.missing()} * block_length;
  return open.is_missing(last) ? bytes - block_length + layout_.block_size({open.piece(), last})
                               : bytes;
}

Progress Swarm::Core::progress(TimePoint now) const {
  Progress out;
  out.wanted_bytes = wanted_bytes_;
  out.verified_bytes = verified_wanted_bytes_;
  out.received_bytes = verified_wanted_bytes_;
  for (const auto& open : open_.all()) {
    if (!needed(open->piece())) continue;
    const std::uint64_t size = content_bytes(open->piece());
    out.received_bytes += size - std::min(size, missing_bytes(*open));
  }
  out.downloaded = downloaded_;
  out.uploaded = uploaded_;
  out.wasted = wasted_;
  out.download_rate = down_.per_second(now);
  out.upload_rate = up_.per_second(now);
  for (const auto& peer : peers_) {
    if (peer->closing) continue;
    ++out.connections;
    if (peer->is_seed(layout_.piece_count())) ++out.seeds;
  }
  out.known_peers = static_cast<std::uint32_t>(known_.others());
  out.wanted_complete = needed_count_ == 0;
  out.complete = have_.all();
  out.paused_by_disk = disk_paused_;
  summarize_limits(out, now);
  if (metadata_) {
    const auto metadata = metadata_->progress();
    out.metadata = MetadataProgress{metadata.bytes, metadata.size, metadata.offers};
    out.wanted_bytes = 0;
  }
  return out;
}

PeerProgress Swarm::Core::row_of(const Peer& peer, TimePoint now) const {
  PeerProgress row;
  row.connection = peer.id;
  row.peer_id = peer.peer_id;
  row.remote = peer.remote;
  row.client = peer.client.empty() ? client_name(peer.peer_id) : peer.client;
  row.source = peer.source;
  row.outgoing = peer.outgoing;
  row.am_choking = peer.am_choking;
  row.am_interested = peer.am_interested;
  row.peer_choking = peer.peer_choking;
  row.peer_interested = peer.peer_interested;
  row.snubbed = peer.snubbed;
  row.downloaded = peer.downloaded;
  row.uploaded = peer.uploaded;
  row.download_rate = peer.down.per_second(now);
  row.upload_rate = peer.up.per_second(now);
  row.pieces =
      peer.counted_as_seed ? layout_.piece_count() : static_cast<std::uint32_t>(peer.has.count());
  row.requests_out = static_cast<std::uint32_t>(peer.requests.size());
  row.requests_in = static_cast<std::uint32_t>(peer.uploads.size());
  return row;
}

void Swarm::Core::peers(std::vector<PeerProgress>& out, TimePoint now) const {
  const SwarmFacts facts = swarm_facts(now);
  for (const auto& peer : peers_) {
    if (peer->closing) continue;
    PeerProgress& row = out.emplace_back(row_of(*peer, now));
    const PeerFacts its = peer_facts(*peer, now);
    row.download_limit = download_limit(facts, its);
    row.upload_limit = upload_limit(facts, its);
  }
}

SwarmFacts Swarm::Core::swarm_facts(TimePoint now) const {
  SwarmFacts out;
  out.trading = trading();
  out.complete = needed_count_ == 0;
  out.metadata = metadata_ != nullptr;
  out.empty = have_.none();
  out.disk_trouble = disk_paused_;
  out.disk_busy = storing_ > 0 || spilling_ > 0;
  out.may_open = may_open();
  out.download_limit = download_limiter_.limit();
  out.upload_limit = upload_limiter_.limit();
  out.download_rate = down_.per_second(now);
  out.upload_rate = up_.per_second(now);
  out.download_ready = download_limiter_.ready(now);
  out.upload_ready = upload_limiter_.ready(now);
  out.peers = static_cast<std::size_t>(
      std::count_if(peers_.begin(), peers_.end(), [](const auto& peer) { return !peer->closing; }));
  out.connecting = connecting_.size();
  out.known = known_.others();
  out.hung_up = known_.hung_up();
  out.has_trackers = announcer_.has_trackers();
  out.tracker_answered = announcer_.answered();
  out.tracker_failed = !announcer_.last_failure().empty();
  out.searching = !asked_besides().empty();
  return out;
}

PeerFacts Swarm::Core::peer_facts(const Peer& peer, TimePoint now) const {
  PeerFacts out;
  out.am_interested = peer.am_interested;
  out.peer_choking = peer.peer_choking;
  out.snubbed = peer.snubbed || (peer.requests.late_count() > 0 &&
                                 peer.requests.late_count() == peer.requests.size());
  out.rejects = peer.asks_again_at > now;
  out.distrusted = host_is_busy(peer) || (must_prove_itself(peer) && !peer.trial);
  out.hungry = peer.hungry;
  out.requests = peer.requests.size();
  out.rate = peer.requests.rate();
  out.delay = peer.requests.shortest_delay();
  out.peer_interested = peer.peer_interested;
  out.am_choking = peer.am_choking;
  out.uploads_waiting = peer.uploads.waiting();
  out.uploads_handed = peer.uploads.handed();
  out.receiver_full = receiver_is_full(peer);
  return out;
}

void Swarm::Core::summarize_limits(Progress& out, TimePoint now) const {
  const SwarmFacts facts = swarm_facts(now);
  LimitTally down, up;
  for (const auto& peer : peers_) {
    if (peer->closing) continue;
    const PeerFacts its = peer_facts(*peer, now);
    down.add(download_limit(facts, its), peer->down.per_second(now));
    up.add(upload_limit(facts, its), peer->up.per_second(now));
  }
  out.download_limit = down.download(facts);
  out.upload_limit = up.upload(facts);
  if (facts.disk_trouble && out.download_limit.reason == Limit::disk)
    out.download_limit.detail = disk_message_;
  const std::string besides = asked_besides();
  for (LimitSummary* summary : {&out.download_limit, &out.upload_limit}) {
    switch (summary->reason) {
      case Limit::searching:
        summary->detail = "asking " + besides;
        break;
      case Limit::tracker_failed:
        summary->detail = announcer_.last_failure();
        [[fallthrough]];
      case Limit::tracker_silent:
      case Limit::no_others:
        if (besides.empty()) break;
        if (!summary->detail.empty()) summary->detail += "; ";
        summary->detail += fmt::format("asking {}, too", besides);
        break;
      default:
        break;
    }
  }
}

// Who knows peers besides trackers, and may be asked; empty: nobody.
std::string Swarm::Core::asked_besides() const {
  if (!gossips_) return {};
  if (config_->dht && config_->local_discovery) return "the DHT and the local network";
  if (config_->dht) return "the DHT";
  return config_->local_discovery ? "the local network" : "";
}

std::uint32_t Swarm::Core::blocks_due(ConnectionId connection) const {
  const Peer* peer = find(connection);
  return peer == nullptr ? 0 : static_cast<std::uint32_t>(peer->requests.size());
}

bool Swarm::Core::stopped() const {
  return stopping_ && announcer_.finished() && storing_ == 0 && spilling_ == 0;
}

bool Swarm::Core::at_rest() const {
  return !stopping_ && !metadata_ && have_.all() && peers_.empty() && connecting_.empty() &&
         storing_ == 0 && spilling_ == 0 && !announcer_.any_in_flight();
}

std::string Swarm::Core::stall_reason(TimePoint now) const {
  if (!trading()) return stopping_ ? "stopping" : "not started";
  if (disk_paused_) return fmt::format("paused, the disk has trouble: {}", disk_message_);
  if (needed_count_ == 0 || down_.per_second(now) >= 1) return {};
  if (download_limiter_.limit() == 0) return "the download limit is 0";
  const auto live =
      std::count_if(peers_.begin(), peers_.end(), [](const auto& peer) { return !peer->closing; });
  if (live == 0) {
    if (!connecting_.empty())
      return fmt::format("no peer is connected; trying {} of {} known", connecting_.size(),
                         known_.others());
    if (known_.hung_up() > 0)
      return fmt::format(
          "{} of {} known peers hung up at the handshake: full, or they require encryption, which "
          "barter does not have; will try again",
          known_.hung_up(), known_.others());
    if (known_.others() > 0)
      return fmt::format("none of the {} known peers can be reached; will try again",
                         known_.others());
    const std::string besides = asked_besides();
    const std::string too = besides.empty() ? "" : fmt::format("; asking {}, too", besides);
    if (!announcer_.last_failure().empty())
      return fmt::format("no peers: the tracker failed: {}{}", announcer_.last_failure(), too);
    if (!announcer_.has_trackers())
      return besides.empty() ? "no peers, and no tracker to ask: give one with --peer"
                             : "no peers found yet: asking " + besides;
    return (announcer_.answered() ? "no peers: the tracker knows no others"
                                  : "no peers: no tracker has answered yet") +
           too;
  }
  if (metadata_) return metadata_stall(static_cast<std::uint32_t>(live), now);
  std::uint32_t useful = 0, choking = 0, snubbed = 0;
  for (const auto& peer : peers_) {
    if (peer->closing || !peer->am_interested) continue;
    ++useful;
    if (peer->peer_choking) ++choking;
    if (peer->snubbed) ++snubbed;
  }
  if (useful == 0)
    return fmt::format("none of the {} connected peers has any of the {} missing pieces", live,
                       needed_count_);
  if (choking == useful)
    return fmt::format("all {} peers that have what is missing choke us", useful);
  if (snubbed > 0)
    return fmt::format("{} of {} useful peers do not answer requests", snubbed, useful);
  if (storing_ > 0 && !may_open())
    return fmt::format("waiting for the disk: {} pieces are being written", storing_);
  return fmt::format("waiting for blocks of {} peers", useful - choking);
}

}  // namespace barter
