// Whole clients that trade over loopback.
#include <catch2/catch.hpp>

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
