#include "client/net/swarm_driver.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <future>
#include <utility>

#include "client/net/announcing.hpp"
#include "client/net/clock.hpp"
#include "client/net/endpoints.hpp"
#include "client/swarm/metadata_server.hpp"

namespace barter::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// How soon a connection that found the block pool empty looks again,
// if nothing was stored meanwhile.
constexpr auto starved_retry = std::chrono::milliseconds(50);

// The pool has been empty for so many of these in a row: memory has to be freed.
constexpr unsigned starved_rounds_max = 4;

// Messages, not blocks, that may wait for a peer, besides the metadata
// that is handed to it at once.
constexpr std::size_t max_control_bytes = 1 << 20;

// Written and not yet synced: then a sync is due before its time.
constexpr std::uint64_t sync_bytes = 256 << 20;

wire::ReaderLimits limits_for(const Metainfo& metainfo) {
  wire::ReaderLimits out;
  out.bitfield_bytes = (metainfo.layout().piece_count() + 7) / 8;
  return out;
}

AddTorrent unknown_torrent(const AddMagnet& magnet) {
  AddTorrent out;
  out.trackers = magnet.trackers;
  out.peers = magnet.peers;
  return out;
}

}  // namespace

SwarmDriver::SwarmDriver(const DriverShared& shared, NetThread& thread, TorrentId id,
                         AddTorrent torrent, std::shared_ptr<const SwarmConfig> config,
                         std::shared_ptr<Store> store, std::uint64_t seed)
    : shared_(shared),
      thread_(thread),
      id_(id),
      was_magnet_(false),
      torrent_(std::move(torrent)),
      config_(std::move(config)),
      info_hash_(torrent_.metainfo->info_hash().wire()),
      reader_limits_(limits_for(*torrent_.metainfo)),
      swarm_(torrent_.metainfo, config_, shared.peer_id,
             usable_trackers(torrent_, skipped_trackers_), seed),
      state_(State::checking),
      downloading_(!torrent_.read_only),
      piece_length_(torrent_.metainfo->layout().piece_length()) {
  jobs_.set_store(std::move(store), torrent_.metainfo->layout().piece_length());
  number_trackers();
}

SwarmDriver::SwarmDriver(const DriverShared& shared, NetThread& thread, TorrentId id,
                         const AddMagnet& magnet, std::shared_ptr<const SwarmConfig> config,
                         std::uint64_t seed)
    : shared_(shared),
      thread_(thread),
      id_(id),
      was_magnet_(true),
      torrent_(unknown_torrent(magnet)),
      config_(std::move(config)),
      info_hash_(magnet.info_hash.wire()),
      swarm_(magnet.info_hash, config_, shared.peer_id,
             usable_trackers(torrent_, skipped_trackers_), seed),
      state_(State::fetching),
      downloading_(false) {
  number_trackers();
}

// As the swarm does.
void SwarmDriver::number_trackers() {
  skipped_trackers_.clear();
  for (auto& tier : usable_trackers(torrent_, skipped_trackers_)) {
    trackers_.insert(trackers_.end(), tier.begin(), tier.end());
  }
}

SwarmDriver::~SwarmDriver() = default;

// From other threads.

void SwarmDriver::adopt(std::unique_ptr<link::Stream> stream, Endpoint remote) {
  if (!stream->move_to(thread_.context)) return;
  asio::post(thread_.context, [self = shared_from_this(), stream = std::move(stream),
                               remote]() mutable {
    if (self->rested_) {
      return self->shared_.deliver(self->info_hash_, std::move(stream), remote);
    }
    if (!self->keeps_waiting()) return self->hear(std::move(stream), remote);
    self->before_trade_.push_back([driver = self.get(), stream = std::move(stream),
                                   remote]() mutable { driver->hear(std::move(stream), remote); });
  });
}

void SwarmDriver::hear(std::unique_ptr<link::Stream> stream, const Endpoint& remote) {
  if (!wants_connection(remote)) return;
  const auto handshaking = hear_from(std::move(stream), thread_.context, remote, shared_.room);
  handshakes_.insert(handshaking);
  asio::co_spawn(thread_.context, answer_peer(shared_from_this(), handshaking), asio::detached);
}

void SwarmDriver::add_peers(std::vector<HostPort> peers) {
  asio::post(thread_.context, [self = shared_from_this(), peers = std::move(peers)] {
    if (self->state_ == State::ended) return;
    if (!self->names_) self->names_ = self->peer_names();
    self->names_->add(peers);
  });
}

