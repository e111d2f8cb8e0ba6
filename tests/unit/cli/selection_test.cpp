#include "cli/selection.hpp"

#include <catch2/catch.hpp>

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "torrent/bencode.hpp"

using namespace barter;
using namespace barter::cli;

namespace {

std::shared_ptr<const Metainfo> torrent_of(std::initializer_list<const char*> paths) {
  bencode::Writer out;
  out.begin_dictionary().key("info").begin_dictionary().key("files").begin_list();
  for (const std::string path : paths) {
    out.begin_dictionary().key("length").integer(1).key("path").begin_list();
    for (std::size_t at = 0; at <= path.size();) {
      const std::size_t end = std::min(path.find('/', at), path.size());
      out.string(path.substr(at, end - at));
      at = end + 1;
    }
    out.end().end();
  }
  out.end().key("name").string("t").key("piece length").integer(16384);
  out.key("pieces").string(std::string(20, 'x')).end().end();
  auto metainfo = Metainfo::parse(out.take());
  REQUIRE(metainfo.has_value());
  return *metainfo;
}

std::vector<Glob> globs(std::initializer_list<const char*> patterns) {
  std::vector<Glob> out;
  for (const char* pattern : patterns) out.push_back(Glob::parse(pattern).value());
  return out;
}

std::vector<bool> chosen(const Metainfo& metainfo, std::initializer_list<const char*> select,
                         std::initializer_list<const char*> exclude) {
  return select_files(metainfo, {globs(select), globs(exclude)}, {}).value();
}

using Chosen = std::vector<bool>;

}  // namespace

TEST_CASE("files are selected, and of those some are not", "[selection]") {
  const auto metainfo = torrent_of({"a.flac", "b.flac", "art/cover.jpg", "notes.txt"});
  CHECK(chosen(*metainfo, {}, {}).empty());
  CHECK(chosen(*metainfo, {"*.flac"}, {}) == Chosen{true, true, false, false});
  CHECK(chosen(*metainfo, {}, {"art"}) == Chosen{true, true, false, true});
  CHECK(chosen(*metainfo, {"*.flac", "*.txt"}, {"b.*"}) == Chosen{true, false, false, true});
  const auto none = select_files(*metainfo, {globs({"*.flac"}), globs({"*"})}, {});
  CHECK(none.error().message.find("--select and --exclude") != std::string::npos);
  CHECK(select_files(*metainfo, {globs({"x"}), {}}, {}).error().message ==
        "t: no file matches --select");
}

TEST_CASE("the choice of a link counts where the user makes none", "[selection]") {
  const auto metainfo = torrent_of({"a", "b", "c"});
  const auto link =
      Magnet::parse("magnet:?xt=urn:btih:0123456789012345678901234567890123456789&so=0,2");
  REQUIRE(link.has_value());
  CHECK(select_files(*metainfo, {}, *link).value() == Chosen{true, false, true});
  CHECK(select_files(*metainfo, {globs({"b"}), {}}, *link).value() == Chosen{false, true, false});
  CHECK(select_files(*metainfo, {{}, globs({"c"})}, *link).value() == Chosen{true, false, false});
}

TEST_CASE("a pattern that is literally the name of a file means that alone", "[selection]") {
  const auto metainfo = torrent_of({"a[1].txt", "a1.txt", "[x]/b", "x/b"});
  CHECK(chosen(*metainfo, {"a[1].txt"}, {}) == Chosen{true, false, false, false});
  CHECK(chosen(*metainfo, {"a[12].txt"}, {}) == Chosen{false, true, false, false});
  CHECK(chosen(*metainfo, {"[x]"}, {}) == Chosen{false, false, true, false});
  CHECK(chosen(*metainfo, {}, {"[x]/b"}) == Chosen{true, true, false, true});
}
