#include "chunkstore/posix_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "chunkstore/posix_errors.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/unit/chunkstore/sample.hpp"
#include "torrent/random.hpp"

using namespace barter;
using namespace barter::test;
namespace fs = std::filesystem;

namespace {

struct Place {
  explicit Place(bool use_openat2) : files(posix_files(use_openat2)) {
    fs::create_directories(folder / "root");
    root = std::move(*files->open_folder(folder / "root", false));
  }
  std::string operator/(const std::string& name) const { return folder / ("root/" + name); }

  TemporaryFolder folder;
  std::unique_ptr<Files> files;
  FileHandle root;
};

Result<void> write_text(Files& files, const FileHandle& file, std::uint64_t at,
                        const std::string& text) {
  const std::span<const std::byte> part = std::as_bytes(std::span(text));
  return files.write(file, at, {&part, 1});
}

}  // namespace

TEST_CASE("Files are made, written and read beneath the root") {
  Place place(GENERATE(true, false));
  REQUIRE(ok(place.files->make_folders(place.root, "a/b")));
  const auto file = place.files->open(place.root, "a/b/c", OpenMode::create);
  REQUIRE(ok(file));
  // More parts than one call of the system takes.
  std::string bytes(5000, '\0');
  Random random(1);
  for (char& byte : bytes) byte = static_cast<char>(random.next());
  std::vector<std::span<const std::byte>> parts;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    parts.push_back(std::as_bytes(std::span(bytes).subspan(i, 2)));
  }
  REQUIRE(ok(place.files->write(*file, 7, parts)));
  std::string got(6000, '\0');
  const auto size = place.files->read(*file, 7, std::as_writable_bytes(std::span(got)));
  REQUIRE(ok(size));
  CHECK(*size == bytes.size());
  CHECK(got.substr(0, *size) == bytes);
  REQUIRE(ok(place.files->sync(*file)));
  REQUIRE(ok(place.files->sync_folder(place.root, "a/b")));
  REQUIRE(ok(place.files->rename(place.root, "a/b/c", "a/d")));
  CHECK(place.files->look(place.root, "a/b/c").error().code == Errc::not_found);
  CHECK(place.files->look(place.root, "a/d")->size == 5007);
  REQUIRE(ok(place.files->remove(place.root, "a/d")));
  REQUIRE(ok(place.files->remove(place.root, "a/b")));
  CHECK(place.files->look(place.root, "a")->kind == FileKind::folder);
  CHECK(place.files->open(place.root, "a/d", OpenMode::write).error().code == Errc::not_found);
}

TEST_CASE("No link is followed beneath the root") {
  Place place(GENERATE(true, false));
  write_file(place.folder / "outside/victim", "precious");
  fs::create_symlink(place.folder / "outside/victim", place / "final");
  fs::create_symlink(place.folder / "outside", place / "parent");
  fs::create_symlink(place.folder / "root", place / "self");
  for (const auto* path : {"final", "parent/victim", "parent/new", "self/new"}) {
    INFO(path);
    for (const auto mode : {OpenMode::read, OpenMode::write, OpenMode::create}) {
      const auto opened = place.files->open(place.root, path, mode);
      REQUIRE(opened.has_error());
      CHECK(opened.error().message.find(path) != std::string::npos);
      if (mode != OpenMode::read) CHECK(opened.error().code == Errc::permission_denied);
    }
  }
  CHECK(place.files->make_folders(place.root, "parent/x").has_error());
  CHECK(place.files->remove(place.root, "parent/victim").has_error());
  CHECK(place.files->rename(place.root, "parent/victim", "stolen").has_error());
  CHECK(place.files->make_link(place.root, "parent/link", "x").has_error());
  CHECK(place.files->look(place.root, "parent/victim").has_error());
  CHECK(place.files->look(place.root, "final")->kind == FileKind::link);
  CHECK(read_file(place.folder / "outside/victim") == "precious");
  CHECK_FALSE(fs::exists(place.folder / "outside/new"));
  CHECK_FALSE(fs::exists(place.folder / "outside/x"));
}

