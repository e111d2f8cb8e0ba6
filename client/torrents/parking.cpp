#include "client/torrents/parking.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <utility>

#include "client/net/announcing.hpp"
#include "client/net/clock.hpp"

namespace barter {

namespace asio = boost::asio;
using net::current_time;
using net::SwarmDriver;
using Phase = Parked::Phase;

namespace {

constexpr std::size_t most_starting = 16;  // checked for the first time at once
constexpr std::size_t descriptors_of_a_store = 2;

}  // namespace

Parking::Parking(ParkingOptions options, const net::DriverShared& shared, Files& files,
                 ParkingHost host)
    : options_(std::move(options)),
      shared_(shared),
      files_(files),
      host_(std::move(host)),
      timer_(shared.service),
      announces_(shared, options_.swarm, options_.seed,
                 [this](TorrentId id, TrackerId tracker, const AnnounceOutcome& outcome) {
                   announced(id, tracker, outcome);
                 }),
      random_(options_.seed + 1) {}

Parking::~Parking() = default;

Parked* Parking::find(TorrentId id) {
  const auto found = torrents_.find(id);
  return found == torrents_.end() ? nullptr : &found->second;
}

std::size_t Parking::cost(const Parked& parked) const {
  return descriptors_of_a_store + std::min(parked.torrent.metainfo->files().size(), options_.files);
}

// ---- coming and going

void Parking::add(TorrentId id, AddTorrent torrent) {
  const std::lock_guard lock(mutex_);
  Parked& parked = torrents_[id];
  parked.torrent = std::move(torrent);
  if (was_whole(parked)) {
    TransferBegan began;
    began.resumed = true;
    began.have_bytes = parked.torrent.metainfo->layout().total_size();
    const Metainfo& metainfo = *parked.torrent.metainfo;
    if (!metainfo.multi_file()) began.file = metainfo.files()[metainfo.first_real_file()].path;
    parked.began = true;
    host_.emit(id, began);
    host_.emit(id, Completed{});
    return park(id, parked, first_standing(parked.torrent));
  }
  waiting_.push_back(id);
  open_more();
}

Standing Parking::first_standing(const AddTorrent& torrent) {
  std::vector<std::string> skipped;
  return {
      Announcer(net::usable_trackers(torrent, skipped), torrent.metainfo->is_private(), random_)};
}

void Parking::park(TorrentId id, Parked& parked, Standing standing) {
  const TimePoint now = current_time();
  parked.phase = Phase::rests;
  parked.standing = std::move(standing);
  parked.standing->announcer.start(now);
  announces_.schedule(id, parked);
  if (parked.announce_at <= now) announce_soon();
  const Metainfo& metainfo = *parked.torrent.metainfo;
  if (!metainfo.is_private()) {
    shared_.finders.begin(metainfo.info_hash().wire(), metainfo.dht_nodes());
  }
  remember(parked);
}

void Parking::remove(const std::vector<TorrentId>& torrents, Duration grace) {
  struct Farewells {
    std::mutex mutex;
    std::condition_variable change;
    std::size_t answered = 0;
  };
  const auto farewells = std::make_shared<Farewells>();
  std::size_t asked = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const TorrentId id : torrents) {
      Parked* parked = find(id);
      if (parked == nullptr) continue;
      // Also of one that has just woken, or is about to rest: its driver may not do it.
      shared_.finders.end(parked->torrent.metainfo->info_hash().wire());
      if (parked->phase == Phase::rests) {
        asked += announces_.say_goodbye(*parked, current_time(), [farewells] {
          const std::lock_guard held(farewells->mutex);
          ++farewells->answered;
          farewells->change.notify_all();
        });
      }
      settled(*parked);
      release(*parked);
      parked->phase = Phase::ended;
      parked->standing.reset();
      announces_.schedule(id, *parked);
      torrents_.erase(id);
    }
  }
  write_memory();
  std::unique_lock held(farewells->mutex);
  farewells->change.wait_for(held, grace, [&] { return farewells->answered >= asked; });
}

void Parking::rested(TorrentId id, net::Rest rest) {
  const std::lock_guard lock(mutex_);
  Parked* parked = find(id);
  if (parked == nullptr || parked->phase != Phase::awake) return;
  host_.parked(id);
  release(*parked);
  settled(*parked);
  parked->torrent.verified = std::move(rest.files);
  park(id, *parked, std::move(rest.standing));
  // Who has come meanwhile.
  if (!parked->strangers.empty() || !parked->found.empty()) wake(id, *parked);
  open_more();
}

bool Parking::heard(TorrentId id, const TorrentEvent& event) {
  const auto* began = std::get_if<TransferBegan>(&event);
  const bool failed = std::holds_alternative<Failed>(event);
  const bool complete = std::holds_alternative<Completed>(event);
  if (began == nullptr && !failed && !complete) return true;
  const std::lock_guard lock(mutex_);
  Parked* parked = find(id);
  if (parked == nullptr) return true;
  if (parked->phase != Phase::awake) return !parked->began;
  const bool news = failed || !parked->began;
  settled(*parked);
  if (failed) parked->phase = Phase::ended;
  // Who lacks something stays awake, whoever waits.
  const bool whole = !began || began->have_bytes == parked->torrent.metainfo->layout().total_size();
  if (failed || !whole) release(*parked);
  if (complete) parked->began = true;
  open_more();
  return news;
}

