#include "client/swarm/peer_exchange.hpp"

#include <algorithm>

namespace barter {

namespace {
constexpr std::size_t max_roster = 500;  // who left longest ago goes first
constexpr std::size_t max_contributors = 500;
constexpr std::uint16_t wrong_before_distrust = 8;  // and none right
constexpr std::uint16_t most_counted = 1000;
// Services that others run there, not clients: qBittorrent once made a crowd call web servers.
constexpr std::uint16_t first_port = 1024;
// Messages that may come early, in a row: some count the minute from the first link, not ours.
constexpr int early_messages = 3;
constexpr std::uint32_t flood_messages = 20;

const Endpoint& place_of(const wire::Contact& contact) {
  return contact.endpoint;
}
}  // namespace

// ---- telling

void PeerExchange::update(std::vector<wire::Contact> live) {
  std::sort(live.begin(), live.end(),
            [](const wire::Contact& a, const wire::Contact& b) { return a.endpoint < b.endpoint; });
  live.erase(std::unique(live.begin(), live.end(),
                         [](const wire::Contact& a, const wire::Contact& b) {
                           return a.endpoint == b.endpoint;
                         }),
             live.end());
  std::vector<Entry> next;
  next.reserve(live.size());
  auto old = roster_.begin();
  const auto gone = [&](Entry entry) {
    if (entry.left == 0) entry.left = ++latest_;
    next.push_back(entry);
  };
  for (const wire::Contact& contact : live) {
    for (; old != roster_.end() && place_of(old->contact) < place_of(contact); ++old) gone(*old);
    if (old != roster_.end() && place_of(old->contact) == place_of(contact)) {
      if (old->left != 0) old->joined = ++latest_;
      old->left = 0;
      old->contact = contact;
      next.push_back(*old++);
    } else {
      next.push_back({contact, ++latest_, 0});
    }
  }
  for (; old != roster_.end(); ++old) gone(*old);
  roster_ = std::move(next);
  while (roster_.size() > max_roster) {
    const auto first =
        std::min_element(roster_.begin(), roster_.end(), [](const Entry& a, const Entry& b) {
          return std::pair(a.left == 0, a.event()) < std::pair(b.left == 0, b.event());
        });
    roster_.erase(first);
  }
}

wire::PeerExchange PeerExchange::news(ExchangeState& state, const Endpoint& remote,
                                      const Endpoint& listen, const SwarmConfig& config) const {
  std::vector<const Entry*> fresh;
  for (const Entry& entry : roster_)
    if (entry.event() > state.told) fresh.push_back(&entry);
  std::sort(fresh.begin(), fresh.end(),
            [](const Entry* a, const Entry* b) { return a->event() < b->event(); });
  wire::PeerExchange out;
  for (const Entry* entry : fresh) {
    const Endpoint& endpoint = entry->contact.endpoint;
    const bool concerns = endpoint != listen && endpoint != remote &&
                          reachable_from(endpoint.address, remote.address);
    const bool drop = entry->left != 0;
    const bool passed = drop && entry->joined > state.told;  // came and left since
    if (concerns && !passed) {
      if ((drop ? out.dropped.size() : out.added.size()) == config.pex_contacts) return out;
      if (drop) {
        out.dropped.push_back(endpoint);
      } else {
        out.added.push_back(entry->contact);
      }
    }
    state.told = entry->event();
  }
  state.told = latest_;
  return out;
}

void PeerExchange::forget_until(std::uint64_t event) {
  std::erase_if(roster_,
                [&](const Entry& entry) { return entry.left != 0 && entry.left <= event; });
}

// ---- believing

PeerExchange::Verdict PeerExchange::heard(ExchangeState& state, const SwarmConfig& config,
                                          TimePoint now) {
  const Duration price = config.pex_interval - config.pex_interval / 6;  // their clock is not ours
  if (state.heard_until > now + early_messages * price)
    return ++state.excess > flood_messages ? Verdict::flood : Verdict::ignore;
  state.heard_until = std::max(state.heard_until, now) + price;
  return Verdict::heed;
}

bool PeerExchange::reachable_from(const Address& contact, const Address& from) {
  if (contact.is_loopback()) return from.is_loopback();
  if (contact.is_link_local()) return from.is_link_local() || from.is_loopback();
  if (contact.is_private()) return from.is_local();
  return true;
}

std::vector<wire::Contact> PeerExchange::credible(const wire::PeerExchange& message,
                                                  const Endpoint& remote,
                                                  const SwarmConfig& config) {
  std::vector<wire::Contact> out;
  for (const wire::Contact& contact : message.added) {
    if (out.size() == config.pex_contacts) break;
    const Address& address = contact.endpoint.address;
    if (contact.endpoint.port < first_port || address.is_unspecified() || address.is_multicast() ||
        !reachable_from(address, remote.address))
      continue;
    const bool known = std::any_of(out.begin(), out.end(), [&](const wire::Contact& other) {
      return address.is_local() ? other.endpoint == contact.endpoint
                                : other.endpoint.address == address;
    });
    if (!known) out.push_back(contact);
  }
  return out;
}

std::vector<PeerExchange::Contributor>::const_iterator PeerExchange::find(
    ContributorId contributor) const {
  const auto place = std::lower_bound(
      contributors_.begin(), contributors_.end(), contributor,
      [](const Contributor& one, ContributorId wanted) { return one.id < wanted; });
  return place != contributors_.end() && place->id == contributor ? place : contributors_.end();
}

ContributorId PeerExchange::contributor(const Endpoint& remote, const Endpoint& listen) {
  const Endpoint place = remote.address.is_local() ? listen : Endpoint{remote.address, 0};
  for (const Contributor& one : contributors_)
    if (one.place == place) return one.id;
  if (contributors_.size() == max_contributors) contributors_.erase(contributors_.begin());
  contributors_.push_back({++last_contributor_, place, 0, 0});
  return last_contributor_;
}

bool PeerExchange::named(ContributorId contributor, bool right) {
  const auto found = find(contributor);
  if (found == contributors_.end()) return true;
  Contributor& one = contributors_[static_cast<std::size_t>(found - contributors_.begin())];
  std::uint16_t& count = right ? one.right : one.wrong;
  if (count < most_counted) ++count;
  return trusted(contributor);
}

bool PeerExchange::trusted(ContributorId contributor) const {
  const auto one = find(contributor);
  return one == contributors_.end() || one->right > 0 || one->wrong < wrong_before_distrust;
}

}  // namespace barter
