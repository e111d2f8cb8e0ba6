// Peer exchange (BEP 11) between whole clients.
#include <catch2/catch.hpp>
#include <thread>

#include "harness.hpp"

using namespace barter;
using namespace barter::testing;

namespace {

bool knows_from(Client& client, TorrentId id, PeerSource source) {
  for (const PeerProgress& peer : client.peers(id))
    if (peer.source == source) return true;
  return false;
}

// One that gives nothing knows the seed; who gets knows that one alone.
struct Chain {
  Folder from, between, to;
  std::shared_ptr<const Metainfo> metainfo;
  TestClient seed, middle, get;
  TorrentId id{};

  explicit Chain(bool is_private, const ClientOptions& options = {})
      : metainfo(make_torrent(from.path(), "data", {{"", 600'000}}, 16384, {}, is_private)),
        seed(options),
        middle(giving_nothing(options)),
        get(options) {
    seed.seed(metainfo, from.path());
    const TorrentId link = middle.get(metainfo, between.path(), {seed.address()});
    if (!middle.wait_until([&] { return middle->progress(link).connections == 1; }))
      FAIL("no link to the seed");
    id = get.get(metainfo, to.path(), {middle.address()});
  }
  static ClientOptions giving_nothing(ClientOptions out) {
    out.upload_limit = 0;
    out.download_limit = 50'000;  // it stays linked to the seed
    return out;
  }
};

}  // namespace

TEST_CASE("a peer that gives nothing tells of the seed that does") {
  Chain chain(false);
  REQUIRE(chain.get.wait<Completed>(chain.id, std::chrono::seconds(30)));
  CHECK(same_content(*chain.metainfo, chain.from.path(), chain.to.path()));
}

TEST_CASE("of a private torrent, or where it is switched off, nobody is told") {
  ClientOptions off;
  off.swarm.peer_exchange = false;
  for (const bool is_private : {true, false}) {
    Chain chain(is_private, is_private ? ClientOptions() : off);
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    CHECK(chain.get->progress(chain.id).connections == 1);
    CHECK(chain.get->progress(chain.id).known_peers == 1);
    CHECK_FALSE(knows_from(*chain.get, chain.id, PeerSource::pex));
  }
}
