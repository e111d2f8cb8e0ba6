#include "client/torrents/torrents.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <future>
#include <random>
#include <set>
#include <utility>

#include "client/net/clock.hpp"
#include "client/net/endpoints.hpp"

namespace barter {

namespace asio = boost::asio;
using net::current_time;
using net::SwarmDriver;

namespace {

// A disk that does not answer is waited for so long beyond the grace of a stop.
constexpr auto disk_patience = std::chrono::seconds(5);
constexpr auto lease_interval = std::chrono::milliseconds(500);
constexpr std::size_t files_of_the_parked = 8;  // that one of them keeps open when it is awake

std::uint64_t random_number() {
  static std::random_device device;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  return std::uint64_t{device()} << 32 | device();
}

// What a torrent that downloads may hold in open pieces: its part of all, but two pieces at least.
std::uint64_t open_piece_share(std::uint64_t all, std::size_t downloads,
                               std::uint64_t piece_length) {
  return std::max(all / std::max<std::size_t>(downloads, 1), 2 * piece_length);
}

std::uint64_t part_of(std::uint64_t limit, std::size_t count) {
  return limit == unlimited ? unlimited : limit / std::max<std::size_t>(count, 1);
}

Error is_here(const std::string& name) {
  return Error{Errc::already_exists, name + ": this torrent is here already"};
}

}  // namespace

Torrents::Torrents(TorrentsOptions options, const net::DriverShared& shared,
                   net::IoThreads& threads, Files& files,
                   std::function<void(TorrentId, TorrentEvent)> emit)
    : options_(std::move(options)),
      shared_(shared),
      threads_(threads),
      files_(files),
      emit_(std::move(emit)),
      lease_timer_(shared.service),
      download_limit_(options_.download_limit),
      upload_limit_(options_.upload_limit),
      parking_(parking_options(), shared, files, parking_host()) {
  share_memory();
}

ParkingOptions Torrents::parking_options() const {
  return {options_.state_folder, options_.swarm, options_.awake_descriptors, files_of_the_parked,
          random_number()};
}

ParkingHost Torrents::parking_host() {
  ParkingHost out;
  out.open_store = [this](const AddTorrent& torrent, std::size_t files, bool keeps_state) {
    return open_store(torrent, files, true, keeps_state);
  };
  out.wake = [this](TorrentId id, AddTorrent torrent, std::shared_ptr<Store> store,
                    std::optional<Standing> standing) {
    return wake(id, std::move(torrent), std::move(store), std::move(standing));
  };
  out.parked = [this](TorrentId id) {
    const std::lock_guard lock(mutex_);
    trading_.erase(id);
  };
  out.find = [this](TorrentId id) { return find(id); };
  out.emit = emit_;
  return out;
}

void Torrents::start() {
  parking_.start();
  asio::post(shared_.service, [this] { arm_leases(); });
}

void Torrents::stop() {
  parking_.stop();
  asio::post(shared_.service, [this] { lease_timer_.cancel(); });
}

// ---- coming and going

Result<TorrentId> Torrents::claim(const WireInfoHash& info_hash) {
  const TorrentId id{next_id_};
  if (!ids_.emplace(info_hash, id).second) return is_here(to_hex(info_hash));
  ++next_id_;
  return id;
}

Result<TorrentId> Torrents::add(AddTorrent torrent) {
  const Metainfo& metainfo = *torrent.metainfo;
  if (!metainfo.has_v1()) {
    return Error{Errc::unsupported,
                 metainfo.name() + ": a v2-only torrent; barter trades v1 and hybrids yet"};
  }
  const WireInfoHash info_hash = metainfo.info_hash().wire();
  if (find(info_hash)) return is_here(metainfo.name());
  if (torrent.may_park) {
    std::unique_lock lock(mutex_);
    auto id = claim(info_hash);
    lock.unlock();
    if (id) parking_.add(*id, std::move(torrent));
    return id;
  }
  // By the caller's thread, which waits anyway.
  auto store = open_store(torrent, options_.files, false, true);
  if (!store) return store.error();
  const std::lock_guard lock(mutex_);
  auto id = claim(info_hash);
  if (!id) return id;
  trade(*id, std::make_shared<SwarmDriver>(shared_, threads_.next(), *id, std::move(torrent),
                                           options_.swarm, std::move(*store), random_number()));
  return id;
}

Result<TorrentId> Torrents::add(const AddMagnet& magnet) {
  if (!magnet.info_hash.v1) {
    return Error{Errc::unsupported,
                 "a magnet link of a v2-only torrent; barter trades v1 and hybrids yet"};
  }
  const std::lock_guard lock(mutex_);
  auto id = claim(magnet.info_hash.wire());
  if (!id) return id;
  trade(*id, std::make_shared<SwarmDriver>(shared_, threads_.next(), *id, magnet, options_.swarm,
                                           random_number()));
  return id;
}

Result<void> Torrents::begin(TorrentId id, AddTorrent torrent) {
  const auto driver = find(id);
  if (!driver) return Error{Errc::not_found, "this torrent is not here any more"};
  if (torrent.metainfo->info_hash().wire() != driver->info_hash() || driver->piece_length() != 0) {
    return Error{Errc::invalid_argument, torrent.metainfo->name() + ": another torrent is here"};
  }
  auto store = open_store(torrent, options_.files, false, true);
  if (!store) return store.error();
  driver->begin(std::move(torrent), std::move(*store));
  const std::lock_guard lock(mutex_);
  share_memory();
  return {};
}

Result<std::shared_ptr<Store>> Torrents::open_store(const AddTorrent& torrent, std::size_t files,
                                                    bool lazy_state, bool keeps_state) {
  StoreOptions options;
  options.folder = torrent.folder;
  if (keeps_state) options.state_folder = options_.state_folder;
  options.lazy_state = lazy_state;
  options.read_only = torrent.read_only;
  options.existing = torrent.existing;
  options.part_names = torrent.part_names;
  options.output = torrent.output;
  options.written = written_;
  options.allocation = torrent.allocation;
  options.selected = torrent.selected;
  options.doubted = torrent.doubted;
  options.verified = torrent.verified;
  options.max_open_files = files;
  auto store = Store::open(torrent.metainfo, std::move(options), files_);
  if (!store) return store.error();
  return std::shared_ptr<Store>(std::move(*store));
}

void Torrents::trade(TorrentId id, const std::shared_ptr<SwarmDriver>& driver) {
  driver->start();
  trading_[id].driver = driver;
  share_memory();
  share_rates();
}

std::shared_ptr<SwarmDriver> Torrents::wake(TorrentId id, AddTorrent torrent,
                                            std::shared_ptr<Store> store,
                                            std::optional<Standing> standing) {
  auto driver = std::make_shared<SwarmDriver>(shared_, threads_.next(), id, std::move(torrent),
                                              options_.swarm, std::move(store), random_number());
  if (standing) driver->resume(std::move(*standing));
  const std::lock_guard lock(mutex_);
  trade(id, driver);
  return driver;
}

std::vector<TorrentId> Torrents::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<TorrentId> out;
  for (const auto& [info_hash, id] : ids_) out.push_back(id);
  std::sort(out.begin(), out.end());
  return out;
}

