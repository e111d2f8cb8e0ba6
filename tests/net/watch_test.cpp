// Files and folders that change under a client that seeds them.
#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "harness.hpp"

using namespace barter;
using namespace barter::testing;

TEST_CASE("a file that changes while it is seeded is withdrawn, and comes back when it is right") {
  Folder from, state;
  const auto metainfo = make_torrent(
      from.path(), "data", {{"first", 300'000}, {"second", 300'000}, {"third", 300'000}}, 16384);
  const std::string right = read_file(from / "data/second");
  TestClient seed;
  const TorrentId id = seed.seed(metainfo, from.path());
  REQUIRE(seed->progress(id).complete);
  std::ofstream(from / "data/second", std::ios::binary) << std::string(300'000, 'x');
  REQUIRE(seed.wait<FilesChanged>(id));
  CHECK(seed.find<FilesChanged>(id)->paths == std::vector<std::string>{"data/second"});
  CHECK_FALSE(seed->progress(id).complete);
  // The others are still served.
  {
    Folder to;
    ClientOptions options;
    options.state_folder = state.path();
    TestClient get(options);
    AddTorrent torrent;
    torrent.metainfo = metainfo;
    torrent.folder = to.path();
    torrent.selected = {true, false, false};
    torrent.peers = {seed.address()};
    const TorrentId got = get.add(torrent);
    CHECK(get.wait_until([&] { return get->progress(got).verified_bytes > 200'000; }));
  }
  std::ofstream(from / "data/second", std::ios::binary) << right;
  CHECK(seed.wait_until([&] { return seed->progress(id).complete; }));
}

TEST_CASE("a root that vanishes is missed, and nothing is created; it resumes on return") {
  Folder from, to;
  const auto metainfo = make_torrent(from.path() + "/root", "data", {{"", 1 << 20}}, 64 << 10);
  TestClient seed;
  const TorrentId id = seed.seed(metainfo, from.path() + "/root");
  std::filesystem::rename(from / "root", from / "away");
  REQUIRE(seed.wait<RootMissing>(id));
  CHECK_FALSE(std::filesystem::exists(from / "root"));
  std::filesystem::rename(from / "away", from / "root");
  REQUIRE(seed.wait<RootReturned>(id));
  TestClient get;
  const TorrentId got = get.get(metainfo, to.path(), {seed.address()});
  CHECK(get.wait<Completed>(got));
}

TEST_CASE("a file that somebody cuts or changes under a download is fetched again") {
  for (const bool cut : {true, false}) {
    INFO("cut: " << cut);
    Folder from, to, state;
    const auto metainfo = make_torrent(from.path(), "data", {{"", 12 << 20}}, 64 << 10);
    ClientOptions options;
    options.state_folder = state.path();
    options.download_limit = 6 << 20;
    TestClient seed, get(options);
    seed.seed(metainfo, from.path());
    const TorrentId id = get.get(metainfo, to.path(), {seed.address()});
    REQUIRE(get.wait_until([&] { return get->progress(id).verified_bytes > 4 << 20; }));
    if (cut) {
      std::filesystem::resize_file(to / "data", 1 << 20);
    } else {
      std::fstream file(to / "data", std::ios::binary | std::ios::in | std::ios::out);
      file.seekp(100'000) << std::string(1'000'000, 'x');
    }
    REQUIRE(get.wait<FilesChanged>(id));
    CHECK(get.find<FilesChanged>(id)->paths == std::vector<std::string>{"data"});
    REQUIRE(get.wait<Completed>(id));
    CHECK(same_content(*metainfo, from.path(), to.path()));
    // Not all of it once more.
    CHECK(get->progress(id).downloaded < 20 << 20);
  }
}

TEST_CASE("nothing is complete while something else is in the place of one of its files") {
  Folder from, to;
  const auto metainfo =
      make_torrent(from.path(), "data", {{"large", 4 << 20}, {"empty", 0}}, 64 << 10);
  ClientOptions options;
  options.download_limit = 4 << 20;
  TestClient seed, get(options);
  seed.seed(metainfo, from.path());
  const TorrentId id = get.get(metainfo, to.path(), {seed.address()});
  REQUIRE(get.wait_until([&] { return get->progress(id).verified_bytes > 1 << 20; }));
  std::filesystem::remove(to / "data/empty");
  std::filesystem::create_directories(to / "data/empty/mine");
  REQUIRE(get.wait_notice<DiskTrouble>(id));
  CHECK(get.notice<DiskTrouble>(id)->message.find("data/empty") != std::string::npos);
  CHECK_FALSE(get.saw<Completed>(id));
  std::filesystem::remove_all(to / "data/empty");
  REQUIRE(get.wait<Completed>(id));
  CHECK(get.saw<TransferBegan>(id));
  CHECK(get.notice<DiskRecovered>(id));
  CHECK(same_content(*metainfo, from.path(), to.path()));
}

TEST_CASE("a download whose root has gone is not complete before it is back") {
  Folder from, to;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 4 << 20}}, 64 << 10);
  ClientOptions options;
  options.download_limit = 4 << 20;
  TestClient seed, get(options);
  seed.seed(metainfo, from.path());
  const TorrentId id = get.get(metainfo, to.path() + "/root", {seed.address()});
  REQUIRE(get.wait_until([&] { return get->progress(id).verified_bytes > 1 << 20; }));
  std::filesystem::rename(to / "root", to / "away");
  REQUIRE(get.wait<RootMissing>(id));
  CHECK_FALSE(get.saw<Completed>(id));
  std::filesystem::rename(to / "away", to / "root");
  REQUIRE(get.wait<Completed>(id));
  CHECK(same_content(*metainfo, from.path(), to.path() + "/root"));
}