TEST_CASE("Links are followed beneath a folder that is only read") {
  const Place place(GENERATE(true, false));
  fs::create_directories(place.folder / "away/deep");
  place.folder.write("away/deep/a", "outside");
  place.folder.write("root/b", "inside");
  fs::create_symlink(place.folder / "away/deep/a", place / "far");
  fs::create_symlink("b", place / "near");
  fs::create_directory_symlink(place.folder / "away", place / "folder");
  fs::create_symlink("nowhere", place / "dangling");
  fs::create_symlink("self", place / "self");
  REQUIRE(::mkfifo((place.folder / "fifo").c_str(), 0600) == 0);
  fs::create_symlink(place.folder / "fifo", place / "pipe");
  const auto root = place.files->open_folder_to_read(place.folder / "root");
  REQUIRE(ok(root));
  for (const auto& [name, text] : {std::pair<std::string, std::string>{"far", "outside"},
                                   {"near", "inside"},
                                   {"folder/deep/a", "outside"}}) {
    INFO(name);
    const auto info = place.files->look(*root, name);
    REQUIRE(ok(info));
    CHECK(info->kind == FileKind::file);
    CHECK(info->size == text.size());
    const auto file = place.files->open(*root, name, OpenMode::read);
    REQUIRE(ok(file));
    CHECK(place.files->look(*file)->inode == info->inode);
    // Never to be written to.
    for (const auto mode : {OpenMode::write, OpenMode::create, OpenMode::create_new}) {
      CHECK(place.files->open(*root, name, mode).has_error());
    }
  }
  for (const char* name : {"dangling", "self"}) {
    CHECK(place.files->look(*root, name)->kind == FileKind::link);
    CHECK(place.files->open(*root, name, OpenMode::read).has_error());
  }
  CHECK(place.files->look(*root, "pipe")->kind == FileKind::other);
  CHECK(place.files->open(*root, "pipe", OpenMode::read).has_error());
  for (const char* name : {"../root/b", "folder/../../root/b", "/etc/passwd", "../away/deep/a"}) {
    CHECK(place.files->look(*root, name).has_error());
    CHECK(place.files->open(*root, name, OpenMode::read).has_error());
  }
}

TEST_CASE("Ten thousand hostile paths never leave the root") {
  Place place(GENERATE(true, false));
  write_file(place.folder / "a", "outside");
  fs::create_symlink("..", place / "l");
  fs::create_symlink("../..", place / "m");
  Random random(7);
  const std::vector<std::string> elements = {"a", "b", "..",  ".",       "",
                                             "l", "m", "...", "a/../..", "~"};
  for (int i = 0; i < 10'000; ++i) {
    std::string path = random.chance(1, 8) ? "/" : "";
    const std::uint64_t count = 1 + random.below(4);
    for (std::uint64_t n = 0; n < count; ++n) {
      if (n != 0) path += '/';
      path += elements[random.below(elements.size())];
    }
    const auto mode = random.chance(1, 2) ? OpenMode::create : OpenMode::write;
    if (random.chance(1, 4)) (void)place.files->make_folders(place.root, path);
    const auto file = place.files->open(place.root, path, mode);
    if (file) (void)write_text(*place.files, *file, 0, "x");
    if (random.chance(1, 3)) (void)place.files->remove(place.root, path);
  }
  CHECK(read_file(place.folder / "a") == "outside");
  std::vector<std::string> beside;
  for (const auto& entry : fs::directory_iterator(place.folder.path())) {
    beside.push_back(entry.path().filename().string());
  }
  std::sort(beside.begin(), beside.end());
  CHECK(beside == std::vector<std::string>{"a", "root"});
}

