#include "torrent/fetch_ahead.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

using namespace barter;

namespace {

// A cache of a thousand bytes, and what was asked of it.
struct Cache {
  std::vector<bool> there = std::vector<bool>(1000);
  std::vector<bool> ours = std::vector<bool>(1000);  // fetched and not dropped
  std::string asked;

  bool has(std::uint64_t offset) const { return there.at(offset); }
  void fetch(std::uint64_t offset, std::uint64_t length) {
    asked += "+" + std::to_string(offset) + ":" + std::to_string(length) + " ";
    for (std::uint64_t i = offset; i < offset + length; ++i) there.at(i) = ours.at(i) = true;
  }
  void drop(std::uint64_t offset, std::uint64_t length) {
    asked += "-" + std::to_string(offset) + ":" + std::to_string(length) + " ";
    for (std::uint64_t i = offset; i < offset + length; ++i) {
      CHECK(ours.at(i));  // what others had there is not touched
      there.at(i) = ours.at(i) = false;
    }
  }
  std::string take() { return std::exchange(asked, {}); }
};

// A reader of ten bytes at a time, who sees what is missing as SourceFile does.
void read(FetchAhead& ahead, Cache& cache, std::uint64_t from, std::uint64_t to,
          std::uint64_t end) {
  for (std::uint64_t at = from; at < to; at += 10) {
    std::uint64_t got = 0;
    while (got < 10 && cache.there[at + got]) ++got;
    ahead.reader_at(at + got, end, got < 10, cache);
  }
}

}  // namespace

TEST_CASE("a cold reader is kept one to two steps behind what is fetched", "[fetch_ahead]") {
  FetchAhead ahead(100);
  Cache cache;
  ahead.reader_at(0, 450, true, cache);
  CHECK(cache.take() == "+0:100 ");
  ahead.reader_at(10, 450, false, cache);
  CHECK(cache.take() == "+100:100 ");
  for (std::uint64_t at = 20; at < 100; at += 10) ahead.reader_at(at, 450, false, cache);
  CHECK(cache.take().empty());
  ahead.reader_at(100, 450, false, cache);
  CHECK(cache.take() == "-0:100 +200:100 ");
  read(ahead, cache, 100, 450, 450);
  CHECK(cache.take() == "-100:100 +300:100 -200:100 +400:50 -300:100 ");
  ahead.stop(cache);
  CHECK(cache.take() == "-400:50 ");
  ahead.stop(cache);
  CHECK(cache.take().empty());
}

TEST_CASE("what is in memory is neither fetched nor dropped", "[fetch_ahead]") {
  FetchAhead ahead(100);
  Cache cache;
  cache.there.assign(1000, true);
  read(ahead, cache, 0, 1000, 1000);
  ahead.stop(cache);
  CHECK(cache.take().empty());
}

TEST_CASE("islands in memory stay, but for a step that reaches them", "[fetch_ahead]") {
  // At every place relative to the steps and the reads.
  for (std::uint64_t begin = 0; begin < 400; begin += 7) {
    for (const std::uint64_t length : {1, 10, 95, 100, 130, 300}) {
      FetchAhead ahead(100);
      Cache cache;
      for (std::uint64_t i = begin; i < begin + length; ++i) cache.there[i] = true;
      read(ahead, cache, 0, 700, 700);
      ahead.stop(cache);
      CAPTURE(begin, length);
      for (std::uint64_t i = 0; i < 1000; ++i) {
        const bool kept = i >= begin + 100 && i < begin + length;
        if (kept != cache.there[i] && (kept || i < begin || i >= begin + length)) FAIL(i);
      }
    }
  }
}

TEST_CASE("a reader that goes elsewhere begins anew there", "[fetch_ahead]") {
  FetchAhead ahead(100);
  Cache cache;
  ahead.reader_at(200, 900, true, cache);
  CHECK(cache.take() == "+200:100 ");
  ahead.reader_at(700, 900, true, cache);
  CHECK(cache.take() == "-200:100 +700:100 ");
  ahead.reader_at(0, 50, true, cache);
  CHECK(cache.take() == "-700:100 +0:50 ");
}
