#include "torrent/glob.hpp"

#include <catch2/catch.hpp>

using barter::Glob;

namespace {
bool matches(std::string_view pattern, std::string_view path, bool folder = false) {
  return Glob::parse(pattern).value().matches(path, folder);
}
bool selects(std::string_view pattern, std::string_view path) {
  return Glob::parse(pattern).value().selects(path);
}
}  // namespace

TEST_CASE("a pattern without a slash matches the last element anywhere", "[glob]") {
  CHECK(matches("*.tmp", "a.tmp"));
  CHECK(matches("*.tmp", "x/y/.tmp"));
  CHECK_FALSE(matches("*.tmp", "a.tmp/b"));
  CHECK_FALSE(matches("*.tmp", "a.tmpx"));
  CHECK(matches("a?c", "abc"));
  CHECK_FALSE(matches("a?c", "ac"));
  CHECK(matches("*a*b*", "xxaxxbxx"));
  CHECK_FALSE(matches("*a*b*", "xxbxxaxx"));
}

TEST_CASE("a pattern with a slash matches from the root, stars stay within an element", "[glob]") {
  CHECK(matches("sub/*.bin", "sub/a.bin"));
  CHECK(matches("/sub/*.bin", "sub/a.bin"));
  CHECK(matches("./sub/*.bin", "sub/a.bin"));
  CHECK_FALSE(matches("sub/*.bin", "x/sub/a.bin"));
  CHECK_FALSE(matches("sub/*.bin", "sub/x/a.bin"));
  CHECK(matches("/top", "top"));
  CHECK_FALSE(matches("/top", "x/top"));
}

TEST_CASE("two stars cross elements", "[glob]") {
  CHECK(matches("**/x", "x"));
  CHECK(matches("**/x", "a/b/x"));
  CHECK(matches("a/**/x", "a/x"));
  CHECK(matches("a/**/x", "a/b/c/x"));
  CHECK_FALSE(matches("a/**/x", "ab/x"));
  CHECK(matches("a/**", "a/b/c"));
  CHECK(matches("a/**/b/**/c", "a/1/b/2/3/c"));
  CHECK_FALSE(matches("a/**/b/**/c", "a/1/2/3/c"));
}

TEST_CASE("sets and escapes", "[glob]") {
  CHECK(matches("[a-c]x", "bx"));
  CHECK_FALSE(matches("[a-c]x", "dx"));
  CHECK(matches("[!a-c]x", "dx"));
  CHECK(matches("[]]x", "]x"));
  CHECK(matches("[a-]x", "-x"));
  CHECK(matches("[\\]]x", "]x"));
  CHECK(matches("\\*x", "*x"));
  CHECK_FALSE(matches("\\*x", "ax"));
  for (const char* wrong : {"", "/", ".", "./", "//", ".//."}) {
    CAPTURE(wrong);
    CHECK_FALSE(Glob::parse(wrong).has_value());
  }
  // What is not closed is no set.
  for (const char* itself : {"[", "a[b", "[]", "[!]", "[a-", "x/[a/b]"}) {
    CAPTURE(itself);
    CHECK(matches(itself, itself));
  }
  CHECK(matches("*[b", "aa[b"));
  CHECK_FALSE(matches("a[b", "ab"));
  CHECK_FALSE(Glob::parse("[a-\\\\]").value().matches("]", false));
}

TEST_CASE("a slash at the end means folders", "[glob]") {
  CHECK(matches("cache/", "x/cache", true));
  CHECK_FALSE(matches("cache/", "x/cache", false));
}

TEST_CASE("what matches a folder selects all below it", "[glob]") {
  CHECK(selects("extras", "extras/a/b.txt"));
  CHECK(selects("*.txt", "extras/a/b.txt"));
  CHECK(selects("extras/a", "extras/a/b.txt"));
  CHECK_FALSE(selects("extras/b*", "extras/a/b.txt"));
  CHECK(selects("a/", "extras/a/b.txt"));
  CHECK_FALSE(selects("b.txt/", "extras/a/b.txt"));
}

TEST_CASE("many stars cost no time", "[glob]") {
  const std::string pattern(2000, '*'), text(200'000, 'a');
  CHECK_FALSE(matches(pattern + "b", text));
  std::string stars;
  for (int i = 0; i < 1000; ++i) stars += "*a";
  CHECK_FALSE(matches(stars + "b", std::string(20'000, 'a')));
}

TEST_CASE("a character is a code point, or a byte that is part of none", "[glob]") {
  CHECK(matches("?.txt", "\u00e9.txt"));
  CHECK(matches("?.txt", "\U0001F600.txt"));
  CHECK_FALSE(matches("??.txt", "\u00e9.txt"));
  CHECK(matches("??", "\xe9\xe8"));       // Latin-1
  CHECK_FALSE(matches("*??", "\u20ac"));  // no star ends within a character
  CHECK(matches("[\u00e9\u00e8].txt", "\u00e8.txt"));
  CHECK_FALSE(matches("[\u00e9\u00e8].txt", "\u00ea.txt"));
  CHECK(matches("[!\u00e9].txt", "x.txt"));
  CHECK(matches("[\u0430-\u044f]", "\u043c"));
  CHECK_FALSE(matches("[\u0430-\u044f]", "m"));
  CHECK(matches("\\\u00e9*", "\u00e9\u00e9"));
  CHECK(matches("[\xe9]", "\xe9"));
}

TEST_CASE("what is literally the pattern matches it", "[glob]") {
  const char* const name = "[Group] film - 01 [1080p].mkv";
  CHECK(matches(name, name));
  CHECK(matches(name, "x/" + std::string(name)));
  CHECK(matches("x/" + std::string(name), "x/" + std::string(name)));
  CHECK(matches("G film", "G film"));
  const auto glob = Glob::parse("a[1]").value();
  CHECK(glob.selects("a[1]"));
  CHECK(glob.selects("a1"));
  CHECK(glob.selects_literally("a[1]/x"));
  CHECK_FALSE(glob.selects_literally("a1"));
}

TEST_CASE("dots and doubled slashes in a pattern say nothing", "[glob]") {
  CHECK(matches("sub//a.bin", "sub/a.bin"));
  CHECK(matches("./sub/./a.bin", "sub/a.bin"));
  CHECK(matches(".//top", "top"));
  CHECK_FALSE(matches("./top", "x/top"));
  CHECK(matches("sub//", "sub", true));
  CHECK_FALSE(matches("sub//", "sub", false));
}
