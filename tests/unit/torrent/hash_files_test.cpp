#include "torrent/hash_files.hpp"
#include "torrent/hash_stream.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/temporary_folder.hpp"

using namespace barter;
using test::pattern;
using test::TemporaryFolder;

namespace {

// The specification read aloud, over bytes in memory: nothing shared with the code under test.
Sha256Digest slow_root(std::string_view bytes, std::size_t leaves) {
  std::vector<Sha256Digest> level;
  for (std::size_t at = 0; at < bytes.size(); at += block_length) {
    level.push_back(sha256(as_bytes(bytes.substr(at, block_length))));
  }
  level.resize(leaves);
  while (level.size() > 1) {
    std::vector<Sha256Digest> above;
    for (std::size_t i = 0; i < level.size(); i += 2) {
      above.push_back(
          sha256(as_bytes(std::string(level[i].view()) + std::string(level[i + 1].view()))));
    }
    level = above;
  }
  return level.at(0);
}

struct Data {
  std::vector<FileSpan> spans;
  std::vector<FileToHash> files;
  std::string bytes;  // all of them

  void add(const TemporaryFolder& folder, const std::string& name, const std::string& contents) {
    const std::string path = folder.write(name, contents);
    struct stat status {};
    REQUIRE(stat(path.c_str(), &status) == 0);
    spans.push_back({bytes.size(), contents.size(), false});
    files.push_back({path, SourceStamp::of(status)});
    bytes += contents;
  }
  void pad(std::size_t length) {
    spans.push_back({bytes.size(), length, true});
    files.push_back({});
    bytes += std::string(length, '\0');
  }
};

struct Outcome {
  std::map<std::uint32_t, PieceDigests> pieces;
  std::set<std::uint32_t> failed;
  std::vector<std::pair<std::size_t, Errc>> errors;
  std::uint64_t last_progress = 0;
  Result<void> result = Error{Errc::cancelled, ""};
};

Outcome run(const Data& data, std::uint32_t piece_length, bool v1, bool v2, bool aligned,
            unsigned threads, bool forgive = false) {
  const Layout layout(piece_length, data.spans, aligned);
  Outcome out;
  std::mutex mutex;
  HashFilesJob job;
  job.layout = &layout;
  job.files = data.files;
  job.v1 = v1;
  job.v2 = v2;
  job.threads = threads;
  job.on_piece = [&](PieceIndex piece, const PieceDigests* digests) {
    const std::lock_guard lock(mutex);
    const bool first = digests != nullptr ? out.pieces.emplace(to_number(piece), *digests).second
                                          : out.failed.insert(to_number(piece)).second;
    if (!first) out.errors.emplace_back(999, Errc::protocol);  // a piece reported twice
  };
  job.on_file_error = [&](std::size_t file, const Error& error) {
    const std::lock_guard lock(mutex);
    out.errors.emplace_back(file, error.code);
    return forgive;
  };
  job.progress = [&](std::uint64_t done) {
    out.last_progress = done;
    return true;
  };
  out.result = hash_files(job);
  return out;
}

}  // namespace

