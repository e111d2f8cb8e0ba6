#include "torrent/file_name.hpp"

#include "torrent/name_key.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <set>

#include "tests/unit/torrent/slowness.hpp"
#include "torrent/random.hpp"
#include "torrent/utf8.hpp"

using namespace barter;

namespace {

std::string joined(std::vector<std::string_view> elements) {
  std::string path = "root";
  append_clean_path(path, elements);
  return path;
}

std::vector<std::string> unique(std::vector<std::string> paths) {
  std::vector<std::string*> pointers;
  for (std::string& path : paths) pointers.push_back(&path);
  make_paths_unique(pointers);
  return paths;
}

std::string repeat(std::size_t count, char c, std::string_view tail) {
  std::string out(count, c);
  out.append(tail);
  return out;
}

void require_unique(const std::vector<std::string>& paths) {
  std::set<std::string> files, folders;
  for (const std::string& path : paths) {
    REQUIRE(files.insert(path).second);
    for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
      folders.insert(path.substr(0, at));
    }
  }
  for (const std::string& folder : folders) REQUIRE(files.count(folder) == 0);
}

}  // namespace

TEST_CASE("ordinary names stay as they are") {
  for (const char* name :
       {"a", "aux.c", "CON", "nul.", "a:b", "x?", " a ", "...", "..a", "a..", ".hidden",
        "it's \"quoted\" $(x)", "-rf", "caf\xc3\xa9", "\xe6\x97\xa5\xe6\x9c\xac.txt",
        "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9", "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae"}) {
    CHECK(clean_name(name) == name);
  }
}

TEST_CASE("the key of a name is the same for every spelling of it") {
  CHECK(name_key("caf\u00e9/a") == name_key("cafe\u0301/a"));
  CHECK(name_key("soft\u00adhyphen") == "softhyphen");
  CHECK(name_key("back\\slash") == "backslash");
  CHECK(name_key("Icon\r") == "Icon_");
  CHECK(name_key("\xe9") == "_");
  CHECK(name_key("a") != name_key("A"));
  CHECK(name_key("") == "_");
}

TEST_CASE("a name has a fault where a client would change it") {
  for (const char* fine :
       {"a", "a b", "soft\u00adhyphen", "z\u200bw", "caf\u00e9", "a.", "\u2060"}) {
    CHECK(name_fault(fine).empty());
  }
  for (const char* bad :
       {".", "..", "a/b", "a\\b", "\x01", "\x7f", "\u0085", "\u200f", "\u202e", "\xff"}) {
    INFO(bad);
    CHECK_FALSE(name_fault(bad).empty());
  }
  CHECK_FALSE(name_fault(std::string(256, 'x')).empty());
}

TEST_CASE("what could lead out of the folder or deceive is cleaned away") {
  CHECK(clean_name("") == "_");
  CHECK(clean_name(".") == "_");
  CHECK(clean_name("..") == "_");
  CHECK(clean_name("/") == "_");
  CHECK(clean_name("\\") == "_");
  CHECK(clean_name("./.") == "_");
  CHECK(clean_name("/../") == "_");
  CHECK(clean_name(".\xe2\x80\x8b.") == "_");
  CHECK(clean_name("foo/../../../bar") == "foo......bar");
  CHECK(clean_name("a\\b") == "ab");
  CHECK(clean_name("a\nb\x7f\x1b") == "a_b__");
  CHECK(clean_name(std::string_view("a\0b", 3)) == "a_b");
  CHECK(clean_name("\xc2\x9b") == "_");
  CHECK(clean_name("\xc0\xae\xc0\xae") == "____");
  CHECK(clean_name("\x82"
                   "est/MB") == "_estMB");
  CHECK(clean_name("a\xe2\x80\xae"
                   "gpj.exe") == "agpj.exe");
  CHECK(clean_name("\xef\xbb\xbf"
                   "a") == "a");
  CHECK(clean_torrent_name("..").empty());
  CHECK(clean_torrent_name("//").empty());
  CHECK(clean_torrent_name("a/b") == "ab");
}

TEST_CASE("long names are cut before the extension and within no character") {
  CHECK(clean_name(std::string(255, 'x')) == std::string(255, 'x'));
  CHECK(clean_name(std::string(300, 'x')) == std::string(255, 'x'));
  CHECK(clean_name(repeat(300, 'x', ".txt")) == repeat(251, 'x', ".txt"));
  CHECK(clean_name("a." + std::string(300, 'x')).size() == 255);
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "\xe2\x82\xac";
  const std::string cut = clean_name(wide + ".mp3");
  CHECK(cut.size() == 250 - 250 % 3 + 4);
  CHECK(is_utf8(cut));
  CHECK(cut.ends_with(".mp3"));
}

