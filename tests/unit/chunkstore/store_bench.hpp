// A torrent, a disk in memory and a store between them, for tests of the store.
#pragma once

#include <catch2/catch.hpp>

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "chunkstore/store.hpp"
#include "tests/unit/chunkstore/fake_files.hpp"
#include "tests/unit/chunkstore/sample.hpp"

namespace barter {

struct StoreBench {
  explicit StoreBench(Sample of) : sample(std::move(of)) {
    options.folder = "/data";
    options.state_folder = "/state";
  }

  std::string path(const std::string& name) const { return "/data/t/" + name; }
  std::string at(const std::string& name) const { return files.content(path(name)); }
  void put(const std::string& name, const std::string& content) { files.put(path(name), content); }
  std::string file(std::size_t index) const { return sample.file(index); }

  std::unique_ptr<Store> open() {
    auto opened = Store::open(sample.metainfo, options, files);
    REQUIRE(ok(opened));
    return std::move(*opened);
  }
  // And what may be right is hashed.
  std::unique_ptr<Store> checked() {
    auto store = open();
    for (const PieceIndex piece : store->report().unchecked) REQUIRE(ok(store->check_piece(piece)));
    return store;
  }
  std::unique_ptr<Store> begun() {
    auto store = checked();
    REQUIRE(ok(store->begin()));
    return store;
  }
  void store(Store& store, std::uint32_t piece) {
    const auto outcome = barter::store(store, sample, PieceIndex{piece});
    INFO(outcome.message);
    REQUIRE(outcome.result == StoreResult::stored);
  }
  // And made durable.
  void store(Store& store, std::initializer_list<std::uint32_t> pieces) {
    for (const std::uint32_t piece : pieces) this->store(store, piece);
    REQUIRE(ok(store.sync()));
  }
  bool reads(Store& store, std::uint32_t piece) {
    return reads_right(store, sample, PieceIndex{piece});
  }

  FakeFiles files{1};
  Sample sample;
  StoreOptions options;
};

// Three files; piece by piece: a has 0 1, b has 1 2 3, c has 3 4 5 6.
inline Sample make_three_files() {
  return make_sample({{"a", 50'000}, {"b", 50'000}, {"c", 100'000}}, 2 * block_length);
}

}  // namespace barter
