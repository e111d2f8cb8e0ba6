// Lookup: the search for the nodes nearest to a target (BEP 5), as a policy: it says whom
// to ask next and is told what came of it; it sends nothing. It keeps several queries under
// way, goes around slow nodes, distrusts those whose advice leads nowhere, and looks for
// several things side by side: the nearest of all; the nearest whose ids fit their
// addresses (BEP 42), so that made-up ids next to the target cannot hide the real
// neighbours; and the nearest on each of some paths that share no node, so that liars who
// name only each other cannot have it all. One owner, one thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dht/node_id.hpp"
#include "torrent/time.hpp"

namespace barter::dht {

class Lookup {
 public:
  static constexpr std::size_t k = 8;
  static constexpr std::size_t paths = 3;          // each node is on one of them
  static constexpr std::size_t k_path = 3;         // nearest of a path that must answer
  static constexpr std::size_t parallel = 5;       // queries under way, slow ones not counted
  static constexpr std::size_t max_queries = 120;  // in all
  static constexpr std::size_t max_misfits = 40;   // of those, to ids that do not fit
  static constexpr Duration slow_after = std::chrono::milliseconds(800);

  Lookup(const NodeId& target, bool v4) : target_(target), v4_(v4) {}
  const NodeId& target() const { return target_; }

  // Where to begin: nodes of our own table, and endpoints whose ids are not known (asked first).
  void begin(std::span<const NodeInfo> nodes);
  void begin_at(const Endpoint& endpoint);

  // The next one to ask now: its number for what follows.
  struct Ask {
    std::uint16_t candidate = 0;
    Endpoint endpoint;
  };
  std::optional<Ask> next(TimePoint now);
  // `id`: as it calls itself. `nodes`: what it advised.
  void answered(std::uint16_t candidate, const NodeId& id, std::string_view token,
                std::span<const NodeInfo> nodes);
  void failed(std::uint16_t candidate);
  // The nearest have answered, or nobody is left.
  bool done(TimePoint now) const;
  // When a query turns slow, so that next() may have another; `never` if none is under way.
  TimePoint next_deadline(TimePoint now) const;

  // Who should store something: nodes that answered with a token; the k nearest whose ids fit,
  // those of the k nearest of all that do not, and some of each path.
  struct Target {
    NodeInfo node;
    std::string token;
  };
  std::vector<Target> targets() const;
  // The nearest that answered, nearest first.
  std::vector<NodeInfo> nearest(std::size_t count) const;

  std::size_t memory_bytes() const {
    return candidates_.capacity() * sizeof(Candidate) + order_.capacity() * sizeof(std::uint16_t) +
           tokens_.capacity() * sizeof(tokens_[0]);
  }
  std::uint32_t asked() const { return asked_; }
  std::uint32_t answers() const { return answers_; }
  unsigned hops(std::uint16_t candidate) const { return candidates_[candidate].hops; }
  // From how far the nearest node that answered was heard of.
  unsigned hops() const;

 private:
  enum class State : std::uint8_t { fresh, asked, answered, failed };
  static constexpr std::uint16_t nobody = 0xffff;
  struct Candidate {
    NodeInfo node;
    TimePoint asked_at{};
    std::uint16_t advisor = nobody;
    std::uint8_t path = 0;
    std::uint8_t advised_failed = 0, advised_answered = 0;  // what came of its own advice
    std::uint8_t hops = 1;
    State state = State::fresh;
    bool conforms = false;
    bool has_id = true;
  };

  void add(const NodeInfo& node, std::uint16_t advisor, std::uint8_t path);
  void place(std::uint16_t number);
  bool distrusted(const Candidate& candidate) const;
  bool slow(const Candidate& candidate, TimePoint now) const;
  // One of the things that it looks for: the `k` nearest of some.
  struct Aim {
    std::size_t k = 0;
    bool fitting = false;  // only ids that fit their address
    int path = -1;         // only of this path
  };
  static const std::array<Aim, 2 + paths> aims;
  static bool concerns(const Aim& aim, const Candidate& candidate);
  // The nearest that nobody has asked, among those that count.
  std::optional<std::uint16_t> wanted(const Aim& aim, bool trusted, TimePoint now) const;
  bool complete(const Aim& aim, TimePoint now) const;
  void take_advice(std::vector<NodeInfo> advised, std::uint16_t advisor);
  std::optional<std::uint16_t> choose(TimePoint now) const;

  NodeId target_;
  bool v4_;
  std::vector<Candidate> candidates_;
  std::vector<std::uint16_t> order_;  // those with an id, nearest first
  std::vector<std::pair<std::uint16_t, std::string>> tokens_;
  std::uint32_t asked_ = 0, answers_ = 0, misfits_asked_ = 0;
};

}  // namespace barter::dht
