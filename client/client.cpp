#include "client/client.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cassert>
#include <future>
#include <map>
#include <mutex>
#include <random>
#include <utility>

#include "chunkstore/posix_files.hpp"
#include "chunkstore/written_files.hpp"
#include "client/net/client_hooks.hpp"
#include "client/net/descriptor_plan.hpp"
#include "client/net/event_queue.hpp"
#include "client/net/finders.hpp"
#include "client/net/io_threads.hpp"
#include "client/net/listener.hpp"
#include "client/net/rate_lease.hpp"
#include "client/net/swarm_driver.hpp"
#include "client/net/utp_refusal.hpp"

namespace barter {

namespace asio = boost::asio;
using net::SwarmDriver;

namespace {

// A disk that does not answer is waited for so long beyond the grace of a stop.
constexpr auto disk_patience = std::chrono::seconds(5);
constexpr auto lease_interval = std::chrono::milliseconds(500);

std::uint64_t random_number() {
  static std::random_device device;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  return std::uint64_t{device()} << 32 | device();
}

// BEP 20: "-BT" would be BitTorrent's own; ours is "-Ba".
PeerId random_peer_id() {
  static constexpr std::string_view prefix = "-Ba0100-";
  static constexpr std::string_view letters =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  PeerId out;
  for (std::size_t i = 0; i < PeerId::size; ++i) {
    out.bytes[i] = static_cast<std::byte>(
        i < prefix.size() ? prefix[i] : letters[random_number() % letters.size()]);
  }
  return out;
}

// Raises the soft limit of descriptors to the hard one; how many there may be.
std::uint32_t descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return static_cast<std::uint32_t>(std::min<rlim_t>(limit.rlim_cur, 1 << 20));
}

// What a torrent that downloads may hold in open pieces: its part of all, but two pieces at least.
std::uint64_t open_piece_share(const ClientOptions& options, std::size_t downloads,
                               std::uint64_t piece_length) {
  return std::max(options.swarm.open_piece_bytes / std::max<std::size_t>(downloads, 1),
                  2 * piece_length);
}

net::TrackerClientOptions tracker_options(const ClientOptions& options, std::size_t at_once) {
  net::TrackerClientOptions out;
  out.at_once = at_once;
  out.fetch.connect_from = options.connect_from;
  return out;
}

}  // namespace

class Client::Impl {
 public:
  Impl(ClientOptions options, TorrentHandler handler, const net::ClientHooks& hooks);
  ~Impl();
  bool close();  // false if a disk does not answer: then this must not be destroyed
  Result<void> open();

  Result<TorrentId> add(AddTorrent torrent);
  Result<TorrentId> add(const AddMagnet& magnet);
  Result<void> begin(TorrentId id, AddTorrent torrent);
  void remove(std::vector<TorrentId> torrents, Duration grace);
  std::vector<TorrentId> all() const;
  std::shared_ptr<SwarmDriver> find(TorrentId id) const;
  std::shared_ptr<SwarmDriver> find(const WireInfoHash& info_hash) const;
  void set_limits(std::uint64_t download, std::uint64_t upload);
  Result<void> trace_written() const { return trace_ ? trace_->flush() : Result<void>(); }

  // The order is that of destruction, reversed: whoever holds blocks goes before their pool,
  // whoever holds sockets before their contexts.
  const ClientOptions options_;
  const net::DescriptorPlan descriptors_ =
      net::plan_descriptors(descriptor_limit(), options_.max_connections);
  const PeerId peer_id_ = random_peer_id();
  net::EventQueue events_;
  std::unique_ptr<net::Trace> trace_;
  const std::shared_ptr<Files> files_;
  const std::shared_ptr<WrittenFiles> written_ = std::make_shared<WrittenFiles>();
  // At most: what the torrents that download may hold in open pieces, one block half received for
  // each connection, and a fixed part for what is on its way to the disk or read ahead. As a
  // torrent gives back what exceeds half of its share when the pool is empty (Swarm::memory_short),
  // there are always blocks for the next piece to be completed.
  const std::uint64_t block_bytes_beyond_;
  std::atomic<std::uint32_t> shortages_ = 0;
  BlockPool blocks_{0};
  net::ConnectionBudget budget_;
  net::WaitingRoom room_;
  net::IoThreads threads_;
  net::DiskPool disk_;
  std::shared_ptr<net::TrackerClient> trackers_;
  net::NameResolver names_;
  std::shared_ptr<net::Listener> listener_;
  std::shared_ptr<net::NetworkWatch> network_;
  std::optional<net::Finders> finders_;
  std::shared_ptr<net::UtpRefusal> utp_;  // null: the DHT's sockets refuse them
  std::optional<net::DriverShared> shared_;

