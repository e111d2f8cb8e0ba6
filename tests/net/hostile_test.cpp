// Peers that do what peers must not, against whole clients over loopback.
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "no_descriptors.hpp"
#include "raw_peer.hpp"
#include "tests/net/sanitized.hpp"

using namespace barter;
using namespace barter::testing;

namespace {

using Peer = ScriptServer::Peer;

// The next message without its length; empty at the end.
std::string read_message(Peer& peer) {
  const std::string head = peer.read(4);
  if (head.size() < 4) return {};
  const std::size_t length = number_at(head, 0);
  std::string body = peer.read(length);
  return body.size() < length ? std::string() : body;
}

struct Fixture {
  Folder from;
  std::shared_ptr<const Metainfo> metainfo =
      make_torrent(from.path(), "data", {{"", 1 << 20}}, 64 << 10);
  TestClient seed;
  TorrentId id = seed.seed(metainfo, from.path());

  // The seed still serves others.
  void check_alive() {
    Folder to;
    TestClient get;
    const TorrentId got = get.get(metainfo, to.path(), {seed.address()});
    REQUIRE(get.wait<Completed>(got));
    CHECK(same_content(*metainfo, from.path(), to.path()));
  }
};

}  // namespace

TEST_CASE("a stranger that speaks something else is closed at its first wrong byte") {
  Fixture fixture;
  for (const char* words : {"GET / HTTP/1.1\r\n\r\n",
                            "\x13"
                            "BitTorrent protocoX",
                            "\x16\x03\x01"}) {
    Raw raw(fixture.seed);
    raw.peer.write(words);
    CHECK(raw.peer.wait_closed(2000));
  }
  fixture.check_alive();
}

TEST_CASE("an unknown info-hash is closed without a word") {
  Fixture fixture;
  Raw raw(fixture.seed);
  raw.peer.write(text(wire::encode(wire::our_handshake(*WireInfoHash::from("not one of our files"),
                                                       *PeerId::from("-XX0000-abcdefghijkl")))));
  CHECK(raw.peer.read(1).empty());
}

TEST_CASE(
    "a handshake in single bytes is a handshake, and its head is answered before the peer id") {
  Fixture fixture;
  Raw raw(fixture.seed);
  const std::string bytes = hello(*fixture.metainfo);
  for (std::size_t i = 0; i < wire::handshake_head_length; ++i) raw.peer.write(bytes.substr(i, 1));
  CHECK(raw.peer.read(68).substr(0, 20) ==
        "\x13"
        "BitTorrent protocol");
  for (std::size_t i = wire::handshake_head_length; i < bytes.size(); ++i) {
    raw.peer.write(bytes.substr(i, 1));
  }
  CHECK(raw.peer.read(5).size() == 5);  // its first message
}

TEST_CASE("half a handshake is waited for ten seconds") {
  Fixture fixture;
  Raw first(fixture.seed), second(fixture.seed);
  first.peer.write(hello(*fixture.metainfo).substr(0, 30));
  second.peer.write(hello(*fixture.metainfo).substr(0, 50));
  CHECK_FALSE(first.peer.wait_closed(8000));
  CHECK(first.peer.wait_closed(4000));
  CHECK(second.peer.wait_closed(4000));
}

