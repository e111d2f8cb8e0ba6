// Two torrents that write one file see each other.
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "chunkstore/file_set.hpp"
#include "chunkstore/posix_files.hpp"
#include "chunkstore/store.hpp"
#include "chunkstore/written_files.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/unit/chunkstore/fake_files.hpp"
#include "tests/unit/chunkstore/sample.hpp"

using namespace barter;
using namespace barter::test;

namespace {

constexpr std::uint32_t piece_bytes = 2 * block_length;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

class NoWatch final : public WriteWatch {
 public:
  Result<void> before(std::uint32_t, const FileInfo&) override { return {}; }
  void after(std::uint32_t, const FileInfo&) override {}
};

Result<void> write(FileSet& set, std::uint64_t offset, std::string_view text) {
  const std::span<const std::byte> part = bytes_of(text);
  NoWatch watch;
  return set.write(offset, {&part, 1}, watch);
}

// Torrents of two files, of which the second has the same name.
struct Two {
  FakeFiles files{1};
  Sample first = make_sample({{"a", 50'000}, {"same", 100'000}}, piece_bytes, 1);
  Sample second = make_sample({{"z", 50'000}, {"same", 100'000}}, piece_bytes, 2);
  StoreOptions options;

  Two() {
    options.folder = "/data";
    options.state_folder = "/state";
  }
  std::unique_ptr<Store> open(const Sample& sample) {
    auto opened = Store::open(sample.metainfo, options, files);
    if (!opened) FAIL(opened.error().message);
    for (const PieceIndex piece : (*opened)->report().unchecked) {
      REQUIRE(ok((*opened)->check_piece(piece)));
    }
    return std::move(*opened);
  }
};

}  // namespace

TEST_CASE("A file is one owner's, by device, inode and birth") {
  WrittenFiles written;
  const int one = 0;
  const int other = 0;
  FileInfo info;
  info.device = 1, info.inode = 2, info.birth_ns = 3;
  REQUIRE(ok(written.claim(&one, "T", "a", info)));
  CHECK(ok(written.claim(&one, "T", "also a", info)));
  const auto refused = written.claim(&other, "U", "b", info);
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == Errc::locked);
  CHECK(refused.error().message.find("b is being written for T") != std::string::npos);
  FileInfo younger = info;
  younger.birth_ns = 4;
  CHECK(ok(written.claim(&other, "U", "c", younger)));
  written.release(&one);
  CHECK(written.size() == 1);
  CHECK(ok(written.claim(&other, "U", "b", info)));
}

TEST_CASE("Two torrents of one program do not write one file") {
  Two two;
  two.options.written = std::make_shared<WrittenFiles>();
  const auto first = two.open(two.first);
  REQUIRE(ok(first->begin()));
  {
    const auto second = two.open(two.second);
    const auto begun = second->begin();
    REQUIRE(begun.has_error());
    CHECK(begun.error().code == Errc::locked);
    CHECK(begun.error().message.find("t/same") != std::string::npos);
    CHECK_FALSE(two.files.exists("/data/t/z"));
  }
  for (std::uint32_t i = 0; i < two.first.layout().piece_count(); ++i) {
    CHECK(store(*first, two.first, PieceIndex{i}).result == StoreResult::stored);
  }
}

TEST_CASE("Two programs do not write one file at a time") {
  Two two;
  auto first = two.open(two.first);
  REQUIRE(ok(first->begin()));
  REQUIRE(store(*first, two.first, PieceIndex{2}).result == StoreResult::stored);
  SECTION("over one state folder") {}
  SECTION("over two") {
    two.options.state_folder = "/elsewhere";
  }
  two.options.existing = Existing::overwrite;
  {
    const auto second = two.open(two.second);
    const auto begun = second->begin();
    REQUIRE(begun.has_error());
    CHECK(begun.error().code == Errc::locked);
    CHECK(begun.error().message.find("t/same") != std::string::npos);
  }
  first.reset();
  CHECK(ok(two.open(two.second)->begin()));
}

TEST_CASE("A set is never in its own way, however few files it keeps open") {
  TemporaryFolder folder;
  const auto files = posix_files();
  std::vector<File> names;
  std::vector<FileSpan> spans;
  for (int i = 0; i < 6; ++i) {
    File file;
    file.path = std::to_string(i);
    file.length = 10'000;
    names.push_back(file);
    spans.push_back({static_cast<std::uint64_t>(i) * 10'000, 10'000, false});
  }
  const Layout layout(piece_bytes, spans, false);
  FileSet::Options options;
  options.max_open = 2;
  FileSet set(*files, layout, names, options);
  auto root = files->open_folder(folder.path(), false);
  REQUIRE(ok(root));
  set.set_root(std::move(*root));
  for (std::uint32_t file = 0; file < 6; ++file) REQUIRE(ok(set.create(file, false)));
  REQUIRE(ok(set.pin(0)));
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      const std::string text(100, static_cast<char>('a' + thread));
      for (int i = 0; i < 2000; ++i) {
        const auto at = static_cast<std::uint64_t>((i * 7 + thread) % 6) * 10'000;
        if (!write(set, at + static_cast<std::uint64_t>(thread) * 100, text)) ++failed;
        if (i % 50 == 0) (void)set.look_open(static_cast<std::uint32_t>(i % 6));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(failed == 0);
  CHECK(set.open_count() <= 2);
  SECTION("what is pinned stays locked, what is closed does not") {
    FileSet other(*files, layout, names, options);
    auto again = files->open_folder(folder.path(), false);
    REQUIRE(ok(again));
    other.set_root(std::move(*again));
    const auto refused = other.lock(0);
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == Errc::locked);
    CHECK(refused.error().message.find("another program is writing 0") != std::string::npos);
    int unlocked = 0;
    for (std::uint32_t file = 1; file < 6; ++file) unlocked += other.lock(file) ? 1 : 0;
    CHECK(unlocked >= 3);  // two are open in the first one
    CHECK(ok(write(set, 0, "ours still")));
  }
}
