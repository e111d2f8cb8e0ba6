// A Swarm driven by hand: one event, then the actions it asks for.
#pragma once

#include "client/swarm/swarm.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "torrent/bencode.hpp"

namespace barter::swarm_test {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr std::uint32_t pieces = 19;
inline constexpr std::uint32_t piece_length = 65'536;
inline constexpr std::uint32_t last_piece = 20'000;

inline std::shared_ptr<const Metainfo> torrent(bool is_private = false,
                                               std::uint32_t count = pieces) {
  bencode::Writer info;
  info.begin_dictionary();
  info.key("length").integer((count - 1) * piece_length + last_piece);
  info.key("name").string("n");
  info.key("piece length").integer(piece_length);
  info.key("pieces").string(std::string(20 * std::size_t{count}, 'h'));
  if (is_private) info.key("private").integer(1);
  info.end();
  return Metainfo::from_info(info.take()).value();
}

inline PeerId id(int n) {
  PeerId out;
  out.bytes.fill(static_cast<std::byte>(n));
  return out;
}

inline Endpoint at(int host, std::uint16_t port = 6881) {
  return {Address::v4({20, 1, static_cast<std::uint8_t>(host), 1}), port};
}

struct Fixture {
  SwarmConfig config;
  std::shared_ptr<const Metainfo> metainfo = torrent();
  BlockPool pool{1000, 8};
  std::unique_ptr<Swarm> swarm;
  TimePoint now{seconds(1000)};
  std::vector<Action> actions;
  std::uint32_t next = 1;

  void start(bool seed = false, std::vector<std::vector<std::string>> trackers = {}) {
    swarm = std::make_unique<Swarm>(metainfo, std::make_shared<SwarmConfig>(config), id(100),
                                    std::move(trackers), 1);
    swarm->set_listen_port(5000);
    swarm->pieces_checked(Bitfield(pieces, seed), {}, now);
    swarm->start(now);
    drain();
  }
  void drain() {
    actions.clear();
    swarm->take_actions(actions);
    REQUIRE(swarm->broken_invariant() == "");
  }
  ConnectionId connect(int n, bool fast = true, bool outgoing = false) {
    PeerInfo info;
    info.remote = at(n);
    info.peer_id = id(n);
    info.fast = fast;
    info.extended = true;
    info.outgoing = outgoing;
    const ConnectionId connection{next++};
    swarm->peer_connected(connection, info, now);
    drain();
    return connection;
  }
  template <class M>
  void receive(ConnectionId connection, M message) {
    wire::Message value = std::move(message);
    swarm->messages_received(connection, {&value, 1}, now);
    drain();
  }
  wire::Piece block(std::uint32_t piece, std::uint32_t begin, std::uint32_t length) {
    wire::Piece out{piece, begin, pool.take()};
    out.block.set_size(length);
    return out;
  }
  template <class A>
  std::vector<A*> all() {
    std::vector<A*> out;
    for (Action& action : actions)
      if (auto* one = std::get_if<A>(&action)) out.push_back(one);
    return out;
  }
  template <class M>
  std::vector<M> sent(std::optional<ConnectionId> to = {}) {
    std::vector<M> out;
    for (Send* send : all<Send>())
      if (auto* message = std::get_if<M>(&send->message);
          message && (!to || *to == send->connection))
        out.push_back(std::move(*message));
    return out;
  }
  std::optional<DisconnectReason> closed() {
    const auto found = all<Disconnect>();
    if (found.empty()) return std::nullopt;
    return found[0]->reason;
  }
  // A seed that unchokes us; what we ask of it.
  std::vector<wire::Request> requests_to_seed(ConnectionId peer) {
    receive(peer, wire::HaveAll{});
    receive(peer, wire::Unchoke{});
    return sent<wire::Request>(peer);
  }
  void pass(Duration duration) {
    now += duration;
    swarm->time_passed(now);
    drain();
  }
  // Delivers everything asked of `peer` until a piece goes to the store.
  StorePiece finish_piece(ConnectionId peer, std::vector<wire::Request> wanted) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      now += milliseconds(1);
      receive(peer, block(wanted[i].piece, wanted[i].begin, wanted[i].length));
      for (auto& more : sent<wire::Request>(peer)) wanted.push_back(more);
      if (auto stores = all<StorePiece>(); !stores.empty()) return std::move(*stores[0]);
    }
    FAIL("no piece was completed");
    return {};
  }
};

}  // namespace barter::swarm_test
