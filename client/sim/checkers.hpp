// Checkers: named objects that watch a World and throw on the first thing that must not happen.
// They see what crosses the seam (messages sent and delivered, actions) and keep their own small
// model of it, apart from the Swarm's tables.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>

#include "client/sim/world.hpp"

namespace barter::sim {

struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What one end of a link knows and has promised, from the messages it sent and got.
struct EndView {
  std::set<std::uint32_t> peer_has;
  bool peer_choking = true, am_choking = true;
  std::set<std::uint32_t> granted_us, granted_it;
  std::map<std::array<std::uint32_t, 3>, int> requested;  // by us, unanswered
};

class Checkers {
 public:
  explicit Checkers(World& world) : world_(&world) {}

  void linked(const Node& node, std::uint32_t connection);
  void unlinked(const Node& node, std::uint32_t connection);
  void sent(const Node& node, std::uint32_t connection, const wire::Message& message);
  void delivered(const Node& node, std::uint32_t connection, const wire::Message& message);
  void block_given(const Node& node, std::uint32_t connection, const BlockRange& range);
  void banned(const Node& node, const Endpoint& endpoint);
  // After each event of a node.
  void settled(const Node& node);
  // At the end of a run.
  void finished();

 private:
  using Key = std::pair<std::uint32_t, std::uint32_t>;  // node, connection
  [[noreturn]] void fail(const Node& node, const std::string& what) const;
  void check_request(const Node& node, EndView& view, const wire::Request& request);
  void check_bytes(const Node& node) const;

  World* world_;
  std::map<Key, EndView> ends_;
  std::map<std::uint32_t, std::uint64_t> settle_count_;
};

}  // namespace barter::sim