 private:
  struct Torrent {
    std::shared_ptr<SwarmDriver> driver;
    net::LeaseUse download, upload;
    std::uint64_t open_piece_bytes = 0;
  };
  Result<std::shared_ptr<Store>> open_store(const AddTorrent& torrent);
  std::shared_ptr<const SwarmConfig> swarm_config() const;
  Result<TorrentId> take(TorrentId id, const std::shared_ptr<SwarmDriver>& driver);
  void arm_leases();
  void renew_leases();
  void lease(Torrent& torrent, std::uint64_t download, std::uint64_t upload);
  void share_memory();
  void network_changed();

  mutable std::mutex mutex_;  // of what follows
  std::map<TorrentId, Torrent> torrents_;
  std::map<WireInfoHash, TorrentId> by_hash_;
  std::uint32_t next_id_ = 1;
  std::uint64_t download_limit_, upload_limit_;
  bool gave_up_ = false;  // on a disk
  bool closed_ = false;
  asio::steady_timer lease_timer_;
};

Client::Impl::Impl(ClientOptions options, TorrentHandler handler, const net::ClientHooks& hooks)
    : options_(std::move(options)),
      events_(std::move(handler)),
      files_(hooks.files ? hooks.files : std::shared_ptr<Files>(posix_files())),
      block_bytes_beyond_(hooks.block_bytes_beyond),
      budget_(descriptors_.connections),
      room_({.most = descriptors_.strangers}),
      threads_(options_.network_threads),
      disk_(options_.disk_threads),
      trackers_(std::make_shared<net::TrackerClient>(
          threads_.service(), tracker_options(options_, descriptors_.tracker_requests))),
      listener_(std::make_shared<net::Listener>(
          threads_.service(), [this](const WireInfoHash& info_hash) { return find(info_hash); },
          room_)),
      network_(std::make_shared<net::NetworkWatch>(threads_.service(), hooks.network,
                                                   [this] { network_changed(); })),
      download_limit_(options_.download_limit),
      upload_limit_(options_.upload_limit),
      lease_timer_(threads_.service()) {
  share_memory();
}

Client::Impl::~Impl() {
  close();
}

bool Client::Impl::close() {
  if (std::exchange(closed_, true)) return true;
  remove(all(), {});
  listener_->stop();
  trackers_->stop();
  if (finders_) finders_->stop();
  if (utp_) utp_->stop();
  asio::post(threads_.service(), [this] {
    lease_timer_.cancel();
    network_->stop();
  });
  threads_.stop();
  if (disk_.stop(gave_up_ ? std::chrono::seconds(1) : disk_patience)) return true;
  events_.close();
  return false;
}

Result<void> Client::Impl::open() {
  if (!options_.trace_file.empty()) {
    auto trace = net::Trace::open(options_.trace_file);
    if (!trace) return trace.error();
    trace_ = std::move(*trace);
  }
  std::uint16_t port = options_.adopted_port.value_or(0);
  if (!options_.adopted_port) {
    net::ListenerOptions listen;
    listen.port = options_.port;
    listen.fixed_port = options_.fixed_port;
    listen.addresses = options_.listen_addresses;
    if (auto opened = listener_->open(listen); !opened) return opened.error();
    port = listener_->port();
  }
  net::FindersOptions finders;
  finders.port = port;
  finders.addresses = options_.listen_addresses;
  finders.local_discovery = options_.local_discovery;
  finders.dht = options_.dht;
  finders.dht_bootstrap = options_.dht_bootstrap;
  finders.state_folder = options_.state_folder;
  finders_.emplace(
      threads_.service(), finders,
      [this](const WireInfoHash& info_hash, PeerSource source, std::span<const Endpoint> peers) {
        if (const auto driver = find(info_hash))
          driver->add_found(source, {peers.begin(), peers.end()});
      },
      [this](const HostPort& node, const std::optional<Error>& error) {
        for (const TorrentId id : all()) events_.post(id, HostUnknown{node, true, error});
      });
  if (finders_->dht_port() == 0) {
    const bool only_there = !options_.listen_addresses.empty();
    utp_ = std::make_shared<net::UtpRefusal>(threads_.service());
    utp_->open(only_there ? options_.listen_addresses : options_.connect_from, port);
  }
  shared_.emplace(net::DriverShared{
      .disk = disk_,
      .blocks = blocks_,
      .trackers = *trackers_,
      .finders = *finders_,
      .budget = budget_,
      .room = room_,
      .names = names_,
      .service = threads_.service(),
      .peer_id = peer_id_,
      .announce_key = to_hex(random_peer_id()).substr(16, 8),
      .port = port,
      .connect_from = options_.connect_from,
      .trace = trace_.get(),
      .shortages = shortages_,
      .emit = [this](TorrentId id, TorrentEvent event) { events_.post(id, std::move(event)); }});
  listener_->start();
  arm_leases();
  asio::post(threads_.service(), [this] {
    // Where it cannot watch, trackers hear of a change with the next regular announce.
    static_cast<void>(network_->start());
  });
  return {};
}

