// World: a discrete-event simulation of one torrent's swarm at message level: the
// Swarms and the tracker Registry that ship, virtual time, payload that costs no
// memory (a block is a tag of eight bytes). A run is a function of its seed. One
// owner, one thread; errors are Violations thrown by the checkers.
//
// World is what the client's driver is for a socket: it tells each Swarm what happened and does
// what it wants done. The bytes' way is Network's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "client/swarm/swarm.hpp"
#include "sim/action_digest.hpp"
#include "sim/event_queue.hpp"
#include "sim/network.hpp"
#include "sim/options.hpp"
#include "sim/slab.hpp"
#include "torrent/random.hpp"
#include "tracker/registry.hpp"

namespace barter::sim {

class Checkers;

struct Node {
  // What every event touches comes first.
  std::uint32_t number = 0;
  bool online = false;
  std::unique_ptr<Swarm> swarm;
  std::vector<std::uint32_t> ends;  // by connection; no_end if there is none (any more)
  std::uint32_t links = 0, interested = 0, served = 0;  // of the links: interested; and unchoked
  TimePoint wakes_at = never;
  std::uint64_t payload_in = 0;
  std::optional<TimePoint> finished_at;
  std::shared_ptr<const SwarmConfig> config;
  // The store: what was written and what was spilled.
  Bitfield stored;
  std::map<BlockRef, std::uint64_t> spilled;

  NodeOptions options;
  Endpoint endpoint;
  PeerId peer_id;
  std::optional<TimePoint> joined_at;
  std::uint64_t had_bytes = 0;  // at the start
  std::uint32_t failed_pieces = 0;
  std::vector<Endpoint> banned;
  // When it had all: how its uplink was used, and what went over it.
  Usage usage_at_finish;
  Sums sums_at_finish;
  std::uint64_t sent_at_finish = 0;    // payload bytes
  std::vector<TimePoint> piece_times;  // when each piece was stored, of a node that is watched
};

class World {
 public:
  explicit World(std::uint64_t seed, WorldOptions options = {});
  ~World();

  Node& add(NodeOptions options);
  // Runs until every node that must finish has, or `limit`. True if all have.
  // `go_on` is asked every few thousand events; false ends the run.
  bool run(Duration limit, const std::function<bool()>& go_on = {});
  // Runs on for a while, whatever happens.
  void run_for(Duration duration);

  TimePoint instant() const { return now_; }
  TimePoint began() const { return began_; }
  Random& random() { return random_; }
  const Layout& layout() const { return metainfo_->layout(); }
  const std::vector<std::unique_ptr<Node>>& nodes() const { return nodes_; }
  const WorldOptions& options() const { return options_; }
  const Network& network() const { return network_; }
  // How the other end of a node's link looks to it; a default Endpoint if there is none.
  Endpoint remote_of(const Node& node, std::uint32_t connection) const;
  // Nobody if there is no such link.
  const Node* far_end(const Node& node, std::uint32_t connection) const;
  std::uint64_t events() const { return event_count_; }
  // When each piece was at one node at least that had not begun as a seed.
  std::optional<TimePoint> copied_at() const { return copied_at_; }
  // Bytes of the pieces that no node but seeds had at the start.
  std::uint64_t only_at_seeds() const;
  // Takes up all that swarms ask for from now on; outlives the world. Null: nobody does.
  void set_digest(ActionDigest* digest) { digest_ = digest; }
  // Charges the lines' time up to now; before Usage is read.
  void settle_usage();

  // What the bytes of a block stand for.
  static std::uint64_t right_tag(BlockRef block);

 private:
  using Closure = std::function<void()>;
  // A piece on its way to the disk, or a block to the spill.
  struct DiskJob {
    std::uint32_t node = 0;
    PieceIndex piece{};
    std::uint32_t block = 0;  // of a spill
    bool want_digests = false;
    std::vector<BlockBuffer> buffers;
  };

  // world.cpp
  void give_pieces(Node& node);
  void later(TimePoint time, Closure what);
  void handle(const Event& event);
  void join(Node& node);
  void vanish(Node& node);
  void perform(Node& node);  // does all that its Swarm wants done
  void after(Node& node);    // what follows from it for the world
  void wake(Node& node);
  void on_wake(Node& node);
  void note_use(Node& node);
  Idle idle_reason(const Node& node) const;
  void finished(Node& node);

  // world_actions.cpp
  void act(Node& node, Connect& action);
  void act(Node& node, Disconnect& action);
  void act(Node& node, Send& action);
  void act(Node& node, SendHave& action);
  void act(Node& node, SendBlock& action);
  void act(Node& node, CancelBlock& action);
  void act(Node& node, StorePiece& action);
  void act(Node& node, SpillBlock& action);
  void act(Node& node, DropSpilled& action);
  void act(Node& node, Announce& action);
  void act(Node&, NodeHeard&) {}  // nor is there a DHT
  void act(Node&, FindPeers&) {}  // there is a tracker, and nothing else
  void act(Node& node, Notify& action);
  void on_stored(std::uint32_t job);
  void on_spilled(std::uint32_t job);
  void piece_stored(Node& node, PieceIndex piece);
  std::uint32_t end_of(const Node& node, ConnectionId connection) const;

  // world_links.cpp
  void link_up(Node& from, Node& to, PeerSource source);
  void open_end(std::uint32_t end, bool outgoing, PeerSource source);
  void link_down(std::uint32_t end);
  void close_end(std::uint32_t end);
  void on_arrive(std::uint32_t end, std::uint32_t items);
  wire::Message block_message(const Node& from, Node& to, const BlockRange& range);
  void watch(Node& node, std::uint32_t end, bool am_choking, bool interested);
  void send_back(std::uint32_t end, const wire::Request& request);
  void flood(Node& node);
  void connect_failed(Node& node, const Endpoint& endpoint, ConnectFailure why);

  std::uint64_t seed_;
  Random random_;
  WorldOptions options_;
  std::shared_ptr<const SwarmConfig> config_;
  std::shared_ptr<const Metainfo> metainfo_;
  tracker::Registry registry_;
  std::unique_ptr<BlockPool> pool_;
  std::unique_ptr<Checkers> checkers_;  // null: not checked
  EventQueue events_;
  Network network_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::unordered_map<Endpoint, std::uint32_t> by_endpoint_;  // looked up, never walked
  Slab<Closure> closures_;
  Slab<DiskJob> jobs_;
  TimePoint now_{std::chrono::hours(1)};
  TimePoint began_ = now_;
  std::uint64_t event_count_ = 0;
  std::size_t unfinished_ = 0;
  Bitfield had_;  // pieces that a node had at the start which is no seed
  Bitfield out_;  // pieces that a node has which did not begin with them
  std::optional<TimePoint> copied_at_;

  ActionDigest* digest_ = nullptr;
  std::vector<Action> actions_;          // scratch
  std::vector<Network::Sent> sent_;      // scratch
  std::vector<wire::Message> messages_;  // scratch
};

}  // namespace barter::sim
