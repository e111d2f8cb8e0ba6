// The tracker's table: announces of new and of known members, scrapes.
#include <cstring>
#include <stdexcept>

#include "bench/micro/micro.hpp"
#include "tracker/registry.hpp"

namespace barter::micro {
namespace {

using namespace barter::tracker;

constexpr TimePoint start{std::chrono::hours(1000)};

struct Member {
  WireInfoHash swarm;
  Endpoint endpoint;
  std::uint64_t left = 0;
};

// Half of the members are in a hundredth of the swarms, as it is in the world.
std::vector<Member> members_of(const Sizes& sizes, Random& random) {
  std::vector<WireInfoHash> swarms(sizes.swarms);
  for (WireInfoHash& swarm : swarms) {
    for (std::size_t at = 0; at + 8 <= swarm.bytes.size(); at += 8) {
      const std::uint64_t word = random.next();
      std::memcpy(swarm.bytes.data() + at, &word, sizeof word);
    }
  }
  std::vector<Member> out(sizes.members);
  for (std::uint32_t i = 0; i < sizes.members; ++i) {
    out[i].swarm =
        swarms[random.below(random.chance(1, 2) ? sizes.swarms : sizes.swarms / 100 + 1)];
    out[i].endpoint = {
        Address::v4({10, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                     static_cast<std::uint8_t>(i)}),
        6881};
    out[i].left = random.chance(1, 3) ? 0 : 1 << 20;
  }
  return out;
}

}  // namespace

void registry_suite(const Sizes& sizes, Figures& figures) {
  Random random(5);
  const std::vector<Member> members = members_of(sizes, random);
  Registry registry(RegistryConfig{}, 42);
  AnnounceRequest request;
  std::vector<Endpoint> peers;
  std::uint64_t handed_out = 0;
  const auto announce = [&](const Member& member, Event event) {
    request.info_hash = member.swarm;
    request.left = member.left;
    request.event = event;
    peers.clear();
    const auto answer = registry.announce(request, member.endpoint, start, random, peers);
    if (answer.refused) throw std::runtime_error("refused");
    handed_out += peers.size();
  };

  measure(figures, "registry: announce of a new member", [&] {
    for (const Member& member : members) announce(member, Event::started);
    return members.size();
  });
  handed_out = 0;
  measure(figures, "registry: announce of a known one, 50 peers", [&] {
    for (std::uint32_t i = 0; i < sizes.announces; ++i)
      announce(members[random.below(members.size())], Event::none);
    return sizes.announces;
  });
  if (handed_out < sizes.announces) throw std::runtime_error("too few peers were handed out");
  request.peers_wanted = 0;
  measure(figures, "registry: announce of a known one, no peers", [&] {
    for (std::uint32_t i = 0; i < sizes.announces; ++i)
      announce(members[random.below(members.size())], Event::none);
    return sizes.announces;
  });
  measure(figures, "registry: scrape of one swarm", [&] {
    for (std::uint32_t i = 0; i < sizes.announces; ++i)
      keep(registry.scrape(members[random.below(members.size())].swarm, start));
    return sizes.announces;
  });
  if (registry.stats().members != members.size()) throw std::runtime_error("members are missing");
}

}  // namespace barter::micro
