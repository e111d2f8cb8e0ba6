// The store against a machine that stops at every operation: killed, or without power.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <set>

#include "chunkstore/store.hpp"
#include "tests/unit/chunkstore/fake_files.hpp"
#include "tests/unit/chunkstore/sample.hpp"
#include "torrent/random.hpp"

using namespace barter;

namespace {

constexpr std::uint32_t piece_bytes = 2 * block_length;
enum class Mode { kill, power, both };

// What the world was promised, and what may be in doubt.
struct Ledger {
  std::set<PieceIndex> stored, durable;  // durable: before the last sync that ended
  std::set<PieceIndex> doubtful;         // being written, or written since that sync
  std::optional<PieceIndex> writing;
  std::set<BlockRef> spilled, spilled_durable;
  bool begun = false;
};

// A machine with a torrent on it, living through several runs of the program.
class Machine {
 public:
  Machine(std::uint64_t seed, Mode mode)
      : files(seed),
        random_(seed),
        mode_(mode),
        sample_(make_sample({{"a", 50'000},
                             {"sub/b", 40'000},
                             {"empty", 0},
                             {"sub/.pad", 5'536, true},
                             {"sub/deep/c", 100'000},
                             {"d", 1},
                             {"e", 33'000}},
                            piece_bytes, seed)) {
    options_.folder = "/data";
    options_.state_folder = "/state";
    if (seed % 3 == 1 && seed % 5 != 4)
      options_.selected = {true, false, true, true, true, true, true};
    if (seed % 4 == 1) options_.allocation = Allocation::full;
    options_.part_names = seed % 8 < 6;
    if (seed % 2 == 1) options_.max_open_files = 2;
    if (seed % 2 == 0) options_.sync_singly = 0;
    files.set_joint_sync(seed % 8 != 0);
    // The disk of the state fills now and then. What is there may be anybody's after that.
    state_fills_ = seed % 5 == 4;
    if (state_fills_) options_.existing = Existing::overwrite;
    for (std::uint32_t i = 0; i < sample_.layout().piece_count(); ++i) {
      if (wanted(PieceIndex{i})) wanted_.push_back(PieceIndex{i});
    }
  }

  // One run of the program. May end by FakeFiles::Crash.
  void run(int steps) {
    auto store = open();
    for (int i = 0; i < steps; ++i) step(*store);
  }
  // A run to the end; then everything must be there, and trusted.
  void finish() {
    files.fail_below("", {});
    {
      auto store = open();
      for (const PieceIndex piece : wanted_) {
        if (!ledger_.stored.contains(piece)) store_one(*store, piece);
      }
      sync(*store);
      CHECK(store->find_changes().empty());
    }
    for (std::size_t i = 0; i < sample_.metainfo->files().size(); ++i) {
      const File& file = sample_.metainfo->files()[i];
      const bool selected = options_.selected.empty() || options_.selected[i];
      CHECK(files.exists("/data/" + file.path) == (selected && !file.pad));
      // A part that was made while nothing could be noted may be anybody's: it stays.
      if (!state_fills_) {
        CHECK_FALSE(files.exists("/data/" + file.path + ".part"));
      }
      if (selected && !file.pad) CHECK(files.content("/data/" + file.path) == sample_.file(i));
    }
    const auto again = Store::open(sample_.metainfo, options_, files);
    REQUIRE(ok(again));
    CHECK((*again)->report().have.count() == wanted_.size());
    CHECK((*again)->report().unchecked.empty());
    CHECK((*again)->report().spilled.empty());
  }
  void stop() {
    const bool kill = mode_ == Mode::kill || (mode_ == Mode::both && random_.chance(1, 2));
    cut_ = cut_ || !kill;
    if (kill) {
      files.kill();
    } else {
      files.power_cut();
    }
  }

  FakeFiles files;

 private:
  bool wanted(PieceIndex piece) const {
    std::vector<FileRange> ranges;
    sample_.layout().file_ranges(sample_.layout().piece_offset(piece),
                                 sample_.layout().piece_size(piece), ranges);
    return std::any_of(ranges.begin(), ranges.end(), [&](const FileRange& range) {
      return (options_.selected.empty() || options_.selected[range.file]) &&
             !sample_.metainfo->files()[range.file].pad;
    });
  }

  std::unique_ptr<Store> open() {
    auto opened = Store::open(sample_.metainfo, options_, files);
    if (!opened && state_fills_) {  // no room for so much as a lock
      CHECK(opened.error().code == Errc::no_space);
      files.fail_below("", {});
      opened = Store::open(sample_.metainfo, options_, files);
    }
    REQUIRE(ok(opened));
    auto store = std::move(*opened);
    compare(*store);
    for (const PieceIndex piece : store->report().unchecked) {
      const auto right = store->check_piece(piece);
      REQUIRE(ok(right));
      // Without power even the answer of a check is lost until the next sync.
      if (mode_ == Mode::kill) ledger_.doubtful.erase(piece);
      if (!*right) continue;
      ledger_.stored.insert(piece);
      CHECK(reads_right(*store, sample_, piece));
    }
    beginning_ = true;
    auto begun = store->begin();
    if (!begun && state_fills_) {  // what protects the files of others must be written first
      CHECK(begun.error().code == Errc::no_space);
      files.fail_below("", {});
      begun = store->begin();
    }
    REQUIRE(ok(begun));
    beginning_ = false;
    ledger_.begun = true;
    for (const PieceIndex piece : store->begin_report().withdrawn) ledger_.stored.erase(piece);
    return store;
  }

  // After a stop: what was promised is there, and nothing else is hashed again.
  void compare(Store& store) {
    const OpenReport& report = store.report();
    if (ledger_.begun && !state_fills_) CHECK(report.resumed);
    if (!state_fills_) CHECK_FALSE(report.found_files);
    for (std::uint32_t i = 0; i < report.have.size(); ++i) {
      if (report.have.test(i)) CHECK(reads_right(store, sample_, PieceIndex{i}));
    }
    const auto& promised = !cut_ ? ledger_.stored : ledger_.durable;
    // After a mixture of stops only this much is asked: what is trusted is right. Pieces may have
    // to be hashed again that need not be.
    const bool strict = mode_ != Mode::both && !state_fills_;
    for (const PieceIndex piece : promised)
      if (strict) CHECK(report.have.test(to_number(piece)));
    std::set<PieceIndex> doubtful = ledger_.doubtful;
    if (!cut_) {
      for (const PieceIndex piece : ledger_.stored) doubtful.erase(piece);
    }
    if (ledger_.writing) doubtful.insert(*ledger_.writing);
    for (const PieceIndex piece : report.unchecked) {
      INFO("piece " << to_number(piece));
      // Files that were made, and not noted as they are, may hold anything.
      if (strict && !beginning_) CHECK(doubtful.contains(piece));
    }
    const auto& kept = !cut_ ? ledger_.spilled : ledger_.spilled_durable;
    const std::set<BlockRef> spilled(report.spilled.begin(), report.spilled.end());
    for (const BlockRef block : kept) {
      if (strict && !report.have.test(to_number(block.piece))) CHECK(spilled.contains(block));
    }
    ledger_.spilled = spilled;
    std::erase_if(ledger_.spilled_durable,
                  [&](const BlockRef block) { return !spilled.contains(block); });
    ledger_.stored.clear();
    for (std::uint32_t i = 0; i < report.have.size(); ++i) {
      if (report.have.test(i)) ledger_.stored.insert(PieceIndex{i});
    }
    ledger_.doubtful.insert(report.unchecked.begin(), report.unchecked.end());
    ledger_.writing.reset();
    cut_ = false;
  }

  void step(Store& store) {
    if (state_fills_ && random_.chance(1, 5)) {
      files.fail_below(random_.chance(1, 2) ? "/state" : "", Errc::no_space);
    }
    if (random_.chance(1, 4))
      files.advance(static_cast<std::int64_t>(random_.below(2'000'000'000)));
    const PieceIndex piece = wanted_[random_.below(wanted_.size())];
    switch (random_.below(8)) {
      case 0:
      case 1:
      case 2:
        if (!ledger_.stored.contains(piece)) store_one(store, piece);
        break;
      case 3:
      case 4:
        if (!ledger_.stored.contains(piece)) spill_one(store, piece);
        break;
      case 5:
        sync(store);
        break;
      case 6: {
        const auto changes = store.find_changes();
        CHECK(changes.empty());
        break;
      }
      case 7:
        if (random_.chance(1, 3)) {
          // Dropped or not, when the machine stops in the middle of it.
          for (std::uint32_t i = 0; i < 2; ++i) {
            ledger_.spilled_durable.erase({piece, i});
            ledger_.spilled.erase({piece, i});
          }
          store.drop_spilled(piece);
        }
        break;
    }
  }

  void store_one(Store& store, PieceIndex piece) {
    BlockPool pool(16);
    auto blocks = sample_.blocks(pool, piece);
    for (std::uint32_t i = 0; i < blocks.size(); ++i) {
      if (ledger_.spilled.contains({piece, i})) blocks[i] = {};
      ledger_.spilled_durable.erase({piece, i});
    }
    ledger_.writing = piece;
    ledger_.doubtful.insert(piece);
    const auto outcome = store.store_piece(piece, blocks, false);
    INFO(outcome.message);
    REQUIRE(outcome.result == StoreResult::stored);
    ledger_.writing.reset();
    ledger_.stored.insert(piece);
    for (std::uint32_t i = 0; i < blocks.size(); ++i) ledger_.spilled.erase({piece, i});
  }

  void spill_one(Store& store, PieceIndex piece) {
    BlockPool pool(16);
    const BlockRef block{
        piece, static_cast<std::uint32_t>(random_.below(sample_.layout().block_count(piece)))};
    if (sample_.layout().is_pad(block)) return;
    ledger_.spilled_durable.erase(block);
    const auto blocks = sample_.blocks(pool, piece);
    const auto done = store.spill_block(block, blocks[block.block]);
    if (state_fills_ && !done) return;
    REQUIRE(ok(done));
    ledger_.spilled.insert(block);
  }

  void sync(Store& store) {
    const auto done = store.sync();
    REQUIRE(ok(done));
    CHECK(store.unsynced_bytes() == 0);
    ledger_.durable = ledger_.stored;
    ledger_.doubtful.clear();
    ledger_.spilled_durable = ledger_.spilled;
  }

  Random random_;
  Mode mode_;
  bool state_fills_ = false;
  bool beginning_ = false;  // in begin(), or it was not left
  bool cut_ = false;        // the power, since the store was last looked at
  Sample sample_;
  StoreOptions options_;
  std::vector<PieceIndex> wanted_;
  Ledger ledger_;
};

// How many seeds: fewer under sanitizers.
std::uint64_t rounds(std::uint64_t normal) {
  return std::getenv("BARTER_SHORT") != nullptr ? (normal + 7) / 8 : normal;
}

void live_through_stops(std::uint64_t seed, Mode mode, std::uint64_t first_stop) {
  INFO("seed " << seed << ", "
               << (mode == Mode::kill    ? "kill"
                   : mode == Mode::power ? "power cut"
                                         : "either")
               << " at operation " << first_stop);
  Random random(seed * 1000 + first_stop);
  Machine machine(seed, mode);
  machine.files.crash_at(first_stop);
  for (int stops = 0; stops < 4; ++stops) {
    try {
      machine.run(25);
      machine.files.crash_at(0);
      break;
    } catch (const FakeFiles::Crash&) {
      machine.stop();
    }
    if (random.chance(1, 2)) {
      machine.files.crash_at(machine.files.operations() + 1 + random.below(40));
    }
  }
  machine.files.crash_at(0);
  machine.finish();
}

std::uint64_t operations_of(std::uint64_t seed) {
  Machine machine(seed, Mode::kill);
  machine.run(25);
  return machine.files.operations();
}

}  // namespace

TEST_CASE("A program killed at any operation goes on where it was") {
  for (std::uint64_t seed = 1; seed <= rounds(16); ++seed) {
    const std::uint64_t last = operations_of(seed);
    for (std::uint64_t stop = 1; stop <= last; ++stop) live_through_stops(seed, Mode::kill, stop);
  }
}

TEST_CASE("A power cut at any operation loses at most what was not synced") {
  for (std::uint64_t seed = 1; seed <= rounds(32); ++seed) {
    const std::uint64_t last = operations_of(seed);
    for (std::uint64_t stop = 1; stop <= last; ++stop) live_through_stops(seed, Mode::power, stop);
  }
}

TEST_CASE("What a killed program wrote is not called durable before it is") {
  for (std::uint64_t seed = 1; seed <= rounds(64); ++seed) {
    const std::uint64_t last = operations_of(seed);
    for (std::uint64_t stop = 1; stop <= last; ++stop) live_through_stops(seed, Mode::both, stop);
  }
}
