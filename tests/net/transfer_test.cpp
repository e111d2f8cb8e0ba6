// Whole clients that trade over loopback.
#include <catch2/catch.hpp>
#include <thread>

#include "harness.hpp"

using namespace barter;
using namespace barter::testing;

namespace {

void transfer(const std::vector<TestFile>& files, std::uint32_t piece_length) {
  Folder from, to;
  const auto metainfo = make_torrent(from.path(), "data", files, piece_length);
  TestClient seed, get;
  seed.seed(metainfo, from.path());
  const TorrentId id = get.get(metainfo, to.path(), {seed.address()});
  REQUIRE(get.wait<Completed>(id, std::chrono::seconds(60)));
  CHECK(same_content(*metainfo, from.path(), to.path()));
  CHECK(get->progress(id).complete);
}

}  // namespace

TEST_CASE("one byte goes from one client to another") {
  transfer({{"", 1}}, 16384);
}

TEST_CASE("a small file goes from one client to another") {
  transfer({{"", 100'000}}, 32768);
}

TEST_CASE("64 MiB go from one client to another") {
  transfer({{"", 64 << 20}}, 256 << 10);
}

TEST_CASE("many small files, empty ones and folders among them, go from one client to another") {
  std::vector<TestFile> files;
  for (int i = 0; i < 400; ++i) {
    files.push_back({"folder" + std::to_string(i % 7) + "/file" + std::to_string(i),
                     static_cast<std::uint64_t>(i) * 37 % 5000});
  }
  transfer(files, 16384);
}

TEST_CASE("pieces larger than what may be open go through the spill") {
  Folder from, to, state;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 24 << 20}}, 8 << 20);
  ClientOptions options;
  options.state_folder = state.path();
  options.swarm.open_piece_bytes = 4 << 20;
  TestClient seed, get(options);
  seed.seed(metainfo, from.path());
  const TorrentId id = get.get(metainfo, to.path(), {seed.address()});
  REQUIRE(get.wait<Completed>(id, std::chrono::seconds(60)));
  CHECK(same_content(*metainfo, from.path(), to.path()));
}

TEST_CASE("one seed, four who get: all complete, and they trade among themselves") {
  Folder from;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 16 << 20}}, 64 << 10);
  ClientOptions slow;
  slow.upload_limit = 8 << 20;
  TestClient seed(slow);
  seed.seed(metainfo, from.path());
  std::vector<std::unique_ptr<Folder>> folders;
  std::vector<std::unique_ptr<TestClient>> gets;
  std::vector<TorrentId> ids;
  for (int i = 0; i < 4; ++i) {
    std::vector<HostPort> peers = {seed.address()};
    for (const auto& other : gets) peers.push_back(other->address());
    folders.push_back(std::make_unique<Folder>());
    gets.push_back(std::make_unique<TestClient>());
    ids.push_back(gets.back()->get(metainfo, folders.back()->path(), peers));
  }
  std::uint64_t traded = 0;
  for (std::size_t i = 0; i < gets.size(); ++i) {
    REQUIRE(gets[i]->wait<Completed>(ids[i], std::chrono::seconds(60)));
    CHECK(same_content(*metainfo, from.path(), folders[i]->path()));
    traded += (*gets[i])->progress(ids[i]).uploaded;
  }
  CHECK(traded > 0);
}

TEST_CASE("a download limit is kept, and may be lifted under way") {
  Folder from, to;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 8 << 20}}, 64 << 10);
  ClientOptions limited;
  limited.download_limit = 1 << 20;
  TestClient seed, get(limited);
  seed.seed(metainfo, from.path());
  const TorrentId id = get.get(metainfo, to.path(), {seed.address()});
  std::this_thread::sleep_for(std::chrono::seconds(2));
  const std::uint64_t after = get->progress(id).downloaded;
  CHECK(after > 512 << 10);
  CHECK(after < 4 << 20);
  get->set_limits(unlimited, unlimited);
  CHECK(get.wait<Completed>(id));
}

TEST_CASE("a stopped download goes on where it was") {
  Folder from, to, state;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 32 << 20}}, 256 << 10);
  TestClient seed;
  seed.seed(metainfo, from.path());
  ClientOptions options;
  options.state_folder = state.path();
  options.download_limit = 8 << 20;
  std::uint64_t first = 0;
  {
    TestClient get(options);
    const TorrentId id = get.get(metainfo, to.path(), {seed.address()});
    REQUIRE(get.wait_until([&] { return get->progress(id).downloaded > 8 << 20; }));
    get->stop(std::chrono::seconds(3));
    first = get->progress(id).downloaded;
    CHECK(first < 32 << 20);
  }
  options.download_limit = unlimited;
  TestClient get(options);
  const TorrentId id = get.get(metainfo, to.path(), {seed.address()});
  REQUIRE(get.wait<Completed>(id));
  const auto began = get.find<TransferBegan>(id);
  REQUIRE(began);
  CHECK(began->resumed);
  CHECK(began->have_bytes > 4 << 20);
  // Nothing that the first run received is fetched again: not even what was put aside unverified.
  CHECK(get->progress(id).downloaded + first <= (32 << 20) + (1 << 20));
  CHECK(same_content(*metainfo, from.path(), to.path()));
}

TEST_CASE("a client told of itself does not talk to itself") {
  Folder to, from;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 100'000}}, 16384);
  TestClient get;
  const TorrentId id = get.get(metainfo, to.path(), {get.address()});
  REQUIRE(get.wait<TransferBegan>(id));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  CHECK(get->progress(id).connections == 0);
  CHECK(get->peers(id).empty());
}

TEST_CASE("files that are there and right are not fetched again") {
  Folder from;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 3 << 20}}, 64 << 10);
  TestClient get;
  const TorrentId id = get.get(metainfo, from.path(), {});
  REQUIRE(get.wait<Completed>(id));
  CHECK(get.saw<CheckProgress>(id));
  CHECK(get->progress(id).complete);
  CHECK(get->progress(id).downloaded == 0);
}

TEST_CASE("a peer that is named is found, and one that cannot be is told of") {
  Folder from, to;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 100'000}}, 16384);
  TestClient seed, get;
  seed.seed(metainfo, from.path());
  // Two dots in a row are no name: no server is asked.
  const TorrentId id =
      get.get(metainfo, to.path(), {{"no..where", 6881}, {"localhost", seed->port()}});
  REQUIRE(get.wait<Completed>(id));
  REQUIRE(get.wait<HostUnknown>(id));
  const auto told = get.find<HostUnknown>(id);
  CHECK(told->host == HostPort{"no..where", 6881});
  CHECK_FALSE(told->dht_node);
  CHECK(told->error);
}