Result<TorrentId> Client::Impl::add(AddTorrent torrent) {
  if (!torrent.metainfo->has_v1()) {
    return Error{Errc::unsupported, torrent.metainfo->name() +
                                        ": a v2-only torrent; barter trades v1 and hybrids yet"};
  }
  if (find(torrent.metainfo->info_hash().wire())) {
    return Error{Errc::already_exists, torrent.metainfo->name() + ": this torrent is here already"};
  }
  auto store = open_store(torrent);
  if (!store) return store.error();
  const std::lock_guard lock(mutex_);
  const TorrentId id{next_id_++};
  return take(id,
              std::make_shared<SwarmDriver>(*shared_, threads_.next(), id, std::move(torrent),
                                            swarm_config(), std::move(*store), random_number()));
}

Result<TorrentId> Client::Impl::add(const AddMagnet& magnet) {
  if (!magnet.info_hash.v1) {
    return Error{Errc::unsupported,
                 "a magnet link of a v2-only torrent; barter trades v1 and hybrids yet"};
  }
  const std::lock_guard lock(mutex_);
  const TorrentId id{next_id_++};
  return take(id, std::make_shared<SwarmDriver>(*shared_, threads_.next(), id, magnet,
                                                swarm_config(), random_number()));
}

Result<void> Client::Impl::begin(TorrentId id, AddTorrent torrent) {
  const auto driver = find(id);
  if (!driver) return Error{Errc::not_found, "this torrent is not here any more"};
  if (torrent.metainfo->info_hash().wire() != driver->info_hash() || driver->piece_length() != 0) {
    return Error{Errc::invalid_argument, torrent.metainfo->name() + ": another torrent is here"};
  }
  auto store = open_store(torrent);
  if (!store) return store.error();
  driver->begin(std::move(torrent), std::move(*store));
  const std::lock_guard lock(mutex_);
  share_memory();
  return {};
}

std::shared_ptr<const SwarmConfig> Client::Impl::swarm_config() const {
  auto out = std::make_shared<SwarmConfig>(options_.swarm);
  out->dht = finders_->dht_port() != 0;
  out->local_discovery = options_.local_discovery;
  return out;
}

// By the caller's thread, which waits anyway.
Result<std::shared_ptr<Store>> Client::Impl::open_store(const AddTorrent& torrent) {
  StoreOptions store_options;
  store_options.folder = torrent.folder;
  store_options.state_folder = options_.state_folder;
  store_options.read_only = torrent.read_only;
  store_options.existing = torrent.existing;
  store_options.part_names = torrent.part_names;
  store_options.output = torrent.output;
  store_options.written = written_;
  store_options.allocation = torrent.allocation;
  store_options.selected = torrent.selected;
  store_options.doubted = torrent.doubted;
  store_options.verified = torrent.verified;
  store_options.max_open_files = descriptors_.files;
  auto store = Store::open(torrent.metainfo, std::move(store_options), *files_);
  if (!store) return store.error();
  return std::shared_ptr<Store>(std::move(*store));
}

