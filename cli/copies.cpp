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

bool Copies::saw_link(const PeerId& id, const Address& from, std::uint32_t pieces,
                      std::uint64_t uploaded) {
  Peer* peer = known(id, from);
  if (peer == nullptr) return false;
  if (!peer->linked) peer->host = host_of(from);  // where it is, not where somebody said
  peer->linked = true;
  peer->lacked = peer->lacked || pieces < pieces_;
  peer->sent_to = peer->sent_to || uploaded > 0;
  peer->has_all = peer->has_all || pieces == pieces_;
  return decide(*peer);
}

bool Copies::heard_completed(const PeerId& id, const Address& from) {
  Peer* peer = known(id, from);
  if (peer == nullptr || peer->host != host_of(from)) return false;
  peer->says_all = true;
  return decide(*peer);
}

bool Copies::worth_a_call(const PeerId& id, const Endpoint& at) {
  const auto found = peers_.find(id);
  if (found == peers_.end() || found->second.counted || found->second.linked) return false;
  if (called_.size() >= max_peers) return false;
  return ++called_[host_of(at.address)] <= calls_per_address;
}

Copies::Peer* Copies::known(const PeerId& id, const Address& from) {
  const auto found = peers_.find(id);
  if (found != peers_.end()) return &found->second;
  if (peers_.size() >= max_peers) return nullptr;
  return &peers_.emplace(id, Peer{.host = host_of(from)}).first->second;
}

bool Copies::decide(Peer& peer) {
  const bool local = peer.host.is_local();
  const bool has_it = peer.linked && (peer.has_all || (peer.says_all && (peer.sent_to || local)));
  if (peer.counted || !has_it) return false;
  const bool fetched = peer.sent_to || (local && (peer.lacked || peer.says_all));
  if (!believed_.insert(peer.host).second && !fetched) return false;
  peer.counted = true;
  ++count_;
  return true;
}

}  // namespace barter::cli
