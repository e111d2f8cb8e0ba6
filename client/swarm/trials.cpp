#include "client/swarm/trials.hpp"

#include <algorithm>

#include "client/swarm/places.hpp"

namespace barter {

namespace {
Duration doubled(Duration first, std::uint32_t times, Duration most) {
  Duration out = first;
  for (std::uint32_t i = 0; i < times && out < most; ++i) out *= 2;
  return std::min(out, most);
}
}  // namespace

const Trials::Host* Trials::find(const Address& address) const {
  if (hosts_.empty()) return nullptr;
  const Address host = host_of(address);
  const auto found = std::find_if(hosts_.begin(), hosts_.end(),
                                  [&](const Host& one) { return one.address == host; });
  return found == hosts_.end() ? nullptr : &*found;
}

void Trials::offended(const Address& address, const SwarmConfig& config, TimePoint now) {
  Host host;
  if (const Host* known = find(address)) {
    host = *known;
    hosts_.erase(hosts_.begin() + (known - hosts_.data()));
  }
  if (hosts_.size() == max_hosts) hosts_.erase(hosts_.begin());
  host.address = host_of(address);
  host.next_at = now + doubled(config.trial_pause_min, host.offences, config.trial_pause_max);
  ++host.offences;
  hosts_.push_back(host);
  ++total_;
  // Strangers from elsewhere wait less: most of them have done nothing.
  if (everywhere())
    next_anywhere_ = now + doubled(config.trial_pause_min, total_ - offences_of_many,
                                   config.trial_pause_max / 16);
}

std::uint32_t Trials::price(const Address& address) const {
  if (const Host* host = find(address)) return std::min(host->offences, highest_price);
  return everywhere() ? 1 : 0;
}

TimePoint Trials::next_at(const Address& address) const {
  const Host* host = find(address);
  return host == nullptr ? next_anywhere_ : std::max(host->next_at, next_anywhere_);
}

Duration Trials::ban(const Address& address, const SwarmConfig& config) const {
  const Host* host = find(address);
  const std::uint32_t before = host == nullptr ? 0 : host->offences - 1;
  return doubled(config.ban_min, before, config.ban_max);
}

}  // namespace barter