// Called with the lock.
Result<TorrentId> Client::Impl::take(TorrentId id, const std::shared_ptr<SwarmDriver>& driver) {
  if (!by_hash_.emplace(driver->info_hash(), id).second) {
    return Error{Errc::already_exists, "this torrent is here already"};
  }
  driver->start();
  Torrent added;
  added.driver = driver;
  torrents_.emplace(id, added);
  share_memory();
  const auto count = static_cast<std::uint64_t>(torrents_.size());
  for (auto& [other, entry] : torrents_) {
    lease(entry, download_limit_ == unlimited ? unlimited : download_limit_ / count,
          upload_limit_ == unlimited ? unlimited : upload_limit_ / count);
  }
  return id;
}

std::vector<TorrentId> Client::Impl::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<TorrentId> out;
  for (const auto& [id, torrent] : torrents_) out.push_back(id);
  return out;
}

std::shared_ptr<SwarmDriver> Client::Impl::find(TorrentId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = torrents_.find(id);
  return found == torrents_.end() ? nullptr : found->second.driver;
}

std::shared_ptr<SwarmDriver> Client::Impl::find(const WireInfoHash& info_hash) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_hash_.find(info_hash);
  return found == by_hash_.end() ? nullptr : torrents_.at(found->second).driver;
}

void Client::Impl::remove(std::vector<TorrentId> ids, Duration grace) {
  std::vector<std::pair<std::shared_ptr<SwarmDriver>, std::shared_ptr<std::promise<void>>>> leaving;
  for (const TorrentId id : ids) {
    if (auto driver = find(id)) {
      leaving.emplace_back(std::move(driver), std::make_shared<std::promise<void>>());
    }
  }
  for (const auto& [driver, done] : leaving) {
    driver->stop(grace, [done = done] { done->set_value(); });
  }
  const auto patient_until = std::chrono::steady_clock::now() + grace + disk_patience;
  bool gave_up = false;
  for (const auto& [driver, done] : leaving) {
    if (done->get_future().wait_until(patient_until) == std::future_status::ready) continue;
    driver->give_up();
    gave_up = true;
  }
  const std::lock_guard lock(mutex_);
  gave_up_ = gave_up_ || gave_up;
  for (const TorrentId id : ids) torrents_.erase(id);
  std::erase_if(by_hash_, [&](const auto& entry) { return !torrents_.contains(entry.second); });
  share_memory();
}

// Memory: called with the lock, but for the first time.

void Client::Impl::share_memory() {
  std::size_t downloads = 0;
  for (const auto& [id, torrent] : torrents_) downloads += torrent.driver->downloading() ? 1 : 0;
  std::uint64_t total = 0;
  for (auto& [id, torrent] : torrents_) {
    if (!torrent.driver->downloading()) continue;
    const std::uint64_t share =
        open_piece_share(options_, downloads, torrent.driver->piece_length());
    total += share;
    if (std::exchange(torrent.open_piece_bytes, share) != share) {
      torrent.driver->set_open_piece_bytes(share);
    }
  }
  total = std::max(total, options_.swarm.open_piece_bytes);
  blocks_.set_max_buffers(static_cast<std::size_t>((total + block_bytes_beyond_) / block_length) +
                          net::ConnectionBudget::most_in_all(options_.max_connections));
}

// Global limits.

void Client::Impl::set_limits(std::uint64_t download, std::uint64_t upload) {
  const std::lock_guard lock(mutex_);
  download_limit_ = download;
  upload_limit_ = upload;
  const auto count = std::max<std::uint64_t>(torrents_.size(), 1);
  for (auto& [id, torrent] : torrents_) {
    lease(torrent, download == unlimited ? unlimited : download / count,
          upload == unlimited ? unlimited : upload / count);
  }
}

void Client::Impl::lease(Torrent& torrent, std::uint64_t download, std::uint64_t upload) {
  if (torrent.download.lease == download && torrent.upload.lease == upload) return;
  torrent.download.lease = download;
  torrent.upload.lease = upload;
  torrent.driver->set_limits(download, upload);
}

// On the service thread.
void Client::Impl::network_changed() {
  trackers_->network_changed();
  const std::lock_guard lock(mutex_);
  for (auto& [id, torrent] : torrents_) torrent.driver->network_changed();
}

void Client::Impl::arm_leases() {
  lease_timer_.expires_after(lease_interval);
  lease_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    renew_leases();
    arm_leases();
  });
}

