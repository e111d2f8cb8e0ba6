#include "cli/magnet_source.hpp"
#include "cli/kept_files.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "tests/temporary_folder.hpp"
#include "torrent/bencode.hpp"

using namespace barter;
using namespace barter::cli;
namespace fs = std::filesystem;

namespace {

struct State {
  State() { fs::create_directories(path / "metainfo"); }
  std::size_t count() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path / "metainfo"), fs::directory_iterator()));
  }
  fs::path place(int number) const {
    return path / "metainfo" / (std::string(37, 'a') + std::to_string(number) + ".torrent");
  }
  // What was fetched long ago, by its age.
  fs::path old(int number, std::chrono::hours age, std::uintmax_t size = 10) const {
    const fs::path out = place(number);
    std::ofstream(out) << "old";
    fs::resize_file(out, size);
    fs::last_write_time(out, fs::file_time_type::clock::now() - age);
    return out;
  }
  const test::TemporaryFolder folder;
  const fs::path path = folder.path();
};

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

}  // namespace

TEST_CASE("what was fetched is remembered, and the oldest of too many is forgotten", "[magnet]") {
  const State state;
  for (int i = 0; i < 120; ++i) state.old(100 + i, std::chrono::hours(1 + i));
  std::ofstream(state.path / "metainfo" / "notes.torrent") << "not ours";
  const auto metainfo = torrent("a");
  REQUIRE(remember_metainfo(state.path.string(), *metainfo).has_value());
  CHECK(state.count() == max_remembered + 1);  // and the notes
  const auto again = recall_metainfo(state.path.string(), metainfo->info_hash());
  REQUIRE(again);
  CHECK(again->info_bytes() == metainfo->info_bytes());
  CHECK(fs::exists(state.place(100)));
  CHECK(fs::exists(state.place(198)));
  CHECK_FALSE(fs::exists(state.place(199)));
  CHECK_FALSE(fs::exists(state.place(219)));
}

TEST_CASE("what is remembered is bounded in bytes, but for the last", "[magnet]") {
  const State state;
  const fs::path large = state.old(300, std::chrono::hours(1), max_remembered_bytes);
  const auto first = torrent("a"), second = torrent("b");
  REQUIRE(remember_metainfo(state.path.string(), *first).has_value());
  CHECK_FALSE(fs::exists(large));
  REQUIRE(remember_metainfo(state.path.string(), *second).has_value());
  CHECK(recall_metainfo(state.path.string(), first->info_hash()));
  CHECK(recall_metainfo(state.path.string(), second->info_hash()));
}

TEST_CASE("what is used again is not the oldest any more", "[magnet]") {
  const State state;
  const auto used = torrent("a");
  REQUIRE(remember_metainfo(state.path.string(), *used).has_value());
  const fs::path place = state.path / "metainfo" / (to_hex(*used->info_hash().v1) + ".torrent");
  fs::last_write_time(place, fs::file_time_type::clock::now() - std::chrono::hours(500));
  REQUIRE(recall_metainfo(state.path.string(), used->info_hash()));
  for (int i = 0; i < 120; ++i) state.old(100 + i, std::chrono::hours(1 + i));
  REQUIRE(remember_metainfo(state.path.string(), *torrent("b")).has_value());
  CHECK(fs::exists(place));
}
