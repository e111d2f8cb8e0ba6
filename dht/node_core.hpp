// Node::Core: the private half of Node. Joins the policies and holds
// the tables; split by concern over
//   node.cpp           commands and questions, saving
//   node_messages.cpp  datagrams, the queries that wait for an answer
//   node_answers.cpp   what we answer to others' queries
//   node_searches.cpp  lookups, and the requests they serve
//   node_own.cpp       what we announce ourselves
//   node_upkeep.cpp    the tables' care: bootstrap, refresh, our own address
// Not included by anybody else.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dht/item_store.hpp"
#include "dht/krpc.hpp"
#include "dht/lookup.hpp"
#include "dht/node.hpp"
#include "dht/peer_store.hpp"
#include "dht/routing_table.hpp"
#include "dht/sources.hpp"
#include "dht/token.hpp"
#include "torrent/random.hpp"

namespace barter::dht {

class Node::Core {
 public:
  Core(std::shared_ptr<const Config> config, SipKey seed);

  // Commands and events: see Node.
  Result<void> load(std::string_view state);
  std::string save() const;
  void start(TimePoint now);
  void add_bootstrap(std::span<const Endpoint> endpoints, TimePoint now);
  void add_node(const Endpoint& endpoint, TimePoint now);
  void set_external_address(const Address& address, TimePoint now);
  void set_read_only(bool read_only) { read_only_ = read_only; }
  RequestId find_peers(const WireInfoHash& info_hash, TimePoint now, bool scrape);
  RequestId announce(const WireInfoHash& info_hash, const AnnounceOptions& options, TimePoint now);
  RequestId get_item(const NodeId& target, std::string salt, TimePoint now);
  RequestId put_item(Item item, std::optional<std::int64_t> cas, TimePoint now);
  RequestId find_node(const NodeId& target, TimePoint now);
  RequestId ping(const Endpoint& endpoint, TimePoint now);
  RequestId sample(const Endpoint& endpoint, const NodeId& target, TimePoint now);
  void withdraw(const WireInfoHash& info_hash);
  void cancel(RequestId request);
  void datagram_received(const Endpoint& from, std::string_view bytes, TimePoint now);
  void time_passed(TimePoint now);
  void take_actions(std::vector<Action>& out);
  TimePoint next_deadline() const;
  Status status(TimePoint now) const;
  std::vector<NodeInfo> nodes(bool v4) const;
  std::size_t memory_bytes() const;
  std::string broken_invariant() const;

 private:
  // What we are in one address family.
  struct Vote {
    Endpoint voter;  // a neighbourhood
    Address address;
  };
  struct Family {
    bool v4 = true, enabled = false;
    RoutingTable table{NodeId{}};
    std::vector<NodeInfo> remembered;  // of an earlier run, until the table is filled
    std::optional<Address> external;
    std::vector<Vote> votes;
    bool bootstrapped = false, bootstrapping = false;
    std::uint8_t attempts = 0;
    TimePoint bootstrap_at = never;
  };

  // A query that waits for its answer.
  enum class Purpose : std::uint8_t { upkeep, lookup, store, ping, sample };
  struct Pending {
    std::uint32_t transaction = 0;
    Purpose purpose{};
    std::uint16_t candidate = 0;  // of the lookup
    std::uint64_t owner = 0;      // number of the search, or the request
    Endpoint to;
    TimePoint sent{};
  };

  enum class Aim : std::uint8_t { bootstrap, refresh, find_node, peers, announce, get, put };
  // A request of the user, served by a search in each family.
  struct Job {
    RequestId id{};
    Aim aim{};
    NodeId target;
    AnnounceOptions announce;
    bool scrape = false;
    std::optional<Item> item;  // to put, or the best found
    std::optional<std::int64_t> cas;
    std::string salt;
    std::vector<Endpoint> seen;  // peers told already, sorted
    BloomFilter seeds, leechers;
    RequestDone result;
    std::string refusal;  // the last error of a node that would not store
    std::uint32_t searches_left = 0;
    TimePoint began{};
  };
  enum class Phase : std::uint8_t { waiting, searching, storing, asking_again, over };
  struct Search {
    std::uint64_t number = 0;
    Aim aim{};
    bool v4 = true;
    RequestId job{};
    Lookup lookup;
    Phase phase = Phase::waiting;
    std::uint32_t under_way = 0;  // stores, or questions asked again
  };

  // node_messages.cpp
  Family& family(bool v4) { return families_[v4 ? 0 : 1]; }
  const Family& family(bool v4) const { return families_[v4 ? 0 : 1]; }
  Family& family_of(const Endpoint& endpoint) { return family(endpoint.address.is_v4()); }
  bool send_query(const Endpoint& to, Query& query, Pending pending, TimePoint now);
  void send(const Endpoint& to, std::string bytes);
  bool send_ping(const Endpoint& to, Purpose purpose, std::uint64_t owner, TimePoint now);
  std::optional<Pending> take_pending(std::string_view transaction, const Endpoint& from);
  void response_received(const Endpoint& from, const Response& response, TimePoint now);
  void error_received(const Endpoint& from, const ErrorMessage& error, TimePoint now);
  void expire_pending(TimePoint now);
  void unanswered(const Pending& pending, TimePoint now);

