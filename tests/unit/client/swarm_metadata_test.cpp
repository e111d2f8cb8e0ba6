// A Swarm that begins with a magnet link.
#include "swarm_fixture.hpp"

#include "torrent/sha.hpp"

using namespace barter;
using namespace barter::swarm_test;

namespace {

struct Magnet : Fixture {
  explicit Magnet(bool is_private = false) { metainfo = torrent(is_private); }

  void begin(std::vector<std::vector<std::string>> trackers = {}) {
    swarm = std::make_unique<Swarm>(metainfo->info_hash(), std::make_shared<SwarmConfig>(config),
                                    id(100), std::move(trackers), 1);
    swarm->set_listen_port(5000);
    swarm->start(now);
    drain();
  }
  void offer(ConnectionId peer, std::int64_t size, std::uint8_t number = 9) {
    wire::ExtensionHandshake handshake;
    handshake.ut_metadata = number;
    handshake.metadata_size = size;
    receive(peer, std::move(handshake));
  }
  wire::MetadataData data(std::uint32_t piece = 0) {
    const std::string info(metainfo->info_bytes());
    return {piece, info.size(), info.substr(piece * block_length, block_length), 0};
  }
  // What was said of the DHT and the local network, if anything.
  std::optional<bool> look_around() {
    const auto found = all<FindPeers>();
    if (found.empty()) return std::nullopt;
    CHECK(found.size() == 1);
    return found[0]->wanted;
  }
  void tracker_fails(std::uint16_t number) {
    AnnounceOutcome failure;
    failure.failure = "refused";
    swarm->announce_finished(TrackerId{number}, failure, now);
    drain();
  }
  std::optional<MetadataComplete> complete() {
    for (Notify* notify : all<Notify>())
      if (auto* found = std::get_if<MetadataComplete>(&notify->notice)) return *found;
    return std::nullopt;
  }
  void go_on(bool have_all = false) {
    swarm->metainfo_known(metainfo, now);
    swarm->pieces_checked(Bitfield(pieces, have_all), {}, now);
    swarm->start(now);
    drain();
  }
};

}  // namespace

TEST_CASE("a magnet link's swarm announces, asks for the metadata, and trades on the same links") {
  Magnet magnet;
  magnet.begin({{"http://t"}});
  REQUIRE(magnet.all<Announce>().size() == 1);
  CHECK(magnet.all<Announce>()[0]->left > 0);
  const ConnectionId peer = magnet.connect(1);
  REQUIRE(magnet.sent<wire::ExtensionHandshake>(peer).size() == 1);
  magnet.receive(peer, wire::HaveAll{});
  magnet.receive(peer, wire::Unchoke{});
  CHECK_FALSE(magnet.closed());
  magnet.offer(peer, static_cast<std::int64_t>(magnet.metainfo->info_bytes().size()), 9);
  const auto asked = magnet.sent<wire::MetadataRequest>(peer);
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].piece == 0);
  CHECK(asked[0].id == 9);
  CHECK(magnet.swarm->progress(magnet.now).metadata->offers == 1);
  CHECK(magnet.swarm->progress(magnet.now).wanted_bytes == 0);
  magnet.receive(peer, magnet.data());
  const auto told = magnet.complete();
  REQUIRE(told);
  REQUIRE(told->metainfo);
  CHECK(told->metainfo->info_hash() == magnet.metainfo->info_hash());
  magnet.go_on();
  const auto again = magnet.sent<wire::ExtensionHandshake>(peer);
  REQUIRE(again.size() == 1);
  CHECK(again[0].metadata_size == static_cast<std::int64_t>(magnet.metainfo->info_bytes().size()));
  CHECK(magnet.sent<wire::Interested>(peer).size() == 1);
  CHECK_FALSE(magnet.sent<wire::Request>(peer).empty());
  CHECK_FALSE(magnet.swarm->progress(magnet.now).metadata);
  CHECK(magnet.swarm->progress(magnet.now).wanted_bytes == magnet.metainfo->content_size());
}

TEST_CASE("the handshake of a magnet link's swarm has no size, and requests for it are rejected") {
  Magnet magnet;
  magnet.begin();
  const ConnectionId peer = magnet.connect(1);
  CHECK_FALSE(magnet.sent<wire::ExtensionHandshake>(peer).at(0).metadata_size);
  magnet.offer(peer, 1);
  magnet.receive(peer, wire::MetadataRequest{0, 0});
  REQUIRE(magnet.sent<wire::MetadataReject>(peer).size() == 1);
}