void Torrents::remove(const std::vector<TorrentId>& ids, Duration grace) {
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::pair<std::shared_ptr<SwarmDriver>, std::shared_ptr<std::promise<void>>>> leaving;
  for (const TorrentId id : ids) {
    if (auto driver = find(id)) {
      leaving.emplace_back(std::move(driver), std::make_shared<std::promise<void>>());
    }
  }
  for (const auto& [driver, done] : leaving) {
    driver->stop(grace, [done = done] { done->set_value(); });
  }
  parking_.remove(ids, grace);
  const auto patient_until = began + grace + disk_patience;
  for (const auto& [driver, done] : leaving) {
    if (done->get_future().wait_until(patient_until) == std::future_status::ready) continue;
    driver->give_up();
    gave_up_ = true;
  }
  const std::set<TorrentId> gone(ids.begin(), ids.end());
  const std::lock_guard lock(mutex_);
  for (const TorrentId id : ids) trading_.erase(id);
  std::erase_if(ids_, [&](const auto& entry) { return gone.contains(entry.second); });
  share_memory();
}

// ---- finding

std::shared_ptr<SwarmDriver> Torrents::find(TorrentId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = trading_.find(id);
  return found == trading_.end() ? nullptr : found->second.driver;
}

std::optional<TorrentId> Torrents::find(const WireInfoHash& info_hash) const {
  const std::lock_guard lock(mutex_);
  const auto found = ids_.find(info_hash);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

void Torrents::deliver(const WireInfoHash& info_hash, std::unique_ptr<link::Stream> stream,
                       Endpoint remote) {
  const auto id = find(info_hash);
  if (!id) return stream->close();
  if (const auto driver = find(*id)) return driver->adopt(std::move(stream), remote);
  parking_.deliver(*id, std::move(stream), remote);
}

void Torrents::add_found(const WireInfoHash& info_hash, PeerSource source,
                         std::span<const Endpoint> peers) {
  const auto id = find(info_hash);
  if (!id) return;
  if (const auto driver = find(*id)) {
    driver->add_found(source, {peers.begin(), peers.end()});
  } else {
    parking_.add_found(*id, source, peers);
  }
}

void Torrents::introduce(const WireInfoHash& info_hash, const PeerId& peer_id, const Endpoint& at) {
  const auto id = find(info_hash);
  if (!id) return;
  if (const auto driver = find(*id)) {
    std::vector<PeerProgress> linked;
    driver->ask([&](const Swarm& swarm) { swarm.peers(linked, current_time()); });
    if (std::any_of(linked.begin(), linked.end(),
                    [&](const PeerProgress& peer) { return peer.peer_id == peer_id; })) {
      return;
    }
  }
  add_found(info_hash, PeerSource::tracker, {&at, 1});
}

void Torrents::network_changed() {
  parking_.network_changed();
  const std::lock_guard lock(mutex_);
  for (auto& [id, torrent] : trading_) torrent.driver->network_changed();
}

// ---- questions

Progress Torrents::progress(TorrentId id) const {
  Progress out;
  if (const auto driver = find(id)) {
    driver->ask([&](const Swarm& swarm) { out = swarm.progress(current_time()); });
  } else if (const auto parked = parking_.progress(id)) {
    out = *parked;
  }
  return out;
}

Progress Torrents::total() const {
  std::vector<std::shared_ptr<SwarmDriver>> drivers;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, torrent] : trading_) drivers.push_back(torrent.driver);
  }
  Progress sum;
  parking_.add_up(sum);
  sum.download_limit.reason = Limit::complete;
  sum.upload_limit.reason = Limit::no_others;
  std::uint32_t most = 0;
  for (const auto& driver : drivers) {
    Progress one;
    driver->ask([&](const Swarm& swarm) { one = swarm.progress(current_time()); });
    sum.wanted_bytes += one.wanted_bytes;
    sum.verified_bytes += one.verified_bytes;
    sum.received_bytes += one.received_bytes;
    sum.downloaded += one.downloaded;
    sum.uploaded += one.uploaded;
    sum.download_rate += one.download_rate;
    sum.upload_rate += one.upload_rate;
    sum.connections += one.connections;
    sum.seeds += one.seeds;
    if (one.connections > most || drivers.size() == 1) {
      most = one.connections;
      sum.download_limit = one.download_limit;
      sum.upload_limit = one.upload_limit;
    }
  }
  sum.complete = sum.wanted_complete = sum.verified_bytes == sum.wanted_bytes;
  return sum;
}

