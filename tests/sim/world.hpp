// World: a discrete-event simulation of one torrent's swarm at message level: real Swarms, the real
// tracker Registry, virtual time. Payload costs no memory: a block is a tag of eight bytes. A run
// is a function of its seed. One thread.
//
// The network: each node's uplink serves its links in turn, one message or block at a time; bytes
// then travel for the sum of both ends' delays and queue at the receiver's downlink. A link keeps
// its order, as TCP does, so control messages wait behind blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "client/swarm/swarm.hpp"
#include "torrent/random.hpp"
#include "tracker/registry.hpp"

namespace barter::sim {

class Checkers;

struct NodeOptions {
  std::uint64_t up = 1 << 20, down = 4 << 20;  // bytes a second
  Duration delay = std::chrono::milliseconds(20);
  bool seed = false;
  double has = 0;  // share of the pieces at the start, by chance
  bool connectable = true;
  bool honest = true;
  bool must_finish = true;
  double corrupts = 0;  // share of the blocks sent that are wrong
  double stalls = 0;    // share of the blocks never sent
  bool floods = false;  // asks for everything, always
  TimePoint joins{};
  TimePoint leaves = never;         // vanishes
  TimePoint freezes = never;        // its link stands still from then on
  bool leaves_when_copied = false;  // a seed that goes once the swarm has one copy besides it
  std::function<void(SwarmConfig&)> configure = {};
};

struct WorldOptions {
  std::uint32_t pieces = 64;
  std::uint32_t piece_length = 64 << 10;
  std::uint32_t last_piece = 20'000;  // bytes of the last, short one
  bool is_private = false;
  bool fast = true;  // the Fast extension on all links
  std::size_t buffers = 1 << 16;
  Duration disk_delay = std::chrono::milliseconds(3);
};

struct Link;

struct Node {
  std::size_t number = 0;
  NodeOptions options;
  Endpoint endpoint;
  PeerId peer_id;
  std::shared_ptr<SwarmConfig> config;
  std::unique_ptr<Swarm> swarm;
  bool online = false;
  std::optional<TimePoint> finished_at;
  // The store: verified pieces are the Swarm's own business; here only what was written or spilled.
  std::vector<bool> stored;
  std::map<BlockRef, std::uint64_t> spilled;
  // The network.
  std::map<std::uint32_t, Link*> links;  // by ConnectionId
  std::uint32_t next_connection = 1;
  std::uint32_t last_served = 0;  // connection whose turn was last
  bool uplink_busy = false;
  TimePoint down_free{};
  TimePoint wakes_at = never;
  std::uint64_t payload_in = 0;
  std::uint64_t had_bytes = 0;  // at the start
  std::vector<Endpoint> banned;
};

class World {
 public:
  World(std::uint64_t seed, WorldOptions options = {});
  ~World();

  Node& add(NodeOptions options);
  // Runs until every node that must finish has, or `limit`. True if all have.
  bool run(Duration limit);
  // Runs on for a while, whatever happens.
  void run_for(Duration duration);

  TimePoint now() const { return now_; }
  Random& random() { return random_; }
  const Layout& layout() const { return metainfo_->layout(); }
  const std::shared_ptr<const Metainfo>& metainfo() const { return metainfo_; }
  std::vector<std::unique_ptr<Node>>& nodes() { return nodes_; }
  Checkers& checkers() { return *checkers_; }
  bool fast() const { return options_.fast; }
  // How the other end of a node's link looks to it; a default Endpoint if there is none.
  Endpoint remote_of(const Node& node, std::uint32_t connection) const;
  const Node& far_end(const Node& node, std::uint32_t connection) const;
  std::uint64_t events() const { return events_; }
  // Of the time that the swarm needed, the share that the fluid bound would have (Kumar and Ross).
  double efficiency() const;

  // What the bytes of a block stand for.
  static std::uint64_t right_tag(BlockRef block);

 private:
  struct Item;  // a message or block on its way
  friend struct Link;

  void at(TimePoint time, std::function<void()> what);
  void join(Node& node);
  void vanish(Node& node);
  void perform(Node& node);  // drains the actions
  void wake(Node& node);
  void do_action(Node& node, Action& action);
  void do_connect(Node& node, const Connect& action);
  void link_up(Node& from, Node& to, PeerSource source);
  void link_down(Link& link, Node& by);
  void do_send_block(Node& node, const SendBlock& action);
  void do_cancel(Node& node, const CancelBlock& action);
  void do_store(Node& node, StorePiece& action);
  void do_spill(Node& node, SpillBlock& action);
  void do_announce(Node& node, const Announce& action);
  void enqueue(Node& node, ConnectionId connection, Item item);
  void pump(Node& node);
  void deliver(const Node& from, Node& to, ConnectionId connection, std::shared_ptr<Item> item);
  void flood(Node& node);
  bool frozen(const Node& node) const { return now_ >= node.options.freezes; }

  std::uint64_t seed_;
  Random random_;
  WorldOptions options_;
  std::shared_ptr<const Metainfo> metainfo_;
  tracker::Registry registry_;
  std::unique_ptr<BlockPool> pool_;
  std::unique_ptr<Checkers> checkers_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::unique_ptr<Link>> links_;
  TimePoint now_{std::chrono::hours(1)};
  TimePoint began_ = now_;
  std::uint64_t events_ = 0, sequence_ = 0;
  std::size_t unfinished_ = 0;

  struct Event {
    TimePoint time;
    std::uint64_t sequence;
    std::shared_ptr<std::function<void()>> what;
    bool operator>(const Event& other) const {
      return time != other.time ? time > other.time : sequence > other.sequence;
    }
  };
  std::priority_queue<Event, std::vector<Event>, std::greater<>> queue_;
};

}  // namespace barter::sim
