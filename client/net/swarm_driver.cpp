#include "client/net/swarm_driver.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <future>
#include <utility>

#include "client/net/announcing.hpp"
#include "client/net/clock.hpp"

namespace barter::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Written and not yet synced: then a sync is due before its time.
constexpr std::uint64_t sync_bytes = 256 << 20;

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
      swarm_(torrent_.metainfo, config_, shared.peer_id,
             usable_trackers(torrent_, skipped_trackers_), seed),
      links_(*this, shared, thread, info_hash_),
      state_(State::checking),
      downloading_(!torrent_.read_only),
      piece_length_(torrent_.metainfo->layout().piece_length()) {
  jobs_.set_store(std::move(store), torrent_.metainfo->layout().piece_length());
  links_.set_pieces(torrent_.metainfo->layout().piece_count());
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
      links_(*this, shared, thread, info_hash_),
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
  asio::post(thread_.context,
             [self = shared_from_this(), stream = std::move(stream), remote]() mutable {
               if (self->rested_) {
                 return self->shared_.deliver(self->info_hash_, std::move(stream), remote);
               }
               if (!self->keeps_waiting()) return self->links_.hear(std::move(stream), remote);
               self->before_trade_.push_back(
                   [driver = self.get(), stream = std::move(stream), remote]() mutable {
                     driver->links_.hear(std::move(stream), remote);
                   });
             });
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

// Events of links.

bool SwarmDriver::wants_connection(const Endpoint& from) {
  return live() && !root_missing_ && swarm_.wants_connection(from, current_time());
}

void SwarmDriver::connected(ConnectionId id, const PeerInfo& info) {
  const Batch batch(*this);
  note([&] {
    return fmt::format("connected c{} {} {}", static_cast<std::uint32_t>(id),
                       to_string(info.remote), info.outgoing ? "outgoing" : "incoming");
  });
  swarm_.peer_connected(id, info, current_time());
}

void SwarmDriver::connect_failed(const Endpoint& endpoint, ConnectFailure failure) {
  if (state_ == State::ended) return;
  const Batch batch(*this);
  note([&] {
    return fmt::format("connect_failed {} {}", to_string(endpoint), static_cast<int>(failure));
  });
  swarm_.connect_failed(endpoint, failure, current_time());
}

void SwarmDriver::received(ConnectionId id, std::span<wire::Message> messages) {
  const Batch batch(*this);
  note([&] {
    return fmt::format("received c{} {}", static_cast<std::uint32_t>(id), describe(messages));
  });
  swarm_.messages_received(id, messages, current_time());
}

void SwarmDriver::sent(ConnectionId id, std::span<const BlockRange> blocks) {
  const Batch batch(*this);
  const TimePoint now = current_time();
  for (const BlockRange& block : blocks) {
    note([&] {
      return fmt::format("block_sent c{} {}:{}", static_cast<std::uint32_t>(id),
                         to_number(block.piece), block.begin);
    });
    swarm_.block_sent(id, block, now);
  }
}

void SwarmDriver::metadata_sent(ConnectionId id) {
  const Batch batch(*this);
  note([&] { return fmt::format("metadata_sent c{}", static_cast<std::uint32_t>(id)); });
  swarm_.metadata_sent(id, current_time());
}

void SwarmDriver::not_sent(ConnectionId id, std::span<const BlockRange> blocks,
                           SendFailure failure) {
  const Batch batch(*this);
  const TimePoint now = current_time();
  for (const BlockRange& block : blocks) {
    note([&] {
      return fmt::format("block_not_sent c{} {}:{} {}", static_cast<std::uint32_t>(id),
                         to_number(block.piece), block.begin, static_cast<int>(failure));
    });
    swarm_.block_not_sent(id, block, failure, now);
  }
  if (failure != SendFailure::cancelled) last_look_ = {};  // look for changes at the next chance
}

void SwarmDriver::disconnected(ConnectionId id, DisconnectReason reason,
                               const std::string& detail) {
  const Batch batch(*this);
  note([&] {
    return fmt::format("disconnected c{} {} {}", static_cast<std::uint32_t>(id), to_string(reason),
                       detail);
  });
  swarm_.peer_disconnected(id, reason, current_time());
}

void SwarmDriver::read_later(std::shared_ptr<link::PeerLink> link, std::vector<BlockRange> blocks,
                             link::SendBuffer out) {
  jobs_.read(std::move(blocks), std::move(out),
             [link = std::move(link)](link::SendBuffer data, const Result<void>& result) {
               link->chunk_read(std::move(data), result);
             });
}

void SwarmDriver::memory_short() {
  const Batch batch(*this);
  seen_shortages_ = shared_.shortages;
  links_.release_spare();
  note([] { return std::string("memory_short"); });
  swarm_.memory_short(current_time());
}

// Actions.

void SwarmDriver::drain() {
  while (true) {
    swarm_.take_actions(actions_);
    if (gave_up_) actions_.clear();
    if (actions_.empty() && !links_.has_unwritten()) break;
    if (shared_.trace != nullptr) shared_.trace->actions(label_, current_time(), actions_);
    for (Action& action : actions_) {
      std::visit([this](auto& one) { perform(one); }, action);
    }
    actions_.clear();
    links_.flush();
  }
  arm_timer();
  if (state_ == State::stopping) maybe_ended();
}

void SwarmDriver::perform(Connect& action) {
  links_.connect(action);
}

void SwarmDriver::perform(Disconnect& action) {
  links_.disconnect(action.connection);
}

void SwarmDriver::perform(Send& action) {
  links_.send(action);
}

void SwarmDriver::perform(SendHave& action) {
  links_.send_have(action);
}

void SwarmDriver::perform(SendBlock& action) {
  links_.send_block(action);
}

void SwarmDriver::perform(CancelBlock& action) {
  if (!links_.cancel_block(action)) return;
  const BlockRange one[] = {action.range};
  not_sent(action.connection, one, SendFailure::cancelled);
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
}

void SwarmDriver::perform(NodeHeard& action) {
  if (has_dht()) shared_.finders.add_node(action.node);
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
