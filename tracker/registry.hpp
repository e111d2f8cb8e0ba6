// Registry: the swarms that a tracker knows, and their members. A state
// machine: time and randomness are arguments. Identity of a member is
// its address and port. One owner, one thread (or one lock).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/random.hpp"
#include "torrent/time.hpp"
#include "tracker/announce.hpp"

namespace barter::tracker {

struct RegistryConfig {
  std::uint32_t interval = 1800;        // seconds between announces that we ask for
  std::uint32_t interval_jitter = 180;  // up to this much is added, so that crowds spread
  std::uint32_t min_interval = 60;      // seconds
  // The same for one that begins and is told of nobody: of two that start together the first may
  // ask for the second. Only if it is less.
  std::uint32_t first_min_interval = 5;
  std::uint32_t default_peers = 50;  // handed out where the asker names no number
  std::uint32_t max_peers = 200;     // handed out at most
  // Members of one address (of IPv6 a /64) in a swarm; of one in a local network, where many share
  // a machine; and of a loopback address. Beyond: the one of that address heard least recently
  // gives way, those that announced only once first.
  std::uint32_t members_per_address = 10;
  std::uint32_t members_per_local_address = 100;
  std::uint32_t members_per_loopback_address = 1000;
  std::uint32_t peers_per_address = 2;  // handed out of one address, unless there is nobody else
  // Beyond either: another swarm gives way if one address alone announced it and has more such
  // swarms than the newcomer; else what is new is refused.
  std::uint32_t max_swarms = 1'000'000;
  std::uint32_t max_members = 10'000'000;  // of all swarms
  Duration expires_after =
      std::chrono::seconds(1800 + 180 + 900);  // silence after which a member is gone
};

enum class Refusal : std::uint8_t { full, not_listed };

struct RegistryStats {
  std::uint64_t swarms = 0, members = 0, seeds = 0;
  std::uint64_t announces = 0, scrapes = 0, completed = 0, refused = 0, expired = 0;
  std::uint64_t displaced = 0;  // members that gave way to others of their address
  std::uint64_t evicted = 0;    // swarms that gave way
};

class Registry {
 public:
  // `key` seeds the hash tables, so that info-hashes cannot be aimed at one bucket.
  Registry(RegistryConfig config, std::uint64_t key);
  ~Registry();
  Registry(Registry&&) noexcept;
  Registry& operator=(Registry&&) noexcept;

  // Only these info-hashes are served; without a call, all are. May be called again.
  void set_allowed(std::vector<WireInfoHash> allowed);

  // One announce from `peer` (the source address and the announced port). Appends the peers to hand
  // out, never the asker itself, no seeds to a seed, in random order; what there is of one address
  // beyond peers_per_address comes last.
  struct Announced {
    std::uint32_t interval = 0, min_interval = 0;  // seconds
    std::uint32_t complete = 0, incomplete = 0;
    std::optional<Refusal> refused;
    bool newly_completed = false;  // `completed` by a member that was not a seed before
  };
  Announced announce(const AnnounceRequest& request, const Endpoint& peer, TimePoint now,
                     Random& random, std::vector<Endpoint>& peers);
  ScrapeEntry scrape(const WireInfoHash& info_hash, TimePoint now);
  // Forgets members that have been silent too long: at most `max_swarms` swarms a call, so that no
  // call takes long. True if the round is complete.
  bool expire(TimePoint now, std::size_t max_swarms);
  RegistryStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace barter::tracker