TEST_CASE("Nothing there, said of a new name in a folder that is there, refuses the name") {
  TemporaryFolder folder;
  fs::create_directories(folder / "it");
  const int it = ::open((folder / "it").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  REQUIRE(it >= 0);
  const Error refused = name_failure("create", "it/a:b?", ENOENT, it);
  CHECK(refused.code == Errc::invalid_name);
  CHECK(refused.message == "cannot create it/a:b?: the file system does not take this name");
  CHECK(name_failure("create", "it/a:b?", EINVAL, it).code == Errc::invalid_name);
  CHECK(name_failure("create", "it/a:b?", EACCES, it).code == Errc::permission_denied);
  CHECK(name_failure("create", "it/a:b?", ENOENT).code == Errc::not_found);
  fs::remove(folder / "it");  // and the folder is still open
  CHECK(name_failure("create", "it/a:b?", ENOENT, it).code == Errc::not_found);
  ::close(it);
}

TEST_CASE("What cannot be made since its folder has gone has no bad name") {
  Place place(GENERATE(true, false));
  CHECK(place.files->open(place.root, "gone/a", OpenMode::create_new).error().code ==
        Errc::not_found);
  fs::remove_all(place.folder / "root");
  CHECK(place.files->open(place.root, "a", OpenMode::create_new).error().code == Errc::not_found);
  CHECK(place.files->make_folders(place.root, "a/b").error().code == Errc::not_found);
}

TEST_CASE("What is no regular file is not opened, and does not hold us") {
  Place place(true);
  REQUIRE(::mkfifo((place / "fifo").c_str(), 0600) == 0);
  fs::create_directory(place / "folder");
  for (const auto* path : {"fifo", "folder"}) {
    CHECK(place.files->open(place.root, path, OpenMode::read).has_error());
    CHECK(place.files->open(place.root, path, OpenMode::create).has_error());
  }
}

TEST_CASE("Holes are found, and space is taken") {
  Place place(true);
  const auto file = place.files->open(place.root, "f", OpenMode::create);
  REQUIRE(ok(file));
  REQUIRE(ok(place.files->truncate(*file, 1 << 20)));
  CHECK(*place.files->next_data(*file, 0) == 1 << 20);
  REQUIRE(ok(write_text(*place.files, *file, 512 * 1024, "data")));
  CHECK(*place.files->next_data(*file, 0) == 512 * 1024);
  CHECK(*place.files->next_data(*file, 512 * 1024 + 1) == 512 * 1024 + 1);
  REQUIRE(ok(place.files->allocate(*file, 1 << 20)));
  CHECK(place.files->look(*file)->allocated >= 1 << 20);
}

TEST_CASE("A cached read gives all or nothing") {
  Place place(true);
  const auto file = place.files->open(place.root, "f", OpenMode::create);
  REQUIRE(ok(file));
  REQUIRE(ok(write_text(*place.files, *file, 0, "0123456789")));
  std::vector<std::byte> out(10);
  const auto all = place.files->read_cached(*file, 0, out);
  REQUIRE(ok(all));
  if (*all) CHECK(std::memcmp(out.data(), "0123456789", 10) == 0);
  CHECK_FALSE(*place.files->read_cached(*file, 5, out));
}

TEST_CASE("A lock is held by one, and ends with its handle") {
  Place place(true);
  auto first = place.files->open(place.root, "lock", OpenMode::create);
  const auto second = place.files->open(place.root, "lock", OpenMode::create);
  REQUIRE(ok(place.files->lock(*first, Files::Lock::exclusive)));
  CHECK(place.files->lock(*second, Files::Lock::exclusive).error().code == Errc::locked);
  *first = FileHandle();
  first = Error{Errc::cancelled, ""};
  CHECK(ok(place.files->lock(*second, Files::Lock::exclusive)));
}

TEST_CASE("Folders are named canonically as far as they exist") {
  Place place(true);
  fs::create_symlink("root", place.folder / "link");
  const std::string real = fs::canonical(place.folder.path()).string();
  CHECK(*place.files->canonical(place.folder / "link/x/y") == real + "/root/x/y");
  CHECK(*place.files->canonical(place.folder / "link/") == real + "/root");
  CHECK(*place.files->canonical(place.folder / "nowhere") == real + "/nowhere");
  CHECK(*place.files->canonical("/") == "/");
  CHECK(place.files->canonical(place.folder / "nowhere/../x").has_error());
  const auto made = place.files->open_folder(place.folder / "p/q/r", true);
  REQUIRE(ok(made));
  CHECK(fs::is_directory(place.folder / "p/q/r"));
  CHECK(place.files->open_folder(place.folder / "none", false).error().code == Errc::not_found);
}

TEST_CASE("What lies in a private folder is its owner's alone") {
  Place place(GENERATE(true, false));
  const auto mode = [](const fs::path& path) {
    return static_cast<unsigned>(fs::symlink_status(path).permissions());
  };
  const mode_t before = umask(0);
  fs::create_directories(place.folder / "state/old");
  fs::permissions(place.folder / "state/old", fs::perms(0755));
  place.folder.write("state/old/journal", "x");
  fs::permissions(place.folder / "state/old/journal", fs::perms(0644));
  for (const std::string name : {"state/old", "state/new/deep"}) {
    const auto folder = place.files->open_private_folder(place.folder / name);
    REQUIRE(ok(folder));
    REQUIRE(ok(place.files->open(*folder, "journal", OpenMode::create)));
    REQUIRE(ok(place.files->open(*folder, "spill", OpenMode::create, true)));
    CHECK(mode(place.folder / name) == 0700);
    CHECK(mode(place.folder / name / "journal") == 0600);
    CHECK(mode(place.folder / name / "spill") == 0600);
  }
  CHECK(mode(place.folder / "state/new") == 0700);
  REQUIRE(ok(place.files->open(place.root, "payload", OpenMode::create)));
  CHECK(mode(place / "payload") == 0666);
  umask(before);
  fs::create_directory_symlink(place.folder / "state/old", place.folder / "state/link");
  CHECK(!place.files->open_private_folder(place.folder / "state/link"));
}

TEST_CASE("An error of opening names the whole path") {
  Place place(GENERATE(true, false));
  REQUIRE(ok(place.files->make_folders(place.root, "a/lock")));
  REQUIRE(mkfifo((place / "a/pipe").c_str(), 0600) == 0);
  for (const std::string name : {"a/lock", "a/pipe", "a/none"}) {
    const auto opened = place.files->open(place.root, name, OpenMode::write);
    REQUIRE(!opened);
    CHECK(opened.error().message.find("cannot open " + (place / name) + ": ") == 0);
  }
}

TEST_CASE("A rename never takes the place of what is there unless it is told to") {
  Place place(GENERATE(true, false));
  write_file(place / "a", "a");
  write_file(place / "b", "b");
  fs::create_directory(place / "folder");
  for (const char* taken : {"b", "folder"}) {
    const auto done = place.files->rename_new(place.root, "a", taken);
    REQUIRE(done.has_error());
    CHECK(done.error().code == Errc::already_exists);
  }
  CHECK(read_file(place / "a") == "a");
  CHECK(read_file(place / "b") == "b");
  REQUIRE(ok(place.files->rename_new(place.root, "a", "folder/c")));
  CHECK(read_file(place / "folder/c") == "a");
  CHECK(fs::hard_link_count(place / "folder/c") == 1);
  CHECK_FALSE(fs::exists(place / "a"));
  CHECK(place.files->open(place.root, "folder", OpenMode::create_new).error().code ==
        Errc::already_exists);
}

TEST_CASE("A name that no file can have is told apart from other trouble") {
  Place place(GENERATE(true, false));
  const std::string name(256, 'x');
  CHECK(place.files->open(place.root, name, OpenMode::create_new).error().code ==
        Errc::invalid_name);
  CHECK(place.files->make_folders(place.root, name + "/a").error().code == Errc::invalid_name);
  CHECK(place.files->look(place.root, name).error().code == Errc::not_found);
  CHECK(place.files->open(place.root, name, OpenMode::read).error().code == Errc::not_found);
  write_file(place / "a", "a");
  CHECK(place.files->rename_new(place.root, "a", name).error().code == Errc::invalid_name);
}