TEST_CASE("what a peer said of its pieces too early is checked when the metainfo is known") {
  Magnet magnet;
  magnet.begin();
  const ConnectionId good = magnet.connect(1), bad = magnet.connect(2), poor = magnet.connect(3);
  magnet.receive(good, wire::BitfieldMessage{{std::byte{0xff}, std::byte{0}, std::byte{0}}});
  magnet.receive(good, wire::Have{18});
  magnet.receive(bad, wire::BitfieldMessage{std::vector<std::byte>(300)});
  magnet.receive(poor, wire::HaveNone{});
  magnet.receive(poor, wire::Have{4'000'000});
  CHECK_FALSE(magnet.closed());
  magnet.go_on();
  CHECK(magnet.all<Disconnect>().size() == 2);
  std::vector<PeerProgress> rows;
  magnet.swarm->peers(rows, magnet.now);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].pieces == 9);
}

TEST_CASE("a liar is banned, and the next peer asked") {
  Magnet magnet;
  magnet.begin();
  const auto size = static_cast<std::int64_t>(magnet.metainfo->info_bytes().size());
  const ConnectionId liar = magnet.connect(1);
  magnet.offer(liar, size);
  auto wrong = magnet.data();
  wrong.data[20] = 'x';
  magnet.receive(liar, std::move(wrong));
  CHECK(magnet.closed() == DisconnectReason::banned);
  CHECK_FALSE(magnet.swarm->wants_connection(at(1), magnet.now));
  const ConnectionId honest = magnet.connect(2);
  magnet.offer(honest, size);
  magnet.receive(honest, magnet.data());
  CHECK(magnet.complete());
}

TEST_CASE("metadata that nobody asked for closes the link") {
  Magnet magnet;
  magnet.begin();
  const ConnectionId peer = magnet.connect(1);
  magnet.receive(peer, magnet.data());
  CHECK(magnet.closed() == DisconnectReason::protocol_error);
}

TEST_CASE("an info dictionary with the right hash that makes no sense ends the torrent") {
  Magnet magnet;
  const std::string nonsense = "d4:name1:ne";
  InfoHash wanted;
  wanted.v1 = sha1(as_bytes(nonsense));
  magnet.swarm = std::make_unique<Swarm>(wanted, std::make_shared<SwarmConfig>(magnet.config),
                                         id(100), std::vector<std::vector<std::string>>{}, 1);
  magnet.swarm->start(magnet.now);
  const ConnectionId peer = magnet.connect(1);
  magnet.offer(peer, static_cast<std::int64_t>(nonsense.size()));
  magnet.receive(peer, wire::MetadataData{0, nonsense.size(), nonsense, 0});
  const auto told = magnet.complete();
  REQUIRE(told);
  CHECK(told->error);
  CHECK_FALSE(told->metainfo);
}

TEST_CASE("a torrent that shows to be private forgets whom gossip named") {
  Magnet magnet(true);
  magnet.begin();
  const Endpoint gossiped[] = {at(40), at(41)};
  magnet.swarm->add_peers(PeerSource::pex, gossiped, magnet.now);
  magnet.drain();
  CHECK(magnet.all<Connect>().size() == 2);
  PeerInfo info;
  info.remote = at(40);
  info.peer_id = id(40);
  info.outgoing = info.fast = info.extended = true;
  info.source = PeerSource::pex;
  magnet.swarm->peer_connected(ConnectionId{50}, info, magnet.now);
  magnet.drain();
  CHECK_FALSE(magnet.closed());
  magnet.go_on();
  CHECK(magnet.closed() == DisconnectReason::unused);
  magnet.swarm->add_peers(PeerSource::dht, gossiped, magnet.now);
  magnet.drain();
  CHECK(magnet.all<Connect>().empty());
}

TEST_CASE("a magnet link without trackers is looked for everywhere at once") {
  Magnet magnet;
  magnet.begin();
  CHECK(magnet.look_around() == true);
  CHECK(magnet.sent<wire::ExtensionHandshake>(magnet.connect(1)).at(0).ut_pex != 0);
}

