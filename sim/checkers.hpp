// Checkers: named objects that watch a World and throw a Violation on the first thing that must not
// happen. They see what crosses the seam (messages sent and delivered, actions) and keep their own
// small model of it, apart from the Swarm's tables.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "sim/world.hpp"

namespace barter::sim {

// The message names the checker, the node and the time.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Checker {
 public:
  explicit Checker(const World& world) : world_(&world) {}
  virtual ~Checker() = default;
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  virtual std::string_view name() const = 0;
  virtual void linked(const Node&, std::uint32_t /*connection*/) {}
  virtual void unlinked(const Node&, std::uint32_t /*connection*/) {}
  virtual void sent(const Node&, std::uint32_t /*connection*/, const wire::Message&) {}
  virtual void delivered(const Node&, std::uint32_t /*connection*/, const wire::Message&) {}
  virtual void block_given(const Node&, std::uint32_t /*connection*/, const BlockRange&) {}
  virtual void banned(const Node&, const Endpoint&) {}
  virtual void settled(const Node&) {}  // after each event of a node
  virtual void finished() {}            // at the end of a run in which all have finished

 protected:
  [[noreturn]] void fail(const Node& node, const std::string& what) const;
  const World& world() const { return *world_; }

 private:
  const World* world_;
};

// All of them, each told of everything.
class Checkers {
 public:
  explicit Checkers(const World& world);

  void linked(const Node& node, std::uint32_t connection);
  void unlinked(const Node& node, std::uint32_t connection);
  void sent(const Node& node, std::uint32_t connection, const wire::Message& message);
  void delivered(const Node& node, std::uint32_t connection, const wire::Message& message);
  void block_given(const Node& node, std::uint32_t connection, const BlockRange& range);
  void banned(const Node& node, const Endpoint& endpoint);
  void settled(const Node& node);
  void finished();

 private:
  std::vector<std::unique_ptr<Checker>> all_;
};

}  // namespace barter::sim