TEST_CASE("paths stay below their root, and short and shallow enough to exist") {
  CHECK(joined({"a", "b.txt"}) == "root/a/b.txt");
  CHECK(joined({"..", "..", "etc", "passwd"}) == "root/_/_/etc/passwd");
  CHECK(joined({"/", "/", "bar"}) == "root/_/_/bar");
  CHECK(joined({"", ""}) == "root/_/_");
  CHECK(joined({}) == "root/_");
  const std::string deep = joined(std::vector<std::string_view>(1000, "d"));
  CHECK(std::count(deep.begin(), deep.end(), '/') == max_path_elements - 1);
  const std::string folder(250, 'f');
  const std::string wide = joined(std::vector<std::string_view>(60, folder));
  CHECK(wide.size() <= max_path_bytes);
  CHECK(wide.size() > max_path_bytes - 600);
}

TEST_CASE("equal paths get a counter, the first keeps its name") {
  CHECK(unique({"r/a.txt", "r/b", "r/a.txt", "r/a.txt"}) ==
        std::vector<std::string>{"r/a.txt", "r/b", "r/a.1.txt", "r/a.2.txt"});
  CHECK(unique({"r/a", "r/a.1", "r/a", "r/a"}) ==
        std::vector<std::string>{"r/a", "r/a.1", "r/a.2", "r/a.3"});
  CHECK(unique({"r/A", "r/a"}) == std::vector<std::string>{"r/A", "r/a"});
  CHECK(unique({"r/.x", "r/.x"}) == std::vector<std::string>{"r/.x", "r/.x.1"});
}

TEST_CASE("no file is the folder of another") {
  CHECK(unique({"r/a", "r/a/b"}) == std::vector<std::string>{"r/a.1", "r/a/b"});
  CHECK(unique({"r/a/b", "r/a-", "r/a", "r/a"}) ==
        std::vector<std::string>{"r/a/b", "r/a-", "r/a.1", "r/a.2"});
  CHECK(unique({"r/a", "r/a", "r/a.1/x"}) == std::vector<std::string>{"r/a", "r/a.2", "r/a.1/x"});
  CHECK(unique({"r/a", "r/a b", "r/a/b/c", "r/a/b"}) ==
        std::vector<std::string>{"r/a.1", "r/a b", "r/a/b/c", "r/a/b.1"});
}

TEST_CASE("any set of paths becomes unique and stays below the root") {
  Random random(3);
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> paths;
    for (std::uint64_t files = random.below(12); files > 0; --files) {
      std::vector<std::string> elements;
      for (std::uint64_t i = random.below(4); i > 0; --i) {
        std::string element;
        for (std::uint64_t c = random.below(4); c > 0; --c)
          element += "ab.1/\\\n\xe2"[random.below(8)];
        elements.push_back(element);
      }
      paths.push_back(joined({elements.begin(), elements.end()}));
    }
    const auto result = unique(paths);
    require_unique(result);
    for (const std::string& path : result) {
      REQUIRE(path.starts_with("root/"));
      REQUIRE((path + "/").find("/../") == std::string::npos);
      REQUIRE((path + "/").find("/./") == std::string::npos);
      REQUIRE(path.find("//") == std::string::npos);
    }
  }
}

TEST_CASE("a hundred thousand equal or hostile names take less than a second") {
  const auto start = std::chrono::steady_clock::now();
  require_unique(unique(std::vector<std::string>(100'000, "root/same.txt")));
  // Long names that differ in what is cut, and take each other's candidates.
  std::vector<std::string> hostile;
  for (int i = 0; i < 25'000; ++i) {
    const std::string number = std::to_string(100'000 + i);
    for (int twice = 0; twice < 2; ++twice) hostile.push_back("root/" + repeat(249, 'x', number));
    hostile.push_back("root/" + repeat(244, 'x', "." + std::to_string(i)));
    hostile.push_back("root/" + repeat(244, 'x', "." + std::to_string(i)) + "/f");
  }
  require_unique(unique(hostile));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5 * slowness));
  std::vector<std::string> equal(100'000, "root/same.txt");
  std::vector<std::string*> pointers;
  for (std::string& path : equal) pointers.push_back(&path);
  const auto lone = std::chrono::steady_clock::now();
  CHECK(make_paths_unique(pointers) == 99'999);
  CHECK(std::chrono::steady_clock::now() - lone < std::chrono::seconds(slowness));
}
