// A peer that advertises more than it can hold.
#include <algorithm>
#include <deque>

#include "tests/unit/client/swarm_fixture.hpp"

namespace barter {
namespace {

using namespace swarm_test;

// As anacrolix/torrent: it says 1024 requests, and with more than 1 MiB of them out it may answer
// none until they are taken back.
struct Peer {
  static constexpr std::size_t room = 64;
  Fixture f;
  ConnectionId id{};
  std::deque<wire::Request> held;
  bool stands_still = false;
  int stalls = 0;

  void begin() {
    f.metainfo = torrent(false, 400);
    f.start();
    id = f.connect(1);
    wire::ExtensionHandshake says;
    says.reqq = 1024;
    f.receive(id, says);
    f.receive(id, wire::HaveAll{});
    hear();
    f.receive(id, wire::Unchoke{});
    hear();
  }
  void hear() {
    for (const Action& action : f.actions) {
      const auto* send = std::get_if<Send>(&action);
      if (send == nullptr || send->connection != id) continue;
      if (const auto* request = std::get_if<wire::Request>(&send->message)) {
        held.push_back(*request);
      } else if (const auto* cancel = std::get_if<wire::Cancel>(&send->message)) {
        std::erase_if(held, [&](const wire::Request& one) {
          return one.piece == cancel->piece && one.begin == cancel->begin;
        });
      }
    }
    if (held.size() > room && !stands_still) ++stalls;
    stands_still = held.size() > room || (stands_still && held.size() > room / 2);
  }
  void keep_in_memory() {
    std::vector<SpillBlock> spills;
    for (SpillBlock* spill : f.all<SpillBlock>()) spills.push_back(std::move(*spill));
    for (SpillBlock& spill : spills) {
      f.swarm->block_spilled(spill.block, false, f.now, std::move(spill.buffer));
      f.drain();
      hear();
    }
  }
  // One block, or time passes.
  void turn() {
    if (stands_still || held.empty()) {
      f.pass(seconds(1));
      hear();
      return keep_in_memory();
    }
    const wire::Request next = held.front();
    held.pop_front();
    f.now += std::chrono::microseconds(100);
    f.receive(id, f.block(next.piece, next.begin, next.length));
    std::vector<StorePiece> stores;
    for (StorePiece* store : f.all<StorePiece>()) stores.push_back(std::move(*store));
    hear();
    for (StorePiece& store : stores) {
      f.swarm->piece_stored(store.piece, {StoreResult::stored, {}, {}}, f.now,
                            std::move(store.blocks));
      f.drain();
      hear();
    }
  }
  bool complete() const { return f.swarm->progress(f.now).complete; }
};

TEST_CASE("a sole source that holds less than it says is asked for few, and the file completes") {
  Peer peer;
  peer.begin();
  const TimePoint began = peer.f.now;
  while (!peer.complete() && peer.f.now < began + std::chrono::minutes(3)) peer.turn();
  CHECK(peer.complete());
  CHECK(peer.stalls >= 1);
  CHECK(peer.stalls <= 3);
  CHECK(peer.f.now - began < seconds(25));
}

TEST_CASE("where others can be asked, one that stands still is let be") {
  Peer peer;
  peer.begin();
  const ConnectionId other = peer.f.connect(2);
  peer.f.requests_to_seed(other);
  while (!peer.stands_still) peer.turn();
  peer.f.pass(seconds(6));
  CHECK(peer.f.sent<wire::Cancel>(peer.id).empty());
}

}  // namespace
}  // namespace barter
