// The limits and times of a dht::Node, each with a sentence. Immutable while a node lives; shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "dht/item_store.hpp"
#include "dht/peer_store.hpp"
#include "torrent/time.hpp"

namespace barter::dht {

struct Config {
  bool v4 = true, v6 = true;     // the families for which there is a socket
  bool read_only = false;        // BEP 43: ask, but do not answer
  std::string version = "BA01";  // "v" of what we send: "BA" and two bytes; empty: none

  Duration query_timeout = std::chrono::seconds(3);  // an answer later than this is not one
  Duration upkeep_every = std::chrono::seconds(5);   // pings, refreshes, expiry
  std::size_t searches = 16;                         // under way at once; beyond: they wait
  std::size_t waiting_searches = 1000;               // beyond: the request fails at once
  std::size_t pending = 300;  // queries without an answer yet; beyond: none is sent

  std::uint32_t queries_per_source = 20;  // answered a second for one host; beyond: dropped
  std::uint32_t burst_per_source = 60;    // at once
  std::uint32_t queries_overall = 500;    // answered a second; beyond: dropped
  std::uint32_t answer_bytes_overall = 256 << 10;  // sent a second in answers; beyond: dropped
  std::size_t sources = 512;                       // hosts remembered for that

  std::size_t peers_of_one_request = 2000;  // told in PeersFound; beyond: no more
  std::size_t votes_needed = 8;  // neighbourhoods that must agree on our address (BEP 42)
  Duration sample_interval = std::chrono::minutes(10);  // BEP 51: the sample stays the same so long

  // At which address of ours the host has asked that we are answering: for
  // a local network, where nobody else tells. Asked when we name
  // ourselves. None: we do so only once others have told our address.
  std::function<std::optional<Address>(const Address& host)> address_toward = {};

  PeerStoreLimits peer_store;
  ItemStoreLimits item_store;
};

}  // namespace barter::dht