TEST_CASE("a peer that lies about lengths is dropped, and the others are served") {
  Fixture fixture;
  const std::string lies[] = {
      std::string("\xff\xff\xff\xff\x07", 5),                          // a block of 4 GiB
      std::string("\x00\x00\x40\x0a\x07", 5) + std::string(100, 'x'),  // one byte too long
      std::string("\x00\x00\x00\x02\x00\x00", 6),                      // a choke with a body
      std::string("\x00\x0f\xff\xff\x05", 5),       // a bitfield for another torrent
      std::string("\x7f\xff\xff\xff\x14", 5),       // an extended message of 2 GiB
      raw(wire::Request{4'000'000'000, 0, 16384}),  // no such piece
      raw(wire::Request{0, 0, 1 << 20}),            // too much
      raw(wire::Have{4'000'000'000}),
  };
  for (const std::string& lie : lies) {
    INFO(to_hex(as_bytes(lie.substr(0, 17))));
    Raw raw(fixture.seed);
    raw.peer.write(hello(*fixture.metainfo));
    CHECK(raw.peer.read(68).size() == 68);
    raw.peer.write(lie);
    CHECK(raw.peer.wait_closed(3000));
  }
  fixture.check_alive();
}

TEST_CASE("a peer that asks and never reads does not keep others from being served") {
  Fixture fixture;
  Raw deaf(fixture.seed);
  const int little = 4096;
  ::setsockopt(deaf.descriptor, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
  deaf.peer.write(hello(*fixture.metainfo));
  deaf.peer.write(raw(wire::Interested{}));
  std::thread flood([&] {
    std::string requests;
    for (std::uint32_t i = 0; i < 4; ++i) requests += raw(wire::Request{i, 0, 16384});
    for (int i = 0; i < 20'000 && deaf.peer.write(requests); ++i) {
    }
  });
  fixture.check_alive();
  ::shutdown(deaf.descriptor, SHUT_RDWR);
  flood.join();
}

TEST_CASE("silent, deaf and lying peers do not keep a download from finishing") {
  Fixture fixture;
  ScriptServer silent([](Peer& peer, const std::string&) { peer.wait_closed(20'000); }, false);
  ScriptServer wrong([](Peer& peer, const std::string&) { peer.write(std::string(200, 'w')); },
                     false);
  ScriptServer other(
      [&](Peer& peer, const std::string&) {
        peer.read(68);
        peer.write(text(wire::encode(wire::our_handshake(
            *WireInfoHash::from("not one of our files"), *PeerId::from("-XX0000-abcdefghijkl")))));
        peer.wait_closed(5000);
      },
      false);
  ScriptServer braggart(  // has all, unchokes, never sends
      [&](Peer& peer, const std::string&) {
        peer.read(68);
        peer.write(hello(*fixture.metainfo, "-XX0000-bragbragbrag") + raw(wire::HaveAll{}) +
                   raw(wire::Unchoke{}));
        peer.wait_closed(20'000);
      },
      false);
  Folder to;
  TestClient get;
  const TorrentId id = get.get(fixture.metainfo, to.path(),
                               {{"127.0.0.1", silent.port()},
                                {"127.0.0.1", wrong.port()},
                                {"127.0.0.1", other.port()},
                                {"127.0.0.1", braggart.port()},
                                fixture.seed.address()});
  CHECK(get.wait<Completed>(id));
  CHECK(same_content(*fixture.metainfo, fixture.from.path(), to.path()));
}

TEST_CASE("a peer that sends every request back does not keep a download from finishing") {
  Fixture fixture;
  std::atomic<int> asked = 0;
  ScriptServer stubborn(
      [&](Peer& peer, const std::string&) {
        peer.read(68);
        peer.write(hello(*fixture.metainfo, "-XX0000-stubbornstub") + raw(wire::HaveAll{}) +
                   raw(wire::Unchoke{}));
        while (true) {
          const std::string body = read_message(peer);
          if (body.empty()) return;
          if (body.size() != 13 || body[0] != 6) continue;
          ++asked;
          const wire::Reject reject{number_at(body, 1), number_at(body, 5), number_at(body, 9)};
          if (!peer.write(raw(wire::Choke{}) + raw(reject) + raw(wire::Unchoke{}))) return;
        }
      },
      false);
  Folder to;
  TestClient get;
  const TorrentId id = get.get(fixture.metainfo, to.path(), {{"127.0.0.1", stubborn.port()}});
  REQUIRE(get.wait_until([&] { return asked > 0; }));
  std::this_thread::sleep_for(std::chrono::seconds(2));
  CHECK(asked < 2000);  // some hundred thousand, if nobody counts
  get->add_peers(id, {fixture.seed.address()});
  CHECK(get.wait<Completed>(id));
  CHECK(same_content(*fixture.metainfo, fixture.from.path(), to.path()));
}

TEST_CASE("a peer that sends wrong blocks is found out, and the download finishes") {
  Fixture fixture;
  ScriptServer poisoner(
      [&](Peer& peer, const std::string&) {
        peer.read(68);
        peer.write(hello(*fixture.metainfo, "-XX0000-poisonpoison") + raw(wire::HaveAll{}) +
                   raw(wire::Unchoke{}));
        while (true) {
          const std::string body = read_message(peer);
          if (body.empty()) return;
          if (body.size() != 13 || body[0] != 6) continue;
          std::array<std::byte, wire::piece_header_length> header{};
          wire::encode_piece_header(number_at(body, 1), number_at(body, 5), number_at(body, 9),
                                    header);
          if (!peer.write(text(header) + std::string(number_at(body, 9), 'p'))) return;
        }
      },
      false);
  Folder to;
  ClientOptions options;
  TestClient get(options);
  const TorrentId id = get.get(fixture.metainfo, to.path(), {{"127.0.0.1", poisoner.port()}});
  REQUIRE(get.wait_notice<PieceFailed>(id));
  get->add_peers(id, {fixture.seed.address()});
  CHECK(get.wait<Completed>(id));
  CHECK(same_content(*fixture.metainfo, fixture.from.path(), to.path()));
  const auto banned = get.notice<PeerBanned>(id);
  REQUIRE(banned);
  CHECK(banned->endpoint.port == poisoner.port());
}

TEST_CASE("a peer that never reads is dropped when a megabyte of messages waits for it") {
  Fixture fixture;
  Raw deaf(fixture.seed);
  deaf.peer.write(hello(*fixture.metainfo));
  wire::ExtensionHandshake extensions;
  extensions.ut_metadata = 1;
  deaf.peer.write(raw(extensions));
  // Requests for metadata that there is none of: each is rejected (BEP 9).
  const std::string_view request(
      "\x00\x00\x00\x1f\x14\x01"
      "d8:msg_typei0e5:piecei99999ee",
      35);
  std::string requests;
  for (int i = 0; i < 100; ++i) requests.append(request);
  int sent = 0;
  while (sent < 10'000 && deaf.peer.write(requests)) ++sent;
  CHECK(sent < 10'000);
  REQUIRE(fixture.seed.wait_notice<PeerLeft>(fixture.id));
  CHECK(fixture.seed.notice<PeerLeft>(fixture.id)->reason == DisconnectReason::flooding);
  fixture.check_alive();
}

TEST_CASE("a peer that floods us with requests is dropped, and others are served") {
  Fixture fixture;
  Raw greedy(fixture.seed);
  greedy.peer.write(hello(*fixture.metainfo));
  greedy.peer.write(raw(wire::Interested{}));
  std::string requests;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    requests += raw(wire::Request{i % 16, 16384 * (i / 16 % 4), 16384});
  }
  greedy.peer.write(requests);
  REQUIRE(fixture.seed.wait_notice<PeerLeft>(fixture.id));
  const auto left = *fixture.seed.notice<PeerLeft>(fixture.id);
  CHECK(left.reason == DisconnectReason::flooding);
  CHECK(left.peer.uploaded < 16 << 20);
  fixture.check_alive();
}

TEST_CASE("without a descriptor left a stranger is turned away at once, and later ones are taken") {
  if (barter::testing::sanitized) return;
  Fixture fixture;
  const int caller = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool connected = false, closed = false;
  {
    const NoDescriptors none;
    connected = connects(caller, fixture.seed);
    closed = Peer(caller).wait_closed(3000);
  }
  ::close(caller);
  CHECK(connected);
  CHECK(closed);
  fixture.check_alive();
}

// Each gives three quarters of a piece at the same moment, when all have been asked, and then
// nothing: together more than there is memory for.
TEST_CASE("pieces that nobody completes do not keep their memory from others") {
  constexpr int count = 30;
  const bool with_state = GENERATE(false, true);
  INFO("with a state folder: " << with_state);
  Folder from, to, state;
  const auto spoiled = make_torrent(from.path(), "spoiled", {{"", 4 << 20}}, 64 << 10);
  const auto other = make_torrent(from.path(), "other", {{"", 4 << 20}}, 64 << 10);
  const std::string content = read_file(from / "spoiled");
  std::atomic<int> asked = 0;
  const auto stingy = [&](Peer& peer, const std::string&) {
    static std::atomic<int> number = 100;
    const std::string id = "-XX0000-stingy000" + std::to_string(number++);
    peer.read(68);
    peer.write(hello(*spoiled, id) + raw(wire::HaveAll{}) + raw(wire::Unchoke{}));
    std::vector<std::string> requests;
    while (requests.size() < 4) {
      const std::string body = read_message(peer);
      if (body.empty()) return;
      if (body.size() == 13 && body[0] == 6) requests.push_back(body);
    }
    ++asked;
    for (int i = 0; i < 500 && asked < count; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    for (std::size_t i = 0; i < 3; ++i) {
      const auto piece = number_at(requests[i], 1), begin = number_at(requests[i], 5);
      const auto length = number_at(requests[i], 9);
      std::array<std::byte, wire::piece_header_length> header{};
      wire::encode_piece_header(piece, begin, length, header);
      peer.write(text(header) + content.substr(std::size_t{piece} * (64 << 10) + begin, length));
    }
    peer.wait_closed(60'000);
  };
  std::vector<std::unique_ptr<ScriptServer>> servers;
  std::vector<HostPort> peers;
  for (int i = 0; i < count; ++i) {
    servers.push_back(std::make_unique<ScriptServer>(stingy, false));
    peers.push_back({"127.0.0.1", servers.back()->port()});
  }
  TestClient seed;
  seed.seed(spoiled, from.path());
  seed.seed(other, from.path());
  net::ClientHooks tiny;
  tiny.block_bytes_beyond = 0;
  ClientOptions options;
  options.max_connections = count + 3;
  options.swarm.open_piece_bytes = 64 << 10;
  options.swarm.block_timeout_max = std::chrono::seconds(2);  // the silent are found out sooner
  options.swarm.snubbed_after = std::chrono::seconds(5);
  if (with_state) options.state_folder = state.path();
  options.trace_file = (to / "trace").string();
  TestClient get(options, tiny);
  const TorrentId id = get.get(spoiled, to.path(), peers);
  REQUIRE(get.wait_until([&] { return asked >= count; }));
  get->add_peers(id, {seed.address()});
  const TorrentId beside = get.get(other, to.path(), {seed.address()});
  CHECK(get.wait<Completed>(beside));
  REQUIRE(get.wait<Completed>(id, std::chrono::seconds(90)));
  CHECK(same_content(*spoiled, from.path(), to.path()));
  CHECK(same_content(*other, from.path(), to.path()));
  get->stop(std::chrono::seconds(1));
  get.client.reset();
  // It was as bad as it was meant to be: with a state folder blocks are spilled in time.
  if (!with_state) CHECK(read_file(to / "trace").find("memory_short") != std::string::npos);
}

TEST_CASE("a busy port is an error if it was asked for, and passed over if not") {
  ClientOptions first = TestClient::loopback();
  TestClient holder(first);
  ClientOptions second = TestClient::loopback();
  second.port = holder->port();
  const auto busy = Client::start(second, {});
  REQUIRE(busy.has_error());
  CHECK(busy.error().code == Errc::address_in_use);
  CHECK(busy.error().message.find(std::to_string(holder->port())) != std::string::npos);
  second.fixed_port = false;
  const auto next = Client::start(second, {});
  REQUIRE(next.has_value());
  CHECK((*next)->port() != holder->port());
}

TEST_CASE("a connection accepted elsewhere is adopted with what was read of it") {
  Fixture fixture;
  Folder to;
  ScriptServer door(
      [&](Peer& peer, const std::string&) {
        const std::string read = peer.read(30);
        fixture.seed->adopt_connection(::dup(peer.descriptor()), *Endpoint::parse("127.0.0.1:1"),
                                       read);
      },
      false);
  TestClient get;
  const TorrentId id = get.get(fixture.metainfo, to.path(), {{"127.0.0.1", door.port()}});
  CHECK(get.wait<Completed>(id));
}
