#include "chunkstore/disk_names.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace barter;

namespace {

std::vector<File> list(std::initializer_list<const char*> paths) {
  std::vector<File> out;
  for (const char* path : paths) {
    out.emplace_back();
    out.back().path = path;
  }
  return out;
}

}  // namespace

TEST_CASE("A file is called as the torrent calls it until something speaks against it") {
  const auto files = list({"t/a.txt", "t/a.1.txt", "t/b"});
  DiskNames names(files);
  CHECK(names.path(0) == "t/a.txt");
  CHECK_FALSE(names.remembered(0));
  names.number(0);
  CHECK(names.path(0) == "t/a.2.txt");  // the first number is the torrent's own
  CHECK(names.remembered(0) == DiskName{"t/a.2.txt", NameReason::clash, ""});
  names.number(0);
  CHECK(names.path(0) == "t/a.3.txt");
  DiskNames later(files);
  later.restore(0, *names.remembered(0));
  CHECK(later.path(0) == "t/a.3.txt");
}

TEST_CASE("Half a file has a name of its own") {
  const std::string long_name = "t/" + std::string(253, 'x');
  const auto files =
      list({"t/a", "t/a.part", "t/b", "t/b.part/c", long_name.c_str(), "t/d", "t/A.part"});
  DiskNames names(files);
  for (std::uint32_t i = 0; i < files.size(); ++i) names.set_partial(i, true);
  CHECK(names.path(0) == "t/a.1.part");
  CHECK(names.path(1) == "t/a.part.part");
  CHECK(names.path(2) == "t/b.1.part");
  CHECK(names.path(4) == "t/" + std::string(250, 'x') + ".part");
  CHECK(names.path(5) == "t/d.part");
  CHECK_FALSE(names.remembered(5));
  names.number_part(5);
  CHECK(names.path(5) == "t/d.1.part");
  CHECK(names.final_path(5) == "t/d");
  names.set_partial(5, false);
  CHECK(names.path(5) == "t/d");
}

TEST_CASE("Many names that are one to the disk are few tries") {
  std::vector<std::string> paths;
  for (int i = 0; i < 1024; ++i) {
    std::string path = "t/aaaaaaaaaa";
    for (std::size_t bit = 0; bit < 10; ++bit) {
      if (((i >> bit) & 1) != 0) path[2 + bit] = 'A';
    }
    paths.push_back(path);
  }
  std::vector<File> files(paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i) files[i].path = paths[i];
  DiskNames names(files);
  for (std::uint32_t i = 1; i < files.size(); ++i) {
    names.number(i);
    CHECK(names.path(i).ends_with("." + std::to_string(i)));
  }
}

TEST_CASE("What a disk refuses is left out step by step") {
  CHECK(simpler_path("t/a:b?.txt") == "t/a_b_.txt");
  CHECK(simpler_path("t/COM1") == "t/COM1_");
  CHECK(simpler_path("t/nul.tar.gz") == "t/nul_.tar.gz");
  CHECK(simpler_path("t./x. ") == "t_/x__");
  CHECK(simpler_path("t/" + std::string(200, 'x') + ".txt") ==
        "t/" + std::string(139, 'x') + ".txt");
  CHECK(simpler_path("t/gr\xc3\xbc\xc3\x9f") == "t/gr__");
  CHECK(simpler_path("t/plain.txt").empty());
  const auto files = list({"t/a:b", "t/a_b"});
  DiskNames names(files);
  REQUIRE(names.simplify(0));
  CHECK(names.path(0) == "t/a_b.1");
  CHECK(names.remembered(0)->why == NameReason::refused);
  CHECK_FALSE(names.simplify(0));
}