void Torrents::heard(TorrentId id, TorrentEvent event) {
  if (parking_.heard(id, event)) emit_(id, std::move(event));
}

// ---- shares

void Torrents::share_memory() {
  std::size_t downloads = 0;
  for (const auto& [id, torrent] : trading_) downloads += torrent.driver->downloading() ? 1 : 0;
  std::uint64_t total = 0;
  for (auto& [id, torrent] : trading_) {
    if (!torrent.driver->downloading()) continue;
    const std::uint64_t share = open_piece_share(options_.swarm->open_piece_bytes, downloads,
                                                 torrent.driver->piece_length());
    total += share;
    if (std::exchange(torrent.open_piece_bytes, share) != share) {
      torrent.driver->set_open_piece_bytes(share);
    }
  }
  total = std::max(total, options_.swarm->open_piece_bytes);
  shared_.blocks.set_max_buffers(
      static_cast<std::size_t>((total + options_.block_bytes_beyond) / block_length) +
      net::ConnectionBudget::most_in_all(options_.max_connections));
}

void Torrents::share_rates() {
  for (auto& [id, torrent] : trading_) {
    lease(torrent, part_of(download_limit_, trading_.size()),
          part_of(upload_limit_, trading_.size()));
  }
}

void Torrents::set_limits(std::uint64_t download, std::uint64_t upload) {
  const std::lock_guard lock(mutex_);
  download_limit_ = download;
  upload_limit_ = upload;
  share_rates();
}

void Torrents::lease(Trading& torrent, std::uint64_t download, std::uint64_t upload) {
  if (torrent.download.lease == download && torrent.upload.lease == upload) return;
  torrent.download.lease = download;
  torrent.upload.lease = upload;
  torrent.driver->set_limits(download, upload);
}

void Torrents::arm_leases() {
  lease_timer_.expires_after(lease_interval);
  lease_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    renew_leases();
    arm_leases();
  });
}

void Torrents::renew_leases() {
  const std::lock_guard lock(mutex_);
  share_memory();  // some may be complete by now
  if (trading_.size() < 2) return share_rates();
  if (download_limit_ == unlimited && upload_limit_ == unlimited) return;
  std::vector<net::LeaseUse> down, up;
  for (auto& [id, torrent] : trading_) {
    torrent.download.rate = torrent.driver->rates().download;
    torrent.upload.rate = torrent.driver->rates().upload;
    down.push_back(torrent.download);
    up.push_back(torrent.upload);
  }
  const auto downs = net::share_out(download_limit_, down);
  const auto ups = net::share_out(upload_limit_, up);
  std::size_t i = 0;
  for (auto& [id, torrent] : trading_) {
    lease(torrent, download_limit_ == unlimited ? unlimited : downs[i],
          upload_limit_ == unlimited ? unlimited : ups[i]);
    ++i;
  }
}

}  // namespace barter
