#include "cli/copies.hpp"

#include <algorithm>

namespace barter::cli {
namespace {

// Who is behind an address: an IPv6 host outside local networks has a whole /64.
Address host_of(const Address& address) {
  if (address.is_v4() || address.is_local()) return address;
  auto bytes = address.v6_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return Address::v6(bytes);
}

}  // namespace

void Copies::restore(const std::vector<Copy>& copies) {
  for (const Copy& copy : copies) {
    if (peers_.size() >= max_peers) return;
    Peer peer;
    peer.address = copy.address;
    peer.host = host_of(copy.address);
    peer.port = copy.port;
    peer.linked = peer.counted = true;
    if (!peers_.emplace(copy.id, peer).second) continue;
    believed_.insert(peer.host);
    copies_.push_back(copy);
  }
}

bool Copies::saw_link(const PeerId& id, const Address& from, std::uint32_t pieces,
                      std::uint64_t uploaded, std::uint16_t port, Time now) {
  Peer* peer = known(id, from);
  if (peer == nullptr) return false;
  if (!peer->linked) {  // where it is, not where somebody said
    if (peer->host != host_of(from)) peer->port = 0;
    --heard_[peer->host];
    peer->host = host_of(from);
    peer->address = from;
  }
  peer->linked = true;
  if (port != 0) peer->port = port;
  peer->lacked = peer->lacked || pieces < pieces_;
  peer->sent_to = peer->sent_to || uploaded > 0;
  peer->has_all = peer->has_all || pieces == pieces_;
  return decide(id, *peer, now);
}

bool Copies::heard_completed(const PeerId& id, const Address& from, Time now) {
  Peer* peer = known(id, from);
  if (peer == nullptr || peer->host != host_of(from)) return false;
  peer->says_all = true;
  return decide(id, *peer, now);
}

bool Copies::heard(const PeerId& id, const Endpoint& at, Time now) {
  Peer* peer = known(id, at.address);
  if (peer == nullptr || peer->host != host_of(at.address)) return false;
  if (peer->port != 0) return false;
  peer->port = at.port;
  if (peer->counted) {
    const auto copy =
        std::find_if(copies_.begin(), copies_.end(), [&](const Copy& one) { return one.id == id; });
    if (copy != copies_.end()) copy->port = at.port;
  }
  return decide(id, *peer, now);
}

bool Copies::worth_a_call(const PeerId& id, const Endpoint& at) {
  const auto found = peers_.find(id);
  if (found == peers_.end() || found->second.counted || found->second.linked) return false;
  if (called_.size() >= max_peers) return false;
  const bool local = at.address.is_local();
  return ++called_[host_of(at.address)] <= (local ? calls_per_local_address : calls_per_address);
}

Copies::Peer* Copies::known(const PeerId& id, const Address& from) {
  const auto found = peers_.find(id);
  if (found != peers_.end()) return &found->second;
  const Address host = host_of(from);
  if (peers_.size() >= max_peers || heard_[host] >= heard_per_host) return nullptr;
  ++heard_[host];
  Peer peer;
  peer.host = host;
  peer.address = from;
  return &peers_.emplace(id, peer).first->second;
}

// Under another peer id: its program was started anew. Where its port was not known, the one that
// shows now is taken for it.
bool Copies::is_counted(const Peer& peer) {
  if (peer.port == 0) return false;
  for (Copy& copy : copies_) {
    if (copy.address != peer.address || (copy.port != peer.port && copy.port != 0)) continue;
    if (copy.port == 0 && peer.sent_to) continue;  // it has fetched all beside that one
    copy.port = peer.port;
    return true;
  }
  return false;
}

bool Copies::decide(const PeerId& id, Peer& peer, Time now) {
  const bool local = peer.host.is_local();
  const bool has_it = peer.linked && (peer.has_all || (peer.says_all && (peer.sent_to || local)));
  if (peer.counted || !has_it) return false;
  if (is_counted(peer)) {
    peer.counted = true;
    return false;
  }
  const bool fetched = peer.sent_to || (local && (peer.lacked || peer.says_all));
  const bool told_apart = local && peer.port != 0;
  if (!believed_.insert(peer.host).second && !fetched && !told_apart) return false;
  peer.counted = true;
  copies_.push_back({peer.address, peer.port, id, now});
  return true;
}

}  // namespace barter::cli