  // node_answers.cpp
  void query_received(const Endpoint& from, const Query& query, std::size_t bytes, TimePoint now);
  void refuse(const Endpoint& from, std::string_view transaction, std::int64_t code,
              std::string_view text, TimePoint now);
  bool admit(const Endpoint& from, std::size_t bytes, TimePoint now);
  std::size_t room_for(const Endpoint& to, std::size_t most, TimePoint now) const;
  void send_answer(const Endpoint& to, std::string bytes);
  void name_nodes(const Endpoint& from, const Query& query, Response& answer,
                  std::size_t room) const;
  void answer_get_peers(const Endpoint& from, const Query& query, Response& answer,
                        std::size_t room, TimePoint now);
  void answer_get(const Endpoint& from, const Query& query, Response& answer, std::size_t room,
                  TimePoint now);
  void answer_sample(const Endpoint& from, const Query& query, Response& answer, std::size_t room,
                     TimePoint now);
  bool take_announce(const Endpoint& from, const Query& query, TimePoint now);
  bool take_put(const Endpoint& from, const Query& query, TimePoint now);
  bool worth_a_ping(const Endpoint& from, const Query& query, TimePoint now);

  // node_searches.cpp
  RequestId new_job(Job job, TimePoint now);
  void begin_search(Aim aim, bool v4, const NodeId& target, RequestId job);
  void start_waiting(TimePoint now);
  void seed_lookup(Lookup& lookup, bool v4);
  bool anybody_to_ask(bool v4) const;
  void pump(Search& search, TimePoint now);
  void pump_all(TimePoint now);
  Query lookup_query(const Search& search) const;
  void lookup_answered(const Pending& pending, const Response& response, TimePoint now);
  void peers_told(Job& job, const Endpoint& from, const Response& response);
  bool item_told(Job& job, const Response& response);
  void lookup_failed(const Pending& pending, TimePoint now);
  void lookup_over(Search& search, TimePoint now);
  void store(Search& search, Job& job, TimePoint now);
  void ask_again(Search& search, TimePoint now);
  void store_answered(const Pending& pending, const ErrorMessage* error, TimePoint now);
  void search_over(Search& search, TimePoint now);
  void finish(Job& job, TimePoint now);
  void sweep();
  void finish_simple(const Pending& pending, bool ok, std::string failure, TimePoint now);
  Search* find_search(std::uint64_t number);
  Job* find_job(RequestId id);

  // node_own.cpp
  struct Own {
    AnnounceOptions options;
    TimePoint until{};
  };
  void remember_own(const NodeId& target, const AnnounceOptions& options, TimePoint now);
  const Own* find_own(const NodeId& target, TimePoint now) const;
  void expire_own(TimePoint now);
  std::optional<Endpoint> own_endpoint(const Own& own, const Endpoint& asker) const;
  void announced_to_us(const NodeId& target, const Endpoint& peer, TimePoint now);
  void search_own_store(Job& job, TimePoint now);

  // node_upkeep.cpp
  void bootstrap(Family& family, TimePoint now);
  void bootstrap_over(Family& family, TimePoint now);
  void upkeep(TimePoint now);
  void vote(const Endpoint& voter, const Endpoint& seen_as, TimePoint now);
  void adopt_address(Family& family, const Address& address, TimePoint now);
  void change_id(Family& family, const NodeId& id, TimePoint now);
  double network_estimate(const Family& family) const;

  std::shared_ptr<const Config> config_;
  Random random_;
  SipKey transaction_key_;
  Tokens tokens_;
  Sources sources_;
  PeerStore peer_store_;
  ItemStore item_store_;
  std::map<NodeId, Own> own_;  // what we have announced
  std::array<Family, 2> families_;
  std::vector<Endpoint> bootstrap_;
  std::vector<Pending> pending_;                   // oldest first
  std::vector<std::unique_ptr<Search>> searches_;  // oldest first
  std::vector<std::unique_ptr<Job>> jobs_;
  std::vector<Action> actions_;
  std::vector<WireInfoHash> sample_;  // what sample_infohashes tells for a while
  TimePoint sample_until_{};
  bool sampled_ = false;
  bool started_ = false, read_only_ = false;
  std::uint64_t next_transaction_ = 0, next_number_ = 1;
  TimePoint next_upkeep_ = never, next_expiry_{};
  TimePoint last_answer_{}, now_{};
  TimePoint queries_paid_{}, bytes_paid_{};  // when all that was answered is within the limits
  Status counters_;
};

}  // namespace barter::dht
