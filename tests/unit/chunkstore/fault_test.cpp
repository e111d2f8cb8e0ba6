// The store on a disk that is full, or fails: at every operation, once or for a while.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <set>

#include "chunkstore/store.hpp"
#include "tests/unit/chunkstore/fake_files.hpp"
#include "tests/unit/chunkstore/sample.hpp"

using namespace barter;

namespace {

constexpr std::uint32_t piece_bytes = 2 * block_length;

// Downloads the sample whatever happens, as an owner would: what fails is tried again. Returns how
// often something failed.
class Owner {
 public:
  Owner(FakeFiles& files, const Sample& sample) : files_(files), sample_(sample) {
    options_.folder = "/data";
    options_.state_folder = "/state";
    options_.part_names = true;
  }

  int download() {
    while (!open()) note();
    for (int round = 0; store_->report().have.size() != have_.size(); ++round) {
      REQUIRE(round < 20);
      store_all();
      for (auto done = store_->sync(); !done; done = store_->sync()) {
        note();
        REQUIRE(failures_ < 100);
      }
      for (const PieceIndex piece : store_->find_changes()) {
        have_.erase(piece);
        const auto right = store_->check_piece(piece);
        if (right && *right) have_.insert(piece);
      }
    }
    while (!store_->sync()) note();  // what was found right again gets its name
    return failures_;
  }
  Store& store() { return *store_; }
  const std::set<PieceIndex>& have() const { return have_; }
  std::string last_message;

 private:
  void note() { ++failures_; }

  bool open() {
    have_.clear();
    store_.reset();
    auto opened = Store::open(sample_.metainfo, options_, files_);
    if (!opened) {
      last_message = opened.error().message;
      REQUIRE(failures_ < 100);
      return false;
    }
    store_ = std::move(*opened);
    for (std::uint32_t i = 0; i < store_->report().have.size(); ++i) {
      if (store_->report().have.test(i)) have_.insert(PieceIndex{i});
    }
    for (const PieceIndex piece : store_->report().unchecked) {
      const auto right = store_->check_piece(piece);
      if (!right) return false;
      if (*right) have_.insert(piece);
    }
    const auto begun = store_->begin();
    if (!begun) {
      last_message = begun.error().message;
      CHECK(begun.error().code != Errc::already_exists);
      return false;
    }
    return true;
  }

  void store_all() {
    BlockPool pool(16);
    for (std::uint32_t i = 0; i < sample_.layout().piece_count(); ++i) {
      const PieceIndex piece{i};
      if (have_.contains(piece)) continue;
      auto blocks = sample_.blocks(pool, piece);
      // Every other piece goes by way of the spill file.
      if (i % 2 == 1 && store_->spill_block({piece, 0}, blocks[0])) blocks[0] = {};
      const auto outcome = store_->store_piece(piece, blocks, false);
      REQUIRE(outcome.result != StoreResult::hash_mismatch);
      if (outcome.result == StoreResult::stored) {
        have_.insert(piece);
        CHECK(reads_right(*store_, sample_, piece));
      } else {
        note();
        CHECK_FALSE(outcome.message.empty());
        store_->drop_spilled(piece);
      }
    }
  }

