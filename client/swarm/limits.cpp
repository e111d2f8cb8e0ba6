#include "client/swarm/limits.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

#include "torrent/layout.hpp"

namespace barter {

namespace {

// A limit is felt from nine tenths on: it is kept by blocks, and the rate is a mean of seconds.
bool reached(std::uint64_t limit, std::uint64_t rate) {
  return limit != unlimited && rate >= limit - limit / 10;
}

// Do requests wait at the peer? Not while no more are out than are on the way to it and back. A
// quarter on top, for delays that are not the shortest.
bool requests_wait(const PeerFacts& peer) {
  if (peer.requests == 0 || peer.rate == 0) return false;  // or it was only just asked
  const double delay = std::chrono::duration<double>(peer.delay).count();
  const double on_the_way = static_cast<double>(peer.rate) * delay;
  return static_cast<double>(peer.requests) * block_length >= 1.25 * on_the_way;
}

// Why there is nobody.
Limit nobody(const SwarmFacts& swarm) {
  if (swarm.connecting > 0) return Limit::connecting;
  if (swarm.hung_up > 0) return Limit::hung_up;
  if (swarm.known > 0) return Limit::unreachable;
  if (!swarm.has_trackers) return swarm.searching ? Limit::searching : Limit::no_trackers;
  if (swarm.tracker_failed) return Limit::tracker_failed;
  return swarm.tracker_answered ? Limit::no_others : Limit::tracker_silent;
}

// What holds for all peers, whatever they do.
std::optional<Limit> download_of_all(const SwarmFacts& swarm) {
  if (!swarm.trading) return Limit::stopped;
  if (swarm.complete) return Limit::complete;
  if (swarm.disk_trouble) return Limit::disk;
  if (swarm.download_limit == 0) return Limit::own_limit;
  return std::nullopt;
}

std::optional<Limit> upload_of_all(const SwarmFacts& swarm) {
  if (!swarm.trading) return Limit::stopped;
  if (swarm.empty) return Limit::nothing_yet;
  if (swarm.upload_limit == 0) return Limit::own_limit;
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Limit limit) {
  switch (limit) {
    case Limit::stopped:
      return "stopped";
    case Limit::own_limit:
      return "own_limit";
    case Limit::no_trackers:
      return "no_trackers";
    case Limit::searching:
      return "searching";
    case Limit::tracker_failed:
      return "tracker_failed";
    case Limit::tracker_silent:
      return "tracker_silent";
    case Limit::no_others:
      return "no_others";
    case Limit::connecting:
      return "connecting";
    case Limit::unreachable:
      return "unreachable";
    case Limit::hung_up:
      return "hung_up";
    case Limit::complete:
      return "complete";
    case Limit::disk:
      return "disk";
    case Limit::memory:
      return "memory";
    case Limit::metadata:
      return "metadata";
    case Limit::no_piece:
      return "no_piece";
    case Limit::choked:
      return "choked";
    case Limit::snubbed:
      return "snubbed";
    case Limit::rejects:
      return "rejects";
    case Limit::distrust:
      return "distrust";
    case Limit::no_blocks:
      return "no_blocks";
    case Limit::window:
      return "window";
    case Limit::line:
      return "line";
    case Limit::nothing_yet:
      return "nothing_yet";
    case Limit::no_interest:
      return "no_interest";
    case Limit::no_slot:
      return "no_slot";
    case Limit::receiver:
      return "receiver";
    case Limit::no_requests:
      return "no_requests";
  }
  return "unknown";
}

std::string_view describe(Limit limit) {
  switch (limit) {
    case Limit::stopped:
      return "not trading";
    case Limit::own_limit:
      return "our own limit";
    case Limit::no_trackers:
      return "no peers, and no tracker to ask for some";
    case Limit::searching:
      return "no peers found yet";
    case Limit::tracker_failed:
      return "no peers: the tracker fails";
    case Limit::tracker_silent:
      return "no peers: no tracker has answered yet";
    case Limit::no_others:
      return "no peers: the tracker knows no others";
    case Limit::connecting:
      return "no peer is connected yet";
    case Limit::unreachable:
      return "none of the known peers can be reached";
    case Limit::hung_up:
      return "a known peer hangs up at the handshake: it is full, or it requires encryption, "
             "which barter does not have";
    case Limit::complete:
      return "nothing more is wanted";
    case Limit::disk:
      return "our disk is behind";
    case Limit::memory:
      return "no memory for more unfinished pieces";
    case Limit::metadata:
      return "the metadata of the magnet link has not come yet";
    case Limit::no_piece:
      return "no piece there that we lack";
    case Limit::choked:
      return "we are choked";
    case Limit::snubbed:
      return "blocks are overdue";
    case Limit::rejects:
      return "our requests come back unserved";
    case Limit::distrust:
      return "new, of a host that sent wrong pieces: it waits for its turn";
    case Limit::no_blocks:
      return "all that we lack there is asked of others";
    case Limit::window:
      return "the request window: no request waits there";
    case Limit::line:
      return "the line: requests wait there";
    case Limit::nothing_yet:
      return "we have no piece to give yet";
    case Limit::no_interest:
      return "nothing of ours is wanted";
    case Limit::no_slot:
      return "choked by us: no slot";
    case Limit::receiver:
      return "the line or the receiver: blocks wait to be sent";
    case Limit::no_requests:
      return "nothing is asked of us at the moment";
  }
  return "unknown";
}

Limit download_limit(const SwarmFacts& swarm, const PeerFacts& peer) {
  if (const auto all = download_of_all(swarm)) return *all;
  if (swarm.metadata) return Limit::metadata;
  if (!peer.am_interested) return Limit::no_piece;
  if (peer.peer_choking) return Limit::choked;
  if (peer.snubbed) return Limit::snubbed;
  if (peer.rejects) return Limit::rejects;
  if (peer.distrusted) return Limit::distrust;
  if (reached(swarm.download_limit, swarm.download_rate)) return Limit::own_limit;
  if (!peer.hungry) return requests_wait(peer) ? Limit::line : Limit::window;
  if (!swarm.download_ready) return Limit::own_limit;
  if (!swarm.may_open) return swarm.disk_busy ? Limit::disk : Limit::memory;
  return requests_wait(peer) ? Limit::line : Limit::no_blocks;
}

Limit upload_limit(const SwarmFacts& swarm, const PeerFacts& peer) {
  if (const auto all = upload_of_all(swarm)) return *all;
  if (!peer.peer_interested) return Limit::no_interest;
  if (peer.am_choking) return Limit::no_slot;
  if (peer.receiver_full) return Limit::receiver;
  if (peer.uploads_waiting > 0 &&
      (!swarm.upload_ready || reached(swarm.upload_limit, swarm.upload_rate)))
    return Limit::own_limit;
  if (peer.uploads_waiting + peer.uploads_handed > 0) return Limit::receiver;
  return Limit::no_requests;
}

// ---- a whole swarm

void LimitTally::add(Limit limit, std::uint64_t rate) {
  Row& row = rows_[static_cast<std::size_t>(limit)];
  ++row.peers;
  row.rate += rate;
  best_ = std::max(best_, rate);
}

// `last`: reasons that count only where there is no other, the least important at the end.
LimitSummary LimitTally::most(std::initializer_list<Limit> last) const {
  LimitSummary out;
  std::uint64_t charged = 0;
  for (std::size_t i = 0; i < limit_reasons; ++i) {
    const Limit limit{static_cast<std::uint8_t>(i)};
    const Row& row = rows_[i];
    if (row.peers == 0 || std::find(last.begin(), last.end(), limit) != last.end()) continue;
    out.of += row.peers;
    const std::uint64_t charge = best_ * row.peers - row.rate;
    if (out.peers != 0 && (charge < charged || (charge == charged && row.peers <= out.peers)))
      continue;
    out.reason = limit;
    out.peers = row.peers;
    charged = charge;
  }
  if (out.peers != 0) return out;
  for (const Limit limit : last) {
    const Row& row = rows_[static_cast<std::size_t>(limit)];
    if (row.peers != 0) return {limit, row.peers, row.peers, {}};
  }
  return out;
}

LimitSummary LimitTally::download(const SwarmFacts& swarm) const {
  if (const auto all = download_of_all(swarm)) return {*all, 0, 0, {}};
  if (swarm.peers == 0) return {nobody(swarm), 0, 0, {}};
  if (reached(swarm.download_limit, swarm.download_rate)) return {Limit::own_limit, 0, 0, {}};
  return most({Limit::no_piece});
}

LimitSummary LimitTally::upload(const SwarmFacts& swarm) const {
  if (const auto all = upload_of_all(swarm)) return {*all, 0, 0, {}};
  if (swarm.peers == 0) return {nobody(swarm), 0, 0, {}};
  if (reached(swarm.upload_limit, swarm.upload_rate)) return {Limit::own_limit, 0, 0, {}};
  return most({Limit::no_slot, Limit::no_interest});
}

}  // namespace barter
