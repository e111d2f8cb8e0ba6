#include "torrent/bencode.hpp"

#include <catch2/catch.hpp>

#include <chrono>

#include "tests/unit/torrent/slowness.hpp"
#include "torrent/random.hpp"

using namespace barter;
using bencode::Limits;

namespace {

Limits strict() {
  Limits limits;
  limits.strict = true;
  return limits;
}

std::string problem(std::string_view input, const Limits& limits = {}) {
  const auto document = bencode::parse(input, limits);
  return document ? "" : document.error().message;
}

// Writes a node again, canonical or not, as it was read.
void rewrite(bencode::Node node, bencode::Writer& out) {
  switch (node.type()) {
    case bencode::Type::integer:
      out.integer(*node.integer());
      return;
    case bencode::Type::string:
      out.string(*node.string());
      return;
    case bencode::Type::list:
      out.begin_list();
      for (const auto item : node.items()) rewrite(item, out);
      out.end();
      return;
    case bencode::Type::dictionary:
      out.begin_dictionary();
      for (const auto& [key, value] : node.entries()) {
        out.key(key);
        rewrite(value, out);
      }
      out.end();
  }
}

}  // namespace

TEST_CASE("values of each type are read as views of the input") {
  const std::string input = "d1:ai-7e1:bl3:xyz0:i0eli1eee1:cd1:kd2:xx4:yyyyee1:z5:helloe";
  const auto document = bencode::parse(input, strict()).value();
  const auto root = document.root();
  CHECK(root.type() == bencode::Type::dictionary);
  CHECK(root.size() == 4);
  CHECK(root.raw() == input);
  CHECK(document.consumed() == input.size());
  CHECK(root.find_integer("a") == -7);
  CHECK(root.find("a")->raw() == "i-7e");
  const auto list = *root.find_list("b");
  CHECK(list.raw() == "l3:xyz0:i0eli1eee");
  CHECK(list.offset() == 11);
  std::vector<std::string> items;
  for (const auto item : list.items()) items.emplace_back(item.raw());
  CHECK(items == std::vector<std::string>{"3:xyz", "0:", "i0e", "li1ee"});
  CHECK(root.find_dictionary("c")->find_dictionary("k")->find_string("xx") == "yyyy");
  CHECK(root.find_string("z")->data() == input.data() + input.size() - 6);
}

TEST_CASE("access by another type, and to what is absent, gives nothing") {
  const std::string input = "d1:ai1e1:bl1:aee";
  const auto document = bencode::parse(input).value();
  const auto root = document.root();
  CHECK_FALSE(root.find("x"));
  CHECK_FALSE(root.find_string("a"));
  CHECK_FALSE(root.find_list("a"));
  CHECK_FALSE(root.find_dictionary("b"));
  CHECK_FALSE(root.find_integer("b"));
  CHECK_FALSE(root.integer());
  CHECK_FALSE(root.string());
  CHECK_FALSE(root.find("b")->find("a"));
  CHECK(root.find("a")->size() == 0);
  CHECK(root.items().begin() == root.items().end());
  CHECK(root.find("b")->entries().begin() == root.find("b")->entries().end());
}

TEST_CASE("errors say what and where") {
  CHECK(problem("") == "bencode: input ends too early at byte 0");
  CHECK(problem("d1:a") == "bencode: input ends too early at byte 4");
  CHECK(problem("d1:ae") == "bencode: a key without a value at byte 4");
  CHECK(problem("di1e1:ae") == "bencode: a key that is no string at byte 1");
  CHECK(problem("5:abcd") == "bencode: a string longer than the input at byte 2");
  CHECK(problem("5abcde") == "bencode: expected ':' at byte 1");
  CHECK(problem("i12xe") == "bencode: expected 'e' at byte 3");
  CHECK(problem("ie") == "bencode: expected a digit at byte 1");
  CHECK(problem("i-e") == "bencode: expected a digit at byte 2");
  CHECK(problem("i+1e") == "bencode: expected a digit at byte 1");
  CHECK(problem("i1") == "bencode: input ends too early at byte 2");
  CHECK(problem("i") == "bencode: input ends too early at byte 1");
  CHECK(problem("e") == "bencode: expected a value at byte 0");
  CHECK(problem("x") == "bencode: expected a value at byte 0");
  CHECK(problem("-1:a") == "bencode: expected a value at byte 0");
  CHECK(problem("lxe") == "bencode: expected a value at byte 1");
  CHECK(problem("i1ei2e") == "bencode: bytes after the end at byte 3");
  CHECK(problem("le\n") == "bencode: bytes after the end at byte 2");
  CHECK(problem("99999999999999999999:") == "bencode: a number too large at byte 18");
  CHECK(problem("9999999999999999999:") == "bencode: a number too large at byte 18");
  CHECK(problem("9223372036854775807:") == "bencode: a string longer than the input at byte 20");
}

TEST_CASE("integers reach exactly to the ends of 64 bits") {
  const auto value = [](std::string_view text) {
    return bencode::parse(text).value().root().integer();
  };
  CHECK(value("i9223372036854775807e") == INT64_MAX);
  CHECK(value("i-9223372036854775808e") == INT64_MIN);
  CHECK(value("i2147483648e") == 2147483648);
  CHECK(value("i4294967296e") == 4294967296);
  CHECK(problem("i9223372036854775808e") == "bencode: a number too large at byte 19");
  CHECK(problem("i-9223372036854775809e") == "bencode: a number too large at byte 20");
  CHECK(problem("i18446744073709551616e") == "bencode: a number of too many digits at byte 20");
}

