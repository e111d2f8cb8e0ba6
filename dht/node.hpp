// dht::Node: our node of the Mainline DHT (BEP 5, 32, 33, 42, 43, 44, 51), of both address
// families. A state machine as Swarm is: datagrams and time go in, datagrams and results come out.
// No socket, clock or randomness of its own.
//
//   commands   imperative: what the user wants. Those that take a while return a RequestId, which
//              comes back in actions and at last in one RequestDone
//   events     past tense: what happened. `now` never goes backwards
//   actions    take_actions(): what it wants done; drain after every command and event
//   questions  nouns: no side effects
//
// How it is driven:
//
//   node.datagram_received(from, bytes, now);          // or a command, or time_passed(now)
//   node.take_actions(actions);                        // and do them, until there are none
//   for (const Action& action : actions) perform(action);
//   timer.expires_at(node.next_deadline());            // then: node.time_passed(now)
//
// One owner, one thread. No datagram can make it fail; what is malformed or unasked for is dropped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dht/config.hpp"
#include "dht/item.hpp"
#include "dht/node_id.hpp"
#include "torrent/result.hpp"
#include "torrent/siphash.hpp"
#include "torrent/time.hpp"

namespace barter::dht {

// A command under way: never used twice in a node's life.
enum class RequestId : std::uint64_t {};

// Send it from the socket of the receiver's family. Never more than 1400 bytes.
struct SendDatagram {
  Endpoint to;
  std::string bytes;
};
// Peers of a torrent, as they come; none twice in a request. Of request 0: it announced to us what
// we have announced.
struct PeersFound {
  RequestId request{};
  WireInfoHash info_hash;
  std::vector<Endpoint> peers;
};
// A verified item: an immutable one once, a mutable one again whenever a newer one is found.
struct ItemFound {
  RequestId request{};
  Item item;
};
// The nodes nearest to the target of find_node(), nearest first, of one family.
struct NodesFound {
  RequestId request{};
  std::vector<NodeInfo> nodes;
};
// One node's answer to sample().
struct SamplesFound {
  RequestId request{};
  NodeInfo from;
  std::vector<WireInfoHash> samples;
  std::uint64_t num = 0;  // how many it has
  Duration interval{};    // before which it will tell nothing new
};
// An answer to ping().
struct Pong {
  RequestId request{};
  NodeInfo from;
  Duration round_trip{};
  std::string version;              // "v" as received: any bytes
  std::optional<Endpoint> seen_as;  // BEP 42: as whom it saw us
};
// The last action of a request.
struct RequestDone {
  RequestId request{};
  bool ok = false;          // somebody answered (or, to store something: stored it)
  std::uint32_t asked = 0;  // nodes
  std::uint32_t answers = 0;
  std::uint32_t stored = 0;   // nodes that took our announce or item
  std::uint32_t refused = 0;  // that answered with an error instead: it is too old, for example
  std::uint32_t peers = 0;    // found
  unsigned hops = 0;          // to the nearest node that answered, over the longer of both families
  Duration took{};
  double seeds = 0, leechers = 0;  // BEP 33, of a scrape: estimates
  std::string failure;             // why it is not ok, in one line
};
// Others see us elsewhere than we thought, and our id had to follow (BEP 42).
struct IdChanged {
  NodeId id;
  Address external;
};
// The first node of a family that we know: what failed for want of one may be tried again.
struct NodesKnown {
  bool v4 = true;
};
using Action = std::variant<SendDatagram, PeersFound, ItemFound, NodesFound, SamplesFound, Pong,
                            RequestDone, IdChanged, NodesKnown>;

struct AnnounceOptions {
  std::uint16_t port = 0;     // where our peers listen
  bool implied_port = false;  // rather the UDP port that others see: behind a NAT, with uTP
  bool seed = false;          // BEP 33
};

struct FamilyStatus {
  bool enabled = false;
  NodeId id;
  std::size_t nodes = 0, good_nodes = 0, buckets = 0;
  bool bootstrapped = false;
  std::optional<Address> external;  // as whom others see us
  double network_estimate = 0;      // nodes in all, guessed from how near our neighbours are
};

struct Status {
  FamilyStatus v4, v6;
  std::size_t searches = 0, pending = 0;                          // under way
  std::size_t info_hashes = 0, peers = 0, items = 0;              // kept for others
  std::uint64_t queries_in = 0, answers_out = 0, dropped_in = 0;  // dropped: over a limit
  std::uint64_t queries_out = 0, answers_in = 0, timeouts = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::uint64_t malformed_in = 0, unasked_in = 0;
};

class Node {
 public:
  // `seed` is the source of all ids, tokens and choices: a secret outside of tests.
  Node(std::shared_ptr<const Config> config, SipKey seed);
  ~Node();
  Node(Node&&) noexcept;
  Node& operator=(Node&&) noexcept;

  // Before start(): what save() gave in an earlier run. On an error nothing is taken from it.
  Result<void> load(std::string_view state);
  std::string save() const;  // ids and some hundred good nodes

  // Commands.
  void start(TimePoint now);
  // Where to begin while the table is poor: routers, `nodes` of a torrent, --dht-node. At most 64.
  void add_bootstrap(std::span<const Endpoint> endpoints, TimePoint now);
  // Somebody says that there is a node (PORT, a magnet's x.pe):
  // pinged, and in the table if it answers.
  void add_node(const Endpoint& endpoint, TimePoint now);
  // What a tracker or a router told of our address: taken without a vote.
  void set_external_address(const Address& address, TimePoint now);
  void set_read_only(bool read_only);
  // Both families at once where both are enabled.
  RequestId find_peers(const WireInfoHash& info_hash, TimePoint now, bool scrape = false);
  // For as long as others remember it we name ourselves, too, to who asks us, and tell of who
  // announces it to us.
  RequestId announce(const WireInfoHash& info_hash, const AnnounceOptions& options, TimePoint now);
  void withdraw(const WireInfoHash& info_hash);  // we name ourselves no more
  RequestId get_item(const NodeId& target, std::string salt, TimePoint now);
  // `cas`: store only where this is the sequence number of what is there.
  RequestId put_item(Item item, std::optional<std::int64_t> cas, TimePoint now);
  RequestId find_node(const NodeId& target, TimePoint now);
  RequestId ping(const Endpoint& endpoint, TimePoint now);
  RequestId sample(const Endpoint& endpoint, const NodeId& target, TimePoint now);
  // No more actions come of this request, not even RequestDone.
  void cancel(RequestId request);

  // Events.
  void datagram_received(const Endpoint& from, std::string_view bytes, TimePoint now);
  void time_passed(TimePoint now);

  // Actions, appended to `out` in the order in which to do them.
  void take_actions(std::vector<Action>& out);
  // When to call time_passed if nothing else happens first; `never` before start().
  TimePoint next_deadline() const;

  // Questions.
  Status status(TimePoint now) const;
  // Good nodes, for the `nodes` of a new torrent or for a person.
  std::vector<NodeInfo> nodes(bool v4) const;
  std::size_t memory_bytes() const;  // of its tables and queues, roughly
  // A contradiction between the tables, in one line; empty if there is none, as ever.
  std::string broken_invariant() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace barter::dht