std::shared_ptr<NamedHosts> SwarmDriver::peer_names() {
  const auto weak = weak_from_this();
  return std::make_shared<NamedHosts>(
      thread_.context, shared_.names,
      [weak](const std::vector<Endpoint>& endpoints) {
        const auto self = weak.lock();
        if (!self || self->state_ == State::ended) return;
        const Batch batch(*self);
        self->note([&] { return fmt::format("add_peers user {}", endpoints.size()); });
        self->swarm_.add_peers(PeerSource::user, endpoints, current_time());
      },
      [weak](const HostPort& host, const std::optional<Error>& error) {
        const auto self = weak.lock();
        if (self && self->state_ != State::ended) self->emit(HostUnknown{host, false, error});
      });
}

void SwarmDriver::add_found(PeerSource source, std::vector<Endpoint> peers) {
  asio::post(
      thread_.context, [self = shared_from_this(), source, peers = std::move(peers)]() mutable {
        if (self->keeps_waiting()) {
          self->before_trade_.push_back([driver = self.get(), source, peers = std::move(peers)] {
            driver->add_found_now(source, peers);
          });
        } else if (self->live()) {
          self->add_found_now(source, peers);
        }
      });
}

void SwarmDriver::add_found_now(PeerSource source, const std::vector<Endpoint>& peers) {
  const Batch batch(*this);
  note([&] { return fmt::format("add_peers {} {}", to_string(source), peers.size()); });
  swarm_.add_peers(source, peers, current_time());
}

void SwarmDriver::announce_finished(TrackerId tracker, const AnnounceOutcome& outcome) {
  mailbox_->post(
      [self = shared_from_this(), tracker, outcome] { self->announced(tracker, outcome); });
}

void SwarmDriver::set_limits(std::uint64_t download, std::uint64_t upload) {
  asio::post(thread_.context, [self = shared_from_this(), download, upload] {
    const Batch batch(*self);
    self->swarm_.set_limits(std::min(download, self->config_->download_limit),
                            std::min(upload, self->config_->upload_limit), current_time());
  });
}

void SwarmDriver::set_open_piece_bytes(std::uint64_t bytes) {
  asio::post(thread_.context, [self = shared_from_this(), bytes] {
    const Batch batch(*self);
    self->swarm_.set_open_piece_bytes(bytes, current_time());
  });
}

void SwarmDriver::network_changed() {
  asio::post(thread_.context, [self = shared_from_this()] {
    if (self->state_ != State::running) return;
    self->note([] { return std::string("network_changed"); });
    const Batch batch(*self);
    self->swarm_.network_changed(current_time());
  });
}

void SwarmDriver::ask(const std::function<void(const Swarm&)>& question) {
  std::promise<void> answered;
  asio::post(thread_.context, [&] {
    question(swarm_);
    answered.set_value();
  });
  answered.get_future().wait();
}

// Events of connections.

link::PeerLink* SwarmDriver::find(ConnectionId id) {
  const auto found = links_.find(static_cast<std::uint32_t>(id));
  return found == links_.end() ? nullptr : found->second.connection.get();
}

void SwarmDriver::touch(link::PeerLink& connection) {
  if (std::exchange(connection.dirty, true)) return;
  dirty_.push_back(connection.shared_from_this());
}

void SwarmDriver::received(link::PeerLink& connection, std::span<wire::Message> messages) {
  if (find(connection.id()) == nullptr) return;
  const Batch batch(*this);
  note([&] {
    return fmt::format("received c{} {}", static_cast<std::uint32_t>(connection.id()),
                       describe(messages));
  });
  hear_ports(connection.id(), messages);
  swarm_.messages_received(connection.id(), messages, current_time());
}

// BEP 5: a peer's node of the DHT is a matter of the whole client, not of the swarm.
void SwarmDriver::hear_ports(ConnectionId id, std::span<const wire::Message> messages) {
  for (const wire::Message& message : messages) {
    const auto* port = std::get_if<wire::Port>(&message);
    if (port == nullptr || port->port == 0 || dht_port() == 0) continue;
    Link& link = links_.at(static_cast<std::uint32_t>(id));
    if (std::exchange(link.dht_port, port->port) != 0) continue;
    shared_.finders.add_node({link.remote.address, port->port});
  }
}

