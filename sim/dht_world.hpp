// A DHT in virtual time: thousands of real dht::Nodes on a network that delays and loses datagrams,
// among them silent ones and an organised minority that lies. A run is a function of its options
// and seed. One owner, one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "torrent/time.hpp"

namespace barter::sim {

struct DhtOptions {
  std::uint32_t nodes = 10'000;
  // Percent of all nodes. Silent: half of them never answer from the first day on (a firewall),
  // half stop all at once just before the lookups begin.
  std::uint32_t silent = 20, hostile = 10;
  std::uint32_t loss = 5;  // percent of all datagrams
  std::uint32_t torrents = 200, peers_each = 10, lookups = 2000;
  Duration joining = std::chrono::minutes(10);   // over which the nodes come
  Duration settling = std::chrono::minutes(10);  // from then until the announces
  std::uint64_t seed = 1;
};

struct DhtReport {
  std::uint32_t nodes = 0, lookups = 0;
  std::uint32_t succeeded = 0;  // found a peer that had announced
  std::uint32_t finished = 0;   // lookups that came to their end
  double peers_found = 0;       // share of those that had announced, over all lookups
  double false_peers = 0;       // that liars told, of all told
  std::uint32_t announces = 0, announced = 0;  // and how many were stored somewhere
  double stored = 0;                           // honest nodes that took one announce, on average
  std::vector<std::uint32_t> hops;             // of each finished lookup, sorted
  std::vector<std::uint32_t> asked;            // nodes asked, sorted
  std::vector<double> seconds;                 // until its end, sorted
  std::vector<double> first_seconds;           // until the first true peer, sorted
  std::vector<std::uint64_t> memory;           // bytes of each honest node, sorted
  double good_nodes = 0;                       // of a table, on average
  std::uint64_t datagrams = 0, bytes = 0;
  Duration simulated{};
};

DhtReport run_dht(const DhtOptions& options);

}  // namespace barter::sim
