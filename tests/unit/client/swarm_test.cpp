// The Swarm driven by hand: one event, then the actions it asks for.
// Whole transfers are in tests/sim.
#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

#include "swarm_fixture.hpp"

namespace barter {
namespace {

using namespace swarm_test;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("the first message says what we have, the second who we are") {
  Fixture f;
  f.start();
  f.connect(1);
  REQUIRE(f.all<Send>().size() == 3);
  CHECK(std::holds_alternative<wire::HaveNone>(f.all<Send>()[0]->message));
  CHECK(std::holds_alternative<wire::Unchoke>(f.all<Send>()[2]->message));  // a slot is free
  const auto& handshake = std::get<wire::ExtensionHandshake>(f.all<Send>()[1]->message);
  CHECK(handshake.reqq == f.config.max_incoming_requests);
  CHECK(handshake.listen_port == 5000);
  CHECK(handshake.metadata_size == static_cast<std::int64_t>(f.metainfo->info_bytes().size()));
  CHECK(handshake.your_ip == at(1).address);
  CHECK(handshake.upload_only == false);
  CHECK(handshake.ut_metadata == wire::our_ut_metadata_id);
  CHECK(handshake.lt_donthave == wire::our_lt_donthave_id);
  f.connect(2, false);
  CHECK(f.all<Send>().size() == 1);  // without Fast, having nothing is said by silence

  Fixture seed;
  seed.start(true);
  seed.connect(1);
  CHECK(seed.sent<wire::HaveAll>().size() == 1);
  seed.connect(2, false);
  CHECK(seed.sent<wire::BitfieldMessage>().at(0).bits.size() == 3);
}

TEST_CASE("numbers at and beyond every border are told apart") {
  const std::uint32_t numbers[] = {0,      1,          pieces - 1, pieces,    16'383,
                                   16'384, 16'385,     32'768,     49'152,    65'535,
                                   65'536, 0x7fffffff, 0x80000000, 0xffffffff};
  const std::uint32_t lengths[] = {0,      1,      3'616,      16'383,    16'384,
                                   16'385, 20'000, 0x80000000, 0xffffffff};
  const auto size_of = [](std::uint32_t piece) {
    return piece == pieces - 1 ? last_piece : piece_length;
  };
  int cases = 0;
  const auto closes = [&](auto message) {
    Fixture f;
    f.start(true);
    const ConnectionId peer = f.connect(1);
    f.receive(peer, std::move(message));
    ++cases;
    return f.closed() == DisconnectReason::protocol_error;
  };
  for (const std::uint32_t index : numbers) {
    const bool bad_index = index >= pieces;
    INFO("index " << index);
    CHECK(closes(wire::Have{index}) == bad_index);
    CHECK(closes(wire::Suggest{index}) == bad_index);
    CHECK(closes(wire::AllowedFast{index}) == bad_index);
    CHECK(closes(wire::DontHave{index, 0}) == bad_index);
    for (const std::uint32_t begin : numbers) {
      for (const std::uint32_t length : lengths) {
        const bool bad = bad_index || length == 0 || length > 16'384 ||
                         std::uint64_t{begin} + length > size_of(index);
        INFO("begin " << begin << " length " << length);
        CHECK(closes(wire::Request{index, begin, length}) == bad);
        CHECK(closes(wire::Cancel{index, begin, length}) == bad);
        CHECK(closes(wire::Reject{index, begin, length}));  // nothing was asked for
      }
    }
  }
  CHECK(cases > 3000);
}

TEST_CASE("blocks that were not asked for end the link") {
  for (const std::uint32_t begin : {0u, 1u, 16'384u, 65'536u, 0xffffffffu}) {
    Fixture f;
    f.start();
    const ConnectionId peer = f.connect(1);
    f.receive(peer, f.block(pieces - 1, begin, 16'384));
    CHECK(f.closed() == DisconnectReason::protocol_error);
    CHECK(f.swarm->progress(f.now).wasted == 16'384);
  }
}

TEST_CASE("a bitfield is of the right size, and adds to what is known") {
  const auto verdict = [](std::size_t bytes, std::byte last) {
    Fixture f;
    f.start();
    const ConnectionId peer = f.connect(1);
    std::vector<std::byte> bits(bytes, std::byte{0xff});
    if (!bits.empty()) bits.back() = last;
    f.receive(peer, wire::BitfieldMessage{bits});
    return f.closed();
  };
  CHECK(verdict(3, std::byte{0xe0}) == std::nullopt);
  for (const std::size_t bytes : {0, 1, 2, 4, 100})
    CHECK(verdict(bytes, std::byte{0}) == DisconnectReason::protocol_error);
  for (const int spare : {1, 2, 4, 8, 16})
    CHECK(verdict(3, static_cast<std::byte>(0xe0 | spare)) == DisconnectReason::protocol_error);

  // aria2 sends it again in mid-stream, instead of many haves, and have all at the end.
  Fixture f;
  f.start();
  const ConnectionId peer = f.connect(1);
  const auto known = [&] {
    std::vector<PeerProgress> rows;
    f.swarm->peers(rows, f.now);
    return rows.at(0).pieces;
  };
  f.receive(peer, wire::Have{1});
  f.receive(peer, wire::BitfieldMessage{{std::byte{0x81}, std::byte{0}, std::byte{0}}});
  CHECK(known() == 3);
  f.receive(peer, wire::BitfieldMessage{{std::byte{0xc0}, std::byte{0}, std::byte{0x20}}});
  CHECK(known() == 4);
  f.receive(peer, wire::HaveNone{});
  CHECK(known() == 4);
  f.receive(peer, wire::HaveAll{});
  CHECK(known() == pieces);
  f.receive(peer, wire::BitfieldMessage{{std::byte{0x80}, std::byte{0}, std::byte{0}}});
  CHECK(known() == pieces);
  CHECK_FALSE(f.closed());
}

TEST_CASE("messages of the Fast extension need it") {
  const auto closes = [](auto message) {
    Fixture f;
    f.start();
    const ConnectionId peer = f.connect(1, false);
    f.receive(peer, message);
    return f.closed() == DisconnectReason::protocol_error;
  };
  CHECK(closes(wire::HaveAll{}));
  CHECK(closes(wire::HaveNone{}));
  CHECK(closes(wire::Suggest{1}));
  CHECK(closes(wire::AllowedFast{1}));
  CHECK(closes(wire::Reject{1, 0, 16'384}));
}

TEST_CASE("we do not talk to ourselves, to seeds as a seed, nor after a stop") {
  Fixture f;
  f.start(true);
  f.connect(100);
  CHECK(f.closed() == DisconnectReason::self);
  f.receive(f.connect(1), wire::HaveAll{});
  CHECK(f.closed() == DisconnectReason::both_seeds);
  const ConnectionId partial = f.connect(2);
  f.receive(partial, wire::HaveNone{});
  CHECK_FALSE(f.closed());
  wire::ExtensionHandshake handshake;
  handshake.upload_only = true;
  f.receive(partial, handshake);
  CHECK(f.closed() == DisconnectReason::both_seeds);
  const ConnectionId last = f.connect(3);
  f.swarm->stop(f.now);
  f.drain();
  CHECK(f.closed() == DisconnectReason::stopping);
  CHECK(f.swarm->stopped());
  f.receive(last, wire::Interested{});
  CHECK(f.actions.empty());
}

TEST_CASE("both ends keep the same one of two links") {
  // Ports of the two, and the peer ids where the ports are equal.
  for (const auto& [port_a, port_b] : std::vector<std::pair<std::uint16_t, std::uint16_t>>{
           {5000, 6000}, {6000, 5000}, {5000, 5000}}) {
    for (const bool outgoing_first_a : {true, false}) {
      for (const bool outgoing_first_b : {true, false}) {
        const auto survivor = [](std::uint16_t own_port, int own_id, std::uint16_t their_port,
                                 int their_id, bool outgoing_first) {
          Swarm swarm(torrent(), std::make_shared<SwarmConfig>(), id(own_id), {}, 1);
          swarm.set_listen_port(own_port);
          const TimePoint now{seconds(5)};
          swarm.start(now);
          std::set<bool> alive;  // outgoing or not
          for (const bool outgoing : {outgoing_first, !outgoing_first}) {
            PeerInfo info;
            info.outgoing = outgoing;
            info.peer_id = id(their_id);
            info.remote = at(1, outgoing ? their_port : std::uint16_t{50'000});
            alive.insert(outgoing);
            swarm.peer_connected(ConnectionId{outgoing ? 1u : 2u}, info, now);
            std::vector<Action> actions;
            swarm.take_actions(actions);
            for (const Action& action : actions)
              if (const auto* close = std::get_if<Disconnect>(&action)) {
                CHECK(close->reason == DisconnectReason::duplicate);
                alive.erase(close->connection == ConnectionId{1});
              }
          }
          REQUIRE(alive.size() == 1);
          return *alive.begin();
        };
        const bool a_keeps_outgoing = survivor(port_a, 1, port_b, 2, outgoing_first_a);
        const bool b_keeps_outgoing = survivor(port_b, 2, port_a, 1, outgoing_first_b);
        CHECK(a_keeps_outgoing != b_keeps_outgoing);
        if (port_a != port_b) CHECK(a_keeps_outgoing == (port_a < port_b));
      }
    }
  }
}

TEST_CASE("newcomers may fetch a few pieces at once, but not of the only seed of all") {
  for (const bool others : {false, true}) {
    Fixture f;
    f.start(true);
    if (others) {  // together they have all: bits 0 to 9, and 10 to 18
      const ConnectionId a = f.connect(1), b = f.connect(2);
      f.receive(a, wire::BitfieldMessage{{std::byte{0xff}, std::byte{0xc0}, std::byte{0}}});
      f.receive(b, wire::BitfieldMessage{{std::byte{0}, std::byte{0x3f}, std::byte{0xe0}}});
    }
    const ConnectionId newcomer = f.connect(3);
    f.receive(newcomer, wire::HaveNone{});
    CHECK(f.sent<wire::AllowedFast>(newcomer).size() == (others ? pieces / 8 : 0));
  }
}

TEST_CASE("a choke rejects what waits with Fast, and drops it without") {
  for (const bool fast : {true, false}) {
    Fixture f;
    f.config.max_unsent_bytes = 16'384;
    f.start(true);
    const ConnectionId peer = f.connect(1, fast);
    CHECK(f.sent<wire::Unchoke>(peer).size() == 1);  // before it says that it is interested
    f.receive(peer, wire::Interested{});
    for (std::uint32_t i = 0; i < 4; ++i) f.receive(peer, wire::Request{0, i * 16'384, 16'384});
    f.swarm->set_limits(unlimited, 0, f.now);
    f.pass(seconds(10));
    CHECK(f.sent<wire::Choke>(peer).size() == 1);
    CHECK(f.sent<wire::Reject>(peer).size() == (fast ? 3 : 0));
    REQUIRE(f.all<CancelBlock>().size() == 1);
    f.swarm->block_not_sent(peer, {PieceIndex{0}, 0, 16'384}, SendFailure::cancelled, f.now);
    f.drain();
    CHECK(f.sent<wire::Reject>(peer).size() == (fast ? 1 : 0));
    f.receive(peer, wire::Request{0, 0, 16'384});
    CHECK(f.all<SendBlock>().empty());
    CHECK(f.sent<wire::Reject>(peer).size() == (fast ? 1 : 0));
  }
}

TEST_CASE("a peer that does not read gets no more blocks, one that floods is dropped") {
  Fixture f;
  f.config.max_unsent_bytes = 100'000;
  f.config.max_incoming_requests = 50;
  f.start(true);
  const ConnectionId peer = f.connect(1);
  f.receive(peer, wire::Interested{});
  std::size_t given = 0, rejected = 0;
  for (std::uint32_t i = 0; i < 50; ++i) {
    f.receive(peer, wire::Request{i % 18, 0, 16'384});
    given += f.all<SendBlock>().size();
  }
  CHECK(given == 6);
  f.swarm->block_sent(peer, {PieceIndex{0}, 0, 16'384}, f.now);
  f.drain();
  CHECK(f.all<SendBlock>().size() == 1);
  bool dropped = false;
  for (std::uint32_t i = 0; i < 500 && !dropped; ++i) {
    f.receive(peer, wire::Request{i % 18, 0, 16'384});
    rejected += f.sent<wire::Reject>(peer).size();
    dropped = f.closed() == DisconnectReason::flooding;
  }
  CHECK(dropped);
  CHECK(rejected <= 2 * 50 + 1);
}

TEST_CASE("requests of any offset and length are served") {
  Fixture f;
  f.start(true);
  const ConnectionId peer = f.connect(1);
  f.receive(peer, wire::Interested{});
  f.receive(peer, wire::Request{pieces - 1, 19'999, 1});
  REQUIRE(f.all<SendBlock>().size() == 1);
  CHECK(f.all<SendBlock>()[0]->range == BlockRange{PieceIndex{pieces - 1}, 19'999, 1});
}

TEST_CASE("a full disk stops the requests, not the blocks, and all goes on by itself") {
  Fixture f;
  f.start();
  const ConnectionId peer = f.connect(1);
  StorePiece store = f.finish_piece(peer, f.requests_to_seed(peer));
  const PieceIndex piece = store.piece;
  f.swarm->piece_stored(piece, {StoreResult::no_space, {}, "no room"}, f.now,
                        std::move(store.blocks));
  f.drain();
  CHECK(f.swarm->progress(f.now).paused_by_disk);
  CHECK(f.sent<wire::Request>().empty());
  CHECK(f.swarm->stall_reason(f.now).find("no room") != std::string::npos);
  f.swarm->disk_recovered(f.now);
  f.drain();
  REQUIRE(f.all<StorePiece>().size() == 1);
  CHECK(f.all<StorePiece>()[0]->piece == piece);
  for (const BlockBuffer& buffer : f.all<StorePiece>()[0]->blocks) CHECK(buffer);
  f.swarm->piece_stored(piece, {}, f.now);
  f.drain();
  CHECK(f.swarm->have().test(to_number(piece)));
  CHECK(f.all<SendHave>().size() == 1);
  CHECK(f.swarm->progress(f.now).wasted == 0);
}

TEST_CASE("a file that can never be written is told, and not waited for") {
  Fixture f;
  f.start();
  const ConnectionId peer = f.connect(1);
  StorePiece store = f.finish_piece(peer, f.requests_to_seed(peer));
  f.swarm->piece_stored(store.piece, {StoreResult::refused, {}, "b: forbidden"}, f.now,
                        std::move(store.blocks));
  f.drain();
  std::size_t refused = 0, trouble = 0;
  for (const Notify* notify : f.all<Notify>()) {
    if (const auto* told = std::get_if<WriteRefused>(&notify->notice)) {
      ++refused;
      CHECK(told->message == "b: forbidden");
    }
    trouble += std::holds_alternative<DiskTrouble>(notify->notice) ? 1 : 0;
  }
  CHECK(refused == 1);
  CHECK(trouble == 0);
  CHECK(f.sent<wire::Request>().empty());
  // It is up to the owner of the files: at the stop nothing of the piece is lost.
  f.swarm->stop(f.now);
  f.drain();
  CHECK_FALSE(f.all<SpillBlock>().empty());
}

TEST_CASE("an I/O error bans nobody, a wrong piece of one sender does") {
  for (const StoreResult result : {StoreResult::io_error, StoreResult::hash_mismatch}) {
    Fixture f;
    f.start();
    const ConnectionId peer = f.connect(1);
    StorePiece store = f.finish_piece(peer, f.requests_to_seed(peer));
    f.swarm->piece_stored(store.piece, {result, {1, 2, 3, 4}, "?"}, f.now);
    f.drain();
    CHECK((f.closed() == DisconnectReason::banned) == (result == StoreResult::hash_mismatch));
    f.connect(1);  // by peer id or address
    CHECK((f.closed() == DisconnectReason::banned) == (result == StoreResult::hash_mismatch));
  }
}

TEST_CASE("a stop spills every block and waits for the spill") {
  Fixture f;
  f.start();
  const ConnectionId peer = f.connect(1);
  const auto wanted = f.requests_to_seed(peer);
  REQUIRE(wanted.size() >= 3);
  for (int i = 0; i < 3; ++i)
    f.receive(peer, f.block(wanted[i].piece, wanted[i].begin, wanted[i].length));
  f.swarm->stop(f.now);
  f.drain();
  REQUIRE(f.all<SpillBlock>().size() == 3);
  CHECK_FALSE(f.swarm->stopped());
  for (const auto& request : {wanted[0], wanted[1], wanted[2]})
    f.swarm->block_spilled({PieceIndex{request.piece}, request.begin / 16'384}, true, f.now);
  CHECK(f.swarm->stopped());
}

TEST_CASE("spilled blocks of an earlier run are not fetched again") {
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
  std::set<std::uint32_t> asked;
  for (const auto& request : f.requests_to_seed(peer)) asked.insert(request.begin / 16'384);
  CHECK(asked == std::set<std::uint32_t>{1, 3});
}

TEST_CASE("blocks that grow old are spilled") {
  Fixture f;
  f.start();
  const ConnectionId peer = f.connect(1);
  const auto wanted = f.requests_to_seed(peer);
  f.receive(peer, f.block(wanted[0].piece, wanted[0].begin, wanted[0].length));
  CHECK(f.swarm->next_deadline() <= f.now + f.config.spill_after);
  f.pass(f.config.spill_after);
  CHECK(f.all<SpillBlock>().size() == 1);
}

TEST_CASE("short of memory, the pieces that lack most are given up, and one is kept") {
  for (const bool can_spill : {true, false}) {
    INFO("can spill: " << can_spill);
    Fixture f;
    f.config.first_requests = 1000;
    f.start();
    f.swarm->set_open_piece_bytes(0, f.now);  // two pieces, eight blocks
    std::vector<ConnectionId> peers;
    std::vector<std::vector<wire::Request>> wanted;
    for (int i = 0; i < 3; ++i) {
      peers.push_back(f.connect(i + 1));
      wanted.push_back(f.requests_to_seed(peers.back()));
      REQUIRE(wanted.back().size() >= 4);
    }
    const auto deliver = [&](std::size_t peer, std::size_t from, std::size_t to) {
      for (std::size_t i = from; i < to; ++i) {
        const wire::Request& request = wanted[peer][i];
        f.receive(peers[peer], f.block(request.piece, request.begin, request.length));
      }
    };
    if (!can_spill) {
      deliver(2, 3, 4);
      f.pass(f.config.spill_after);
      REQUIRE(f.all<SpillBlock>().size() == 1);
      f.swarm->block_spilled(f.all<SpillBlock>()[0]->block, false, f.now);
      f.drain();
    }
    deliver(0, 0, 3);
    deliver(1, 0, 2);
    deliver(2, 0, 2);
    REQUIRE(f.pool.in_use() == 7);
    f.swarm->memory_short(f.now);
    f.drain();
    const auto spills = f.all<SpillBlock>();
    CHECK(spills.size() == (can_spill ? 4 : 0));
    for (const SpillBlock* spill : spills) {
      CHECK(to_number(spill->block.piece) != wanted[0][0].piece);
    }
    f.actions.clear();
    CHECK(f.pool.in_use() == 3);
    // Again, with no more than half of the share: nothing is given up.
    f.swarm->memory_short(f.now);
    f.drain();
    CHECK(f.pool.in_use() == 3);
    // And the piece that was kept goes to the store.
    f.receive(peers[0], f.block(wanted[0][3].piece, wanted[0][3].begin, wanted[0][3].length));
    CHECK(f.all<StorePiece>().size() == 1);
  }
}

TEST_CASE("lost pieces are taken back, by message or by reconnecting") {
  Fixture f;
  f.start(true);
  const ConnectionId knows = f.connect(1), knows_not = f.connect(2);
  wire::ExtensionHandshake handshake;
  handshake.lt_donthave = 9;
  f.receive(knows, handshake);
  const PieceIndex lost[] = {PieceIndex{3}, PieceIndex{0xffffffff}};
  f.swarm->pieces_lost(lost, f.now);
  f.drain();
  REQUIRE(f.sent<wire::DontHave>(knows).size() == 1);
  REQUIRE(f.all<Disconnect>().size() == 1);
  CHECK(f.all<Disconnect>()[0]->connection == knows_not);
  CHECK(f.closed() == DisconnectReason::torrent_changed);
  CHECK_FALSE(f.swarm->have().test(3));
}

TEST_CASE("silence is broken after 100 s and ends a link after 120 s") {
  Fixture f;
  f.start();
  f.connect(1);
  f.pass(seconds(99));
  CHECK(f.sent<wire::KeepAlive>().empty());
  f.pass(seconds(1));
  CHECK(f.sent<wire::KeepAlive>().size() == 1);
  f.pass(seconds(19));
  CHECK_FALSE(f.closed());
  f.pass(seconds(1));
  CHECK(f.closed() == DisconnectReason::timeout);
}

TEST_CASE("a private torrent knows its tracker's peers and the user's only") {
  Fixture f;
  f.metainfo = torrent(true);
  f.start();
  const Endpoint peer[] = {at(9)};
  for (const PeerSource source : {PeerSource::dht, PeerSource::pex, PeerSource::lsd}) {
    f.swarm->add_peers(source, peer, f.now);
    f.drain();
    CHECK(f.all<Connect>().empty());
  }
  f.swarm->add_peers(PeerSource::tracker, peer, f.now);
  f.drain();
  CHECK(f.all<Connect>().size() == 1);
}

TEST_CASE("connects are paced and bounded") {
  Fixture f;
  f.config.max_half_open = 3;
  f.start();
  std::vector<Endpoint> many;
  for (int i = 1; i < 100; ++i) many.push_back(at(i));
  f.swarm->add_peers(PeerSource::tracker, many, f.now);
  f.drain();
  std::size_t connects = f.all<Connect>().size();
  for (int i = 0; i < 40; ++i) {
    f.pass(milliseconds(50));
    connects += f.all<Connect>().size();
  }
  CHECK(connects == 3);
  f.swarm->connect_failed(f.all<Connect>().empty() ? many[0] : many[0], ConnectFailure::refused,
                          f.now);
}

TEST_CASE("a choke without Fast frees the requests for another peer") {
  Fixture f;
  f.start();
  const ConnectionId a = f.connect(1, false), b = f.connect(2, false);
  for (const ConnectionId peer : {a, b})
    f.receive(peer, wire::BitfieldMessage{{std::byte{0x80}, std::byte{0}, std::byte{0}}});
  f.receive(a, wire::Unchoke{});
  CHECK(f.sent<wire::Request>(a).size() == 4);  // all of the one piece
  f.receive(b, wire::Unchoke{});
  CHECK(f.sent<wire::Request>(b).empty());
  f.receive(a, wire::Choke{});
  CHECK(f.sent<wire::Request>(b).size() == 4);
  // A block that was under way is still welcome, and is not fetched twice.
  f.receive(a, f.block(0, 0, 16'384));
  CHECK_FALSE(f.closed());
  CHECK(f.sent<wire::Cancel>(b).size() == 1);
  CHECK(f.swarm->progress(f.now).wasted == 0);
}

bool is_snubbed(const Fixture& f, ConnectionId connection) {
  std::vector<PeerProgress> rows;
  f.swarm->peers(rows, f.now);
  return std::any_of(rows.begin(), rows.end(), [&](const PeerProgress& row) {
    return row.connection == connection && row.snubbed;
  });
}

TEST_CASE("one that does not answer while another does is given up within seconds") {
  for (const bool other_answers : {true, false}) {
    Fixture f;
    f.start();
    const ConnectionId silent = f.connect(1), other = f.connect(2);
    const std::size_t asked = f.requests_to_seed(silent).size();
    wire::ExtensionHandshake few;
    few.reqq = 8;
    f.receive(other, few);
    auto wanted = f.requests_to_seed(other);
    std::size_t taken_back = 0, next = 0;
    for (int i = 0; i < 64; ++i) {
      f.pass(milliseconds(100));
      CHECK(is_snubbed(f, silent) == (other_answers && i >= 60));
      taken_back += f.sent<wire::Cancel>(silent).size();
      for (auto& more : f.sent<wire::Request>(other)) wanted.push_back(more);
      if (!other_answers || next == wanted.size()) continue;
      const wire::Request request = wanted[next++];
      f.receive(other, f.block(request.piece, request.begin, request.length));
      for (auto& more : f.sent<wire::Request>(other)) wanted.push_back(more);
      taken_back += f.sent<wire::Cancel>(silent).size();
      for (StorePiece* store : f.all<StorePiece>()) f.swarm->piece_stored(store->piece, {}, f.now);
      f.drain();
      for (auto& more : f.sent<wire::Request>(other)) wanted.push_back(more);
    }
    CHECK(taken_back >= (other_answers ? asked : 0));
    if (other_answers) continue;
    f.pass(seconds(50));  // nobody answers: it may be our line
    CHECK_FALSE(is_snubbed(f, silent));
    f.pass(seconds(5));
    CHECK(is_snubbed(f, silent));
  }
}

TEST_CASE("two silent holders of a block make room for one that was not tried yet") {
  Fixture f;
  f.start();
  const auto unchoked = [&](int n) {
    const ConnectionId peer = f.connect(n);
    f.receive(peer, wire::BitfieldMessage{{std::byte{0x80}, std::byte{0}, std::byte{0}}});
    f.receive(peer, wire::Unchoke{});
    return std::pair(peer, f.sent<wire::Request>(peer).size());
  };
  const auto [a, of_a] = unchoked(1);
  const auto [b, of_b] = unchoked(2);
  CHECK(of_a == 4);
  CHECK(of_b == 0);
  f.pass(3 * f.config.block_timeout_min);
  CHECK(f.sent<wire::Request>(b).size() == 4);
  const auto [c, of_c] = unchoked(3);
  CHECK(of_c == 0);  // b has its time
  f.pass(3 * f.config.block_timeout_min);
  CHECK(f.sent<wire::Cancel>(a).size() == 4);
  CHECK(f.sent<wire::Request>(a).empty());
  CHECK(f.sent<wire::Request>(c).size() == 4);
  // Not back to one of the silent, whatever becomes of the third.
  f.pass(3 * f.config.block_timeout_min);
  CHECK(f.sent<wire::Request>(a).empty());
  CHECK(f.sent<wire::Cancel>(b).size() == 4);
  f.receive(c, f.block(0, 0, 16'384));
  CHECK_FALSE(f.closed());
  CHECK(f.swarm->progress(f.now).wasted == 0);
}

TEST_CASE("links that bring nothing make us ask the tracker, as soon as it allows") {
  Fixture f;
  f.start(false, {{"t"}});
  const auto answer = [&] {
    REQUIRE(f.all<Announce>().size() == 1);
    AnnounceOutcome outcome;
    outcome.ok = true;
    outcome.interval = seconds(1800);
    outcome.min_interval = seconds(40);
    f.swarm->announce_finished(f.all<Announce>()[0]->tracker, outcome, f.now);
    f.drain();
  };
  answer();
  const ConnectionId peer = f.connect(1);
  f.receive(peer, wire::HaveNone{});
  for (int i = 0; i < 39; ++i) {
    f.pass(seconds(1));
    CHECK(f.all<Announce>().empty());
  }
  f.pass(seconds(1));
  answer();
  // One that gives is enough.
  const ConnectionId seed = f.connect(2);
  const auto wanted = f.requests_to_seed(seed);
  REQUIRE(wanted.size() >= 6);
  for (int i = 0; i < 6; ++i) {
    f.pass(seconds(10));
    CHECK(f.all<Announce>().empty());
    f.receive(seed, f.block(wanted[i].piece, wanted[i].begin, wanted[i].length));
  }
}

TEST_CASE("what is not selected is not asked for") {
  Fixture f;
  f.start();
  f.swarm->select({false}, f.now);
  f.drain();
  CHECK(f.swarm->progress(f.now).wanted_bytes == 0);
  const ConnectionId peer = f.connect(1);
  f.receive(peer, wire::HaveNone{});
  f.receive(peer, wire::Have{1});
  CHECK(f.sent<wire::Interested>().empty());
  f.swarm->select({true}, f.now);
  f.drain();
  CHECK(f.sent<wire::Interested>().size() == 1);
}

}  // namespace

TEST_CASE("who was unchoked ahead and asks for nothing is told again, once it is interested") {
  Fixture f;
  f.start(true);
  const ConnectionId slow = f.connect(1), quick = f.connect(2);
  for (const ConnectionId peer : {slow, quick}) f.receive(peer, wire::HaveNone{});
  f.pass(seconds(1));
  f.receive(slow, wire::Interested{});
  CHECK(f.sent<wire::Unchoke>(slow).size() == 1);
  f.receive(slow, wire::NotInterested{});
  CHECK(f.sent<wire::Unchoke>(slow).empty());

  std::vector<wire::Message> both;
  both.emplace_back(wire::Interested{});
  both.emplace_back(wire::Request{0, 0, block_length});
  f.swarm->messages_received(quick, both, f.now);
  f.drain();
  CHECK(f.sent<wire::Unchoke>(quick).empty());
  CHECK_FALSE(f.all<SendBlock>().empty());
}

}  // namespace barter