void Client::Impl::renew_leases() {
  const std::lock_guard lock(mutex_);
  share_memory();  // some may be complete by now
  if (torrents_.size() < 2) return;
  if (download_limit_ == unlimited && upload_limit_ == unlimited) return;
  std::vector<net::LeaseUse> down, up;
  for (auto& [id, torrent] : torrents_) {
    torrent.download.rate = torrent.driver->rates().download;
    torrent.upload.rate = torrent.driver->rates().upload;
    down.push_back(torrent.download);
    up.push_back(torrent.upload);
  }
  const auto downs = net::share_out(download_limit_, down);
  const auto ups = net::share_out(upload_limit_, up);
  std::size_t i = 0;
  for (auto& [id, torrent] : torrents_) {
    lease(torrent, download_limit_ == unlimited ? unlimited : downs[i],
          upload_limit_ == unlimited ? unlimited : ups[i]);
    ++i;
  }
}

// The facade.

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() {
  // What hangs in a disk would come back to memory that is gone. It stays, reachable by nobody but
  // those who look for leaks.
  static auto& left_behind = *new std::vector<Impl*>();
  static std::mutex mutex;
  if (impl_->close()) return;
  const std::lock_guard lock(mutex);
  left_behind.push_back(impl_.release());
}

Result<std::unique_ptr<Client>> Client::start(ClientOptions options, TorrentHandler handler) {
  return start(std::move(options), std::move(handler), {});
}

Result<std::unique_ptr<Client>> Client::start(ClientOptions options, TorrentHandler handler,
                                              const net::ClientHooks& hooks) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler), hooks);
  if (auto opened = impl->open(); !opened) return opened.error();
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

std::uint16_t Client::port() const {
  return impl_->shared_->port;
}
std::uint16_t Client::dht_port() const {
  return impl_->finders_->dht_port();
}
const PeerId& Client::peer_id() const {
  return impl_->peer_id_;
}

Result<TorrentId> Client::add(AddTorrent torrent) {
  return impl_->add(std::move(torrent));
}
Result<TorrentId> Client::add(const AddMagnet& magnet) {
  return impl_->add(magnet);
}
Result<void> Client::begin(TorrentId torrent, AddTorrent with) {
  return impl_->begin(torrent, std::move(with));
}
void Client::remove(TorrentId torrent, Duration grace) {
  impl_->remove({torrent}, grace);
}
void Client::stop(Duration grace) {
  impl_->remove(impl_->all(), grace);
}

Progress Client::progress(TorrentId torrent) const {
  Progress out;
  if (const auto driver = impl_->find(torrent)) {
    driver->ask(
        [&](const Swarm& swarm) { out = swarm.progress(std::chrono::steady_clock::now()); });
  }
  return out;
}

std::vector<PeerProgress> Client::peers(TorrentId torrent) const {
  std::vector<PeerProgress> out;
  if (const auto driver = impl_->find(torrent)) {
    driver->ask([&](const Swarm& swarm) { swarm.peers(out, std::chrono::steady_clock::now()); });
  }
  return out;
}

std::string Client::stall_reason(TorrentId torrent) const {
  std::string out;
  if (const auto driver = impl_->find(torrent)) {
    driver->ask(
        [&](const Swarm& swarm) { out = swarm.stall_reason(std::chrono::steady_clock::now()); });
  }
  return out;
}

void Client::introduce(const WireInfoHash& info_hash, const PeerId& peer_id, const Endpoint& at) {
  const auto driver = impl_->find(info_hash);
  if (!driver) return;
  std::vector<PeerProgress> linked;
  driver->ask([&](const Swarm& swarm) { swarm.peers(linked, std::chrono::steady_clock::now()); });
  const bool known = std::any_of(linked.begin(), linked.end(),
                                 [&](const PeerProgress& peer) { return peer.peer_id == peer_id; });
  if (!known) driver->add_found(PeerSource::tracker, {at});
}
void Client::add_peers(TorrentId torrent, std::vector<HostPort> peers) {
  if (const auto driver = impl_->find(torrent)) driver->add_peers(std::move(peers));
}

Result<void> Client::trace_written() const {
  return impl_->trace_written();
}
void Client::set_limits(std::uint64_t download, std::uint64_t upload) {
  impl_->set_limits(download, upload);
}

void Client::adopt_connection(int descriptor, Endpoint remote, std::string received) {
  impl_->listener_->adopt(descriptor, remote, std::move(received));
}

}  // namespace barter
