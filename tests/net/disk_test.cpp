// Whole clients whose disks are slow, full or gone.
#include <catch2/catch.hpp>

#include "harness.hpp"
#include "troubled_files.hpp"

using namespace barter;
using namespace barter::testing;
using namespace std::chrono_literals;

namespace {

std::chrono::steady_clock::time_point now() {
  return std::chrono::steady_clock::now();
}

struct Troubled {
  std::shared_ptr<TroubledFiles> files = std::make_shared<TroubledFiles>();
  net::ClientHooks hooks{.files = files};
};

}  // namespace

TEST_CASE("what is not in the page cache is read by the disk's threads and served") {
  Folder from, to;
  const auto metainfo =
      make_torrent(from.path(), "data", {{"a", 5'000'000}, {"b", 3'000'001}}, 64 << 10);
  Troubled disk;
  TestClient seed({}, disk.hooks), get;
  seed.seed(metainfo, from.path());
  disk.files->cold = true;
  disk.files->read_milliseconds = 1;
  const int checked = disk.files->reads;
  const TorrentId id = get.get(metainfo, to.path(), {seed.address()});
  REQUIRE(get.wait<Completed>(id));
  CHECK(same_content(*metainfo, from.path(), to.path()));
  CHECK(disk.files->reads > checked + 20);
}

TEST_CASE("reads under way when their peer goes, or when the client ends, harm nobody") {
  Folder from;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 4 << 20}}, 64 << 10);
  Troubled disk;
  TestClient seed({}, disk.hooks);
  seed.seed(metainfo, from.path());
  disk.files->cold = true;
  disk.files->read_milliseconds = 100;
  {
    Folder to;
    TestClient get;
    const int before = disk.files->reads;
    get.get(metainfo, to.path(), {seed.address()});
    REQUIRE(seed.wait_until([&] { return disk.files->reads > before; }));
  }
  Folder to;
  TestClient get;
  const int before = disk.files->reads;
  const TorrentId id = get.get(metainfo, to.path(), {seed.address()});
  REQUIRE(seed.wait_until([&] { return disk.files->reads > before; }));
  seed.client.reset();
  CHECK(get.wait_until([&] { return get->progress(id).connections == 0; }));
}

TEST_CASE("a full disk pauses a download, which goes on when there is room") {
  for (const bool with_state : {true, false}) {
    INFO("with a state folder: " << with_state);
    Folder from, to, state;
    const auto metainfo = make_torrent(from.path(), "data", {{"", 8 << 20}}, 256 << 10);
    Troubled disk;
    disk.files->full_at = 2 << 20;
    ClientOptions options;
    if (with_state) options.state_folder = state.path();
    TestClient seed, get(options, disk.hooks);
    seed.seed(metainfo, from.path());
    const TorrentId id = get.get(metainfo, to.path(), {seed.address()});
    REQUIRE(get.wait_notice<DiskTrouble>(id));
    CHECK(get.notice<DiskTrouble>(id)->no_space);
    CHECK(get->progress(id).paused_by_disk);
    CHECK_FALSE(get->stall_reason(id).empty());
    CHECK(get->progress(id).download_limit.reason == Limit::disk);
    CHECK_FALSE(get->progress(id).download_limit.detail.empty());
    // What it has is served meanwhile.
    Folder third;
    TestClient other;
    const TorrentId partial = other.get(metainfo, third.path(), {get.address()});
    CHECK(other.wait_until([&] { return other->progress(partial).verified_bytes >= 1 << 20; }));
    CHECK_FALSE(get.saw<Completed>(id));
    disk.files->full_at = ~0ull;
    REQUIRE(get.wait_notice<DiskRecovered>(id));
    REQUIRE(get.wait<Completed>(id));
    CHECK(same_content(*metainfo, from.path(), to.path()));
    CHECK_FALSE(get.saw<Failed>(id));
    CHECK(other.wait<Completed>(partial));
  }
}

TEST_CASE(
    "a download that waits for room goes on as soon as there is what it lacks, and not before") {
  Folder from, to;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 6 << 20}}, 2 << 20);
  Troubled disk;
  disk.files->full_at = 1;  // one piece
  TestClient seed, get({}, disk.hooks);
  seed.seed(metainfo, from.path());
  const TorrentId id = get.get(metainfo, to.path(), {seed.address()});
  REQUIRE(get.wait_notice<DiskTrouble>(id));
  REQUIRE(get.wait_until([&] { return get->progress(id).verified_bytes == 2 << 20; }));
  // Less than the piece and four more that a wait asks for as long as so much is lacking.
  disk.files->room = (4 << 20) - 1;
  disk.files->full_at = ~0ull;
  const int before = disk.files->asked;
  REQUIRE(get.wait_until([&] { return disk.files->asked > before; }));
  CHECK_FALSE(get.wait_notice<DiskRecovered>(id, 1s));
  CHECK(get->progress(id).paused_by_disk);
  disk.files->room = 4 << 20;
  REQUIRE(get.wait_notice<DiskRecovered>(id));
  REQUIRE(get.wait<Completed>(id));
  CHECK(same_content(*metainfo, from.path(), to.path()));
}

