// Torrents that are parked while nobody asks for them: they wake, serve and rest again, and what
// happens to their files meanwhile is noticed.
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

#include "harness.hpp"

using namespace barter;
using namespace barter::testing;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

struct Seed {
  Folder from, to, state;
  std::shared_ptr<const Metainfo> metainfo =
      make_torrent(from.path(), "data", {{"a", 200'000}, {"b", 100'000}}, 64 << 10);
  std::unique_ptr<TestClient> client;
  TorrentId id{};

  Seed() { start(); }
  void start() {
    client = std::make_unique<TestClient>(options());
    AddTorrent torrent;
    torrent.metainfo = metainfo;
    torrent.folder = from.path();
    torrent.read_only = torrent.may_park = true;
    id = client->add(std::move(torrent));
  }
  ClientOptions options() const {
    ClientOptions out = TestClient::loopback();
    out.state_folder = state.path();
    return out;
  }
  fs::path file(const std::string& name) const { return fs::path(from.path()) / "data" / name; }
  // Somebody fetches all of it.
  void serve() {
    TestClient get;
    Folder there;
    const TorrentId fetched = get.get(metainfo, there.path(), {client->address()});
    REQUIRE(get.wait<Completed>(fetched));
    CHECK(same_content(*metainfo, from.path(), there.path()));
  }
};

}  // namespace

TEST_CASE("a whole torrent is parked, wakes for who calls, and has told its story once") {
  Seed seed;
  REQUIRE(seed.client->wait<Completed>(seed.id));
  CHECK((*seed.client)->progress(seed.id).complete);
  seed.serve();
  seed.serve();
  CHECK(seed.client->count<TransferBegan>(seed.id) == 1);
  CHECK(seed.client->count<Completed>(seed.id) == 1);
  const Progress progress = (*seed.client)->progress();
  CHECK(progress.uploaded == 600'000);
  CHECK(progress.complete);
}

TEST_CASE("what was whole is not hashed again, unless it has changed") {
  Seed seed;
  REQUIRE(seed.client->wait<Completed>(seed.id));
  CHECK(seed.client->saw<CheckProgress>(seed.id));
  (*seed.client)->stop(1s);
  seed.start();
  REQUIRE(seed.client->wait<Completed>(seed.id));
  CHECK_FALSE(seed.client->saw<CheckProgress>(seed.id));
  CHECK(seed.client->find<TransferBegan>(seed.id)->resumed);
  seed.serve();
  (*seed.client)->stop(1s);
  fs::last_write_time(seed.file("a"), fs::file_time_type::clock::now() - 1h);
  seed.start();
  REQUIRE(seed.client->wait<Completed>(seed.id));
  CHECK(seed.client->saw<CheckProgress>(seed.id));
}

TEST_CASE("a file that others change while its torrent rests is told, and not served") {
  Seed seed;
  REQUIRE(seed.client->wait<Completed>(seed.id));
  std::ofstream(seed.file("a")) << std::string(200'000, 'x');
  REQUIRE(seed.client->wait<FilesChanged>(seed.id));
  REQUIRE(seed.client->wait_until(
      [&] { return (*seed.client)->progress(seed.id).verified_bytes < 200'000; }));
  CHECK_FALSE((*seed.client)->progress(seed.id).complete);
}

TEST_CASE("a file that others change just before somebody calls is not served either") {
  Seed seed;
  REQUIRE(seed.client->wait<Completed>(seed.id));
  std::ofstream(seed.file("b")) << std::string(100'000, 'x');
  TestClient get;
  const TorrentId id = get.get(seed.metainfo, seed.to.path(), {seed.client->address()});
  REQUIRE(get.wait_until([&] { return get->progress(id).verified_bytes >= 2 * (64 << 10); }));
  CHECK_FALSE(get.saw<Completed>(id));
  CHECK(get.count_notices<PieceFailed>(id) == 0);
}

TEST_CASE("files that go and come back, and their folder, are served again") {
  Seed seed;
  REQUIRE(seed.client->wait<Completed>(seed.id));
  const fs::path away = fs::path(seed.to.path()) / "away";
  SECTION("all files") {
    fs::rename(seed.file("").parent_path(), away);
    REQUIRE(seed.client->wait<FilesChanged>(seed.id));
    fs::rename(away, seed.file("").parent_path());
  }
  SECTION("the download folder") {
    fs::rename(seed.from.path(), away);
    REQUIRE(seed.client->wait<RootMissing>(seed.id));
    fs::rename(away, seed.from.path());
    REQUIRE(seed.client->wait<RootReturned>(seed.id));
  }
  REQUIRE(seed.client->wait_until([&] { return (*seed.client)->progress(seed.id).complete; }));
  seed.serve();
}

TEST_CASE("many are checked side by side, and each wakes in its turn") {
  constexpr int count = 60;
  Folder from, state;
  std::vector<std::shared_ptr<const Metainfo>> all;
  for (int i = 0; i < count; ++i) {
    all.push_back(make_torrent(from.path(), "data" + std::to_string(i), {{"", 30'000}}, 16 << 10));
  }
  ClientOptions options = TestClient::loopback();
  options.state_folder = state.path();
  TestClient seed(options);
  std::vector<TorrentId> ids;
  for (const auto& metainfo : all) {
    AddTorrent torrent;
    torrent.metainfo = metainfo;
    torrent.folder = from.path();
    torrent.read_only = torrent.may_park = true;
    ids.push_back(seed.add(std::move(torrent)));
  }
  for (const TorrentId id : ids) REQUIRE(seed.wait<Completed>(id));
  CHECK(seed->progress().verified_bytes == 30'000 * count);
  TestClient get;
  Folder to;
  std::vector<TorrentId> gets;
  for (const auto& metainfo : all) gets.push_back(get.get(metainfo, to.path(), {seed.address()}));
  for (const TorrentId id : gets) REQUIRE(get.wait<Completed>(id));
  seed->remove(ids[0], 1s);
  CHECK_FALSE(seed->progress(ids[0]).complete);
}
