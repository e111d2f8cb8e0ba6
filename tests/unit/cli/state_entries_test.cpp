#include "cli/state_entries.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <catch2/catch.hpp>
#include <filesystem>

#include "chunkstore/store.hpp"
#include "tests/temporary_folder.hpp"
#include "torrent/bencode.hpp"
#include "torrent/write_file.hpp"

using namespace barter;
using namespace barter::cli;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

const auto start = std::chrono::system_clock::time_point(std::chrono::hours(500'000));

std::shared_ptr<const Metainfo> torrent(const std::string& name) {
  bencode::Writer info;
  info.begin_dictionary();
  info.key("length").integer(5);
  info.key("name").string(name);
  info.key("piece length").integer(16384);
  info.key("pieces").string(std::string(20, 'h'));
  info.end();
  return Metainfo::from_info(info.take()).value();
}

struct Bench {
  Bench() {
    fs::create_directories(data);
    mounts = {{"/", "ext4", "/dev/root"}};
  }
  // As if get had begun with it.
  std::string note(const std::string& name) {
    const auto metainfo = torrent(name);
    const std::string place = state_path_of(*metainfo, state, fs::canonical(data).string());
    fs::create_directories(place);
    test::write_file(place + "/lock", "");
    test::write_file(data + "/" + name, "hello");
    REQUIRE(note_transfer(state, *metainfo, data, {name}).has_value());
    return place;
  }
  std::vector<StateEntry> list() const { return list_state(state, mounts); }
  std::vector<StateEntry> sweep(std::chrono::system_clock::time_point now) const {
    return sweep_state(state, mounts, now);
  }

  const test::TemporaryFolder folder;
  const std::string state = folder / "state", data = folder / "data";
  std::vector<Mount> mounts = current_mounts();
};

}  // namespace

TEST_CASE("the file system of a path is found", "[mounts]") {
  const auto mounts = parse_mounts(
      "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "30 21 0:40 / /mnt/a\\040b rw shared:5 master:1 - nfs4 server:/export rw\n"
      "31 30 8:2 /sub /mnt/a\\040b rw - xfs /dev/sdb1 rw\n"
      "nonsense\n");
  REQUIRE(mounts.size() == 3);
  CHECK(mount_of(mounts, "/mnt/a b/c")->source == "/dev/sdb1");  // the last one hides the other
  CHECK(mount_of(mounts, "/mnt/a b")->type == "xfs");
  CHECK(mount_of(mounts, "/mnt/a bc")->point == "/");
  CHECK_FALSE(mount_of({}, "/x"));
  CHECK_FALSE(current_mounts().empty());
}

TEST_CASE("what is remembered is listed with its place", "[state]") {
  Bench bench;
  bench.mounts = current_mounts();
  bench.note("a");
  auto entries = bench.list();
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].name == "a");
  CHECK(entries[0].path == fs::canonical(bench.data).string() + "/a");
  CHECK(entries[0].size == 5);
  CHECK(entries[0].data == DataState::there);
  fs::rename(bench.data + "/a", bench.data + "/a.part");
  CHECK(bench.list()[0].data == DataState::there);
  fs::remove_all(bench.data);
  CHECK(bench.list()[0].data == DataState::gone);
  // Of an earlier version nothing is known.
  fs::create_directories(bench.state + "/" + std::string(40, 'a') + "-" + std::string(16, 'b'));
  entries = bench.list();
  REQUIRE(entries.size() == 2);
  CHECK(std::count_if(entries.begin(), entries.end(), [](const StateEntry& e) {
          return e.data == DataState::unknown && e.path.empty();
        }) == 1);
}

TEST_CASE("what belongs to data that has long been gone is dropped", "[state]") {
  Bench bench;
  bench.mounts = current_mounts();
  const std::string gone = bench.note("gone"), there = bench.note("there");
  fs::remove(bench.data + "/gone");
  CHECK(bench.sweep(start).empty());
  CHECK(bench.list().size() == 2);
  CHECK(bench.sweep(start + kept_when_gone - 1h).empty());
  const auto entries = bench.list();
  CHECK(std::any_of(entries.begin(), entries.end(),
                    [](const StateEntry& e) { return e.missing_since == start; }));
  CHECK(bench.sweep(start + kept_when_gone).empty());  // it was looked at an hour ago
  const auto dropped = bench.sweep(start + kept_when_gone + 24h);
  REQUIRE(dropped.size() == 1);
  CHECK(dropped[0].name == "gone");
  CHECK_FALSE(fs::exists(gone));
  CHECK(fs::exists(there));
}

TEST_CASE("what has come back in between has not been gone", "[state]") {
  Bench bench;
  bench.mounts = current_mounts();
  const std::string place = bench.note("a");
  fs::remove(bench.data + "/a");
  bench.sweep(start);
  test::write_file(bench.data + "/a", "hello");
  bench.sweep(start + 24h * 50);
  fs::remove(bench.data + "/a");
  bench.sweep(start + 24h * 60);
  CHECK(bench.sweep(start + 24h * 149).empty());
  CHECK(fs::exists(place));
  CHECK(bench.sweep(start + 24h * 150).size() == 1);
}

TEST_CASE("nothing is gone whose file system is not mounted", "[state]") {
  Bench bench;
  bench.mounts = current_mounts();
  const std::string place = bench.note("a");
  fs::remove(bench.data + "/a");
  const auto here = *mount_of(bench.mounts, fs::canonical(bench.data).string());
  for (Mount other : {Mount{"/", "another", "root"}, Mount{here.point, here.type, "other"}}) {
    bench.mounts = {other};
    CHECK(bench.list()[0].data == DataState::not_mounted);
    for (int day = 0; day < 400; day += 50) CHECK(bench.sweep(start + 24h * day).empty());
  }
  CHECK(fs::exists(place));
}

TEST_CASE("what a barter is at work on is not forgotten", "[state]") {
  Bench bench;
  const std::string place = bench.note("a");
  const int lock = open((place + "/lock").c_str(), O_RDWR);
  REQUIRE(flock(lock, LOCK_EX) == 0);
  CHECK(forget_entry(bench.state, bench.list()[0]).error().code == Errc::locked);
  CHECK(fs::exists(place));
  close(lock);
  CHECK(forget_entry(bench.state, bench.list()[0]).has_value());
  CHECK_FALSE(fs::exists(place));
}