TEST_CASE("a private torrent's link is known to nobody but its tracker and peers") {
  Magnet magnet(true);
  magnet.begin({{"http://t"}});
  CHECK_FALSE(magnet.look_around());
  CHECK(magnet.swarm->next_deadline() <= magnet.now + seconds(5));
  const ConnectionId peer = magnet.connect(1);
  CHECK(magnet.sent<wire::ExtensionHandshake>(peer).at(0).ut_pex == 0);
  magnet.receive(peer, [] {
    wire::ExtensionHandshake handshake;
    handshake.ut_pex = 5;
    handshake.listen_port = 6881;
    return handshake;
  }());
  magnet.connect(2);
  const auto size = static_cast<std::int64_t>(magnet.metainfo->info_bytes().size());
  magnet.pass(seconds(4));
  magnet.offer(peer, size);
  magnet.receive(peer, magnet.data());
  REQUIRE(magnet.complete());
  CHECK_FALSE(magnet.look_around());
  magnet.pass(seconds(60));  // however long it takes to look at what is on disk
  CHECK_FALSE(magnet.look_around());
  magnet.go_on();
  CHECK_FALSE(magnet.look_around());
  magnet.pass(seconds(60));
  CHECK_FALSE(magnet.look_around());
  CHECK(magnet.sent<wire::PeerExchange>().empty());
}

TEST_CASE("a link's trackers have some seconds, more while metadata comes, and not for ever") {
  Magnet magnet;
  magnet.config.trackers_first_max = seconds(12);
  magnet.begin({{"http://t"}, {"http://u"}});
  const TimePoint began = magnet.now;
  const ConnectionId peer = magnet.connect(1);
  // Two pieces, so that one of them is no end.
  magnet.offer(peer, 2 * block_length);
  magnet.pass(milliseconds(4900));
  CHECK_FALSE(magnet.look_around());
  wire::MetadataData first{0, 2 * block_length, std::string(block_length, 'd'), 0};
  magnet.receive(peer, first);
  magnet.pass(milliseconds(4900));
  CHECK_FALSE(magnet.look_around());
  SECTION("then it is looked for everywhere, and peers are told of each other") {
    magnet.pass(milliseconds(200));
    CHECK(magnet.look_around() == true);
    const auto greetings = magnet.sent<wire::ExtensionHandshake>(peer);
    REQUIRE(greetings.size() == 1);
    CHECK(greetings[0].ut_pex != 0);
  }
  SECTION("trickling does not delay it") {
    magnet.now = began + seconds(12);
    magnet.receive(peer,
                   wire::MetadataData{1, 2 * block_length, std::string(block_length, 'd'), 0});
    CHECK(magnet.look_around() == true);
  }
}

TEST_CASE("a link whose trackers have all failed is looked for everywhere at once") {
  Magnet magnet;
  magnet.begin({{"http://t"}, {"http://u"}});
  magnet.tracker_fails(0);
  CHECK_FALSE(magnet.look_around());
  magnet.tracker_fails(1);
  CHECK(magnet.look_around() == true);
  // Public it is, so that is all that there is to say.
  magnet.go_on();
  CHECK_FALSE(magnet.look_around());
}

TEST_CASE("a public link is looked for everywhere as soon as its metadata says so") {
  Magnet magnet;
  magnet.begin({{"http://t"}});
  const ConnectionId peer = magnet.connect(1);
  magnet.offer(peer, static_cast<std::int64_t>(magnet.metainfo->info_bytes().size()));
  magnet.receive(peer, magnet.data());
  REQUIRE(magnet.complete());
  CHECK(magnet.look_around() == true);
  magnet.go_on();
  CHECK_FALSE(magnet.look_around());
  CHECK(magnet.sent<wire::ExtensionHandshake>(peer).at(0).ut_pex != 0);
}

TEST_CASE("a link looked for everywhere withdraws when its metadata says private") {
  Magnet magnet(true);
  magnet.begin();
  CHECK(magnet.look_around() == true);
  const Endpoint gossiped[] = {at(40)};
  magnet.swarm->add_peers(PeerSource::dht, gossiped, magnet.now);
  magnet.drain();
  CHECK(magnet.all<Connect>().size() == 1);
  const ConnectionId peer = magnet.connect(1);
  magnet.offer(peer, static_cast<std::int64_t>(magnet.metainfo->info_bytes().size()));
  magnet.receive(peer, magnet.data());
  REQUIRE(magnet.complete());
  CHECK(magnet.look_around() == false);
  const Endpoint late[] = {at(41)};
  magnet.swarm->add_peers(PeerSource::dht, late, magnet.now);
  magnet.drain();
  CHECK(magnet.all<Connect>().empty());
}

