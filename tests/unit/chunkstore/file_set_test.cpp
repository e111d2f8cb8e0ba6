#include "chunkstore/file_set.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "chunkstore/posix_files.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/unit/chunkstore/fake_files.hpp"
#include "tests/unit/chunkstore/sample.hpp"

using namespace barter;
using namespace barter::test;

namespace {

class Unwatched final : public WriteWatch {
 public:
  Result<void> before(std::uint32_t, const FileInfo&) override { return {}; }
  void after(std::uint32_t, const FileInfo&) override {}
} unwatched;

// Files of these lengths one after the other.
struct Parts {
  std::vector<File> names;
  std::vector<FileSpan> spans;

  void add(const std::string& path, std::uint64_t length, bool pad = false) {
    File file;
    file.path = path;
    file.length = length;
    file.pad = pad;
    const std::uint64_t offset = spans.empty() ? 0 : spans.back().offset + spans.back().length;
    names.push_back(std::move(file));
    spans.push_back({offset, length, pad});
  }
  Layout layout() const { return Layout(block_length, spans, false); }
};

std::string read_all(FileSet& set, std::uint64_t offset, std::size_t size) {
  std::string out(size, '?');
  const auto done = set.read(offset, std::as_writable_bytes(std::span(out)), true);
  if (!done || !*done) return done ? "nothing" : done.error().message;
  return out;
}

}  // namespace

TEST_CASE("Files, pads and the side file are one range of bytes") {
  Parts parts;
  parts.add("t/a", 5);
  parts.add("t/pad", 3, true);
  parts.add("t/sub/b", 4);
  parts.add("t/c", 4);
  const Layout layout = parts.layout();
  FakeFiles files(1);
  const auto state = files.open_folder("/state", true);
  FileSet set(files, layout, parts.names, {});
  set.set_root(std::move(*files.open_folder("/root", true)));
  set.set_side_folder(&*state);
  set.set_aside(3, true);
  REQUIRE(ok(set.create(0, false)));
  REQUIRE(ok(set.create(2, false)));
  const std::string all("aaaaa\0\0\0bbbbcccc", 16);
  const std::span<const std::byte> bytes = std::as_bytes(std::span(all));
  const std::span<const std::byte> slices[] = {bytes.first(2), bytes.subspan(2, 9), bytes.last(5)};
  REQUIRE(ok(set.write(0, slices, unwatched)));
  CHECK(files.content("/root/t/a") == "aaaaa");
  CHECK(files.content("/root/t/sub/b") == "bbbb");
  CHECK_FALSE(files.exists("/root/t/pad"));
  CHECK_FALSE(files.exists("/root/t/c"));
  std::string side(12, '\0');
  side += "cccc";
  CHECK(files.content("/state/side") == side);
  CHECK(read_all(set, 0, 16) == all);
  CHECK(read_all(set, 4, 6) == all.substr(4, 6));
  CHECK(read_all(set, 12, 4) == "cccc");
  const auto touched = set.touched(4, 10);
  CHECK(touched.files == std::vector<FileSet::FileIndex>{0, 2});
  CHECK(touched.side);
  // Selected later, the file gets its bytes from the side file.
  REQUIRE(ok(set.create(3, false)));
  REQUIRE(ok(set.fetch_aside(3, 1, 3)));
  CHECK(files.content("/root/t/c") == std::string("\0ccc", 4));
}

TEST_CASE("A short or absent file is told from a failing disk") {
  Parts parts;
  parts.add("a", 10);
  parts.add("b", 10);
  const Layout layout = parts.layout();
  FakeFiles files(1);
  FileSet set(files, layout, parts.names, {});
  std::vector<std::byte> out(10);
  CHECK(set.read(0, out, true).error().code == Errc::not_found);
  set.set_root(std::move(*files.open_folder("/r", true)));
  files.put("/r/a", "12345");
  CHECK(set.read(0, out, true).error().code == Errc::file_changed);
  CHECK(set.read(10, out, true).error().code == Errc::not_found);
  CHECK(ok(set.read(0, std::span(out).first(5), true)));
  // A file that is not open might have to be waited for.
  set.close(0);
  const auto cached = set.read(0, std::span(out).first(5), false);
  REQUIRE(ok(cached));
  CHECK_FALSE(*cached);
}

