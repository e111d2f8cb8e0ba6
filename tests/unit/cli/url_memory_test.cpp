#include "cli/url_memory.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "cli/kept_files.hpp"
#include "tests/temporary_folder.hpp"

using namespace barter;
using namespace barter::cli;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

const std::string url = "http://h:1/x.torrent";

RememberedUrl some(std::string torrent = "d4:infoe\n\0e") {
  return {"\"tag\"", std::chrono::system_clock::time_point(1'700'000'000s), HostPort{"h", 1},
          std::move(torrent)};
}

struct State {
  const test::TemporaryFolder folder;
  const UrlMemory memory{folder.path()};
  fs::path place() const { return fs::path(folder.path()) / "urls"; }
  fs::path only() const { return fs::directory_iterator(place())->path(); }
};

}  // namespace

TEST_CASE("what came of a URL is remembered", "[url_memory]") {
  const State state;
  CHECK_FALSE(state.memory.recall(url));
  REQUIRE(state.memory.remember(url, some()).has_value());
  const auto again = state.memory.recall("HTTP://H:1/x.torrent#btih=whatever");
  REQUIRE(again);
  CHECK(again->etag == some().etag);
  CHECK(again->fetched == some().fetched);
  CHECK(again->peer == some().peer);
  CHECK(again->torrent == some().torrent);
  CHECK_FALSE(state.memory.recall(url + "?v=2"));
  REQUIRE(state.memory.remember(url, some("other")).has_value());
  CHECK(state.memory.recall(url)->torrent == "other");
  CHECK((fs::status(state.only()).permissions() & fs::perms(077)) == fs::perms::none);
}

TEST_CASE("a memory that was cut short is none", "[url_memory]") {
  const State state;
  REQUIRE(state.memory.remember(url, some()).has_value());
  const auto size = fs::file_size(state.only());
  for (const std::uintmax_t cut : {size - 1, size - 10, size / 2, std::uintmax_t(0)}) {
    fs::resize_file(state.only(), cut);
    CHECK_FALSE(state.memory.recall(url));
  }
  REQUIRE(state.memory.remember(url, some()).has_value());
  CHECK(state.memory.recall(url));
}

TEST_CASE("the memory of a newer version is left alone", "[url_memory]") {
  const State state;
  REQUIRE(state.memory.remember(url, some()).has_value());
  const fs::path file = state.only();
  std::ofstream(file) << R"({"version":2})"
                      << "\n";
  CHECK_FALSE(state.memory.recall(url));
  CHECK(state.memory.remember(url, some()).error().code == Errc::unsupported);
  CHECK(fs::file_size(file) == 14);
}

TEST_CASE("of many URLs those used last are remembered", "[url_memory]") {
  const State state;
  REQUIRE(state.memory.remember(url, some()).has_value());
  for (std::size_t i = 0; i < max_remembered + 10; ++i) {
    REQUIRE(state.memory.remember("http://h/" + std::to_string(i), some()).has_value());
    for (const auto& entry : fs::directory_iterator(state.place())) {  // a day later
      fs::last_write_time(entry, fs::last_write_time(entry) - 24h);
    }
    REQUIRE(state.memory.recall(url));
  }
  CHECK(std::distance(fs::directory_iterator(state.place()), fs::directory_iterator()) ==
        static_cast<std::ptrdiff_t>(max_remembered));
  CHECK_FALSE(state.memory.recall("http://h/0"));
  CHECK(state.memory.recall("http://h/" + std::to_string(max_remembered + 9)));
}

TEST_CASE("without a state nothing is remembered", "[url_memory]") {
  const UrlMemory none("");
  CHECK(none.remember(url, some()).has_value());
  CHECK_FALSE(none.recall(url));
}
