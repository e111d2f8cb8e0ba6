// What is done for those that rest: announces, looks at their files, the memory of them. The other
// half of parking.cpp, which is about coming, going and waking.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "client/net/clock.hpp"
#include "client/torrents/parking.hpp"

namespace barter {

using net::current_time;
using Phase = Parked::Phase;

namespace {

constexpr auto round_interval = std::chrono::seconds(1);
constexpr std::size_t announces_a_round = 256;
// Looked at in a round: a torrent is mostly a file. All of them in ten rounds where they are few.
constexpr std::size_t files_a_round = 500;
constexpr std::size_t rounds_for_all = 10;
constexpr unsigned rounds_of_memory = 30;

std::int64_t seconds_since_1970() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

// ---- rounds

void Parking::start() {
  boost::asio::post(shared_.service, [this] { arm(); });
}

void Parking::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  boost::asio::post(shared_.service, [this] { timer_.cancel(); });
}

void Parking::arm() {
  timer_.expires_after(round_interval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) round();
  });
}

void Parking::round() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    announce_due();
    open_more();
    look_at_some();
    // While thousands come now and then, and once they are there.
    if (!to_remember_.empty() && (waiting_.empty() || ++rounds_ % rounds_of_memory == 0)) {
      shared_.disk.post(net::DiskPool::Lane::check, [this] { write_memory(); });
    }
  }
  arm();
}

// ---- announces

// Not with the next round: who has just come wants to be known.
void Parking::announce_soon() {
  if (std::exchange(announcing_soon_, true)) return;
  boost::asio::post(shared_.service, [this] {
    const std::lock_guard lock(mutex_);
    announcing_soon_ = false;
    if (!stopped_) announce_due();
  });
}

void Parking::announce_due() {
  const TimePoint now = current_time();
  for (std::size_t i = 0; i < announces_a_round; ++i) {
    const auto id = announces_.first_due(now);
    if (!id) return;
    announces_.announce(*id, torrents_.at(*id), now);
  }
}

void Parking::announced(TorrentId id, TrackerId tracker, const AnnounceOutcome& outcome) {
  std::shared_ptr<net::SwarmDriver> driver;
  {
    const std::lock_guard lock(mutex_);
    announces_.answered();
    if (announces_.next_deadline() <= current_time()) announce_soon();
    Parked* parked = find(id);
    if (parked == nullptr) return;
    if (!parked->standing) {
      driver = host_.find(id);
    } else if (announces_.heard(id, *parked, tracker, outcome, current_time()) &&
               !outcome.peers.empty() && outcome.incomplete.value_or(1) > 0 &&
               parked->phase == Phase::rests && !parked->absent) {
      parked->found.emplace_back(PeerSource::tracker, outcome.peers);
      wake(id, *parked);
    }
  }
  if (driver) driver->announce_finished(tracker, outcome);
}

void Parking::network_changed() {
  const std::lock_guard lock(mutex_);
  const TimePoint now = current_time();
  for (auto& [id, parked] : torrents_) {
    if (parked.phase != Phase::rests) continue;
    parked.standing->announcer.address_changed(now);
    announces_.schedule(id, parked);
  }
}

// ---- looks

void Parking::look_at_some() {
  if (looking_ || torrents_.empty()) return;
  struct One {
    TorrentId id;
    AddTorrent torrent;
  };
  std::vector<One> some;
  const std::size_t enough = std::min(files_a_round, torrents_.size() / rounds_for_all + 1);
  std::size_t files = 0;
  auto at = torrents_.upper_bound(looked_last_);
  for (std::size_t i = 0; i < torrents_.size() && files < enough; ++i, ++at) {
    if (at == torrents_.end()) at = torrents_.begin();
    looked_last_ = at->first;
    if (at->second.phase != Phase::rests) continue;
    some.push_back({at->first, at->second.torrent});
    files += at->second.torrent.metainfo->files().size();
  }
  if (some.empty()) return;
  looking_ = true;
  shared_.disk.post(net::DiskPool::Lane::check, [this, some = std::move(some)] {
    std::string path;
    Result<FileHandle> folder = Error{Errc::not_found, {}};
    for (const One& one : some) {
      if (path != one.torrent.folder || !folder) {
        path = one.torrent.folder;
        folder = files_.open_folder_to_read(path);
      }
      looked(one.id, compare_looks(*one.torrent.metainfo, one.torrent.verified, files_, folder));
    }
    const std::lock_guard lock(mutex_);
    looking_ = false;
  });
}

