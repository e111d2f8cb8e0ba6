// Magnet links over loopback: whole clients, and peers that lie, are silent or go.
#include <catch2/catch.hpp>
#include <thread>

#include "client/wire/handshake.hpp"
#include "client/wire/message.hpp"
#include "harness.hpp"
#include "script_server.hpp"

using namespace barter;
using namespace barter::testing;
using namespace std::chrono_literals;

namespace {

using ServerPeer = ScriptServer::Peer;

std::string text(std::span<const std::byte> bytes) {
  return std::string(as_text(bytes));
}

std::string raw(const wire::Message& message) {
  std::vector<std::byte> out;
  wire::encode(message, out);
  return text(out);
}

// A peer that says it has `size` bytes of metadata and answers requests with `answer(piece)`;
// empty: not at all.
ScriptServer::Script pretender(const Metainfo& metainfo, std::int64_t size,
                               std::function<std::string(std::uint32_t)> answer, int number) {
  return [=, hash = metainfo.info_hash().wire()](ServerPeer& peer, const std::string&) {
    peer.read(68);
    const std::string id = "-XX0000-pretend" + std::to_string(10000 + number);
    wire::ExtensionHandshake hello;
    hello.ut_metadata = 7;
    hello.metadata_size = size;
    peer.write(text(wire::encode(wire::our_handshake(hash, *PeerId::from(id)))) + raw(hello));
    while (true) {
      const std::string head = peer.read(4);
      if (head.size() < 4) return;
      std::size_t length = 0;
      for (const char c : head) length = length << 8 | static_cast<unsigned char>(c);
      const std::string body = peer.read(length);
      if (body.size() < length) return;
      if (length < 2 || body[0] != 20 || body[1] != 7) continue;
      const auto message = wire::decode(as_bytes("\x14\x01" + body.substr(2)));
      if (!message) return;
      const auto* request = std::get_if<wire::MetadataRequest>(&*message);
      if (request == nullptr) continue;
      const std::string data = answer(request->piece);
      if (data.empty()) continue;
      wire::MetadataData reply{request->piece, static_cast<std::uint64_t>(size), data, 1};
      if (!peer.write(raw(reply))) return;
    }
  };
}

struct Link {  // a seed with content, and clients that know only its hash
  explicit Link(std::uint64_t size = 1 << 20, std::uint32_t piece_length = 64 << 10)
      : metainfo(make_torrent(from.path(), "data", {{"a", size}, {"b", 70'000}}, piece_length)) {
    id = seed.seed(metainfo, from.path());
  }
  AddMagnet magnet(std::vector<HostPort> peers) const {
    return {metainfo->info_hash(), {}, std::move(peers)};
  }
  AddTorrent torrent(const Folder& to) const {
    AddTorrent out;
    out.metainfo = metainfo;
    out.folder = to.path();
    return out;
  }
  // Fetches the metainfo and then all of it.
  TorrentId check(TestClient& get, std::vector<HostPort> peers) {
    Folder to;
    const auto got = get->add(magnet(std::move(peers)));
    REQUIRE(got.has_value());
    REQUIRE(get.wait_notice<MetadataComplete>(*got));
    const auto told = get.notice<MetadataComplete>(*got);
    REQUIRE(told->metainfo);
    CHECK(told->metainfo->info_bytes() == metainfo->info_bytes());
    AddTorrent with = torrent(to);
    with.metainfo = told->metainfo;
    REQUIRE(get->begin(*got, std::move(with)).has_value());
    REQUIRE(get.wait<Completed>(*got));
    CHECK(same_content(*metainfo, from.path(), to.path()));
    return *got;
  }

  Folder from;
  std::shared_ptr<const Metainfo> metainfo;
  TestClient seed;
  TorrentId id{};
};

}  // namespace

TEST_CASE("a magnet link becomes a download on the same links") {
  Link link;
  TestClient get;
  const TorrentId id = link.check(get, {link.seed.address()});
  // The first link that ended did so because there was nothing more to do on it.
  REQUIRE(get.wait_notice<PeerLeft>(id));
  CHECK(get.notice<PeerLeft>(id)->reason == DisconnectReason::both_seeds);
}

TEST_CASE("metadata of a megabyte comes in many pieces of two peers") {
  Folder from, to;
  std::vector<TestFile> files;
  for (int i = 0; i < 5000; ++i) files.push_back({std::string(200, 'n') + std::to_string(i), 3});
  const auto metainfo = make_torrent(from.path(), "many", files, 16 << 10);
  REQUIRE(metainfo->info_bytes().size() > 1 << 20);
  TestClient first, second, get;
  first.seed(metainfo, from.path());
  second.seed(metainfo, from.path());
  const auto id =
      get->add(AddMagnet{metainfo->info_hash(), {}, {first.address(), second.address()}});
  REQUIRE(id.has_value());
  REQUIRE(get.wait_notice<MetadataComplete>(*id));
  CHECK(get.notice<MetadataComplete>(*id)->metainfo->info_bytes() == metainfo->info_bytes());
}

TEST_CASE("liars about the size, senders of wrong data, silent and going peers stop nobody") {
  Link link;
  const std::string info(link.metainfo->info_bytes());
  const auto size = static_cast<std::int64_t>(info.size());
  ScriptServer huge(pretender(
                        *link.metainfo, 32 << 20, [](auto) { return std::string(16384, 'h'); }, 1),
                    false);
  ScriptServer small(pretender(
                         *link.metainfo, 5, [](auto) { return std::string(5, 's'); }, 2),
                     false);
  ScriptServer wrong(
      pretender(
          *link.metainfo, size, [n = info.size()](auto) { return std::string(n, 'w'); }, 3),
      false);
  ScriptServer silent(pretender(
                          *link.metainfo, size, [](auto) { return std::string(); }, 4),
                      false);
  ScriptServer going(
      [&](ServerPeer& peer, const std::string&) {
        peer.read(68);
        wire::ExtensionHandshake hello;
        hello.ut_metadata = 7;
        hello.metadata_size = size;
        peer.write(text(wire::encode(wire::our_handshake(link.metainfo->info_hash().wire(),
                                                         *PeerId::from("-XX0000-goinggoing00")))) +
                   raw(hello));
        peer.read(100);
      },
      false);
  TestClient get;
  const auto id = get->add(link.magnet({{"127.0.0.1", huge.port()},
                                        {"127.0.0.1", small.port()},
                                        {"127.0.0.1", wrong.port()},
                                        {"127.0.0.1", silent.port()},
                                        {"127.0.0.1", going.port()}}));
  REQUIRE(id.has_value());
  REQUIRE(get.wait_notice<PeerBanned>(*id));
  get->add_peers(*id, {link.seed.address()});
  REQUIRE(get.wait_notice<MetadataComplete>(*id));
  CHECK(get.notice<MetadataComplete>(*id)->metainfo->info_bytes() == info);
}

TEST_CASE("a magnet link and a magnet link exchange what they have learnt") {
  Link link;
  TestClient first, second;
  Folder to;
  const auto early = second->add(link.magnet({}));
  REQUIRE(early.has_value());
  const auto got = first->add(link.magnet({link.seed.address(), second.address()}));
  REQUIRE(got.has_value());
  REQUIRE(first.wait_notice<MetadataComplete>(*got));
  REQUIRE(first->begin(*got, link.torrent(to)).has_value());
  // It is connected to the first alone, which had nothing to tell at the beginning.
  REQUIRE(second.wait_notice<MetadataComplete>(*early));
}

TEST_CASE("a magnet link finds what is there already, and goes on with a part of it") {
  Link link;
  Folder to, state;
  ClientOptions options;
  options.state_folder = state.path();
  {
    TestClient get(options);
    const auto id = get->add(link.magnet({link.seed.address()}));
    REQUIRE(get.wait_notice<MetadataComplete>(*id));
    AddTorrent with = link.torrent(to);
    with.selected = {false, true};
    REQUIRE(get->begin(*id, std::move(with)).has_value());
    REQUIRE(get.wait<Completed>(*id));
    CHECK_FALSE(get->progress(*id).complete);
    get->stop(1s);
  }
  TestClient again(options);
  const auto id = again->add(link.magnet({link.seed.address()}));
  REQUIRE(again.wait_notice<MetadataComplete>(*id));
  REQUIRE(again->begin(*id, link.torrent(to)).has_value());
  REQUIRE(again.wait<Completed>(*id));
  CHECK(again.find<TransferBegan>(*id)->resumed);
  CHECK(again->progress(*id).downloaded < 1'200'000);
  CHECK(same_content(*link.metainfo, link.from.path(), to.path()));
}

TEST_CASE("what cannot be is refused, and leaves the link at work") {
  Link link;
  TestClient get;
  AddMagnet v2;
  v2.info_hash.v2 = Sha256Digest{};
  const auto refused = get->add(v2);
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == Errc::unsupported);
  const auto id = get->add(link.magnet({link.seed.address()}));
  REQUIRE(id.has_value());
  const auto twice = get->add(link.magnet({}));
  REQUIRE(twice.has_error());
  CHECK(twice.error().code == Errc::already_exists);
  REQUIRE(get.wait_notice<MetadataComplete>(*id));
  Folder other;
  AddTorrent strange;
  strange.metainfo = make_torrent(other.path(), "other", {{"", 100'000}}, 16 << 10);
  strange.folder = other.path();
  CHECK(get->begin(*id, strange).has_error());
  Folder to;
  REQUIRE(get->begin(*id, link.torrent(to)).has_value());
  CHECK(get.wait<Completed>(*id));
  CHECK(get->begin(*id, link.torrent(to)).has_error());
}

TEST_CASE("a magnet link can be stopped and removed at any time") {
  Link link;
  TestClient get;
  const auto id = get->add(link.magnet({{"127.0.0.1", 1}}));
  REQUIRE(id.has_value());
  CHECK(get->progress(*id).metadata.has_value());
  get->remove(*id, 1s);
  const auto again = get->add(link.magnet({link.seed.address()}));
  REQUIRE(again.has_value());
  REQUIRE(get.wait_notice<MetadataComplete>(*again));
  get->stop(1s);
}