// It has shown what it is: the next may start.
void Parking::settled(Parked& parked) {
  if (std::exchange(parked.starting, false)) --starting_;
}

void Parking::release(Parked& parked) {
  if (std::exchange(parked.counted, false)) awake_cost_ -= cost(parked);
}

// ---- waking

void Parking::deliver(TorrentId id, std::unique_ptr<link::Stream> stream, Endpoint remote) {
  std::shared_ptr<SwarmDriver> driver;
  {
    const std::lock_guard lock(mutex_);
    Parked* parked = find(id);
    if (parked == nullptr || parked->absent) return;
    if (parked->phase == Phase::awake) driver = host_.find(id);
    if (!driver) {
      if (parked->strangers.size() >= Parked::most_strangers) return;
      if (parked->phase == Phase::waits && !parked->standing) return;  // it has nothing yet
      parked->strangers.push_back({std::move(stream), remote});
      return wake(id, *parked);
    }
  }
  driver->adopt(std::move(stream), remote);
}

void Parking::add_found(TorrentId id, PeerSource source, std::span<const Endpoint> peers) {
  const std::lock_guard lock(mutex_);
  Parked* parked = find(id);
  if (parked == nullptr || parked->phase != Phase::rests || parked->absent) return;
  // A reply of the DHT does not say who lacks something. Who does can call us.
  if (source == PeerSource::dht) return;
  parked->found.emplace_back(source, std::vector<Endpoint>(peers.begin(), peers.end()));
  wake(id, *parked);
}

void Parking::wake(TorrentId id, Parked& parked) {
  if (parked.phase != Phase::rests) return;
  parked.phase = Phase::waits;
  announces_.schedule(id, parked);
  waiting_.push_front(id);
  open_more();
}

void Parking::open_more() {
  while (!waiting_.empty() && !stopped_ && starting_ < most_starting) {
    const TorrentId id = waiting_.front();
    Parked* parked = find(id);
    if (parked == nullptr || parked->phase != Phase::waits) {
      waiting_.pop_front();
      continue;
    }
    if (awake_cost_ > 0 && awake_cost_ + cost(*parked) > options_.awake_descriptors) {
      for (const auto& [other, torrent] : torrents_) {
        if (torrent.phase != Phase::awake) continue;
        if (const auto driver = host_.find(other)) driver->hurry();
      }
      return;
    }
    waiting_.pop_front();
    open(id, *parked);
  }
}

void Parking::open(TorrentId id, Parked& parked) {
  parked.phase = Phase::opens;
  parked.starting = true;
  ++starting_;
  parked.counted = true;
  awake_cost_ += cost(parked);
  const auto lane = parked.standing ? net::DiskPool::Lane::read : net::DiskPool::Lane::check;
  shared_.disk.post(
      lane, [this, id, torrent = parked.torrent, rested = parked.standing.has_value()]() mutable {
        auto store = open_store(torrent, rested);
        opened(id, std::move(torrent), std::move(store));
      });
}

// On the disk pool. Where all looks as it did there is nothing to be remembered that is not known.
Result<std::shared_ptr<Store>> Parking::open_store(const AddTorrent& torrent, bool rested) {
  bool keeps_state = true;
  if (rested) {
    const auto folder = files_.open_folder_to_read(torrent.folder);
    const ParkedLooks looks = compare_looks(*torrent.metainfo, torrent.verified, files_, folder);
    keeps_state = looks.folder_missing || !looks.changed.empty();
  }
  return host_.open_store(torrent, options_.files, keeps_state);
}

void Parking::opened(TorrentId id, AddTorrent torrent, Result<std::shared_ptr<Store>> store) {
  std::vector<Parked::Stranger> strangers;
  std::shared_ptr<SwarmDriver> driver;
  {
    const std::lock_guard lock(mutex_);
    Parked* parked = find(id);
    if (parked == nullptr || parked->phase != Phase::opens) return;
    strangers = std::exchange(parked->strangers, {});
    const auto found = std::exchange(parked->found, {});
    if (store) {
      parked->phase = Phase::awake;
      driver = host_.wake(id, std::move(torrent), std::move(*store),
                          std::exchange(parked->standing, std::nullopt));
      for (const auto& [source, peers] : found) driver->add_found(source, peers);
    } else {
      release(*parked);
      settled(*parked);
      if (parked->standing) {  // what was there is not; looked for until it is again
        parked->phase = Phase::rests;
        parked->absent = true;
        announces_.schedule(id, *parked);
      } else {
        parked->phase = Phase::ended;
        host_.emit(id, Failed{store.error(), false});
      }
      open_more();
    }
  }
  if (!driver) return;
  for (auto& stranger : strangers) driver->adopt(std::move(stranger.stream), stranger.remote);
}

// ---- questions

std::optional<Progress> Parking::progress(TorrentId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = torrents_.find(id);
  if (found == torrents_.end() || !found->second.standing) return std::nullopt;
  return found->second.progress();
}

void Parking::add_up(Progress& sum) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, parked] : torrents_) {
    if (!parked.standing) continue;
    const std::uint64_t bytes = parked.torrent.metainfo->layout().total_size();
    sum.wanted_bytes += bytes;
    if (!parked.absent) {
      sum.verified_bytes += bytes;
      sum.received_bytes += bytes;
    }
    sum.downloaded += parked.standing->downloaded;
    sum.uploaded += parked.standing->uploaded;
  }
}

}  // namespace barter
