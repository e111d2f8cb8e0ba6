#include "client/client.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <mutex>
#include <random>
#include <utility>

#include "chunkstore/posix_files.hpp"
#include "client/net/client_hooks.hpp"
#include "client/net/descriptor_plan.hpp"
#include "client/net/event_queue.hpp"
#include "client/net/finders.hpp"
#include "client/net/io_threads.hpp"
#include "client/net/listener.hpp"
#include "client/net/swarm_driver.hpp"
#include "client/net/utp_refusal.hpp"
#include "client/torrents/torrents.hpp"

namespace barter {

namespace asio = boost::asio;

namespace {

// A disk that does not answer is waited for so long at the end.
constexpr auto disk_patience = std::chrono::seconds(5);

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
  // Outlives none of the above: the Client ends it first.
  std::unique_ptr<Torrents> torrents_;

 private:
  TorrentsOptions torrents_options() const;

  bool closed_ = false;
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
          threads_.service(),
          [this](const WireInfoHash& info_hash, std::unique_ptr<link::Stream> stream,
                 const Endpoint& remote) {
            torrents_->deliver(info_hash, std::move(stream), remote);
          },
          room_)),
      network_(std::make_shared<net::NetworkWatch>(threads_.service(), hooks.network, [this] {
        trackers_->network_changed();
        torrents_->network_changed();
      })) {}

Client::Impl::~Impl() {
  close();
}

bool Client::Impl::close() {
  if (std::exchange(closed_, true)) return true;
  if (torrents_) torrents_->remove(torrents_->all(), {});
  listener_->stop();
  trackers_->stop();
  if (finders_) finders_->stop();
  if (utp_) utp_->stop();
  if (torrents_) torrents_->stop();
  asio::post(threads_.service(), [this] { network_->stop(); });
  threads_.stop();
  const bool gave_up = torrents_ && torrents_->gave_up();
  if (disk_.stop(gave_up ? std::chrono::seconds(1) : disk_patience)) return true;
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
        torrents_->add_found(info_hash, source, peers);
      },
      [this](const HostPort& node, const std::optional<Error>& error) {
        for (const TorrentId id : torrents_->all())
          events_.post(id, HostUnknown{node, true, error});
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
      .emit = [this](TorrentId id, TorrentEvent event) { torrents_->heard(id, std::move(event)); },
      .rested = [this](TorrentId id, net::Rest rest) { torrents_->rested(id, std::move(rest)); },
      .deliver =
          [this](const WireInfoHash& info_hash, std::unique_ptr<link::Stream> stream,
                 const Endpoint& remote) {
            torrents_->deliver(info_hash, std::move(stream), remote);
          }});
  torrents_ = std::make_unique<Torrents>(
      torrents_options(), *shared_, threads_, *files_,
      [this](TorrentId id, TorrentEvent event) { events_.post(id, std::move(event)); });
  torrents_->start();
  listener_->start();
  asio::post(threads_.service(), [this] {
    // Where it cannot watch, trackers hear of a change with the next regular announce.
    static_cast<void>(network_->start());
  });
  return {};
}

TorrentsOptions Client::Impl::torrents_options() const {
  TorrentsOptions out;
  auto swarm = std::make_shared<SwarmConfig>(options_.swarm);
  swarm->dht = finders_->dht_port() != 0;
  swarm->local_discovery = options_.local_discovery;
  out.swarm = std::move(swarm);
  out.state_folder = options_.state_folder;
  out.download_limit = options_.download_limit;
  out.upload_limit = options_.upload_limit;
  out.block_bytes_beyond = block_bytes_beyond_;
  out.max_connections = options_.max_connections;
  out.files = descriptors_.files;
  out.awake_descriptors = descriptors_.awake;
  return out;
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
  return impl_->torrents_->add(std::move(torrent));
}
Result<TorrentId> Client::add(const AddMagnet& magnet) {
  return impl_->torrents_->add(magnet);
}
Result<void> Client::begin(TorrentId torrent, AddTorrent with) {
  return impl_->torrents_->begin(torrent, std::move(with));
}
void Client::remove(TorrentId torrent, Duration grace) {
  impl_->torrents_->remove({torrent}, grace);
}
void Client::stop(Duration grace) {
  impl_->torrents_->remove(impl_->torrents_->all(), grace);
}

Progress Client::progress(TorrentId torrent) const {
  return impl_->torrents_->progress(torrent);
}
Progress Client::progress() const {
  return impl_->torrents_->total();
}

std::vector<PeerProgress> Client::peers(TorrentId torrent) const {
  std::vector<PeerProgress> out;
  if (const auto driver = impl_->torrents_->find(torrent)) {
    driver->ask([&](const Swarm& swarm) { swarm.peers(out, std::chrono::steady_clock::now()); });
  }
  return out;
}

std::string Client::stall_reason(TorrentId torrent) const {
  std::string out;
  if (const auto driver = impl_->torrents_->find(torrent)) {
    driver->ask(
        [&](const Swarm& swarm) { out = swarm.stall_reason(std::chrono::steady_clock::now()); });
  }
  return out;
}

void Client::introduce(const WireInfoHash& info_hash, const PeerId& peer_id, const Endpoint& at) {
  impl_->torrents_->introduce(info_hash, peer_id, at);
}
void Client::add_peers(TorrentId torrent, std::vector<HostPort> peers) {
  if (const auto driver = impl_->torrents_->find(torrent)) driver->add_peers(std::move(peers));
}

Result<void> Client::trace_written() const {
  return impl_->trace_written();
}
void Client::set_limits(std::uint64_t download, std::uint64_t upload) {
  impl_->torrents_->set_limits(download, upload);
}

void Client::adopt_connection(int descriptor, Endpoint remote, std::string received) {
  impl_->listener_->adopt(descriptor, remote, std::move(received));
}

}  // namespace barter
