#include "torrent/verify.hpp"

#include <unistd.h>

#include <map>

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/unit/torrent/created.hpp"

using namespace barter;
using test::create_small;
using test::pattern;
using test::TemporaryFolder;
using Kind = FileProblem::Kind;

namespace {

std::map<std::string, Kind> problems(const Metainfo& metainfo, const TemporaryFolder& folder) {
  const auto report = verify_files(metainfo, folder.path(), 2, {});
  REQUIRE(report.has_value());
  std::map<std::string, Kind> out;
  for (const FileProblem& problem : report->problems) {
    CHECK_FALSE(problem.detail.empty());
    out.emplace(metainfo.files()[problem.file].path, problem.kind);
  }
  CHECK(report->whole() == out.empty());
  return out;
}
using Problems = std::map<std::string, Kind>;

}  // namespace

TEST_CASE("whole data of every version is found whole", "[verify]") {
  const TemporaryFolder folder;
  const auto version = GENERATE(TorrentVersion::v1, TorrentVersion::v2, TorrentVersion::hybrid);
  const auto metainfo = create_small(folder, version).metainfo;
  const auto report = verify_files(*metainfo, folder.path(), 0, {});
  REQUIRE(report.has_value());
  CHECK(report->whole());
  CHECK(report->good_pieces == metainfo->layout().piece_count());
  CHECK(report->good_bytes == 171'000);
}

TEST_CASE("files of v2 and hybrids share no pieces: one bad file is one problem", "[verify]") {
  const TemporaryFolder folder;
  const auto version = GENERATE(TorrentVersion::v2, TorrentVersion::hybrid);
  const auto metainfo = create_small(folder, version).metainfo;
  SECTION("wrong byte") {
    std::string bytes = pattern(100'000, 1);
    bytes[99'999] = static_cast<char>(bytes[99'999] ^ 1);
    folder.write("d/a", bytes);
    CHECK(problems(*metainfo, folder) == Problems{{"d/a", Kind::wrong_bytes}});
  }
  SECTION("missing") {
    unlink((folder / "d/b").c_str());
    CHECK(problems(*metainfo, folder) == Problems{{"d/b", Kind::missing}});
  }
  SECTION("a folder in its place") {
    unlink((folder / "d/c").c_str());
    std::filesystem::create_directory(folder / "d/c");
    CHECK(problems(*metainfo, folder) == Problems{{"d/c", Kind::unreadable}});
  }
}

TEST_CASE("in v1 the neighbours of a bad file cannot be told", "[verify]") {
  const TemporaryFolder folder;
  const auto metainfo = create_small(folder, TorrentVersion::v1).metainfo;
  SECTION("missing: they are unverified") {
    unlink((folder / "d/b").c_str());
    CHECK(problems(*metainfo, folder) ==
          Problems{{"d/a", Kind::unverified}, {"d/b", Kind::missing}, {"d/c", Kind::unverified}});
  }
  SECTION("short, yet its first pieces count") {
    REQUIRE(truncate((folder / "d/c").c_str(), 69'999) == 0);
    const auto report = verify_files(*metainfo, folder.path(), 1, {});
    REQUIRE(report.has_value());
    REQUIRE(report->problems.size() == 1);
    CHECK(report->problems[0].kind == Kind::wrong_size);
    CHECK(report->good_pieces == report->pieces - 1);
  }
}

TEST_CASE("a selection is judged by the pieces that are its own", "[verify]") {
  const TemporaryFolder folder;
  const auto metainfo = create_small(folder, TorrentVersion::v1).metainfo;
  const std::vector<bool> selected{true, false, false, false};
  const auto verify = [&] {
    auto report = verify_files(*metainfo, folder.path(), 2, {}, {}, selected);
    REQUIRE(report.has_value());
    return *report;
  };
  SECTION("all there") {
    std::string other = pattern(70'000, 3);
    other[69'000] = '!';  // not looked at
    folder.write("d/c", other);
    const VerifyReport report = verify();
    CHECK(report.whole());
    CHECK(report.pieces == 4);
    CHECK(report.good_pieces == 4);
    CHECK(report.undecided == 0);
    CHECK(report.good_bytes == 100'000);
  }
  unlink((folder / "d/b").c_str());
  SECTION("the neighbours are not there") {
    const VerifyReport report = verify();
    CHECK(report.whole());
    CHECK(report.good_pieces == 3);
    CHECK(report.undecided == 1);
    CHECK(report.good_bytes == 98'304);
  }
  SECTION("a wrong byte") {
    std::string bytes = pattern(100'000, 1);
    bytes[50'000] = static_cast<char>(bytes[50'000] ^ 1);
    folder.write("d/a", bytes);
    REQUIRE(verify().problems.size() == 1);
    CHECK(verify().problems[0].kind == Kind::wrong_bytes);
    CHECK(verify().bad[50'000 / metainfo->layout().piece_length()]);
    const auto bad = verify().bad;
    CHECK(std::count(bad.begin(), bad.end(), true) == 2);  // and the one at the border
  }
  SECTION("missing") {
    unlink((folder / "d/a").c_str());
    REQUIRE(verify().problems.size() == 1);
    CHECK(verify().problems[0].kind == Kind::missing);
  }
}

TEST_CASE("files that are too long and empty files that are missing", "[verify]") {
  const TemporaryFolder folder;
  const auto metainfo = create_small(folder, TorrentVersion::v1).metainfo;
  REQUIRE(truncate((folder / "d/c").c_str(), 70'001) == 0);
  unlink((folder / "d/empty").c_str());
  CHECK(problems(*metainfo, folder) ==
        Problems{{"d/c", Kind::wrong_size}, {"d/empty", Kind::missing}});
}

TEST_CASE("v2 without piece layers is verified file by file", "[verify]") {
  const TemporaryFolder folder;
  const auto with = create_small(folder, TorrentVersion::v2).metainfo;
  const auto without = Metainfo::from_info(std::string(with->info_bytes()));
  REQUIRE(without.has_value());
  REQUIRE_FALSE((*without)->has_piece_layers());
  CHECK(problems(**without, folder).empty());
  std::string bytes = pattern(100'000, 1);
  bytes[0] = static_cast<char>(bytes[0] ^ 1);
  folder.write("d/a", bytes);
  CHECK(problems(**without, folder) == Problems{{"d/a", Kind::wrong_bytes}});
}

TEST_CASE("nothing there: every file is missing, and that is no error", "[verify]") {
  const TemporaryFolder folder, nowhere;
  const auto metainfo = create_small(folder, TorrentVersion::v1).metainfo;
  CHECK(problems(*metainfo, nowhere).size() == 4);
}

TEST_CASE("verification can be cancelled", "[verify]") {
  const TemporaryFolder folder;
  const auto metainfo = create_small(folder, TorrentVersion::v1).metainfo;
  const auto report =
      verify_files(*metainfo, folder.path(), 1, [](std::uint64_t) { return false; });
  REQUIRE(report.has_error());
  CHECK(report.error().code == Errc::cancelled);
}