void SwarmDriver::sent(link::PeerLink& connection, std::span<const BlockRange> blocks) {
  if (find(connection.id()) == nullptr) return;
  const Batch batch(*this);
  const TimePoint now = current_time();
  for (const BlockRange& block : blocks) {
    note([&] {
      return fmt::format("block_sent c{} {}:{}", static_cast<std::uint32_t>(connection.id()),
                         to_number(block.piece), block.begin);
    });
    swarm_.block_sent(connection.id(), block, now);
  }
}

void SwarmDriver::metadata_sent(link::PeerLink& connection) {
  if (find(connection.id()) == nullptr) return;
  const Batch batch(*this);
  note([&] {
    return fmt::format("metadata_sent c{}", static_cast<std::uint32_t>(connection.id()));
  });
  swarm_.metadata_sent(connection.id(), current_time());
}

void SwarmDriver::not_sent(link::PeerLink& connection, std::span<const BlockRange> blocks,
                           SendFailure failure) {
  if (find(connection.id()) == nullptr) return;
  const Batch batch(*this);
  const TimePoint now = current_time();
  for (const BlockRange& block : blocks) {
    note([&] {
      return fmt::format("block_not_sent c{} {}:{} {}", static_cast<std::uint32_t>(connection.id()),
                         to_number(block.piece), block.begin, static_cast<int>(failure));
    });
    swarm_.block_not_sent(connection.id(), block, failure, now);
  }
  if (failure != SendFailure::cancelled) last_look_ = {};  // look for changes at the next chance
  touch(connection);
}

void SwarmDriver::lost(link::PeerLink& connection, DisconnectReason reason,
                       const std::string& detail) {
  const ConnectionId id = connection.id();
  if (links_.erase(static_cast<std::uint32_t>(id)) == 0) return;
  const Batch batch(*this);
  note([&] {
    return fmt::format("disconnected c{} {} {}", static_cast<std::uint32_t>(id), to_string(reason),
                       detail);
  });
  swarm_.peer_disconnected(id, reason, current_time());
}

void SwarmDriver::read_later(std::shared_ptr<link::PeerLink> connection,
                             std::vector<BlockRange> blocks, link::SendBuffer out) {
  jobs_.read(
      std::move(blocks), std::move(out),
      [connection = std::move(connection)](link::SendBuffer data, const Result<void>& result) {
        connection->chunk_read(std::move(data), result);
      });
}

void SwarmDriver::await_buffers(std::shared_ptr<link::PeerLink> connection) {
  starved_.push_back(std::move(connection));
  if (std::exchange(starved_armed_, true)) return;
  starved_timer_.expires_after(starved_retry);
  starved_timer_.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    if (error || !self) return;
    self->starved_armed_ = false;
    const Batch batch(*self);
    const BlockPool& pool = self->shared_.blocks;
    self->starved_rounds_ = pool.in_use() >= pool.max_buffers() ? self->starved_rounds_ + 1 : 0;
    if (self->starved_rounds_ >= starved_rounds_max) {
      self->starved_rounds_ = 0;
      ++self->shared_.shortages;  // it may be the others who hold too much
      self->free_memory();
    }
    self->retry_starved();
  });
}

void SwarmDriver::free_memory() {
  seen_shortages_ = shared_.shortages;
  for (const auto& [id, link] : links_) link.connection->release_spare();
  note([] { return std::string("memory_short"); });
  swarm_.memory_short(current_time());
}

void SwarmDriver::retry_starved() {
  if (starved_.empty()) return;
  const auto waiting = std::exchange(starved_, {});
  for (const auto& connection : waiting) connection->buffers_returned();
}

// Events of handshakes.

bool SwarmDriver::wants_connection(const Endpoint& from) {
  return live() && !root_missing_ && swarm_.wants_connection(from, current_time());
}

void SwarmDriver::connect_failed(const Endpoint& endpoint, ConnectFailure failure) {
  if (state_ == State::ended) return;
  const Batch batch(*this);
  note([&] {
    return fmt::format("connect_failed {} {}", to_string(endpoint), static_cast<int>(failure));
  });
  swarm_.connect_failed(endpoint, failure, current_time());
}

void SwarmDriver::handshake_ended(const std::shared_ptr<Handshaking>& handshaking) {
  handshakes_.erase(handshaking);
}