TEST_CASE("v1 pieces run across files of every size", "[hash_files]") {
  const TemporaryFolder folder;
  Data data;
  data.add(folder, "a", pattern(70'001, 1));
  data.add(folder, "empty", "");
  data.add(folder, "b", pattern(1, 2));
  data.add(folder, "c", pattern(3'000'000, 3));
  data.add(folder, "d", pattern(16'384, 4));
  for (const unsigned threads : {1u, 2u, 5u}) {
    for (const std::uint32_t piece_length : {16'384u, 49'152u, 1u << 20, 1u << 23}) {
      CAPTURE(threads, piece_length);
      const Outcome outcome = run(data, piece_length, true, false, false, threads);
      REQUIRE(outcome.result.has_value());
      REQUIRE(outcome.errors.empty());
      REQUIRE(outcome.pieces.size() == (data.bytes.size() + piece_length - 1) / piece_length);
      for (const auto& [piece, digests] : outcome.pieces) {
        const std::string_view bytes =
            std::string_view(data.bytes).substr(std::size_t{piece} * piece_length, piece_length);
        REQUIRE(digests.v1 == sha1(as_bytes(bytes)));
      }
      CHECK(outcome.last_progress == data.bytes.size());
    }
  }
}

TEST_CASE("a hybrid's pads count for v1, its files alone for v2", "[hash_files]") {
  const TemporaryFolder folder;
  constexpr std::uint32_t piece_length = 65'536;
  Data data;
  data.add(folder, "small", pattern(20'000, 1));  // one piece, two leaves
  data.pad(piece_length - 20'000);
  data.add(folder, "long", pattern(2 * piece_length + 40'000, 2));  // three pieces
  const bool aligned = GENERATE(false, true);
  const Outcome outcome = run(data, piece_length, !aligned, true, aligned, 2);
  REQUIRE(outcome.result.has_value());
  REQUIRE(outcome.pieces.size() == 4);
  const std::string_view all = data.bytes;
  CHECK(outcome.pieces.at(0).v2 == slow_root(all.substr(0, 20'000), 2));
  CHECK(outcome.pieces.at(1).v2 == slow_root(all.substr(piece_length, piece_length), 4));
  CHECK(outcome.pieces.at(3).v2 == slow_root(all.substr(3 * piece_length), 4));
  if (aligned) return;
  for (std::uint32_t i = 0; i < 4; ++i) {
    CHECK(outcome.pieces.at(i).v1 == sha1(as_bytes(all.substr(i * piece_length, piece_length))));
  }
}

TEST_CASE("a changed, short, vanished or unreadable file is an error", "[hash_files]") {
  const TemporaryFolder folder;
  Data data;
  data.add(folder, "a", pattern(100'000, 1));
  data.add(folder, "b", pattern(100'000, 2));
  Errc expected{};
  SECTION("vanished") {
    unlink((folder / "b").c_str());
    expected = Errc::not_found;
  }
  SECTION("truncated") {
    REQUIRE(truncate((folder / "b").c_str(), 99'999) == 0);
    expected = Errc::file_changed;
  }
  SECTION("grown") {
    REQUIRE(truncate((folder / "b").c_str(), 100'001) == 0);
    expected = Errc::file_changed;
  }
  SECTION("touched") {
    const timespec times[2] = {{0, UTIME_OMIT}, {1'000'000'000, 5}};
    REQUIRE(utimensat(AT_FDCWD, (folder / "b").c_str(), times, 0) == 0);
    expected = Errc::file_changed;
  }
  SECTION("replaced") {
    struct stat before {};
    REQUIRE(stat((folder / "b").c_str(), &before) == 0);
    folder.write("new", pattern(100'000, 2));
    const timespec times[2] = {{0, UTIME_OMIT}, before.st_mtim};
    REQUIRE(utimensat(AT_FDCWD, (folder / "new").c_str(), times, 0) == 0);
    std::filesystem::rename(folder / "new", folder / "b");
    expected = Errc::file_changed;
  }
  SECTION("a folder now") {
    unlink((folder / "b").c_str());
    std::filesystem::create_directory(folder / "b");
    expected = Errc::io_error;
  }
  for (const std::uint32_t piece_length : {16'384u, 1u << 20}) {
    const Outcome outcome = run(data, piece_length, true, false, false, 2);
    REQUIRE(outcome.result.has_error());
    CHECK(outcome.result.error().code == expected);
    CHECK(outcome.result.error().message.find(folder / "b") != std::string::npos);
  }
}

TEST_CASE("errors can be forgiven: the other pieces are hashed", "[hash_files]") {
  const TemporaryFolder folder;
  Data data;
  data.add(folder, "a", pattern(40'000, 1));
  data.add(folder, "b", pattern(40'000, 2));
  data.add(folder, "c", pattern(40'000, 3));
  unlink((folder / "b").c_str());
  const Outcome outcome = run(data, 16'384, true, false, false, 2, true);
  REQUIRE(outcome.result.has_value());
  CHECK(outcome.failed == std::set<std::uint32_t>{2, 3, 4});
  CHECK(outcome.pieces.size() == 5);
  for (const auto& [file, code] : outcome.errors) CHECK((file == 1 && code == Errc::not_found));
}

TEST_CASE("holes count as zeros", "[hash_files]") {
  const TemporaryFolder folder;
  constexpr std::uint32_t piece_length = 1 << 18;
  constexpr std::size_t size = (20 << 20) + 12'345;
  // Zeros but for a few bytes, on a piece's edge and in the midst of one.
  std::string contents(size, '\0');
  contents.replace(7 * piece_length - 3, 6, "across");
  contents.replace(40 * piece_length + 70'000, 4, "here");
  Data data;
  data.add(folder, "sparse", "");
  REQUIRE(truncate((folder / "sparse").c_str(), size) == 0);
  const int file = open((folder / "sparse").c_str(), O_WRONLY | O_CLOEXEC);
  for (const char* word : {"across", "here"}) {
    const auto at = contents.find(word);
    REQUIRE(pwrite(file, word, strlen(word), static_cast<off_t>(at)) > 0);
  }
  close(file);
  data.files[0].stamp.reset();
  data.spans[0].length = size;
  data.bytes = contents;
  const bool aligned = GENERATE(false, true);
  if (!aligned) data.pad(piece_length - size % piece_length);
  const Outcome outcome = run(data, piece_length, !aligned, true, aligned, 2);
  REQUIRE(outcome.result.has_value());
  REQUIRE(outcome.pieces.size() == size / piece_length + 1);
  CHECK(outcome.last_progress == size);
  const std::string_view all = data.bytes;
  for (const auto& [piece, digests] : outcome.pieces) {
    CAPTURE(piece);
    const std::size_t at = std::size_t{piece} * piece_length;
    CHECK(digests.v2 ==
          slow_root(all.substr(at, std::min<std::size_t>(piece_length, size - at)), 16));
    if (!aligned) CHECK(digests.v1 == sha1(as_bytes(all.substr(at, piece_length))));
  }
}

TEST_CASE("a sparse TiB takes no time", "[hash_files]") {
  const TemporaryFolder folder;
  Data data;
  data.add(folder, "a", "x");
  REQUIRE(truncate((folder / "a").c_str(), std::int64_t{1} << 40) == 0);
  data.files[0].stamp.reset();
  data.spans[0].length = std::uint64_t{1} << 40;
  const Layout layout(64 << 20, data.spans, false);
  HashFilesJob job;
  job.layout = &layout;
  job.files = data.files;
  job.v1 = true;
  std::atomic<std::uint32_t> pieces = 0;
  job.on_piece = [&](PieceIndex, const PieceDigests* digests) { pieces += digests != nullptr; };
  const auto began = std::chrono::steady_clock::now();
  REQUIRE(hash_files(job).has_value());
  CHECK(pieces == layout.piece_count());
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(20));
}

TEST_CASE("a disk that turns has one reader, in order", "[hash_files]") {
  const TemporaryFolder folder;
  Data data;
  data.add(folder, "a", pattern(3 << 20, 1));
  data.add(folder, "b", pattern(1 << 20, 2));
  struct stat status {};
  REQUIRE(stat(data.files[0].path.c_str(), &status) == 0);
  const bool turns = GENERATE(true, false);
  folder.write("block/" + std::to_string(major(status.st_dev)) + ":" +
                   std::to_string(minor(status.st_dev)) + "/queue/rotational",
               turns ? "1\n" : "0\n");
  constexpr std::uint32_t piece_length = 16'384;
  const Layout layout(piece_length, data.spans, false);
  HashFilesJob job;
  job.layout = &layout;
  job.files = data.files;
  job.v1 = true;
  job.threads = 3;
  job.devices = folder / "block";
  std::mutex mutex;
  std::vector<std::uint32_t> order;
  std::set<std::thread::id> readers;
  bool right = true;
  job.on_piece = [&](PieceIndex piece, const PieceDigests* digests) {
    const std::lock_guard lock(mutex);
    order.push_back(to_number(piece));
    const auto at = std::size_t{to_number(piece)} * piece_length;
    right = right && digests != nullptr &&
            digests->v1 == sha1(as_bytes(std::string_view(data.bytes).substr(at, piece_length)));
    if (readers.insert(std::this_thread::get_id()).second && !turns) {
      // The others shall have their turn, however fast this one is.
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  };
  REQUIRE(hash_files(job).has_value());
  CHECK(right);
  REQUIRE(order.size() == 256);
  CHECK((readers.size() == 1) == turns);
  if (turns) CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("progress can cancel", "[hash_files]") {
  const TemporaryFolder folder;
  Data data;
  // Many pieces on few bytes: more than fit between two reports.
  data.add(folder, "a", pattern(1 << 20, 1));
  for (int i = 0; i < 4000; ++i) {
    data.spans.push_back({data.bytes.size(), 1 << 20, false});
    data.files.push_back(data.files[0]);
    data.spans.back().offset = std::uint64_t{1 << 20} * static_cast<unsigned>(i + 1);
  }
  const Layout layout(1 << 20, data.spans, false);
  HashFilesJob job;
  job.layout = &layout;
  job.files = data.files;
  job.v1 = true;
  job.on_piece = [](PieceIndex, const PieceDigests*) {};
  job.progress = [](std::uint64_t) { return false; };
  CHECK(hash_files(job).error().code == Errc::cancelled);
}

TEST_CASE("pieces of a stream", "[hash_files]") {
  const std::string bytes = pattern(3'333'333, 9);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  std::jthread writer([&] {
    std::string_view rest = bytes;
    while (!rest.empty()) {
      const auto written = write(ends[1], rest.data(), std::min<std::size_t>(rest.size(), 7'777));
      if (written <= 0) break;
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
    close(ends[1]);
  });
  std::vector<PieceDigests> pieces;
  const auto total =
      hash_stream(ends[0], 1 << 20, true, true,
                  [&](const PieceDigests& digests) { pieces.push_back(digests); }, {});
  close(ends[0]);
  REQUIRE(total.has_value());
  CHECK(*total == bytes.size());
  REQUIRE(pieces.size() == 4);
  const std::string_view all = bytes;
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(pieces[i].v1 == sha1(as_bytes(all.substr(i << 20, 1 << 20))));
    CHECK(pieces[i].v2 == slow_root(all.substr(i << 20, 1 << 20), 64));
  }
}

TEST_CASE("a stream shorter than a piece has a tree of its own size", "[hash_files]") {
  const TemporaryFolder folder;
  const std::string bytes = pattern(40'000, 9);
  const int file = open(folder.write("x", bytes).c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(file >= 0);
  std::vector<PieceDigests> pieces;
  const auto total =
      hash_stream(file, 1 << 20, false, true,
                  [&](const PieceDigests& digests) { pieces.push_back(digests); }, {});
  close(file);
  REQUIRE(total.has_value());
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].v2 == slow_root(bytes, 4));
}

TEST_CASE("a silent stream can be cancelled", "[hash_files]") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const auto total = hash_stream(
      ends[0], 1 << 20, true, false, [](const PieceDigests&) {},
      [](std::uint64_t) { return false; });
  close(ends[0]);
  close(ends[1]);
  CHECK(total.error().code == Errc::cancelled);
}