TEST_CASE("A bounded number of files is open") {
  Parts parts;
  for (int i = 0; i < 100; ++i) parts.add("f" + std::to_string(i), 10);
  const Layout layout = parts.layout();
  FakeFiles files(1);
  FileSet set(files, layout, parts.names, {false, 16});
  set.set_root(std::move(*files.open_folder("/r", true)));
  for (std::uint32_t i = 0; i < 100; ++i) REQUIRE(ok(set.create(i, false)));
  const std::string text(1000, 'x');
  const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
  REQUIRE(ok(set.write(0, {&bytes, 1}, unwatched)));
  CHECK(read_all(set, 0, 1000) == text);
  CHECK(set.open_count() == 16);
  CHECK(files.open_files() == 16);
  CHECK(files.most_open_files() <= 17);
  // The one used last stays.
  std::vector<std::byte> out(10);
  CHECK(*set.read(990, out, false));
  CHECK_FALSE(*set.read(0, out, false));
}

TEST_CASE("Files with further hard links are not written to unless forced") {
  TemporaryFolder folder;
  write_file(folder / "elsewhere", "1234567890");
  std::filesystem::create_directory(folder / "r");
  std::filesystem::create_hard_link(folder / "elsewhere", folder / "r/a");
  Parts parts;
  parts.add("a", 10);
  const Layout layout = parts.layout();
  const auto files = posix_files();
  const std::string text = "abcdefghij";
  const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
  for (const bool force : {false, true}) {
    FileSet set(*files, layout, parts.names, {force, 4});
    set.set_root(std::move(*files->open_folder(folder / "r", false)));
    CHECK(read_all(set, 0, 4) == "1234");
    const auto wrote = set.write(0, {&bytes, 1}, unwatched);
    CHECK(wrote.has_value() == force);
    if (!force) CHECK(wrote.error().code == Errc::permission_denied);
    CHECK(read_file(folder / "elsewhere") == (force ? text : "1234567890"));
  }
}

TEST_CASE("Links are made only to the torrent's own files") {
  TemporaryFolder folder;
  write_file(folder / "r/t/taken", "mine");
  Parts parts;
  parts.add("t/sub/file", 4);
  const auto link = [&](const std::string& path, const std::string& target) {
    parts.add(path, 0);
    parts.names.back().symlink_target = target;
  };
  link("t/deep/link", "t/sub/file");
  link("t/folder", "t/sub");
  link("t/nowhere", "t/none");
  link("t/taken", "t/sub/file");
  link("t/chain", "t/folder");
  link("t/sub", "t/sub/file");
  const Layout layout = parts.layout();
  const auto files = posix_files();
  FileSet set(*files, layout, parts.names, {});
  set.set_root(std::move(*files->open_folder(folder / "r", false)));
  REQUIRE(ok(set.create(0, false)));
  CHECK_FALSE(set.is_real(1));
  REQUIRE(ok(set.make_links()));
  write_file(folder / "r/t/sub/file", "data");
  CHECK(read_file(folder / "r/t/deep/link") == "data");
  CHECK(read_file(folder / "r/t/folder/file") == "data");
  CHECK(read_file(folder / "r/t/taken") == "mine");
  CHECK_FALSE(std::filesystem::exists(std::filesystem::symlink_status(folder / "r/t/nowhere")));
  CHECK_FALSE(std::filesystem::exists(std::filesystem::symlink_status(folder / "r/t/chain")));
  CHECK(std::filesystem::is_directory(std::filesystem::symlink_status(folder / "r/t/sub")));
}