void SwarmDriver::shaken(Handshaking& handshaking, const wire::Handshake& theirs,
                         PeerSource source) {
  if (!handshaking.outgoing) {
    auto token = shared_.budget.take(false);
    if (!token) return handshaking.close();
    handshaking.token = std::move(*token);
    handshaking.place = {};
  }
  if (!live()) return handshaking.close();
  const Batch batch(*this);
  const ConnectionId id{next_connection_++};
  PeerInfo info;
  info.remote = handshaking.remote;
  info.peer_id = theirs.peer_id;
  info.outgoing = handshaking.outgoing;
  info.source = source;
  info.fast = theirs.fast();
  info.extended = theirs.extended();
  constexpr std::size_t most_control =
      max_control_bytes + MetadataServer::max_unsent + 2 * block_length;
  const auto connection =
      std::make_shared<link::PeerLink>(std::move(handshaking.stream), id, *this, thread_.context,
                                       thread_.links, shared_.blocks, reader_limits_, most_control);
  links_[static_cast<std::uint32_t>(id)] = {connection, std::move(handshaking.token),
                                            handshaking.remote, 0};
  note([&] {
    return fmt::format("connected c{} {} {}", static_cast<std::uint32_t>(id),
                       to_string(info.remote), info.outgoing ? "outgoing" : "incoming");
  });
  swarm_.peer_connected(id, info, current_time());
  drain();  // the swarm may not want it, and its bitfield goes first
  if (theirs.dht() && dht_port() != 0 && find(id) != nullptr) {
    connection->send(wire::Port{dht_port()});
    touch(*connection);
  }
  connection->start();
}

// Actions.

void SwarmDriver::drain() {
  while (true) {
    swarm_.take_actions(actions_);
    if (gave_up_) actions_.clear();
    if (actions_.empty() && dirty_.empty()) break;
    if (shared_.trace != nullptr) shared_.trace->actions(label_, current_time(), actions_);
    for (Action& action : actions_) {
      std::visit([this](auto& one) { perform(one); }, action);
    }
    actions_.clear();
    flushing_.swap(dirty_);
    for (const auto& connection : flushing_) {
      connection->dirty = false;
      connection->flush();
    }
    flushing_.clear();
  }
  arm_timer();
  if (state_ == State::stopping) maybe_ended();
}

void SwarmDriver::perform(Connect& action) {
  auto token = shared_.budget.take(true);
  if (!token || !live()) {
    swarm_.connect_failed(action.endpoint, ConnectFailure::no_room, current_time());
    return;
  }
  auto stream = std::make_unique<link::TcpStream>(tcp::socket(thread_.context));
  link::TcpStream& dialled = *stream;
  if (const error_code error =
          bind_source(dialled.socket(), shared_.connect_from, action.endpoint)) {
    swarm_.connect_failed(action.endpoint, failure_of(error, false), current_time());
    return;
  }
  const auto handshaking = std::make_shared<Handshaking>(std::move(stream), thread_.context);
  handshaking->token = std::move(*token);
  handshaking->remote = action.endpoint;
  handshakes_.insert(handshaking);
  asio::co_spawn(thread_.context,
                 connect_peer(shared_from_this(), handshaking, dialled, action.source),
                 asio::detached);
}

void SwarmDriver::perform(Disconnect& action) {
  const auto found = links_.find(static_cast<std::uint32_t>(action.connection));
  if (found == links_.end()) return;
  const Link link = std::move(found->second);
  links_.erase(found);
  link.connection->flush();  // what was said before: a reject, say
  link.connection->close();
}

void SwarmDriver::perform(Send& action) {
  if (link::PeerLink* connection = find(action.connection)) {
    connection->send(action.message);
    if (std::holds_alternative<wire::MetadataData>(action.message)) connection->tell_when_written();
    touch(*connection);
  }
}

void SwarmDriver::perform(SendHave& action) {
  for (const ConnectionId id : action.connections) {
    if (link::PeerLink* connection = find(id)) {
      connection->send_have(action.piece);
      touch(*connection);
    }
  }
}

void SwarmDriver::perform(SendBlock& action) {
  if (link::PeerLink* connection = find(action.connection)) {
    connection->send_block(action.range);
    touch(*connection);
  }
}

void SwarmDriver::perform(CancelBlock& action) {
  link::PeerLink* connection = find(action.connection);
  if (connection == nullptr || !connection->cancel_block(action.range)) return;
  const BlockRange one[] = {action.range};
  not_sent(*connection, one, SendFailure::cancelled);
}