void Parking::looked(TorrentId id, const ParkedLooks& looks) {
  const bool well = !looks.folder_missing && looks.changed.empty();
  const std::lock_guard lock(mutex_);
  Parked* parked = find(id);
  if (parked == nullptr || parked->phase != Phase::rests || (well && !parked->absent)) return;
  if (well) {
    parked->absent = false;
    if (std::exchange(parked->folder_missing, false)) host_.emit(id, RootReturned{});
    return;
  }
  if (looks.folder_missing) {
    if (!std::exchange(parked->folder_missing, true)) host_.emit(id, RootMissing{});
    parked->absent = true;
    return;
  }
  if (std::exchange(parked->folder_missing, false)) host_.emit(id, RootReturned{});
  if (!parked->absent) host_.emit(id, FilesChanged{looks.changed});
  wake(id, *parked);  // it is hashed, as far as there is anything
}

// ---- memory

Parking::Folder* Parking::open_folder(const std::string& path) {
  if (folder_ && folder_->path == path) return &*folder_;
  folder_.reset();
  auto canonical = files_.canonical(path);
  if (!canonical) return nullptr;
  auto handle = files_.open_folder_to_read(*canonical);
  if (!handle) return nullptr;
  const auto system = files_.file_system(*handle);
  folder_.emplace(Folder{path, std::move(*canonical), std::move(*handle), system ? *system : 0});
  return &*folder_;
}

void Parking::read_memory() {
  if (std::exchange(memory_read_, true) || options_.state_folder.empty()) return;
  auto seeds = load_seeds(options_.state_folder);
  if (!seeds) return;  // so everything is looked at as if it came for the first time
  for (SeedRecord& seed : *seeds) memory_.emplace(seed.info_hash, std::move(seed));
}

bool Parking::was_whole(Parked& parked) {
  read_memory();
  const Metainfo& metainfo = *parked.torrent.metainfo;
  const auto [first, last] = memory_.equal_range(metainfo.info_hash().wire());
  if (first == last) return false;
  const Folder* folder = open_folder(parked.torrent.folder);
  if (folder == nullptr) return false;
  for (auto it = first; it != last; ++it) {
    if (it->second.folder != folder->canonical) continue;
    const std::uint64_t then = it->second.looks;
    memory_.erase(it);
    auto looks = look_at_files(metainfo, files_, folder->handle);
    if (!looks || looks_of(*looks) != then) return false;
    parked.torrent.verified = std::move(*looks);
    return true;
  }
  return false;
}

void Parking::remember(const Parked& parked) {
  if (options_.state_folder.empty()) return;
  const Folder* folder = open_folder(parked.torrent.folder);
  if (folder == nullptr) return;
  SeedRecord seed = seed_record(*parked.torrent.metainfo, folder->canonical);
  seed.file_system = folder->file_system;
  seed.looks = looks_of(parked.torrent.verified);
  seed.used = seconds_since_1970();
  to_remember_.push_back(std::move(seed));
}

void Parking::write_memory() {
  std::vector<SeedRecord> seeds;
  {
    const std::lock_guard lock(mutex_);
    folder_.reset();
    seeds = std::exchange(to_remember_, {});
  }
  // Where it cannot be written the next start hashes again.
  if (!seeds.empty()) (void)update_seeds(options_.state_folder, std::move(seeds), {});
}

}  // namespace barter
