#include "dht/sources.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace barter::dht {

namespace {
constexpr std::size_t ways = 4;
constexpr std::uint32_t proven_ms = 10 * 60 * 1000;
constexpr std::uint32_t max_credit = 64 << 10;
}  // namespace

Sources::Sources(std::size_t entries, std::uint32_t queries_per_second, std::uint32_t burst,
                 SipKey key)
    : key_(key),
      sets_(std::max<std::size_t>(1, entries / ways)),
      per_second_(queries_per_second),
      burst_(burst) {}

std::uint64_t Sources::digest(const Endpoint& endpoint) const {
  const Endpoint host = host_of(endpoint);
  std::array<std::byte, 18> input{};
  const auto address = host.address.v6_bytes();
  std::memcpy(input.data(), address.data(), address.size());
  std::memcpy(input.data() + 16, &host.port, sizeof host.port);
  return std::max<std::uint64_t>(1, siphash(key_, input));
}

std::uint32_t Sources::clock(TimePoint now) const {
  // Wraps after 49 days; then, for a moment, somebody counts as proven or seen wrongly: harmless.
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - began_).count();
  return static_cast<std::uint32_t>(ms) + 1;
}

const Sources::Entry* Sources::find(std::uint64_t host) const {
  if (entries_.empty()) return nullptr;
  const std::size_t set = host % sets_ * ways;
  for (std::size_t i = set; i < set + ways; ++i)
    if (entries_[i].host == host) return &entries_[i];
  return nullptr;
}

// The entry of this host; a new one takes the place of the stalest
// that is not proven, else of the stalest.
Sources::Entry& Sources::take(const Endpoint& endpoint, TimePoint now) {
  if (entries_.empty()) {
    entries_.resize(sets_ * ways);
    began_ = now;
  }
  const std::uint64_t host = digest(endpoint);
  const std::uint32_t time = clock(now);
  const std::size_t set = host % sets_ * ways;
  Entry* victim = nullptr;
  for (std::size_t i = set; i < set + ways; ++i) {
    Entry& entry = entries_[i];
    if (entry.host == host) {
      const std::uint64_t gained = std::uint64_t{time - entry.seen} * per_second_;
      entry.tokens = static_cast<std::uint32_t>(
          std::min<std::uint64_t>(std::uint64_t{burst_} * 1000, entry.tokens + gained));
      entry.seen = time;
      return entry;
    }
    const auto rank = [&](const Entry& e) {
      return std::pair(e.host != 0 && e.proven_until > time, e.seen);
    };
    if (victim == nullptr || rank(entry) < rank(*victim)) victim = &entry;
  }
  *victim = Entry{host, time, 0, 0, burst_ * 1000};
  return *victim;
}

bool Sources::query_came(const Endpoint& from, std::size_t bytes, TimePoint now) {
  Entry& entry = take(from, now);
  if (entry.tokens < 1000) return false;
  entry.tokens -= 1000;
  entry.credit = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(max_credit, entry.credit + amplification * bytes));
  return true;
}

void Sources::proven(const Endpoint& host, TimePoint now) {
  take(host, now).proven_until = clock(now) + proven_ms;
}

bool Sources::is_proven(const Endpoint& host, TimePoint now) const {
  const Entry* entry = find(digest(host));
  return entry != nullptr && entry->proven_until > clock(now);
}

std::size_t Sources::allowance(const Endpoint& to, TimePoint now) const {
  const Entry* entry = find(digest(to));
  if (entry == nullptr) return 0;
  if (entry->proven_until > clock(now)) return std::numeric_limits<std::size_t>::max();
  return entry->credit;
}

void Sources::sent(const Endpoint& to, std::size_t bytes) {
  auto* entry = const_cast<Entry*>(find(digest(to)));
  if (entry != nullptr)
    entry->credit -= static_cast<std::uint32_t>(std::min<std::size_t>(entry->credit, bytes));
}

}  // namespace barter::dht
