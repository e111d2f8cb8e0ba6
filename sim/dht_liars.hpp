// The organised minority of a simulated DHT. They take part like others until they are asked for
// something; then they know each other and answer as suits them. Three kinds:
//   sybils    say that they lie next to whatever is sought, and name each other
//   fitting   the same, but with the ids that BEP 42 allows their addresses, the nearest of eight
//   dead ends name hosts that do not exist, with ids that fit and lie near
// All hand out tokens, take announces and forget them, and tell of peers that do not exist.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dht/krpc.hpp"
#include "torrent/random.hpp"

namespace barter::sim {

class DhtLiars {
 public:
  enum class Kind : std::uint8_t { sybil, fitting, dead_end };

  // `members`: where they are; their kinds take turns.
  DhtLiars(std::vector<Endpoint> members, Random random);

  static bool is_false_peer(const Endpoint& peer);
  // The answer of member number `member` to this query of `from`, or nothing where it behaves.
  std::string answer(std::uint32_t member, const dht::NodeId& home, const Endpoint& from,
                     const dht::Query& query);

 private:
  // An address with the ids that it may have: the 21 bits for each of the eight choices.
  struct Place {
    Endpoint endpoint;
    std::array<std::uint32_t, 8> prefixes{};
  };
  Place place(const Endpoint& endpoint);
  static dht::NodeId best_id(const Place& place, const dht::NodeId& target);
  static dht::NodeId sybil_id(std::uint32_t member, const dht::NodeId& target);
  std::vector<dht::NodeInfo> nearest(const std::vector<Place>& places,
                                     const dht::NodeId& target) const;
  Kind kind(std::uint32_t member) const { return static_cast<Kind>(member % 3); }

  Random random_;
  std::vector<Endpoint> members_;
  std::vector<Place> fitting_, nowhere_;
};

}  // namespace barter::sim
