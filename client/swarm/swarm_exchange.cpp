// Whom peers are told of, and what becomes of those that they tell us of (BEP 11).
#include <algorithm>

#include "client/swarm/swarm_core.hpp"

namespace barter {

// BEP 27: of a private torrent nobody but the tracker tells.
bool Swarm::Core::exchanges_peers() const {
  return config_->peer_exchange && gossips_;
}

// ---- telling

// Not at once: others come and go at the same time.
void Swarm::Core::contacts_changed(TimePoint now) {
  if (exchanges_peers()) tell_at_ = std::min(tell_at_, now + config_->pex_first_after);
}

// A number of 0 switches it off (BEP 10); that is not worth a special case.
void Swarm::Core::begin_telling(Peer& peer, std::uint8_t ut_pex, TimePoint now) {
  peer.extensions.ut_pex = ut_pex;
  if (!exchanges_peers() || peer.exchange.tell_at != never) return;
  peer.exchange.tell_at = now + config_->pex_first_after;
  contacts_changed(now);
}

void Swarm::Core::tell_contacts(TimePoint now) {
  tell_at_ = never;
  if (!exchanges_peers() || !trading()) return;
  std::vector<wire::Contact> live;
  for (const auto& peer : peers_) {
    if (peer->closing || !peer->listen_known) continue;
    const bool seed = peer->is_seed(layout_.piece_count()) || peer->extensions.upload_only;
    live.push_back({peer->listen, seed, peer->outgoing});
  }
  exchange_.update(std::move(live));
  std::uint64_t all_know = exchange_.latest();
  for (const auto& peer : peers_) {
    if (peer->closing || peer->exchange.tell_at == never) continue;
    if (peer->exchange.tell_at <= now) tell_contacts(*peer, now);
    if (peer->exchange.told != exchange_.latest())
      tell_at_ = std::min(tell_at_, peer->exchange.tell_at);
    all_know = std::min(all_know, peer->exchange.told);
  }
  exchange_.forget_until(all_know);
}

void Swarm::Core::tell_contacts(Peer& peer, TimePoint now) {
  wire::PeerExchange news = exchange_.news(peer.exchange, peer.remote, peer.listen, *config_);
  if (news.added.empty() && news.dropped.empty()) return;
  news.id = peer.extensions.ut_pex;
  peer.exchange.tell_at = now + config_->pex_interval;
  send(peer, std::move(news), now);
}

// ---- being told

void Swarm::Core::on(Peer& peer, wire::PeerExchange& message, TimePoint now) {
  if (!exchanges_peers()) return;
  switch (PeerExchange::heard(peer.exchange, *config_, now)) {
    case PeerExchange::Verdict::flood:
      disconnect(peer, DisconnectReason::flooding, "peer exchange", now);
      return;
    case PeerExchange::Verdict::ignore:
      return;
    case PeerExchange::Verdict::heed:
      break;
  }
  const ContributorId contributor = exchange_.contributor(peer.remote, peer.listen);
  if (!exchange_.trusted(contributor)) return;
  std::size_t untried = known_.untried_of(contributor);
  const Endpoint own{own_address_.known().value_or(Address()), listen_port_};
  for (const auto& contact : PeerExchange::credible(message, peer.remote, *config_)) {
    if (untried >= config_->pex_untried) break;
    if (contact.endpoint == own || bans_.banned(contact.endpoint)) continue;
    if (!known_.add_named(contact.endpoint, contributor, *config_, now, random_)) continue;
    if (contact.seed) known_.set_seed(contact.endpoint, true);
    ++untried;
  }
  links_changed_ = true;
}

void Swarm::Core::reached(const Endpoint& listen) {
  if (const ContributorId contributor = known_.connected(listen); contributor != 0)
    exchange_.named(contributor, true);
}

// Where nobody is linked to us, or the family is not ours, it may be our own line.
void Swarm::Core::not_reached(ContributorId contributor, ConnectFailure failure) {
  if (contributor == 0 || peers_.empty() || failure == ConnectFailure::unreachable) return;
  if (!exchange_.named(contributor, false)) known_.forget_named_by(contributor);
}

}  // namespace barter
