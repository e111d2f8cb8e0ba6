// RoutingTable: the nodes that we know in one address family, in buckets by how much of their id is
// ours (BEP 5). Only nodes that answered us are in it. Against one that pretends to be many: a host
// is in it once, a neighbourhood once a bucket, and ids that fit their address (BEP 42) are
// preferred. Policy only: it sends nothing. One owner, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dht/node_id.hpp"
#include "torrent/random.hpp"
#include "torrent/time.hpp"

namespace barter::dht {

// A known node. Good: answered us, and was heard of within `fresh_for`. Bad: left two queries in a
// row unanswered. Else questionable.
struct Contact {
  static constexpr Duration fresh_for = std::chrono::minutes(15);
  static constexpr std::uint8_t bad_after = 2;

  NodeInfo node;
  TimePoint seen{};    // last answer or query
  TimePoint pinged{};  // our last query for upkeep
  std::uint8_t failures = 0;
  bool conforms = false;  // BEP 42

  bool bad() const { return failures >= bad_after; }
  bool good(TimePoint now) const { return failures == 0 && now - seen < fresh_for; }
};

class RoutingTable {
 public:
  static constexpr std::size_t k = 8;  // nodes of a bucket, and as many that wait for a place

  explicit RoutingTable(const NodeId& own) : own_(own), buckets_(1) {}

  const NodeId& own() const { return own_; }
  std::size_t size() const;
  std::size_t good(TimePoint now) const;
  bool empty() const { return size() == 0; }
  std::size_t buckets() const { return buckets_.size(); }

  // A node answered us. True if it is in the table now.
  bool answered(const NodeInfo& node, TimePoint now);
  // A node asked us: a sign of life of one that we know. True if it is not known and there would be
  // a place for it, so that a ping is worth while.
  bool queried(const NodeInfo& node, TimePoint now);
  // A node did not answer.
  void failed(const Endpoint& endpoint);

  // Up to `count` nodes nearest to the target, none of them bad, appended nearest first.
  void nearest(const NodeId& target, std::size_t count, std::vector<NodeInfo>& out) const;

  // The questionable node that has been silent longest, if one deserves a ping now.
  std::optional<NodeInfo> take_questionable(TimePoint now);
  // An id to look for, in a bucket of which nothing was heard for 15 minutes (or, while it is not
  // full, for less).
  std::optional<NodeId> take_refresh(TimePoint now, Random& random);

  // All nodes that are not bad.
  void nodes(std::vector<NodeInfo>& out) const;
  std::size_t memory_bytes() const;

 private:
  struct Bucket {
    std::vector<Contact> live, waiting;  // waiting: the freshest last
    TimePoint refreshed{};               // by our own search
    TimePoint heard{};                   // an answer from one of them
    std::uint8_t attempts = 0;           // refreshes since it was filled last
  };
  std::size_t index(const NodeId& id) const;
  static Contact* find(Bucket& bucket, const Endpoint& endpoint);
  Contact* find(const NodeInfo& node);
  // May another node of this host and neighbourhood come in? `bucket`: where it would be.
  bool crowded(const NodeInfo& node, const Bucket& bucket) const;
  bool insert(const Contact& contact);
  void wait(Bucket& bucket, const Contact& contact);
  void split();
  void promote(Bucket& bucket);

  NodeId own_;
  std::vector<Bucket> buckets_;  // [i]: nodes that share i bits with us; the last: i or more
};

}  // namespace barter::dht