  FakeFiles& files_;
  const Sample& sample_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  std::set<PieceIndex> have_;
  int failures_ = 0;
};

Sample sample_of_files() {
  return make_sample({{"a", 50'000}, {"sub/b", 40'000}, {"c", 0}, {"d", 60'000}}, piece_bytes);
}

void check_whole(const FakeFiles& files, const Sample& sample) {
  for (std::size_t i = 0; i < sample.metainfo->files().size(); ++i) {
    CHECK(files.content("/data/" + sample.metainfo->files()[i].path) == sample.file(i));
  }
}

}  // namespace

TEST_CASE("Every operation that fails once is survived") {
  const Sample sample = sample_of_files();
  std::uint64_t last = 0;
  {
    FakeFiles files(1);
    CHECK(Owner(files, sample).download() == 0);
    last = files.operations();
  }
  REQUIRE(last > 40);
  for (const Errc code : {Errc::no_space, Errc::io_error}) {
    for (std::uint64_t length = 1; length <= 3; ++length) {
      for (std::uint64_t at = 1; at <= last; ++at) {
        INFO(to_string(code) << " at operation " << at << ", " << length << " times");
        FakeFiles files(at);
        files.fail(at, at + length, code);
        {
          Owner owner(files, sample);
          owner.download();
          check_whole(files, sample);
        }
        // And nothing of it misleads the next run.
        files.fail(0, 0, code);
        StoreOptions options;
        options.folder = "/data";
        options.state_folder = "/state";
        const auto again = Store::open(sample.metainfo, options, files);
        REQUIRE(ok(again));
        for (std::uint32_t i = 0; i < sample.layout().piece_count(); ++i) {
          if ((*again)->report().have.test(i)) CHECK(reads_right(**again, sample, PieceIndex{i}));
        }
      }
    }
  }
}

TEST_CASE("A disk that fills stops the download, and room lets it go on") {
  const Sample sample = sample_of_files();
  FakeFiles files(1);
  StoreOptions options;
  options.folder = "/data";
  options.state_folder = "/state";
  auto opened = Store::open(sample.metainfo, options, files);
  REQUIRE(ok(opened));
  Store& store = **opened;
  REQUIRE(ok(store.begin()));
  CHECK(barter::store(store, sample, PieceIndex{0}).result == StoreResult::stored);
  files.set_capacity(60'000);
  int stored = 1;
  for (std::uint32_t i = 1; i < sample.layout().piece_count(); ++i) {
    const auto outcome = barter::store(store, sample, PieceIndex{i});
    if (outcome.result == StoreResult::stored) {
      ++stored;
      continue;
    }
    CHECK(outcome.result == StoreResult::no_space);
    CHECK_FALSE(reads_right(store, sample, PieceIndex{i}));
  }
  CHECK(stored < 3);
  CHECK_FALSE(store.has_space(100'000));
  CHECK(reads_right(store, sample, PieceIndex{0}));
  CHECK(store.find_changes().empty());
  files.set_capacity(1'000'000);
  CHECK(store.has_space(100'000));
  for (std::uint32_t i = 1; i < sample.layout().piece_count(); ++i) {
    CHECK(barter::store(store, sample, PieceIndex{i}).result == StoreResult::stored);
  }
  REQUIRE(ok(store.sync()));
  CHECK(store.find_changes().empty());
  check_whole(files, sample);
}

TEST_CASE("Too little space is said before anything is touched") {
  const Sample sample = sample_of_files();
  FakeFiles files(1);
  files.set_capacity(100'000);
  StoreOptions options;
  options.folder = "/data";
  options.state_folder = "/state";
  const auto refused = Store::open(sample.metainfo, options, files);
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == Errc::no_space);
  CHECK(refused.error().message.find("146.5 KiB") != std::string::npos);
  CHECK(refused.error().message.find("/data") != std::string::npos);
  CHECK_FALSE(files.exists("/data/t/a"));
  options.selected = {true, false, false, false};
  CHECK(Store::open(sample.metainfo, options, files).has_value());
}

TEST_CASE("After a failed sync nothing of its time is trusted") {
  const Sample sample = sample_of_files();
  FakeFiles files(1);
  StoreOptions options;
  options.folder = "/data";
  options.state_folder = "/state";
  auto opened = Store::open(sample.metainfo, options, files);
  REQUIRE(ok(opened));
  auto store = std::move(*opened);
  REQUIRE(ok(store->begin()));
  CHECK(barter::store(*store, sample, PieceIndex{0}).result == StoreResult::stored);
  REQUIRE(ok(store->sync()));
  CHECK(barter::store(*store, sample, PieceIndex{2}).result == StoreResult::stored);
  files.fail(files.operations() + 1, files.operations() + 2, Errc::io_error);
  CHECK(store->sync().has_error());
  CHECK(reads_right(*store, sample, PieceIndex{0}));
  CHECK_FALSE(reads_right(*store, sample, PieceIndex{2}));
  CHECK(store->find_changes() == std::vector<PieceIndex>{PieceIndex{2}});
  CHECK(*store->check_piece(PieceIndex{2}));
  CHECK(reads_right(*store, sample, PieceIndex{2}));
}
