// Swarms whose disk loses blocks or pieces, or cannot take them.
#include <catch2/catch.hpp>

#include "tests/unit/client/swarm_fixture.hpp"

using namespace barter;
using namespace barter::swarm_test;

TEST_CASE("a spilled block that is lost is asked for again, and nothing stands still for it") {
  Fixture f;
  f.swarm = std::make_unique<Swarm>(f.metainfo, std::make_shared<SwarmConfig>(f.config), id(100),
                                    std::vector<std::vector<std::string>>{}, 1);
  Bitfield have(pieces, true);
  have.clear(4);
  const BlockRef spilled[] = {{PieceIndex{4}, 0}, {PieceIndex{4}, 2}};
  f.swarm->pieces_checked(have, spilled, f.now);
  f.swarm->start(f.now);
  f.drain();
  const ConnectionId peer = f.connect(1);
  StorePiece store = f.finish_piece(peer, f.requests_to_seed(peer));
  StoreOutcome outcome;
  outcome.result = StoreResult::blocks_lost;
  outcome.lost_blocks = {2, 99};
  f.swarm->piece_stored(store.piece, outcome, f.now, std::move(store.blocks));
  f.drain();
  CHECK_FALSE(f.swarm->progress(f.now).paused_by_disk);
  const auto again = f.sent<wire::Request>(peer);
  REQUIRE(again.size() == 1);
  CHECK(again[0].begin == 2 * 16'384);
  f.receive(peer, f.block(again[0].piece, again[0].begin, again[0].length));
  REQUIRE(f.all<StorePiece>().size() == 1);
  const auto& blocks = f.all<StorePiece>()[0]->blocks;
  CHECK_FALSE(blocks[0]);
  for (std::size_t i = 1; i < 4; ++i) CHECK(blocks[i]);
  f.swarm->piece_stored(PieceIndex{4}, {}, f.now);
  f.drain();
  CHECK(f.swarm->progress(f.now).complete);
}

TEST_CASE("a block that cannot be put aside stays, and no more are") {
  Fixture f;
  f.start();
  const ConnectionId peer = f.connect(1);
  const auto wanted = f.requests_to_seed(peer);
  f.receive(peer, f.block(wanted[0].piece, wanted[0].begin, wanted[0].length));
  f.pass(f.config.spill_after);
  REQUIRE(f.all<SpillBlock>().size() == 1);
  SpillBlock spill = std::move(*f.all<SpillBlock>()[0]);
  f.swarm->block_spilled(spill.block, false, f.now, std::move(spill.buffer));
  f.drain();
  CHECK(f.swarm->progress(f.now).wasted == 0);
  CHECK(f.pool.in_use() == 1);
  f.pass(f.config.spill_after);
  CHECK(f.all<SpillBlock>().empty());
  std::vector<wire::Request> rest(wanted.begin() + 1, wanted.end());
  const StorePiece store = f.finish_piece(peer, rest);
  for (const BlockBuffer& block : store.blocks) CHECK(block);
}

TEST_CASE("blocks of large pieces are spilled sooner") {
  Fixture f;
  f.config.large_piece = piece_length;
  f.start();
  const ConnectionId peer = f.connect(1);
  const auto wanted = f.requests_to_seed(peer);
  f.receive(peer, f.block(wanted[0].piece, wanted[0].begin, wanted[0].length));
  f.pass(f.config.spill_large_after);
  CHECK(f.all<SpillBlock>().size() == (wanted[0].piece == pieces - 1 ? 0 : 1));
}

TEST_CASE("what is lost after the last piece is asked of the seeds that were left") {
  Fixture f;
  f.swarm = std::make_unique<Swarm>(f.metainfo, std::make_shared<SwarmConfig>(f.config), id(100),
                                    std::vector<std::vector<std::string>>{}, 1);
  Bitfield have(pieces, true);
  have.clear(4);
  f.swarm->pieces_checked(have, {}, f.now);
  f.swarm->start(f.now);
  const Endpoint seed = at(1);
  f.swarm->add_peers(PeerSource::user, {&seed, 1}, f.now);
  f.drain();
  REQUIRE(f.all<Connect>().size() == 1);
  const ConnectionId peer = f.connect(1, true, true);
  const StorePiece store = f.finish_piece(peer, f.requests_to_seed(peer));
  f.swarm->piece_stored(store.piece, {}, f.now);
  f.drain();
  REQUIRE(f.closed() == DisconnectReason::both_seeds);
  f.swarm->peer_disconnected(peer, DisconnectReason::both_seeds, f.now);
  f.pass(seconds(1));
  CHECK(f.all<Connect>().empty());
  const PieceIndex lost{7};
  f.swarm->pieces_lost({&lost, 1}, f.now);
  f.drain();
  CHECK(f.all<Connect>().size() == 1);
}