TEST_CASE("a sync that fails is told, and so is the one that makes good for it") {
  Folder from, to;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 2 << 20}}, 256 << 10);
  Troubled disk;
  disk.files->no_sync = true;
  TestClient seed, get({}, disk.hooks);
  seed.seed(metainfo, from.path());
  const TorrentId id = get.get(metainfo, to.path(), {seed.address()});
  REQUIRE(get.wait_notice<DiskTrouble>(id));
  CHECK_FALSE(get.notice<DiskTrouble>(id)->no_space);
  CHECK(get.notice<DiskTrouble>(id)->message.find("sync") != std::string::npos);
  // Not twice, and not complete: what is not durable may be gone tomorrow.
  CHECK_FALSE(get.wait_until(
      [&] { return get.saw<Completed>(id) || get.notice<DiskRecovered>(id).has_value(); }, 7s));
  CHECK(get.count_notices<DiskTrouble>(id) == 1);
  disk.files->no_sync = false;
  REQUIRE(get.wait<Completed>(id));
  CHECK(get.count_notices<DiskRecovered>(id) == 1);
  CHECK(get.count_notices<DiskTrouble>(id) == 1);
}

TEST_CASE("a file that can be written no more is left out when the torrent is added again") {
  Folder from, to, state;
  const auto metainfo = make_torrent(
      from.path(), "data", {{"a", 2'000'000}, {"b", 2'000'000}, {"c", 2'000'000}}, 64 << 10);
  Troubled disk;
  disk.files->refused = "data/b";
  ClientOptions options;
  options.state_folder = state.path();
  TestClient seed, get(options, disk.hooks);
  seed.seed(metainfo, from.path());
  SECTION("from the start") {
    disk.files->refused_at = 0;
    const TorrentId id = get.get(metainfo, to.path(), {seed.address()});
    REQUIRE(get.wait<Completed>(id));
    REQUIRE(get.saw<FilesLeftOut>(id));
    REQUIRE(get.find<FilesLeftOut>(id)->files.size() == 1);
    CHECK(get.find<FilesLeftOut>(id)->files[0].path == "data/b");
  }
  SECTION("in mid-download") {
    disk.files->refused_at = 1'000'000;
    const TorrentId first = get.get(metainfo, to.path(), {seed.address()});
    REQUIRE(get.wait<Failed>(first));
    CHECK(get.find<Failed>(first)->write_refused);
    CHECK_FALSE(get.notice<DiskTrouble>(first));
    get->remove(first, 1s);
    const TorrentId second = get.get(metainfo, to.path(), {seed.address()});
    REQUIRE(get.wait<Completed>(second));
    CHECK(get.saw<FilesLeftOut>(second));
    CHECK(get.find<TransferBegan>(second)->resumed);
  }
  for (const std::string name : {"data/a", "data/c"}) {
    CHECK(read_file(from / name) == read_file(to / name));
  }
}

TEST_CASE("a disk that hangs is given up a few seconds after the grace, with a word") {
  Folder from, to;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 4 << 20}}, 64 << 10);
  Troubled disk;
  TestClient seed;
  auto get = std::make_unique<TestClient>(ClientOptions(), disk.hooks);
  seed.seed(metainfo, from.path());
  disk.files->hang();
  const TorrentId id = get->get(metainfo, to.path(), {seed.address()});
  REQUIRE(get->wait_until([&] { return disk.files->hanging() > 0; }));
  const auto began = now();
  (*get)->stop(200ms);
  CHECK(now() - began < 8s);
  REQUIRE(get->wait_notice<DiskTrouble>(id, 2s));
  CHECK(get->notice<DiskTrouble>(id)->message.find("does not answer") != std::string::npos);
  SECTION("for ever") {
    const auto destroyed = now();
    get.reset();
    CHECK(now() - destroyed < 8s);
    disk.files->release();
    std::this_thread::sleep_for(300ms);  // its threads end in what was left behind
  }
  SECTION("for a while") {
    disk.files->release();
    get.reset();
  }
}

TEST_CASE("a client that is stopped while it checks stops at once") {
  Folder from;
  const auto metainfo = make_torrent(from.path(), "data", {{"", 64 << 20}}, 64 << 10);
  Troubled disk;
  disk.files->cold = true;
  disk.files->read_milliseconds = 20;  // 1024 pieces: ten seconds on two threads
  TestClient get({}, disk.hooks);
  const TorrentId id = get.get(metainfo, from.path(), {});
  REQUIRE(get.wait_until([&] {
    const auto progress = get.find<CheckProgress>(id);
    return progress && disk.files->reads > 4;
  }));
  const auto began = now();
  get->stop(3s);
  CHECK(now() - began < 2s);
  CHECK_FALSE(get.saw<TransferBegan>(id));
  CHECK_FALSE(get.saw<Completed>(id));
}
