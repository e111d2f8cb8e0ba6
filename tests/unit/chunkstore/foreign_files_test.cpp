// What is somebody else's, file by file, and what becomes of it.
#include <catch2/catch.hpp>

#include "chunkstore/earlier_work.hpp"
#include "chunkstore/file_origins.hpp"
#include "tests/unit/chunkstore/store_bench.hpp"

using namespace barter;

namespace {

constexpr std::uint32_t piece_bytes = 2 * block_length;

struct Bench : StoreBench {
  Bench() : StoreBench(make_three_files()) {}
  void complete(Store& store) {
    REQUIRE(ok(store.begin()));
    for (std::uint32_t i = 0; i < sample.layout().piece_count(); ++i) this->store(store, {i});
    for (std::size_t i = 0; i < sample.metainfo->files().size(); ++i) {
      CHECK(files.content("/data/" + sample.metainfo->files()[i].path) == sample.file(i));
    }
  }
  bool begins() { return ok(checked()->begin()); }
  // The paths that begin() says are in the way; it must fail.
  std::vector<std::string> in_the_way() {
    const auto store = checked();
    const auto begun = store->begin();
    REQUIRE(begun.has_error());
    CHECK(begun.error().code == Errc::already_exists);
    std::vector<std::string> out;
    for (const InTheWay& file : store->begin_report().in_the_way) out.push_back(file.path);
    REQUIRE_FALSE(out.empty());
    CHECK(begun.error().message.find(out.front()) != std::string::npos);
    return out;
  }
};

using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("A right file says nothing for those beside it") {
  Bench bench;
  bench.put("a", bench.file(0));
  bench.put("b", std::string(50'000, 'x'));
  bench.put("c", std::string(90'000, 'y'));
  SECTION("all that are foreign are named, and nothing is touched") {
    CHECK(bench.in_the_way() == Paths{"t/b", "t/c"});
    CHECK(bench.in_the_way() == Paths{"t/b", "t/c"});  // and not at the second try
  }
  SECTION("however small it is") {
    bench.sample = make_sample({{"a", 200'000}, {"readme.txt", 13}}, piece_bytes);
    bench.put("a", bench.file(0));
    bench.put("readme.txt", "read me first");
    CHECK(bench.in_the_way() == Paths{"t/readme.txt"});
    CHECK(bench.at("readme.txt") == "read me first");
  }
  SECTION("an older version is updated where the user says that it is one") {
    bench.options.existing = Existing::update;
    bench.complete(*bench.checked());
    return;
  }
  SECTION("and overwritten where it is forced") {
    bench.options.existing = Existing::overwrite;
    bench.complete(*bench.checked());
    return;
  }
  CHECK(bench.at("b") == std::string(bench.at("b").size(), 'x'));
  CHECK(bench.at("c") == std::string(bench.at("c").size(), 'y'));
}

TEST_CASE("A file shows by its own bytes that it is data of the torrent") {
  Bench bench;
  const std::string b = bench.file(1);
  SECTION("a piece of its own, without any neighbour") {
    bench.put("b", std::string(50'000, 'x').replace(15'536, piece_bytes, b, 15'536, piece_bytes));
    bench.complete(*bench.checked());
  }
  SECTION("the piece that it shares") {
    bench.put("a", bench.file(0));
    bench.put("b", b.substr(0, 15'536) + std::string(30'000, 'x'));
    bench.complete(*bench.checked());
  }
  SECTION("a shared piece of which it has little does not count") {
    bench.sample = make_sample({{"a", 65'000}, {"b", 50'000}}, piece_bytes);
    bench.put("a", bench.file(0));
    bench.put("b", bench.file(1).substr(0, 536) + std::string(40'000, 'x'));
    CHECK(bench.in_the_way() == Paths{"t/b"});
  }
  SECTION("nor does the last piece, of a few bytes") {
    bench.sample = make_sample({{"a", 65'540}}, piece_bytes);
    bench.put("a", std::string(65'536, 'x') + bench.file(0).substr(65'536));
    CHECK(bench.in_the_way() == Paths{"t/a"});
  }
  SECTION("complete, it may be as small as it likes") {
    bench.sample = make_sample({{"a", 200'000}, {"tiny", 3}}, piece_bytes);
    bench.put("a", bench.file(0));
    bench.put("tiny", bench.file(1));
    bench.complete(*bench.checked());
  }
}

TEST_CASE("What is empty or zeros is nobody's") {
  Bench bench;
  SECTION("empty") {
    bench.put("b", "");
    bench.complete(*bench.checked());
  }
  SECTION("zeros") {
    bench.put("b", std::string(50'000, '\0'));
    bench.complete(*bench.checked());
  }
  SECTION("zeros with right pieces between them") {
    bench.put("a", bench.file(0));
    bench.put("b", bench.file(1).substr(0, 15'536) + std::string(34'464, '\0'));
    bench.put("c", std::string(150'000, '\0'));
    bench.complete(*bench.checked());
  }
  SECTION("one byte among them is somebody's") {
    bench.put("b", std::string(49'999, '\0') + "!");
    CHECK(bench.in_the_way() == Paths{"t/b"});
  }
}

TEST_CASE("Zeros that are right prove nothing for the rest") {
  Bench bench;
  bench.sample = make_sample({{"z", 8 * piece_bytes, false, {}, true}}, piece_bytes);
  std::string image(8 * piece_bytes, '\0');
  SECTION("zeros alone are complete") {
    bench.put("z", image);
    CHECK(bench.checked()->report().unchecked.size() == 8);
    CHECK(bench.begins());
  }
  SECTION("the user's data lies between zeros") {
    image.replace(5 * piece_bytes, 4, "mine");
    bench.put("z", image);
    CHECK(bench.in_the_way() == Paths{"t/z"});
    CHECK(bench.at("z") == image);
  }
}

TEST_CASE("What is longer than in the torrent is not cut") {
  Bench bench;
  const std::string longer = bench.file(1) + "and what I added";
  SECTION("without a word") {
    bench.put("b", longer);
    CHECK(bench.in_the_way() == Paths{"t/b"});
    CHECK(bench.at("b") == longer);
  }
  SECTION("but as an older version") {
    bench.put("b", longer);
    bench.options.existing = Existing::update;
    bench.complete(*bench.checked());
  }
  SECTION("but of zeros") {
    bench.put("b", bench.file(1) + std::string(5000, '\0'));
    bench.complete(*bench.checked());
  }
  SECTION("and stays where it is not selected") {
    bench.put("b", longer);
    bench.options.selected = {true, false, true};
    const auto store = bench.checked();
    REQUIRE(ok(store->begin()));
    bench.store(*store, {0, 1, 3, 4, 5, 6});
    CHECK(bench.at("b") == longer);
  }
}

TEST_CASE("What barter wrote for another torrent is not foreign to the next") {
  Bench bench;
  bench.complete(*bench.checked());
  const Sample old = bench.sample;
  bench.sample = make_sample({{"a", 50'000}, {"b", 60'000}, {"c", 20'000}}, piece_bytes, 2);
  SECTION("as it left it") {
    bench.complete(*bench.checked());
    SECTION("again and again") {
      bench.sample = make_sample({{"a", 40'000}, {"b", 10'000}}, piece_bytes, 3);
      bench.complete(*bench.checked());
    }
  }
  SECTION("but if somebody touched it") {
    bench.put("b", old.file(1));
    CHECK(bench.in_the_way() == Paths{"t/b"});
  }
  SECTION("but if another state folder says so") {
    bench.options.state_folder = "/other";
    CHECK(bench.in_the_way() == Paths{"t/a", "t/b", "t/c"});
  }
}

TEST_CASE("What barter only took over is the user's still") {
  Bench bench;
  bench.put("a", bench.file(0));
  bench.put("b", bench.file(1));
  bench.complete(*bench.checked());
  bench.sample = make_sample({{"a", 50'000}, {"b", 60'000}, {"c", 20'000}}, piece_bytes, 2);
  CHECK(bench.in_the_way() == Paths{"t/a", "t/b"});
}

TEST_CASE("Kept files stay as they are, and the rest comes") {
  Bench bench;
  const std::string mine(48'000, 'x');
  bench.put("b", mine);
  bench.options.existing = Existing::keep;
  {
    const auto store = bench.checked();
    REQUIRE(ok(store->begin()));
    CHECK(store->begin_report().kept == std::vector<std::uint32_t>{1});
    bench.store(*store, {0, 1, 3, 4, 5, 6});
    for (const std::uint32_t piece : {1, 3})
      CHECK(reads_right(*store, bench.sample, PieceIndex{piece}));
    CHECK(store->find_changes().empty());
  }
  CHECK(bench.at("a") == bench.file(0));
  CHECK(bench.at("b") == mine);
  CHECK(bench.at("c") == bench.file(2));
  bench.options.existing = Existing::refuse;
  {
    const auto store = bench.checked();  // the next run behaves alike
    CHECK(store->report().have.count() == 6);
    CHECK(store->report().unchecked.empty());
    REQUIRE(ok(store->begin()));
    CHECK(store->begin_report().kept == std::vector<std::uint32_t>{1});
    for (const std::uint32_t piece : {1, 3})
      CHECK(reads_right(*store, bench.sample, PieceIndex{piece}));
  }
  SECTION("once they are gone they are fetched") {
    bench.files.remove_tree("/data/t/b");
    const auto store = bench.checked();
    bench.complete(*store);
    CHECK(store->begin_report().kept.empty());
  }
  SECTION("they are overwritten when forced") {
    bench.options.existing = Existing::overwrite;
    bench.complete(*bench.checked());
    bench.options.existing = Existing::refuse;
    const auto store = bench.checked();
    CHECK(store->report().have.all());
    REQUIRE(ok(store->begin()));
    CHECK(store->begin_report().kept.empty());
  }
  SECTION("a seed serves from beside them") {
    bench.options.read_only = true;
    const auto store = bench.checked();
    CHECK(reads_right(*store, bench.sample, PieceIndex{1}));
    CHECK_FALSE(reads_right(*store, bench.sample, PieceIndex{2}));
  }
  CHECK(bench.at("a") == bench.file(0));
}

TEST_CASE("Nothing is kept where nothing would be left, or nothing remembered") {
  Bench bench;
  bench.options.existing = Existing::keep;
  for (const char* name : {"a", "b", "c"}) bench.put(name, "mine");
  CHECK(bench.in_the_way() == Paths{"t/a", "t/b", "t/c"});
  bench.files.remove_tree("/data/t/c");
  CHECK(bench.begins());
  bench.options.state_folder.clear();
  CHECK(bench.checked()->begin().error().code == Errc::invalid_argument);
  CHECK(bench.at("a") == "mine");
}

TEST_CASE("Right pieces in a kept file are withdrawn, not looked for in the side file") {
  Bench bench;
  bench.sample = make_sample({{"a", 65'000}, {"b", 50'000}}, piece_bytes);
  bench.put("a", bench.file(0));
  const std::string mine = bench.file(1).substr(0, 536) + std::string(40'000, 'x');
  bench.put("b", mine);
  bench.options.existing = Existing::keep;
  const auto store = bench.checked();
  REQUIRE(ok(store->begin()));
  CHECK(store->begin_report().withdrawn == std::vector<PieceIndex>{PieceIndex{1}});
  CHECK_FALSE(reads_right(*store, bench.sample, PieceIndex{1}));
  bench.store(*store, {1});
  CHECK(reads_right(*store, bench.sample, PieceIndex{1}));
  CHECK(bench.at("b") == mine);
}

TEST_CASE("A file that was not selected is still the user's when it is") {
  Bench bench;
  const std::string mine(50'000, 'x');
  bench.put("b", mine);
  bench.options.selected = {true, false, false};
  {
    const auto store = bench.checked();
    REQUIRE(ok(store->begin()));
    bench.store(*store, {0, 1});
  }
  {
    const auto store = bench.checked();
    CHECK(store->report().have.count() == 2);
    REQUIRE(ok(store->begin()));
    CHECK(reads_right(*store, bench.sample, PieceIndex{1}));  // and not the user's bytes
  }
  CHECK(bench.at("b") == mine);
  bench.options.selected.clear();
  CHECK(bench.in_the_way() == Paths{"t/b"});
  CHECK(bench.at("b") == mine);
  bench.options.existing = Existing::overwrite;
  bench.complete(*bench.checked());
}

TEST_CASE("Unselected files are not written to, even where others are forced") {
  Bench bench;
  const std::string mine(50'000, 'x');
  bench.put("b", mine);
  bench.options.selected = {true, false, true};
  bench.options.existing = Existing::overwrite;
  const auto store = bench.checked();
  REQUIRE(ok(store->begin()));
  bench.store(*store, {0, 1, 3, 4, 5, 6});
  CHECK(bench.at("b") == mine);
}

TEST_CASE("An update needs something to be an older version of") {
  Bench bench;
  bench.put("a", "mine");
  bench.put("b", "also mine");
  bench.options.existing = Existing::update;
  CHECK(bench.in_the_way() == Paths{"t/a", "t/b"});
  CHECK(bench.at("a") == "mine");
  bench.put("c", bench.file(2).substr(0, 80'000) + std::string(20'000, 'x'));
  bench.complete(*bench.checked());
}

TEST_CASE("A file that comes after the look is not overwritten") {
  Bench bench;
  const std::string mine(50'000, 'x');
  const auto store = bench.checked();
  bench.put("b", mine);
  REQUIRE(store->begin().has_error());
  CHECK(store->begin_report().in_the_way.size() == 1);
  CHECK(bench.at("b") == mine);
  CHECK_FALSE(bench.files.exists("/data/t/a"));
}

TEST_CASE("A file of ours that somebody wrote over is not ours any more") {
  Bench bench;
  bench.complete(*bench.checked());
  const auto folder = bench.files.open_folder("/data", false);
  REQUIRE(ok(folder));
  const std::string mine(40'000, 'x');
  {
    const auto file = bench.files.open(*folder, "t/b", OpenMode::write, false);
    REQUIRE(ok(file));
    const std::span<const std::byte> part = std::as_bytes(std::span(mine));
    REQUIRE(ok(bench.files.write(*file, 0, {&part, 1})));
    SECTION("all of it") {
      REQUIRE(ok(bench.files.truncate(*file, mine.size())));
    }
    SECTION("the beginning of it") {
      REQUIRE(ok(bench.files.truncate(*file, 43'000)));
    }
  }
  const std::string now = bench.at("b");
  CHECK(bench.in_the_way() == Paths{"t/b"});
  CHECK(bench.in_the_way() == Paths{"t/b"});
  {
    bench.options.read_only = true;
    REQUIRE(ok(bench.checked()->begin()));
    bench.options.read_only = false;
  }
  CHECK(bench.in_the_way() == Paths{"t/b"});  // a seed does not make it ours again
  CHECK(bench.at("b") == now);
  bench.options.existing = Existing::update;
  bench.complete(*bench.checked());
  bench.options.existing = Existing::refuse;
  CHECK(bench.begins());
}

TEST_CASE("A file of ours that was changed in places is put right") {
  Bench bench;
  bench.complete(*bench.checked());
  const auto folder = bench.files.open_folder("/data", false);
  REQUIRE(ok(folder));
  {
    const auto file = bench.files.open(*folder, "t/b", OpenMode::write, false);
    REQUIRE(ok(file));
    const std::string some = "changed";
    const std::span<const std::byte> part = std::as_bytes(std::span(some));
    REQUIRE(ok(bench.files.write(*file, 3, {&part, 1})));
  }
  bench.complete(*bench.checked());
}

TEST_CASE("The state of an older version does not vouch for what it found") {
  Bench bench;
  const std::string mine(50'000, 'x');
  bench.put("b", mine);
  bench.options.selected = {true, false, false};
  std::string state;
  {
    const auto store = bench.checked();
    REQUIRE(ok(store->begin()));
    bench.store(*store, {0, 1});
  }
  const auto folder = bench.files.open_folder("/state", false);
  REQUIRE(ok(folder));
  const auto names = bench.files.list(*folder, 10);
  REQUIRE(ok(names));
  REQUIRE(names->size() == 1);
  bench.files.remove_tree("/state/" + names->front() + "/origins");
  bench.options.selected.clear();
  CHECK(bench.in_the_way() == Paths{"t/b"});
  bench.put("b", "");
  bench.complete(*bench.checked());  // a and its pieces are ours
}

TEST_CASE("Origins are read as they were written, or not at all") {
  FakeFiles files(1);
  const auto folder = files.open_folder("/state", true);
  REQUIRE(ok(folder));
  CHECK_FALSE(FileOrigins::load(files, *folder, 9).known());
  FileOrigins origins;
  REQUIRE(ok(origins.save(files, *folder)));
  CHECK(FileOrigins::load(files, *folder, 9).known());
  CHECK(FileOrigins::load(files, *folder, 9).all().empty());
  origins.set(0, FileOrigin::taken);
  origins.set(5, FileOrigin::kept);
  origins.set(8, FileOrigin::aside);
  REQUIRE(ok(origins.save(files, *folder)));
  CHECK(FileOrigins::load(files, *folder, 9).all() == origins.all());
  CHECK_FALSE(FileOrigins::load(files, *folder, 8).known());
  const std::string text = files.content("/state/origins");
  for (std::size_t size = 0; size < text.size(); ++size) {
    files.put("/state/origins", text.substr(0, size));
    CHECK_FALSE(FileOrigins::load(files, *folder, 9).known());
  }
  files.put("/state/origins", "barter origins 1\nmine 3\nend\n");
  CHECK_FALSE(FileOrigins::load(files, *folder, 9).known());
}

TEST_CASE("Origins that a newer version wrote are left alone") {
  Bench bench;
  {
    const auto store = bench.checked();
    bench.complete(*store);
  }
  const std::string newer = "barter origins 2\nwho knows\nend\n";
  std::string path;
  for (const std::string& name : bench.files.names()) {
    if (name.ends_with("/origins")) path = name;
  }
  REQUIRE_FALSE(path.empty());
  bench.files.put(path, newer);
  const auto refused = Store::open(bench.sample.metainfo, bench.options, bench.files);
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == Errc::unsupported);
  CHECK(refused.error().message.find(path) == 0);
  bench.options.read_only = true;
  CHECK(Store::open(bench.sample.metainfo, bench.options, bench.files).has_value());
  CHECK(bench.files.content(path) == newer);
}

TEST_CASE("A file that is put in the place of ours while we write is not written to") {
  Bench bench;
  auto store = bench.checked();
  REQUIRE(ok(store->begin()));
  bench.store(*store, {0, 1, 2});
  const bool of_same_size = GENERATE(true, false);
  const std::string mine(of_same_size ? 50'000 : 70'000, 'm');
  bench.put("b", mine);
  const bool found_by_look = GENERATE(true, false);
  if (found_by_look) {
    CHECK(store->find_changes().size() == 2);  // 1 and 2
    CHECK(store->changed_files() == Paths{"t/b"});
  } else {
    const auto outcome = barter::store(*store, bench.sample, PieceIndex{3});
    CHECK(outcome.result == StoreResult::refused);
    CHECK(outcome.message == "t/b was replaced by another program");
  }
  const auto replaced = store->replaced();
  REQUIRE(replaced);
  CHECK(replaced->message == "t/b was replaced by another program");
  CHECK(bench.at("b") == mine);
  REQUIRE(ok(store->sync()));
  store.reset();

  for (int run = 0; run < 2; ++run) {  // the second run is that of another day
    store = bench.checked();
    REQUIRE(ok(store->begin()));
    REQUIRE(store->begin_report().refused.size() == 1);
    CHECK(store->begin_report().refused.front().file == 1);
    for (std::uint32_t i = 0; i < bench.sample.layout().piece_count(); ++i) {
      if (i != 2) bench.store(*store, {i});  // it lies in b alone
    }
    CHECK(bench.at("b") == mine);
    CHECK(bench.at("a") == bench.file(0));
    CHECK(bench.at("c") == bench.file(2));
    store.reset();
  }
  SECTION("moved away, it makes room") {
    bench.files.remove_tree("/data/t/b");
    store = bench.checked();
    bench.complete(*store);
    CHECK(store->begin_report().refused.empty());
  }
  SECTION("forced, it is overwritten") {
    bench.options.existing = Existing::overwrite;
    store = bench.checked();
    bench.complete(*store);
  }
  SECTION("kept, it is no error") {
    bench.options.existing = Existing::keep;
    store = bench.checked();
    REQUIRE(ok(store->begin()));
    CHECK(store->begin_report().refused.empty());
    CHECK(store->begin_report().kept == std::vector<std::uint32_t>{1});
  }
}

TEST_CASE("What replaces a file of ours and is data of the torrent is taken over") {
  Bench bench;
  auto store = bench.checked();
  REQUIRE(ok(store->begin()));
  bench.store(*store, {0, 1, 2});
  bench.put("b", bench.file(1));
  (void)store->find_changes();
  CHECK(store->replaced());
  store.reset();
  store = bench.checked();
  CHECK(store->report().have.test(2) == false);  // it was hashed
  bench.complete(*store);
  CHECK(store->begin_report().refused.empty());
}

TEST_CASE("Where inodes are made up another inode is no other file") {
  Bench bench;
  bench.files.set_exact_times(false);
  auto store = bench.checked();
  REQUIRE(ok(store->begin()));
  bench.store(*store, {0, 1, 2});
  bench.put("b", std::string(50'000, 'm'));
  CHECK(store->find_changes().size() == 2);
  CHECK_FALSE(store->replaced());
  bench.complete(*store);
}

TEST_CASE("A replacement of all that is wanted is an error") {
  Bench bench;
  bench.options.selected = {false, true, false};
  auto store = bench.checked();
  REQUIRE(ok(store->begin()));
  bench.store(*store, {2});
  bench.put("b", std::string(50'000, 'm'));
  (void)store->find_changes();
  store.reset();
  store = bench.checked();
  const auto begun = store->begin();
  REQUIRE(begun.has_error());
  CHECK(begun.error().code == Errc::already_exists);
  CHECK(begun.error().message.find("t/b in /data was put in the place") == 0);
  CHECK(bench.at("b") == std::string(50'000, 'm'));
}

TEST_CASE("A folder that takes the place of ours while it is made anew is waited for") {
  Bench bench;
  auto store = bench.open();
  REQUIRE(ok(store->begin()));
  bench.store(*store, {0, 1, 2});
  bench.files.remove_tree("/data/t/b");
  bench.files.during_write([&] { bench.put("b/mine", "x"); });  // of the journal, before the file
  (void)store->find_changes();
  CHECK(store->absent_files() == Paths{"t/b"});
  CHECK(store->take_name_notes().empty());
  bench.files.remove_tree("/data/t/b");
  (void)store->find_changes();
  CHECK(store->absent_files().empty());
  for (std::uint32_t i = 0; i < bench.sample.layout().piece_count(); ++i) bench.store(*store, {i});
  CHECK(bench.at("b") == bench.file(1));
}