TEST_CASE("what was there already is told when the metainfo is known, and is no completion") {
  Magnet magnet;
  magnet.begin({{"http://t"}});
  const ConnectionId peer = magnet.connect(1);
  magnet.receive(peer, wire::HaveNone{});
  const ConnectionId seed = magnet.connect(2);
  magnet.receive(seed, wire::HaveAll{});
  magnet.go_on(true);
  CHECK(magnet.all<SendHave>().size() == pieces);
  CHECK(magnet.sent<wire::ExtensionHandshake>(peer).back().upload_only == true);
  CHECK(magnet.closed() == DisconnectReason::both_seeds);
  CHECK(magnet.swarm->progress(magnet.now).complete);
  AnnounceOutcome answer;
  answer.ok = true;
  magnet.swarm->announce_finished(TrackerId{0}, answer, magnet.now);
  magnet.drain();
  for (const Announce* announce : magnet.all<Announce>())
    CHECK(announce->event != AnnounceEvent::completed);
}

TEST_CASE("the first peer is told once, whoever named it or if it came by itself") {
  const auto told = [](Magnet& magnet) {
    std::vector<std::pair<Endpoint, PeerSource>> out;
    for (const Notify* notify : magnet.all<Notify>())
      if (const auto* first = std::get_if<FirstPeer>(&notify->notice))
        out.emplace_back(first->endpoint, first->source);
    return out;
  };
  Magnet named;
  named.begin();
  const std::vector<Endpoint> found{{at(1).address, 0}, at(2), at(3)};  // nobody is at port 0
  named.swarm->add_peers(PeerSource::dht, found, named.now);
  named.drain();
  CHECK(told(named) == std::vector{std::pair(at(2), PeerSource::dht)});
  named.connect(4);
  CHECK(told(named).empty());
  named.go_on();
  const Endpoint more[] = {at(5)};
  named.swarm->add_peers(PeerSource::user, more, named.now);
  named.drain();
  CHECK(told(named).empty());

  Magnet came;
  came.begin();
  came.connect(6);
  CHECK(told(came) == std::vector{std::pair(at(6), PeerSource::incoming)});
}

TEST_CASE("a magnet link's swarm says why it waits") {
  Magnet magnet;
  magnet.begin();
  CHECK(magnet.swarm->stall_reason(magnet.now).find("--peer") != std::string::npos);
  Magnet looking;
  looking.config.dht = looking.config.local_discovery = true;
  looking.begin({{"http://t"}});
  CHECK(looking.swarm->stall_reason(looking.now) == "no peers: no tracker has answered yet");
  looking.tracker_fails(0);
  CHECK(looking.swarm->stall_reason(looking.now) ==
        "no peers: the tracker failed: refused; asking the DHT and the local network, too");
  const ConnectionId peer = magnet.connect(1);
  CHECK(magnet.swarm->stall_reason(magnet.now) == "none of the 1 connected peers has the metadata");
  CHECK(magnet.swarm->progress(magnet.now).download_limit.reason == Limit::metadata);
  magnet.offer(peer, 100);
  magnet.pass(seconds(20));
  CHECK(magnet.swarm->stall_reason(magnet.now).find("1 of 1") == 0);
}

TEST_CASE("a magnet link's swarm can be stopped") {
  Magnet magnet;
  magnet.begin({{"http://t"}});
  const ConnectionId peer = magnet.connect(1);
  magnet.offer(peer, 100'000);
  magnet.swarm->stop(magnet.now);
  magnet.drain();
  CHECK(magnet.closed() == DisconnectReason::stopping);
  magnet.swarm->metainfo_known(magnet.metainfo, magnet.now);
  magnet.drain();
  CHECK(magnet.swarm->stopped());
}

TEST_CASE("metadata is sent within the upload limit, and also where nothing else may be sent") {
  for (const std::uint64_t limit : {std::uint64_t{1000}, std::uint64_t{0}}) {
    INFO("limit " << limit);
    Magnet magnet;
    magnet.begin();
    const ConnectionId peer = magnet.connect(1);
    magnet.offer(peer, 1);
    magnet.go_on(true);
    magnet.swarm->set_limits(unlimited, limit, magnet.now);
    magnet.drain();
    const std::size_t size = magnet.metainfo->info_bytes().size();
    std::size_t sent = 0;
    for (int second = 0; second < 10; ++second) {
      for (int i = 0; i < 20; ++i) {
        magnet.receive(peer, wire::MetadataRequest{0, 0});
        sent += magnet.sent<wire::MetadataData>(peer).size() * size;
      }
      for (int i = 0; i < 20; ++i) {
        magnet.swarm->metadata_sent(peer, magnet.now);
        magnet.pass(std::chrono::milliseconds(50));
        sent += magnet.sent<wire::MetadataData>(peer).size() * size;
      }
    }
    CHECK(sent >= (limit == 0 ? 200 * size : 8 * limit));
    if (limit != 0) CHECK(sent <= 11 * limit + 2 * size);
    CHECK(magnet.sent<wire::MetadataReject>(peer).empty());
  }
}