TEST_CASE("tolerant reading takes what old torrents hold, strict reading does not") {
  const auto value = [](std::string_view text) {
    return bencode::parse(text).value().root().integer();
  };
  CHECK(value("i007e") == 7);
  CHECK(value("i-0e") == 0);
  CHECK(bencode::parse("03:abc").value().root().string() == "abc");
  CHECK(problem("i007e", strict()) == "bencode: a leading zero at byte 1");
  CHECK(problem("i-07e", strict()) == "bencode: a leading zero at byte 2");
  CHECK(problem("i-0e", strict()) == "bencode: a negative zero at byte 3");
  CHECK(problem("03:abc", strict()) == "bencode: a leading zero at byte 0");
  CHECK(problem("i0e", strict()).empty());
  CHECK(problem("0:", strict()).empty());
  CHECK(problem("i" + std::string(40, '0') + "e") ==
        "bencode: a number of too many digits at byte 20");

  CHECK(bencode::parse("d1:bi1e1:ai2e1:bi3ee").value().root().find_integer("b") == 1);
  CHECK(problem("d1:bi1e1:ai2ee", strict()) == "bencode: a key out of order at byte 7");
  CHECK(problem("d1:ai1e1:ai2ee", strict()) == "bencode: a key given twice at byte 7");
  CHECK(problem("d1:ai1e2:aai2e1:bi3ee", strict()).empty());
  CHECK(problem("d0:i1e1:\xff"
                "i2ee",
                strict())
            .empty());
  CHECK(problem("d0:i1e0:i2ee", strict()) == "bencode: a key given twice at byte 6");
}

TEST_CASE("a prefix leaves the rest to the caller") {
  const std::string input = "d8:msg_typei1eexxxx";
  const auto document = bencode::parse_prefix(input).value();
  CHECK(document.consumed() == 15);
  CHECK(bencode::parse_prefix("i1ee").value().consumed() == 3);
  CHECK(bencode::parse_prefix("4:ab").has_error());
}

TEST_CASE("limits of bytes, depth and values hold") {
  Limits limits;
  limits.bytes = 10;
  CHECK(problem("8:abcdefgh", limits).empty());
  CHECK(problem("9:abcdefghi", limits) == "bencode: 11 bytes are more than the 10 allowed");
  limits = {};
  limits.depth = 2;
  CHECK(problem("lldeee", limits) == "bencode: nested too deeply at byte 2");
  CHECK(problem("llelelee", limits).empty());
  limits.depth = 0;
  CHECK(problem("i1e", limits).empty());
  CHECK(problem("le", limits) == "bencode: nested too deeply at byte 0");
  limits = {};
  limits.tokens = 4;
  CHECK(problem("d1:ai1e1:bi2ee", limits) == "bencode: too many values at byte 10");
  CHECK(problem("d1:alee", limits).empty());
}

TEST_CASE("ten megabytes of openings cost nothing") {
  const auto start = std::chrono::steady_clock::now();
  CHECK(problem(std::string(10'000'000, 'l')) == "bencode: nested too deeply at byte 32");
  std::string chain;
  while (chain.size() < 10'000'000) chain += "d1:a";
  CHECK(problem(chain) == "bencode: nested too deeply at byte 128");
  CHECK(problem(std::string(10'000'000, '1')) == "bencode: a number of too many digits at byte 19");
  // Even without a limit of depth nothing recurses.
  Limits deep;
  deep.depth = 1 << 20;
  const std::string nested = std::string(1 << 20, 'l') + std::string(1 << 20, 'e');
  CHECK(problem(nested, deep).empty());
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2 * slowness));
}

TEST_CASE("the writer gives back what a strict reader took") {
  for (const std::string input :
       {"de", "le", "i-12e", "0:", "d1:ad1:bl1:ci0eleee1:d3:xyze", "lli1eed0:0:eli2eee"}) {
    bencode::Writer writer;
    const auto document = bencode::parse(input, strict()).value();
    rewrite(document.root(), writer);
    CHECK(writer.take() == input);
  }
}

TEST_CASE("the writer passes on raw values and takes any bytes") {
  bencode::Writer writer;
  writer.begin_dictionary().key("a").raw("li1ee").key("b").string(std::string("\0\xff", 2)).end();
  CHECK(writer.take() == std::string("d1:ali1ee1:b2:\0\xff"
                                     "e",
                                     17));
  writer.integer(INT64_MIN);
  CHECK(writer.take() == "i-9223372036854775808e");
}

TEST_CASE("every damaged form of a document is refused or read within bounds") {
  const std::string good = "d4:listli1ei-2e3:abcd1:xi3eee4:name5:helloe";
  Random random(1);
  for (std::size_t length = 0; length < good.size(); ++length) {
    CHECK(bencode::parse(good.substr(0, length)).has_error());
  }
  for (int round = 0; round < 20000; ++round) {
    std::string bad = good;
    for (std::uint64_t i = random.below(3) + 1; i > 0; --i) {
      bad[random.below(bad.size())] = "dlie:0123456789-x"[random.below(17)];
    }
    const auto document = bencode::parse(bad);
    if (!document) continue;
    REQUIRE(document->root().raw() == bad);
    REQUIRE(document->root().size() <= bad.size());
  }
}
