// PeerStore: the peers that others announced to us (BEP 5), a host once for each info-hash (BEP
// 33). Bounded and expiring. One owner, one thread; time and randomness are arguments.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "dht/bloom_filter.hpp"
#include "dht/node_id.hpp"
#include "torrent/random.hpp"
#include "torrent/time.hpp"

namespace barter::dht {

struct PeerStoreLimits {
  std::size_t info_hashes = 2000;  // beyond: of a few taken by chance the least announced goes
  std::size_t peers_each = 500;    // beyond: no tokens for it, and the oldest goes
  std::size_t peers = 50'000;      // of all; beyond: as for info-hashes
  Duration lives = std::chrono::minutes(45);  // without another announce
};

class PeerStore {
 public:
  explicit PeerStore(PeerStoreLimits limits) : limits_(limits) {}

  void announce(const NodeId& info_hash, const Endpoint& peer, bool seed, TimePoint now,
                Random& random);
  // Up to `count` peers of one family by chance, appended; `no_seeds`: seeds only if nothing else.
  void peers(const NodeId& info_hash, bool v4, bool no_seeds, std::size_t count, TimePoint now,
             Random& random, std::vector<Endpoint>& out) const;
  bool has(const NodeId& info_hash, TimePoint now) const;
  bool full(const NodeId& info_hash) const;
  // BEP 33: who seeds, and who does not.
  struct Filters {
    BloomFilter seeds, peers;
  };
  Filters filters(const NodeId& info_hash, TimePoint now) const;
  // Up to `count` of the info-hashes, by chance (BEP 51).
  std::vector<WireInfoHash> sample(std::size_t count, Random& random) const;

  void expire(TimePoint now);
  std::size_t info_hashes() const { return table_.size(); }
  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const;

 private:
  struct Peer {
    Endpoint endpoint;
    bool seed = false;
    TimePoint announced{};
  };
  using Table = std::map<NodeId, std::vector<Peer>>;
  void make_room(const NodeId& keep, Random& random);
  bool alive(const Peer& peer, TimePoint now) const { return now - peer.announced < limits_.lives; }

  PeerStoreLimits limits_;
  Table table_;
  std::size_t size_ = 0;
};

}  // namespace barter::dht
