// Introducer: the registry behind its lock, for all servers of a tracker,
// whatever they speak. Says who is handed out to whom; knows nothing of the
// bytes of requests and replies. May be called from any thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "torrent/endpoint.hpp"
#include "torrent/random.hpp"
#include "tracker/reachability.hpp"
#include "tracker/registry.hpp"

namespace barter::tracker {

struct IntroducerOptions {
  RegistryConfig registry;
  // Serve only these, from the first asker on; allow() gives others.
  // Nothing: whatever is announced.
  std::optional<std::vector<WireInfoHash>> allowed{};
  // A member completed; called outside the lock. `from`: its source address and announced port.
  std::function<void(const AnnounceRequest& announce, const Endpoint& from)> completed{};
  // A member announced, whatever it said, but that it stopped; likewise, and before `completed`.
  std::function<void(const AnnounceRequest& announce, const Endpoint& from)> announced{};
};

// Counters of the UDP side, in packets received, for /stats.
struct UdpStats {
  std::atomic<std::uint64_t> connects{0}, announces{0}, scrapes{0};
  std::atomic<std::uint64_t> errors{0};   // answered by an error
  std::atomic<std::uint64_t> dropped{0};  // answered by silence: garbage, or an unproven address
};

class Introducer {
 public:
  using Addresses = std::shared_ptr<const std::vector<Address>>;

  // `seed` keys the tables and the choice of peers.
  Introducer(IntroducerOptions options, std::uint64_t seed);

  struct Introduction {
    std::optional<Failure> failure;  // why there is none
    Registry::Announced announced;
    std::vector<Endpoint> members;  // as they announced themselves: see as_seen_by()
    Addresses own;                  // of this machine, sorted
  };
  // `asker`: where the request came from; nothing that the request says of addresses is believed.
  Introduction announce(const AnnounceRequest& request, const Address& asker, TimePoint now);
  std::vector<ScrapeEntry> scrape(std::span<const WireInfoHash> info_hashes, TimePoint now);

  void allow(std::vector<WireInfoHash> info_hashes);  // replaces the list
  RegistryStats stats();
  UdpStats& udp() { return udp_; }
  Addresses own_addresses();

  // Now and then: forgets silent members, a slice at a time, and looks
  // at the machine's addresses again.
  void expire(TimePoint now);
  void refresh_own_addresses();

 private:
  IntroducerOptions options_;  // without `allowed`, which the registry has
  std::mutex mutex_;           // of all below but the counters
  Registry registry_;
  Random random_;
  Addresses own_addresses_;
  UdpStats udp_;
};

}  // namespace barter::tracker