void SwarmDriver::perform(StorePiece& action) {
  jobs_.store(std::move(action), [this](PieceIndex piece, const StoreOutcome& outcome,
                                        std::vector<BlockBuffer> blocks) {
    note([&] {
      return fmt::format("piece_stored {} {} {}", to_number(piece),
                         static_cast<int>(outcome.result), outcome.message);
    });
    swarm_.piece_stored(piece, outcome, current_time(), std::move(blocks));
    if (jobs_.store()->unsynced_bytes() >= sync_bytes) sync();
  });
}

void SwarmDriver::perform(SpillBlock& action) {
  jobs_.spill(std::move(action), [this](BlockRef block, bool kept, BlockBuffer buffer) {
    note([&] {
      return fmt::format("block_spilled {}:{} {}", to_number(block.piece), block.block, kept);
    });
    swarm_.block_spilled(block, kept, current_time(), std::move(buffer));
  });
}

void SwarmDriver::perform(DropSpilled& action) {
  jobs_.drop_spilled(action.piece);
}

void SwarmDriver::perform(Announce& action) {
  tracker::AnnounceRequest request = announce_request(shared_, info_hash_, action);
  const auto place = static_cast<std::size_t>(action.tracker);
  assert(place < trackers_.size());
  shared_.trackers.announce(trackers_[place], std::move(request),
                            [mailbox = mailbox_, weak = weak_from_this(),
                             tracker = action.tracker](const AnnounceOutcome& outcome) {
                              mailbox->post([weak, tracker, outcome] {
                                if (const auto self = weak.lock())
                                  self->announced(tracker, outcome);
                              });
                            });
}

void SwarmDriver::announced(TrackerId tracker, const AnnounceOutcome& outcome) {
  if (state_ == State::ended) return;
  note([&] {
    return fmt::format("announce_finished t{} {} {} peers {}", static_cast<unsigned>(tracker),
                       outcome.ok ? "ok" : "failed", outcome.peers.size(), outcome.failure);
  });
  swarm_.announce_finished(tracker, outcome, current_time());
}

void SwarmDriver::perform(FindPeers& action) {
  if (!action.wanted) return shared_.finders.end(info_hash_);
  if (!live()) return;
  // Whoever is a peer is mostly a node of the DHT at the same port.
  // Names are looked up for the peers.
  std::vector<HostPort> nodes;
  for (const HostPort& peer : torrent_.peers)
    if (Address::parse(peer.host)) nodes.push_back(peer);
  if (torrent_.metainfo)
    nodes.insert(nodes.end(), torrent_.metainfo->dht_nodes().begin(),
                 torrent_.metainfo->dht_nodes().end());
  shared_.finders.begin(info_hash_, nodes);
  // Those that have told of theirs before we were in the DHT.
  for (const auto& [id, link] : links_)
    if (link.dht_port != 0) shared_.finders.add_node({link.remote.address, link.dht_port});
}

void SwarmDriver::perform(Notify& action) {
  if (std::holds_alternative<WantedComplete>(action.notice)) {
    wanted_complete();
  } else if (std::holds_alternative<DiskTrouble>(action.notice)) {
    disk_trouble_ = true;
    last_probe_ = current_time();
  } else if (std::holds_alternative<DiskRecovered>(action.notice)) {
    disk_trouble_ = false;
  } else if (const auto* refused = std::get_if<WriteRefused>(&action.notice)) {
    return give_up_writing(refused->message);
  } else if (const auto* metadata = std::get_if<MetadataComplete>(&action.notice)) {
    if (metadata->error) return fail(*metadata->error);
  }
  emit(std::move(action.notice));
}

void SwarmDriver::arm_timer() {
  if (state_ == State::ended || (state_ == State::checking && !live())) return;
  const TimePoint deadline = swarm_.next_deadline();
  // A timer that goes off early costs less than one that is set again with every batch.
  if (deadline >= armed_for_) return;
  armed_for_ = deadline;
  timer_.expires_at(deadline);
  timer_.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    if (error || !self || self->state_ == State::ended) return;
    self->armed_for_ = never;
    const Batch batch(*self);
    const TimePoint now = current_time();
    if (now < self->swarm_.next_deadline()) return;
    self->note([] { return std::string("time_passed"); });
    self->swarm_.time_passed(now);
  });
}

}  // namespace barter::net
