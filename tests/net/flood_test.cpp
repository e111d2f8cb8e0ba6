// Peers that say too much, or come too often and say too little. What honest peers lose by them is
// compared with what they have without them, in the same run.
#include <sys/socket.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <thread>

#include "no_descriptors.hpp"
#include "raw_peer.hpp"
#include "tests/net/sanitized.hpp"

using namespace barter;
using namespace barter::testing;

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint64_t size = 32 << 20;

struct Fixture {
  Folder from;
  std::shared_ptr<const Metainfo> metainfo =
      make_torrent(from.path(), "data", {{"", size}}, 256 << 10);
  TestClient seed;
  TorrentId id = seed.seed(metainfo, from.path());

  // How long an honest peer takes to get all of it.
  std::chrono::duration<double> fetch() {
    Folder to;
    TestClient get;
    const auto began = Clock::now();
    const TorrentId got = get.get(metainfo, to.path(), {seed.address()});
    REQUIRE(get.wait<Completed>(got, std::chrono::seconds(60)));
    const std::chrono::duration<double> took = Clock::now() - began;
    CHECK(same_content(*metainfo, from.path(), to.path()));
    return took;
  }
};

// Writes the same again and again from a thread of its own, as fast as it is read.
class Flood {
 public:
  Flood(const TestClient& client, const std::string& hello, const std::string& message)
      : raw_(client) {
    const int little = 64 << 10;  // so that what is written is what is read, or nearly
    ::setsockopt(raw_.descriptor, SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
    raw_.peer.write(hello);
    while (batch_.size() < 64 << 10) batch_ += message;
    thread_ = std::thread([this] {
      while (!ending_ && raw_.peer.write(batch_)) written_ += batch_.size();
      dropped_ = true;
    });
  }
  ~Flood() {
    ending_ = true;
    ::shutdown(raw_.descriptor, SHUT_RDWR);
    thread_.join();
  }
  std::uint64_t written() const { return written_; }
  bool dropped() const { return dropped_; }

 private:
  Raw raw_;
  std::string batch_;
  std::atomic<bool> ending_ = false, dropped_ = false;
  std::atomic<std::uint64_t> written_ = 0;
  std::thread thread_;
};

}  // namespace

TEST_CASE("a peer that cancels what it never asked for is dropped, and others are served") {
  Fixture fixture;
  std::string words =
      hello(*fixture.metainfo, new_peer_id()) + raw(wire::HaveNone{}) + raw(wire::Interested{});
  for (std::uint32_t i = 0; i < 5000; ++i)
    words += raw(wire::Request{i % 100, i / 100 * 16, 16384});
  const Flood flood(fixture.seed, words, raw(wire::Cancel{120, 0, 16384}));
  fixture.fetch();
  CHECK(fixture.seed.wait_until([&] { return flood.dropped(); }));
}

TEST_CASE("peers that talk without end are read slowly, and cost others little") {
  Fixture fixture;
  const auto alone = fixture.fetch();
  const std::string kinds[] = {
      raw(wire::KeepAlive{}),
      raw(wire::Interested{}) + raw(wire::NotInterested{}),
      raw(wire::Suggest{3}),
      raw(wire::Have{3}),
      raw(wire::Port{1}),
      std::string("\x00\x00\x00\x02\x14\x63", 6),  // extended, of a number that we never gave
  };
  std::vector<std::unique_ptr<Flood>> floods;
  for (const std::string& kind : kinds) {
    floods.push_back(std::make_unique<Flood>(
        fixture.seed, hello(*fixture.metainfo, new_peer_id()) + raw(wire::HaveNone{}), kind));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // the allowance is used up
  const auto began = Clock::now();
  std::vector<std::uint64_t> before;
  for (const auto& flood : floods) before.push_back(flood->written());
  const auto beside = fixture.fetch();
  const std::chrono::duration<double> passed = Clock::now() - began;
  INFO("alone " << alone.count() << " s, beside floods " << beside.count() << " s");
  CHECK(beside.count() < 3 * alone.count() + 1);
  for (std::size_t i = 0; i < floods.size(); ++i) {
    const std::uint64_t more = floods[i]->written() - before[i];
    INFO("kind " << i << ": " << more << " bytes in " << passed.count() << " s");
    // 5000 messages of ten bytes at most a second, and what the sockets' buffers hold.
    CHECK(static_cast<double>(more) < 100e3 * passed.count() + 12e6);
  }
}

TEST_CASE("silent strangers of one address do not keep others out") {
  Fixture fixture;
  std::vector<std::unique_ptr<Raw>> strangers;
  for (int i = 0; i < 260; ++i) strangers.push_back(std::make_unique<Raw>(fixture.seed));
  const auto began = Clock::now();
  fixture.fetch();
  // Before the first has to go by itself.
  CHECK((barter::testing::sanitized || Clock::now() - began < std::chrono::seconds(8)));
}

TEST_CASE("half handshakes of one address keep out neither callers nor our own calls") {
  Fixture fixture;
  Folder to;
  TestClient get;
  const TorrentId id = get.get(fixture.metainfo, to.path(), {});
  REQUIRE(get.wait<TransferBegan>(id));
  std::vector<std::unique_ptr<Raw>> halves;
  for (int i = 0; i < 450; ++i) {
    for (TestClient* client : {&fixture.seed, &get}) {
      halves.push_back(std::make_unique<Raw>(*client));
      halves.back()->peer.write(hello(*fixture.metainfo).substr(0, 48));
    }
  }
  get->add_peers(id, {fixture.seed.address()});
  CHECK(get.wait<Completed>(id, std::chrono::seconds(8)));
}

TEST_CASE("without a descriptor left the stranger that waits longest makes room for the next") {
  if (barter::testing::sanitized) return;
  Fixture fixture;
  std::vector<std::unique_ptr<Raw>> strangers;
  for (int i = 0; i < 3; ++i) strangers.push_back(std::make_unique<Raw>(fixture.seed));
  fixture.fetch();  // by then they have been accepted
  const int caller = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string answer;
  bool made_room = false;
  {
    const NoDescriptors none;
    ScriptServer::Peer peer(caller);
    if (connects(caller, fixture.seed)) peer.write(hello(*fixture.metainfo));
    answer = peer.read(68);
    made_room = strangers[0]->peer.wait_closed(3000);
  }
  ::close(caller);
  CHECK(answer.size() == 68);
  CHECK(made_room);
  fixture.fetch();
}
