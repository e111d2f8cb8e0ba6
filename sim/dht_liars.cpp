#include "sim/dht_liars.hpp"

#include <algorithm>

namespace barter::sim {

namespace {

constexpr std::size_t named = 8;
constexpr std::size_t made_up_hosts = 20'000;

std::uint32_t first_bits(const dht::NodeId& id) {
  return std::to_integer<std::uint32_t>(id.bytes[0]) << 24 |
         std::to_integer<std::uint32_t>(id.bytes[1]) << 16 |
         std::to_integer<std::uint32_t>(id.bytes[2]) << 8;
}

}  // namespace

DhtLiars::DhtLiars(std::vector<Endpoint> members, Random random)
    : random_(random), members_(std::move(members)) {
  for (std::uint32_t i = 0; i < members_.size(); ++i)
    if (kind(i) == Kind::fitting) fitting_.push_back(place(members_[i]));
  for (std::size_t i = 0; i < made_up_hosts; ++i) {
    // 5.0.0.0/8 is nobody's in this world.
    const Address nobody = Address::v4({5, static_cast<std::uint8_t>(random_.below(256)),
                                        static_cast<std::uint8_t>(random_.below(256)),
                                        static_cast<std::uint8_t>(random_.below(256))});
    nowhere_.push_back(place({nobody, 6881}));
  }
}

bool DhtLiars::is_false_peer(const Endpoint& peer) {
  return peer.address.is_v4() && peer.address.v4_bytes()[0] == 6;
}

DhtLiars::Place DhtLiars::place(const Endpoint& endpoint) {
  Place out{endpoint, {}};
  for (std::uint8_t choice = 0; choice < 8; ++choice)
    out.prefixes[choice] =
        first_bits(dht::id_for_address(endpoint.address, choice, random_)) & 0xfffff800;
  return out;
}

// The nearest of the eight, as near as the rest of the bits allow.
dht::NodeId DhtLiars::best_id(const Place& place, const dht::NodeId& target) {
  const std::uint32_t wanted = first_bits(target);
  const auto best = std::min_element(
      place.prefixes.begin(), place.prefixes.end(),
      [&](std::uint32_t a, std::uint32_t b) { return (a ^ wanted) < (b ^ wanted); });
  dht::NodeId out = target;
  const std::uint32_t bits = *best | (wanted & 0x7ff);
  for (std::size_t i = 0; i < 3; ++i) out.bytes[i] = static_cast<std::byte>(bits >> (24 - 8 * i));
  out.bytes[19] = static_cast<std::byte>(best - place.prefixes.begin());
  return out;
}

dht::NodeId DhtLiars::sybil_id(std::uint32_t member, const dht::NodeId& target) {
  dht::NodeId out = target;
  out.bytes[17] ^= static_cast<std::byte>(member >> 8);
  out.bytes[18] ^= static_cast<std::byte>(member);
  return out;
}

std::vector<dht::NodeInfo> DhtLiars::nearest(const std::vector<Place>& places,
                                             const dht::NodeId& target) const {
  const std::uint32_t wanted = first_bits(target);
  std::vector<std::pair<std::uint32_t, const Place*>> all;
  all.reserve(places.size());
  for (const Place& place : places) {
    std::uint32_t best = 0xffffffff;
    for (const std::uint32_t prefix : place.prefixes) best = std::min(best, prefix ^ wanted);
    all.emplace_back(best, &place);
  }
  const std::size_t count = std::min(named, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(),
                    [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<dht::NodeInfo> out;
  for (std::size_t i = 0; i < count; ++i)
    out.push_back({best_id(*all[i].second, target), all[i].second->endpoint});
  return out;
}

std::string DhtLiars::answer(std::uint32_t member, const dht::NodeId& home, const Endpoint& from,
                             const dht::Query& query) {
  const bool sought = query.method == dht::Method::find_node ||
                      query.method == dht::Method::get_peers || query.method == dht::Method::get;
  if (!sought && query.method != dht::Method::announce_peer) return {};
  dht::Response response;
  response.transaction = query.transaction;
  response.id = home;
  response.ip = from;
  const bool peers = query.method == dht::Method::get_peers;
  if (kind(member) == Kind::sybil) {
    if (query.method != dht::Method::find_node) response.id = sybil_id(member, query.target);
    for (std::size_t i = 0; sought && i < named; ++i) {
      const auto other = static_cast<std::uint32_t>(random_.below((members_.size() + 2) / 3) * 3);
      response.nodes.push_back({sybil_id(other, query.target), members_[other]});
    }
  } else if (kind(member) == Kind::fitting) {
    if (query.method != dht::Method::find_node)
      response.id = best_id(fitting_[member / 3], query.target);
    if (sought) response.nodes = nearest(fitting_, query.target);
  } else if (sought) {
    response.nodes = nearest(nowhere_, query.target);
  }
  if (sought) response.token = "gotcha";
  for (std::uint8_t i = 0; peers && i < 4; ++i)
    response.values.push_back(
        {Address::v4({6, static_cast<std::uint8_t>(random_.below(256)), i, 6}), 666});
  return encode(response);
}

}  // namespace barter::sim
