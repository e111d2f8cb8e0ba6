// Each message of a peer: checked against the protocol and the layout, then handed to its concern.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "client/swarm/allowed_fast.hpp"
#include "client/swarm/metadata_server.hpp"
#include "client/swarm/swarm_core.hpp"

namespace barter {

namespace {
constexpr std::size_t max_suggested = 16;
constexpr std::size_t max_allowed_fast = 64;  // of those a peer grants us
constexpr std::size_t max_client_name = 64;
}  // namespace

void Swarm::Core::messages_received(ConnectionId connection, std::span<wire::Message> messages,
                                    TimePoint now) {
  Peer* peer = find(connection);
  if (peer == nullptr) return;
  peer->last_received = now;
  const bool was_interested = peer->peer_interested;
  for (wire::Message& message : messages) {
    if (const std::uint32_t idle = idle_messages(*peer, message)) peer->chatter.said(idle, now);
    if (keep_for_later(*peer, message)) continue;
    std::visit([&](auto& value) { on(*peer, value, now); }, message);
    if (peer->closing) break;
  }
  if (!was_interested) repeat_unchoke(*peer, now);
  mark(*peer);
  settle(now);
}

// Unchoked ahead, and yet it asks for nothing: webtorrent misses what comes in one read with the
// handshake, and would wait for ever. To others it says nothing new.
void Swarm::Core::repeat_unchoke(Peer& peer, TimePoint now) {
  if (!peer.peer_interested || peer.am_choking || peer.requests_received > 0) return;
  send(peer, wire::Unchoke{}, now);
}

// As how many idle messages it counts (Chatter): nothing where it brings something, or is bounded
// by what we have asked for or serve, or is counted by itself.
std::uint32_t Swarm::Core::idle_messages(const Peer& peer, const wire::Message& message) const {
  constexpr std::uint32_t parsed = 50;  // a dictionary to be read
  constexpr std::uint32_t bits_at_once = 100;
  constexpr std::uint32_t worth_a_read = 1024;  // bytes; clients ask for whole blocks
  if (std::holds_alternative<wire::Piece>(message) || std::holds_alternative<wire::Reject>(message))
    return 0;
  if (const auto* request = std::get_if<wire::Request>(&message))
    return request->length < std::min(worth_a_read, layout_.piece_length()) ? 1 : 0;
  if (const auto* have = std::get_if<wire::Have>(&message)) {
    const auto piece = layout_.piece(have->piece);
    return piece && !peer.has_piece(*piece) ? 0 : 1;
  }
  if (std::holds_alternative<wire::BitfieldMessage>(message))
    return peer.declared ? 1 + layout_.piece_count() / bits_at_once : 0;
  if (std::holds_alternative<wire::ExtensionHandshake>(message) ||
      std::holds_alternative<wire::PeerExchange>(message))
    return parsed;
  return 1;
}

TimePoint Swarm::Core::listen_at(ConnectionId connection) const {
  const Peer* peer = find(connection);
  return peer == nullptr ? TimePoint{} : peer->chatter.listen_at();
}

void Swarm::Core::breaks_protocol(Peer& peer, std::string detail, TimePoint now) {
  disconnect(peer, DisconnectReason::protocol_error, std::move(detail), now);
}

// ---- choke, interest

void Swarm::Core::on(Peer&, wire::KeepAlive&, TimePoint) {}

void Swarm::Core::on(Peer& peer, wire::Choke&, TimePoint now) {
  if (peer.peer_choking) return;
  peer.peer_choking = true;
  --sources_;
  work_freed_ = true;  // what was left to it
  // BEP 6: with Fast each request is rejected by name; without, a choke drops them all.
  end_trial(peer);
  if (peer.fast || peer.requests.empty()) return;
  release_all(peer, now, false);
  pause_asking(peer, {}, now);
  peer.debt.answered(false, now);
}

void Swarm::Core::on(Peer& peer, wire::Unchoke&, TimePoint) {
  if (!peer.peer_choking) return;
  peer.peer_choking = false;
  ++sources_;
}

void Swarm::Core::on(Peer& peer, wire::Interested&, TimePoint now) {
  if (peer.peer_interested) return;
  peer.peer_interested = true;
  peer.interested_since = now;
  choke_soon(now);
}

void Swarm::Core::on(Peer& peer, wire::NotInterested&, TimePoint now) {
  if (!peer.peer_interested) return;
  peer.peer_interested = false;
  if (!peer.am_choking) choke_soon(now);
}

void Swarm::Core::update_interest(Peer& peer, TimePoint now) {
  if (peer.closing) return;
  const bool interested = peer.counted_as_seed ? needed_count_ > 0 : peer.interesting > 0;
  if (interested == peer.am_interested) return;
  peer.am_interested = interested;
  if (interested) {
    mark(peer);
    send(peer, wire::Interested{}, now);
  } else {
    send(peer, wire::NotInterested{}, now);
  }
}

// ---- what the peer has

bool Swarm::Core::needs_fast(Peer& peer, const char* what, TimePoint now) {
  if (peer.fast) return true;
  breaks_protocol(peer, fmt::format("{} without the Fast extension", what), now);
  return false;
}

// "Only ever sent as the first message", says BEP 3; but aria2 sends it again in mid-stream instead
// of many haves (and have all when it is done). So it is taken at any time: what it adds is gained,
// what it leaves out is not taken back, for which there is BEP 54.
void Swarm::Core::on(Peer& peer, wire::BitfieldMessage& message, TimePoint now) {
  auto bits = Bitfield::from_wire(message.bits, layout_.piece_count());
  if (!bits) {
    breaks_protocol(peer,
                    fmt::format("bitfield of {} bytes or with spare bits set for {} pieces",
                                message.bits.size(), layout_.piece_count()),
                    now);
    return;
  }
  if (bits->all()) {
    has_all(peer);
  } else if (!peer.counted_as_seed && peer.has.size() == 0 && !bits->none()) {
    peer.has = std::move(*bits);
    picker_.peer_joined(peer.has);
  } else if (!peer.counted_as_seed) {
    for (std::size_t i = bits->next_set(0); i < bits->size(); i = bits->next_set(i + 1))
      if (peer.has.set(i)) picker_.peer_gained(PieceIndex{static_cast<std::uint32_t>(i)});
  }
  declared(peer, now);
}

void Swarm::Core::has_all(Peer& peer) {
  if (peer.counted_as_seed) return;
  if (peer.has.size() != 0) picker_.peer_left(peer.has);
  peer.has = {};
  peer.counted_as_seed = true;
  picker_.seed_joined();
}

void Swarm::Core::on(Peer& peer, wire::HaveAll&, TimePoint now) {
  if (!needs_fast(peer, "have all", now)) return;
  has_all(peer);
  declared(peer, now);
}

void Swarm::Core::on(Peer& peer, wire::HaveNone&, TimePoint now) {
  if (needs_fast(peer, "have none", now)) declared(peer, now);
}

void Swarm::Core::declared(Peer& peer, TimePoint now) {
  peer.declared = true;
  recount(peer);
  if (link_is_pointless(peer)) {
    if (peer.listen_known) known_.set_seed(peer.listen, true);
    disconnect(peer, DisconnectReason::both_seeds, {}, now);
    return;
  }
  if (peer.listen_known) known_.set_seed(peer.listen, peer.counted_as_seed);
  update_interest(peer, now);
  offer_allowed_fast(peer, now);
}

void Swarm::Core::on(Peer& peer, wire::Have& message, TimePoint now) {
  const auto piece = layout_.piece(message.piece);
  if (!piece) {
    breaks_protocol(
        peer, fmt::format("have of piece {} of {}", message.piece, layout_.piece_count()), now);
    return;
  }
  if (peer.has_piece(*piece)) return;
  if (peer.has.size() == 0) peer.has = Bitfield(layout_.piece_count());
  peer.has.set(message.piece);
  picker_.peer_gained(*piece);
  if (first_copy_.active()) passed_on_.gained(peer.id, *piece);
  peer.nothing_at_epoch = ~0ull;
  if (needed(*piece)) ++peer.interesting;
  if (peer.has.all() && link_is_pointless(peer)) {
    if (peer.listen_known) known_.set_seed(peer.listen, true);
    disconnect(peer, DisconnectReason::both_seeds, {}, now);
    return;
  }
  update_interest(peer, now);
}

void Swarm::Core::on(Peer& peer, wire::DontHave& message, TimePoint now) {
  const auto piece = layout_.piece(message.piece);
  if (!piece) {
    breaks_protocol(peer, fmt::format("dont have of piece {}", message.piece), now);
    return;
  }
  if (!peer.has_piece(*piece)) return;
  if (peer.counted_as_seed) {
    peer.counted_as_seed = false;
    picker_.seed_left();
    peer.has = Bitfield(layout_.piece_count(), true);
    picker_.peer_joined(peer.has);
  }
  peer.has.clear(message.piece);
  picker_.peer_lost(*piece);
  recount(peer);
  if (peer.listen_known) known_.set_seed(peer.listen, false);
  if (!peer.fast) {  // BEP 54: dropped silently; with Fast each will be rejected
    for (std::size_t i = peer.requests.size(); i > 0; --i)
      if (peer.requests[i - 1].block.piece == *piece) {
        release(peer, peer.requests[i - 1].block);
        pause_asking(peer, {}, now);
      }
    if (peer.requests.empty()) peer.debt.taken_back(now);
  }
  work_freed_ = true;  // what was left to it
  update_interest(peer, now);
}

// ---- the Fast extension

void Swarm::Core::offer_allowed_fast(Peer& peer, TimePoint now) {
  if (!peer.fast || peer.sent_allowed_fast || has_few() || peer.counted_as_seed) return;
  // A crowd that begins has nothing but newcomers: to let all of them fetch at once makes each of
  // them wait for its first piece.
  update_first_copy();
  if (first_copy_.active()) return;
  // A torrent of few pieces shall not be had without ever being unchoked.
  const std::uint32_t count = std::min(config_->allowed_fast_pieces, layout_.piece_count() / 8);
  if (peer.has.count() >= count || peer.extensions.upload_only) return;
  // The set is the same for a whole /24: of a crowd there, only one shall fetch it, or all of them
  // would spend our line on the same few pieces and have nothing to trade.
  if (!peer.remote.address.is_v4()) return;
  const auto network = [](const Address& address) {
    auto bytes = address.v4_bytes();
    bytes[3] = 0;
    return bytes;
  };
  for (const auto& other : peers_)
    if (!other->closing && other->sent_allowed_fast &&
        network(other->remote.address) == network(peer.remote.address))
      return;
  peer.sent_allowed_fast = true;
  peer.granted_fast = allowed_fast_set(peer.remote.address, metainfo_->info_hash().wire(),
                                       layout_.piece_count(), count);
  for (const PieceIndex piece : peer.granted_fast)
    send(peer, wire::AllowedFast{to_number(piece)}, now);
}

void Swarm::Core::on(Peer& peer, wire::Suggest& message, TimePoint now) {
  if (!needs_fast(peer, "suggest", now)) return;
  const auto piece = layout_.piece(message.piece);
  if (!piece) {
    breaks_protocol(peer, fmt::format("suggest of piece {}", message.piece), now);
    return;
  }
  if (!needed(*piece)) return;
  if (peer.suggested.size() == max_suggested) peer.suggested.erase(peer.suggested.begin());
  peer.suggested.push_back(*piece);
}

void Swarm::Core::on(Peer& peer, wire::AllowedFast& message, TimePoint now) {
  if (!needs_fast(peer, "allowed fast", now)) return;
  const auto piece = layout_.piece(message.piece);
  if (!piece) {
    breaks_protocol(peer, fmt::format("allowed fast of piece {}", message.piece), now);
    return;
  }
  auto& granted = peer.allowed_fast;
  if (granted.size() >= max_allowed_fast) return;
  if (std::find(granted.begin(), granted.end(), *piece) == granted.end()) granted.push_back(*piece);
}

void Swarm::Core::on(Peer& peer, wire::Reject& message, TimePoint now) {
  if (!needs_fast(peer, "reject", now)) return;
  const auto block = layout_.block(message.piece, message.begin, message.length);
  if (!block) {
    breaks_protocol(peer, "reject of a block that cannot be", now);
    return;
  }
  const bool known = peer.requests.remove(*block);
  peer.debt.answered(!peer.requests.empty(), now);
  if (!known) {
    if (peer.strays_allowed == 0) {
      breaks_protocol(peer, "reject of a request never sent", now);
    } else {
      --peer.strays_allowed;
    }
    return;
  }
  release(peer, *block);
  work_freed_ = true;
  if (peer.peer_choking) {
    // It takes back a grant rather than answering the same request for ever.
    std::erase(peer.allowed_fast, block->piece);
    return pause_asking(peer, {}, now);
  }
  // Unchoked and yet refused: it is short of something. Asking again at once would make a loop.
  pause_asking(peer, config_->reject_pause, now);
}

// ---- blocks

void Swarm::Core::on(Peer& peer, wire::Piece& message, TimePoint now) {
  const std::uint32_t length = message.block.size();
  peer.down.add(length, now);
  down_.add(length, now);
  downloaded_ += length;
  peer.downloaded += length;
  const auto block = layout_.block(message.piece, message.begin, length);
  if (!block) {
    breaks_protocol(peer,
                    fmt::format("block of {} bytes at {} of piece {} was not asked for", length,
                                message.begin, message.piece),
                    now);
    wasted_ += length;
    return;
  }
  const bool asked = peer.requests.delivered(*block, length, now, *config_);
  if (!asked) {
    if (peer.strays_allowed == 0) {
      wasted_ += length;
      breaks_protocol(peer, "a block that was not asked for", now);
      return;
    }
    --peer.strays_allowed;
  }
  peer.debt.answered(!peer.requests.empty(), now);
  answers_.heard(now);
  peer.unserved.served();
  peer.last_block = now;
  if (std::exchange(peer.snubbed, false)) peer.asks_again_at = {};
  block_arrived(peer, *block, asked, std::move(message.block), now);
}

void Swarm::Core::on(Peer& peer, wire::Request& message, TimePoint now) {
  const auto range = layout_.block_range(message.piece, message.begin, message.length);
  if (!range) {
    breaks_protocol(peer,
                    fmt::format("request of {} bytes at {} of piece {}", message.length,
                                message.begin, message.piece),
                    now);
    return;
  }
  ++peer.requests_received;
  const bool full = peer.uploads.size() >= config_->max_incoming_requests;
  if (!may_serve(peer, *range) || full) {
    reject(peer, *range, now);
    count_misbehaviour(peer, now);
    return;
  }
  peer.uploads.add(*range);
  peer.slot_lapsed = never;
  if (!first_copy_.active()) return;
  first_copy_.asked(range->piece);
  offer_first_copy(peer, now);
}

void Swarm::Core::on(Peer& peer, wire::Cancel& message, TimePoint now) {
  const auto range = layout_.block_range(message.piece, message.begin, message.length);
  if (!range) {
    breaks_protocol(peer, "cancel of a block that cannot be", now);
    return;
  }
  switch (peer.uploads.cancel(*range)) {
    case UploadQueue::Found::nowhere:  // sent already
      count_vain_cancel(peer, now);
      break;
    case UploadQueue::Found::waiting:
      reject(peer, *range, now);
      break;
    case UploadQueue::Found::handed:
      actions_.emplace_back(CancelBlock{peer.id, *range});
      count_vain_cancel(peer, now);  // it may be asked for again and again
      break;
  }
}

// ---- extensions

void Swarm::Core::on(Peer& peer, wire::ExtensionHandshake& message, TimePoint now) {
  PeerExtensions& known = peer.extensions;
  // A later handshake adds to the first (BEP 10).
  if (message.ut_metadata != 0) known.ut_metadata = message.ut_metadata;
  if (message.lt_donthave != 0) known.lt_donthave = message.lt_donthave;
  metadata_offered(peer, message);
  if (message.ut_pex != 0) begin_telling(peer, message.ut_pex, now);
  if (message.reqq) known.reqq = std::max(1u, *message.reqq);
  if (message.upload_only) known.upload_only = *message.upload_only;
  if (!message.client.empty()) peer.client = message.client.substr(0, max_client_name);
  // A hint, used only for whom to prefer.
  if (message.your_ip && own_address_.told_by_peer(*message.your_ip, peer.remote.address))
    known_.set_own({*own_address_.known(), listen_port_});
  if (message.listen_port && *message.listen_port != 0 && !peer.listen_known) {
    peer.listen = {peer.remote.address, *message.listen_port};
    peer.listen_known = true;
    if (bans_.banned(peer.listen, pardon_until(now))) {
      disconnect(peer, DisconnectReason::banned, {}, now);
      return;
    }
    // BEP 27: a private torrent calls only whom the tracker named.
    if (!metainfo_->is_private())
      known_.add(peer.listen, PeerSource::incoming, *config_, now, random_);
    reached(peer.listen);
    contacts_changed(now);
  }
  if (peer.declared && link_is_pointless(peer)) {
    if (peer.listen_known) known_.set_seed(peer.listen, true);
    disconnect(peer, DisconnectReason::both_seeds, {}, now);
  }
}

void Swarm::Core::on(Peer& peer, wire::MetadataRequest& message, TimePoint now) {
  if (peer.extensions.ut_metadata == 0) return;
  if (metadata_ || !peer.metadata.ask(message.piece, metainfo_->info_bytes().size()))
    return send(peer, wire::MetadataReject{message.piece, peer.extensions.ut_metadata}, now);
  metadata_at_ = std::min(metadata_at_, now);
}

void Swarm::Core::on(Peer& peer, wire::Port& message, TimePoint) {
  if (message.port == 0 || std::exchange(peer.dht_port, message.port) != 0) return;
  actions_.emplace_back(NodeHeard{{peer.remote.address, peer.dht_port}});
}
void Swarm::Core::on(Peer&, wire::Unknown&, TimePoint) {}

}  // namespace barter
