// Pieces that complete close together are stored together, and none is left behind.
#include "client/net/store_jobs.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "harness.hpp"
#include "troubled_files.hpp"

using namespace barter;
using namespace barter::testing;
using namespace std::chrono_literals;

namespace {

// One torrent's StoreJobs over a store of its own; this thread is its network thread.
struct Jobs {
  explicit Jobs(std::uint32_t piece_length, std::uint32_t pieces)
      : metainfo(make_torrent(
            from.path(), "data",
            {{"first", piece_length}, {"rest", std::uint64_t{pieces - 1} * piece_length}},
            piece_length)),
        store(open()),
        pool(std::size_t{pieces} * piece_length / block_length),
        jobs(disk, mailbox, context) {
    jobs.set_store(store, piece_length);
    jobs.set_owner(alive);
  }
  ~Jobs() {
    files->release();
    run_until([this] { return jobs.pending() == 0; });
  }

  std::shared_ptr<Store> open() {
    StoreOptions options;
    options.folder = to.path();
    auto opened = Store::open(metainfo, options, *files);
    REQUIRE(opened.has_value());
    REQUIRE((*opened)->begin().has_value());
    return std::move(*opened);
  }

  void add(std::uint32_t piece) {
    StorePiece action;
    action.piece = PieceIndex{piece};
    const Layout& layout = metainfo->layout();
    // Two pieces of one file are not written at once.
    const std::uint64_t offset = layout.piece_offset(action.piece);
    std::ifstream file(from / (piece == 0 ? "data/first" : "data/rest"), std::ios::binary);
    file.seekg(static_cast<std::streamoff>(piece == 0 ? 0 : offset - layout.piece_length()));
    for (std::uint32_t i = 0; i < layout.block_count(action.piece); ++i) {
      BlockBuffer block = pool.take();
      block.set_size(layout.block_size({action.piece, i}));
      file.read(reinterpret_cast<char*>(block.data()), block.size());
      action.blocks.push_back(std::move(block));
    }
    jobs.store(std::move(action), [this](PieceIndex which, const StoreOutcome& outcome, auto) {
      CHECK(outcome.result == StoreResult::stored);
      stored.push_back(to_number(which));
    });
  }

  template <class Condition>
  bool run_until(Condition condition, Duration limit = 10s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      context.restart();
      context.run_for(1ms);
    }
    return true;
  }

  Folder from, to;
  std::shared_ptr<TroubledFiles> files = std::make_shared<TroubledFiles>();
  std::shared_ptr<const Metainfo> metainfo;
  std::shared_ptr<Store> store;
  BlockPool pool;
  boost::asio::io_context context;
  std::shared_ptr<net::Mailbox> mailbox = std::make_shared<net::Mailbox>(context);
  std::shared_ptr<int> alive = std::make_shared<int>();
  net::DiskPool disk{2};
  net::StoreJobs jobs;
  std::vector<std::uint32_t> stored;
};

}  // namespace

TEST_CASE("a piece that comes alone is stored at once") {
  Jobs jobs(64 << 10, 2);
  jobs.add(1);
  CHECK(jobs.run_until([&] { return jobs.stored.size() == 1; }));
  CHECK(jobs.jobs.pending() == 0);
}

TEST_CASE("pieces gather while others are stored, up to the width of the hashes") {
  Jobs jobs(64 << 10, 64);
  const auto width = static_cast<std::uint32_t>(jobs.store->hash_width());
  if (width < 4) return;  // no lanes on this machine: each piece is its own job
  jobs.files->hang();
  jobs.add(0);
  REQUIRE(jobs.run_until([&] { return jobs.files->hanging() == 1; }));
  for (std::uint32_t i = 1; i < width; ++i) jobs.add(i);
  CHECK_FALSE(jobs.run_until([&] { return jobs.files->hanging() > 1; }, 100ms));
  jobs.add(width);  // as many as are hashed together: the other thread takes them
  CHECK(jobs.run_until([&] { return jobs.files->hanging() == 2; }));
  jobs.add(width + 1);
  jobs.files->release();
  CHECK(jobs.run_until([&] { return jobs.stored.size() == width + 2; }));
  std::sort(jobs.stored.begin(), jobs.stored.end());
  for (std::uint32_t i = 0; i < width + 2; ++i) CHECK(jobs.stored[i] == i);
}

TEST_CASE("large pieces do not wait for each other") {
  Jobs jobs(8 << 20, 3);
  jobs.files->hang();
  jobs.add(0);
  REQUIRE(jobs.run_until([&] { return jobs.files->hanging() == 1; }));
  jobs.add(1);
  CHECK(jobs.run_until([&] { return jobs.files->hanging() == 2; }));
  jobs.add(2);
  jobs.files->release();
  CHECK(jobs.run_until([&] { return jobs.stored.size() == 3; }));
  CHECK(same_content(*jobs.metainfo, jobs.from.path(), jobs.to.path()));
}
