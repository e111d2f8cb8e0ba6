#include "tracker/introducer.hpp"

#include <algorithm>
#include <utility>

namespace barter::tracker {
namespace {

// Swarms looked at in one go, with the lock held; and goes for one call of expire().
constexpr std::size_t expiry_slice = 1000;
constexpr int expiry_slices = 10;
// What a full tracker asks for. Minutes (BEP 31).
constexpr std::uint32_t retry_when_full = 15;

}  // namespace

Introducer::Introducer(IntroducerOptions options, std::uint64_t seed)
    : options_(std::move(options)), registry_(options_.registry, seed), random_(seed + 1) {
  if (options_.allowed) registry_.set_allowed(*std::exchange(options_.allowed, {}));
  refresh_own_addresses();
}

Introducer::Introduction Introducer::announce(const AnnounceRequest& request, const Address& asker,
                                              TimePoint now) {
  const Endpoint member{asker, request.port};
  Introduction out;
  {
    const std::lock_guard lock(mutex_);
    out.announced = registry_.announce(request, member, now, random_, out.members);
    out.own = own_addresses_;
  }
  if (out.announced.refused == Refusal::not_listed) {
    out.failure = Failure{"this tracker does not serve this torrent", {}};
  } else if (out.announced.refused) {
    out.failure = Failure{"this tracker is full", retry_when_full};
  } else {
    if (options_.announced && request.event != Event::stopped) options_.announced(request, member);
    if (out.announced.newly_completed && options_.completed) options_.completed(request, member);
  }
  return out;
}

std::vector<ScrapeEntry> Introducer::scrape(std::span<const WireInfoHash> info_hashes,
                                            TimePoint now) {
  std::vector<ScrapeEntry> out;
  out.reserve(info_hashes.size());
  const std::lock_guard lock(mutex_);
  for (const WireInfoHash& info_hash : info_hashes) out.push_back(registry_.scrape(info_hash, now));
  return out;
}

void Introducer::allow(std::vector<WireInfoHash> info_hashes) {
  const std::lock_guard lock(mutex_);
  registry_.set_allowed(std::move(info_hashes));
}

RegistryStats Introducer::stats() {
  const std::lock_guard lock(mutex_);
  return registry_.stats();
}

Introducer::Addresses Introducer::own_addresses() {
  const std::lock_guard lock(mutex_);
  return own_addresses_;
}

void Introducer::expire(TimePoint now) {
  for (int slice = 0; slice < expiry_slices; ++slice) {
    const std::lock_guard lock(mutex_);
    if (registry_.expire(now, expiry_slice)) return;
  }
}

void Introducer::refresh_own_addresses() {
  auto addresses = std::make_shared<std::vector<Address>>();
  for (const InterfaceAddress& one : interface_addresses()) addresses->push_back(one.address);
  std::sort(addresses->begin(), addresses->end());
  const std::lock_guard lock(mutex_);
  own_addresses_ = std::move(addresses);
}

}  // namespace barter::tracker
