// What files are called on the disk: part names, and disks with rules of their own for names.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cctype>
#include <set>

#include "chunkstore/store.hpp"
#include "tests/unit/chunkstore/fake_files.hpp"
#include "tests/unit/chunkstore/sample.hpp"

using namespace barter;

namespace {

using Kind = NameNote::Kind;
constexpr std::uint32_t piece_bytes = 2 * block_length;

std::string lower(const std::string& name) {
  std::string out = name;
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}
std::string without_tail(const std::string& name) {
  return name.substr(0, name.find_last_not_of(". ") + 1);
}

struct Bench {
  Sample sample;
  FakeFiles files{1};
  StoreOptions options;

  explicit Bench(const std::vector<SampleFile>& list) : sample(make_sample(list, piece_bytes)) {
    options.folder = "/data";
    options.state_folder = "/state";
    options.part_names = true;
  }
  std::unique_ptr<Store> open() {
    auto opened = Store::open(sample.metainfo, options, files);
    if (!opened) FAIL(opened.error().message);
    auto store = std::move(*opened);
    for (const PieceIndex piece : store->report().unchecked) {
      const auto right = store->check_piece(piece);
      REQUIRE(ok(right));
      if (*right) have.insert(piece);
    }
    for (std::uint32_t i = 0; i < store->report().have.size(); ++i) {
      if (store->report().have.test(i)) have.insert(PieceIndex{i});
    }
    return store;
  }
  std::unique_ptr<Store> begin() {
    auto store = open();
    const auto begun = store->begin();  // not within REQUIRE, which stops a Crash
    REQUIRE(ok(begun));
    return store;
  }
  void store_one(Store& store, std::uint32_t piece) {
    REQUIRE(barter::store(store, sample, PieceIndex{piece}).result == StoreResult::stored);
  }
  void store_all(Store& store) {
    for (std::uint32_t i = 0; i < sample.layout().piece_count(); ++i) store_one(store, i);
    REQUIRE(ok(store.sync()));
    CHECK(store.find_changes().empty());
  }
  bool is_there(const std::string& name, std::size_t file) const {
    return files.content("/data/t/" + name) == sample.file(file);
  }
  std::vector<Kind> kinds(Store& store) {
    std::vector<Kind> out;
    for (const auto& note : store.take_name_notes()) out.push_back(note.kind);
    return out;
  }
  // A later run finds all, and hashes nothing; so does a seed.
  void check_found() {
    for (const bool read_only : {false, true}) {
      options.read_only = read_only;
      have.clear();
      const auto store = open();
      CHECK(store->report().unchecked.empty());
      CHECK(store->report().have.all());
      CHECK(store->report().missing.empty());
      for (std::uint32_t i = 0; i < sample.layout().piece_count(); ++i) {
        CHECK(reads_right(*store, sample, PieceIndex{i}));
      }
      REQUIRE(ok(store->begin()));
      CHECK(store->take_name_notes().empty());
    }
    options.read_only = false;
  }

  std::set<PieceIndex> have;
};

// a has piece 0, b has 1 and 2, and there is an empty file.
Bench two_files() {
  return Bench({{"a", piece_bytes}, {"b", 2 * piece_bytes}, {"none", 0}});
}

}  // namespace

TEST_CASE("A file has its final name when it is whole and durable, not before") {
  Bench bench = two_files();
  {
    const auto store = bench.begin();
    CHECK(bench.files.exists("/data/t/a.part"));
    CHECK(bench.files.exists("/data/t/b.part"));
    CHECK(bench.files.exists("/data/t/none"));
    bench.store_one(*store, 0);
    bench.store_one(*store, 1);
    CHECK(bench.files.exists("/data/t/a.part"));  // not synced yet
    REQUIRE(ok(store->sync()));
    CHECK(bench.is_there("a", 0));
    CHECK_FALSE(bench.files.exists("/data/t/a.part"));
    CHECK(bench.files.exists("/data/t/b.part"));
    CHECK_FALSE(bench.files.exists("/data/t/b"));
    CHECK(reads_right(*store, bench.sample, PieceIndex{0}));
    CHECK(store->find_changes().empty());
  }
  const auto store = bench.begin();
  CHECK(bench.have.size() == 2);
  CHECK(store->report().unchecked.empty());
  bench.store_one(*store, 2);
  REQUIRE(ok(store->sync()));
  CHECK(bench.is_there("b", 1));
  CHECK_FALSE(bench.files.exists("/data/t/b.part"));
  CHECK(store->take_name_notes().empty());
}

TEST_CASE("Without part names files have their own from the start") {
  Bench bench = two_files();
  bench.options.part_names = false;
  const auto store = bench.begin();
  CHECK(bench.files.exists("/data/t/a"));
  CHECK_FALSE(bench.files.exists("/data/t/a.part"));
}

TEST_CASE("A part that was begun goes on, whatever the option says now") {
  Bench bench = two_files();
  {
    const auto store = bench.begin();
    bench.store_one(*store, 1);
    sync_where_boots_are_unknown(*store);
  }
  bench.options.part_names = false;
  const auto store = bench.begin();
  CHECK(bench.have == std::set{PieceIndex{1}});
  CHECK_FALSE(bench.files.exists("/data/t/b"));
  bench.store_all(*store);
  CHECK(bench.is_there("b", 1));
}

TEST_CASE("What was put under the final name meanwhile is never overwritten") {
  Bench bench = two_files();
  {
    const auto store = bench.begin();
    bench.files.put("/data/t/b", "mine");
    for (std::uint32_t i = 0; i < 3; ++i) bench.store_one(*store, i);
    REQUIRE(ok(store->sync()));
    const auto notes = store->take_name_notes();
    REQUIRE(notes.size() == 1);
    CHECK(notes[0].kind == Kind::taken);
    CHECK(notes[0].path == "t/b.part");
    CHECK(bench.files.content("/data/t/b") == "mine");
    CHECK(bench.is_there("b.part", 1));
    REQUIRE(ok(store->sync()));
    CHECK(store->take_name_notes().empty());  // once
    CHECK(reads_right(*store, bench.sample, PieceIndex{2}));
  }
  SECTION("the next run says what is to be done, and touches nothing") {
    const auto store = bench.open();
    const auto begun = store->begin();
    REQUIRE(begun.has_error());
    CHECK(begun.error().code == Errc::already_exists);
    CHECK(begun.error().message.find("t/b.part") != std::string::npos);
    CHECK(bench.files.content("/data/t/b") == "mine");
  }
  SECTION("moved away") {
    bench.files.remove_tree("/data/t/b");
    const auto store = bench.begin();
    CHECK(bench.have.size() == 3);
    REQUIRE(ok(store->sync()));
    CHECK(bench.is_there("b", 1));
  }
  SECTION("given up by the user") {
    bench.options.existing = Existing::overwrite;
    const auto store = bench.begin();
    REQUIRE(ok(store->sync()));
    CHECK(bench.is_there("b", 1));
    CHECK_FALSE(bench.files.exists("/data/t/b.part"));
  }
}

TEST_CASE("Data under the final name is taken over, and stays there") {
  Bench bench = two_files();
  bench.files.put("/data/t/b", bench.sample.file(1).substr(0, piece_bytes));
  bench.files.put("/data/t/b.part", "of somebody else");
  const auto store = bench.begin();
  CHECK(bench.have == std::set{PieceIndex{1}});
  CHECK(bench.kinds(*store) == std::vector{Kind::in_place});
  bench.store_all(*store);
  CHECK(bench.is_there("b", 1));
  CHECK(bench.files.content("/data/t/b.part") == "of somebody else");
}

TEST_CASE("A part of another program is taken over if it is of this torrent") {
  Bench bench = two_files();
  SECTION("it is") {
    bench.files.put("/data/t/b.part", bench.sample.file(1).substr(0, piece_bytes + 7));
    const auto store = bench.begin();
    CHECK(bench.have == std::set{PieceIndex{1}});
    bench.store_all(*store);
    CHECK(bench.is_there("b", 1));
    CHECK_FALSE(bench.files.exists("/data/t/b.part"));
  }
  SECTION("it is not") {
    bench.files.put("/data/t/b.part", std::string(piece_bytes + 7, 'x'));
    bench.options.existing = GENERATE(Existing::refuse, Existing::overwrite);
    {
      const auto store = bench.begin();
      bench.store_one(*store, 1);
      CHECK(bench.files.exists("/data/t/b.1.part"));
      CHECK(bench.kinds(*store).empty());
      sync_where_boots_are_unknown(*store);
    }
    const auto store = bench.begin();
    CHECK(bench.have == std::set{PieceIndex{1}});
    bench.store_all(*store);
    CHECK(bench.is_there("b", 1));
    CHECK(bench.files.content("/data/t/b.part") == std::string(piece_bytes + 7, 'x'));
    CHECK_FALSE(bench.files.exists("/data/t/b.1.part"));
  }
}

TEST_CASE("A part of another program survives whatever stops the beginning") {
  std::uint64_t last = 0;
  for (std::uint64_t stop = 0; stop == 0 || stop <= last; ++stop) {
    INFO("stopped at operation " << stop);
    Bench bench = two_files();
    bench.files.put("/data/t/b.part", std::string(piece_bytes + 7, 'x'));
    bench.files.crash_at(stop);
    try {
      bench.begin();
      last = bench.files.operations();
    } catch (const FakeFiles::Crash&) {
      bench.files.kill();
    }
    bench.store_all(*bench.begin());
    CHECK(bench.files.content("/data/t/b.part") == std::string(piece_bytes + 7, 'x'));
    CHECK(bench.is_there("a", 0));
    CHECK(bench.is_there("b", 1));
  }
}

TEST_CASE("A torrent may itself have files that are called like parts") {
  Bench bench({{"a", piece_bytes}, {"a.part", piece_bytes}, {"c", 9}, {"c.part/d", 9}});
  {
    const auto store = bench.begin();
    bench.store_one(*store, 0);
    REQUIRE(ok(store->sync()));
    CHECK(bench.is_there("a", 0));
  }
  bench.store_all(*bench.begin());
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(bench.files.content("/data/" + bench.sample.metainfo->files()[i].path) ==
          bench.sample.file(i));
  }
  bench.check_found();
}

TEST_CASE("A user who gives a part its final name is followed") {
  Bench bench = two_files();
  const auto store = bench.begin();
  bench.store_one(*store, 1);
  REQUIRE(ok(store->sync()));
  const auto folder = bench.files.open_folder("/data", false);
  REQUIRE(ok(folder));
  REQUIRE(ok(bench.files.rename_new(*folder, "t/b.part", "t/b")));
  CHECK(store->find_changes().empty());
  CHECK(reads_right(*store, bench.sample, PieceIndex{1}));
  bench.store_all(*store);
  CHECK(bench.is_there("b", 1));
}

TEST_CASE("A whole file that is deleted comes back by way of a part") {
  Bench bench = two_files();
  const auto store = bench.begin();
  bench.store_all(*store);
  bench.files.remove_tree("/data/t/b");
  CHECK(store->find_changes().size() == 2);
  CHECK(bench.files.exists("/data/t/b.part"));
  CHECK_FALSE(bench.files.exists("/data/t/b"));
  for (const std::uint32_t piece : {1U, 2U}) {
    CHECK_FALSE(*store->check_piece(PieceIndex{piece}));
    bench.store_one(*store, piece);
  }
  REQUIRE(ok(store->sync()));
  CHECK(bench.is_there("b", 1));
}

TEST_CASE("Files of one name to the disk are kept apart") {
  Bench bench({{"Disc/ReadMe.txt", piece_bytes + 5},
               {"disc/readme.txt", 2 * piece_bytes},
               {"disc/README.TXT", 100},
               {"disc/other", 50'000}});
  bench.options.part_names = GENERATE(true, false);
  bench.files.set_fold(lower);
  if (GENERATE(true, false)) bench.files.forget_births();
  {
    const auto store = bench.begin();
    CHECK(bench.kinds(*store) == std::vector{Kind::clash, Kind::clash});
    bench.store_one(*store, 0);
    bench.store_one(*store, 2);
    sync_where_boots_are_unknown(*store);
  }
  {
    const auto store = bench.begin();
    CHECK(bench.have.size() == 2);
    CHECK(bench.kinds(*store).empty());
    bench.store_all(*store);
  }
  CHECK(bench.is_there("Disc/ReadMe.txt", 0));
  CHECK(bench.is_there("Disc/readme.1.txt", 1));
  CHECK(bench.is_there("Disc/README.2.TXT", 2));
  CHECK(bench.is_there("Disc/other", 3));
  bench.check_found();
  const auto names = names_on_disk(*bench.sample.metainfo, "/data", "/state", bench.files);
  REQUIRE(ok(names));
  CHECK((*names)[0] == "t/Disc/ReadMe.txt");
  CHECK((*names)[1] == "t/disc/readme.1.txt");

  // Without the state the files are found as well, and only checked.
  CHECK(*names_on_disk(*bench.sample.metainfo, "/data", "", bench.files) == *names);
  bench.options.state_folder = "/other";
  for (const bool read_only : {true, false}) {
    bench.options.read_only = read_only;
    bench.have.clear();
    const auto store = bench.begin();
    CHECK(bench.have.size() == bench.sample.layout().piece_count());
    CHECK(bench.kinds(*store).empty());
  }
  CHECK_FALSE(bench.files.exists("/data/t/Disc/readme.2.txt"));
}

TEST_CASE("Where the second of two names would go, somebody else's file stays") {
  Bench bench({{"ReadMe", piece_bytes}, {"readme", piece_bytes}});
  bench.files.set_fold(lower);
  bench.files.put("/data/t/ReadMe", bench.sample.file(0));
  bench.files.put("/data/t/readme.1", "mine");
  const auto store = bench.open();
  const auto begun = store->begin();
  REQUIRE(begun.has_error());
  CHECK(begun.error().message.find("readme.1") != std::string::npos);
  CHECK(bench.files.content("/data/t/readme.1") == "mine");
}

TEST_CASE("A file that is there under another's name is not written to") {
  Bench bench({{"ReadMe", piece_bytes}, {"readme", piece_bytes}});
  bench.files.set_fold(lower);
  if (GENERATE(true, false)) bench.files.forget_births();
  const std::size_t whose = GENERATE(0, 1);
  bench.files.put("/data/t/ReadMe", bench.sample.file(whose));
  {
    const auto store = bench.begin();
    CHECK(bench.have.size() == 1);
    CHECK(bench.kinds(*store) == std::vector{Kind::clash});
    bench.store_all(*store);
  }
  CHECK(bench.is_there("ReadMe", whose));
  CHECK(bench.is_there(whose == 0 ? "readme.1" : "ReadMe.1", 1 - whose));
  bench.check_found();
}

TEST_CASE("A later selection finds the name taken by another file of the torrent") {
  Bench bench({{"ReadMe", piece_bytes}, {"readme", piece_bytes}});
  bench.files.set_fold(lower);
  bench.options.selected = {true, false};
  {
    const auto store = bench.begin();
    bench.store_one(*store, 0);
    REQUIRE(ok(store->sync()));
  }
  bench.options.selected.clear();
  {
    const auto store = bench.begin();
    bench.store_one(*store, 1);
    REQUIRE(ok(store->sync()));
  }
  CHECK(bench.is_there("ReadMe", 0));
  CHECK(bench.is_there("readme.1", 1));
  bench.check_found();
}

TEST_CASE("Dots at the end that the disk leaves out are no way to one file") {
  Bench bench({{"x", piece_bytes}, {"x.", piece_bytes}, {"x. /y", 10}});
  bench.options.part_names = GENERATE(true, false);
  bench.files.set_fold(without_tail);
  // As such disks do: what is made is called without them.
  const auto store = bench.begin();
  bench.store_all(*store);
  CHECK(bench.kinds(*store).size() >= 1);
  for (std::size_t i = 0; i < 2; ++i) {
    std::vector<std::string> found;
    for (const char* name : {"x", "x.", "x.1", "x.1.", "x.2", "x.2."}) {
      if (bench.files.exists(std::string("/data/t/") + name) && bench.is_there(name, i)) {
        found.emplace_back(name);
      }
    }
    CHECK(found.size() == 1);
  }
}

TEST_CASE("Names that the disk cannot hold are made simpler, and remembered") {
  Bench bench({{"a:b?", piece_bytes}, {"c<d/e", 10}, {"a_b_", 10}, {"COM1", 10}});
  bench.options.part_names = GENERATE(true, false);
  bench.files.set_refused([](const std::string& name) {
    return name.find_first_of("<>:\"|?*") != std::string::npos || lower(name) == "com1";
  });
  {
    const auto store = bench.begin();
    bench.store_all(*store);
    CHECK(bench.kinds(*store) == std::vector{Kind::refused, Kind::refused, Kind::refused});
  }
  CHECK(bench.is_there("a_b_.1", 0));
  CHECK(bench.is_there("c_d/e", 1));
  CHECK(bench.is_there("a_b_", 2));
  CHECK(bench.is_there("COM1_", 3));
  bench.check_found();
  bench.options.state_folder.clear();
  bench.options.read_only = true;
  bench.have.clear();
  (void)bench.open();
  CHECK(bench.have.size() == 1);  // where a:b? went, only the state knows: a_b_ is taken
}

TEST_CASE("The file of a torrent can be given a name") {
  Bench bench({{"", 2 * piece_bytes}});
  bench.options.output = "mine.iso";
  {
    const auto store = bench.begin();
    CHECK(store->final_path(0) == "mine.iso");
    bench.store_one(*store, 0);
    CHECK(bench.files.exists("/data/mine.iso.part"));
    sync_where_boots_are_unknown(*store);
  }
  SECTION("half of it, and another name is asked for") {
    bench.options.output = "other.iso";
    const auto opened = Store::open(bench.sample.metainfo, bench.options, bench.files);
    REQUIRE(opened.has_error());
    CHECK(opened.error().message.find("mine.iso.part") != std::string::npos);
  }
  SECTION("it is remembered") {
    bench.options.output.clear();
    {
      const auto store = bench.begin();
      CHECK(bench.have == std::set{PieceIndex{0}});
      bench.store_all(*store);
    }
    CHECK(bench.files.content("/data/mine.iso") == bench.sample.file(0));
    CHECK_FALSE(bench.files.exists("/data/t"));
    bench.check_found();
    // Whole, and wanted elsewhere as well: what is there stays.
    bench.options.output = "other.iso";
    bench.have.clear();
    const auto store = bench.begin();
    CHECK(bench.have.empty());
    bench.store_all(*store);
    CHECK(bench.files.content("/data/mine.iso") == bench.sample.file(0));
    CHECK(bench.files.content("/data/other.iso") == bench.sample.file(0));
  }
}

TEST_CASE("A file is found under what the torrent says, and under other spellings of its name") {
  const std::string path = GENERATE("soft\u00adhyphen", "back\\slash", "sub\u200b/Icon\r",
                                    "caf\u00e9", "caf\u00e9/cafe\u0301", "legacy\xe9", "plain");
  Bench bench({{path, 2 * piece_bytes}, {"other", piece_bytes}});
  const std::string cleaned = bench.sample.metainfo->files()[0].path;
  const std::string spelled = GENERATE_REF(
      "t/" + path, cleaned,
      std::string(path.starts_with("caf") ? "t/cafe\u0301" + path.substr(5) : "t/" + path));
  INFO(spelled);
  bench.files.put("/data/" + spelled, bench.sample.file(0));
  bench.files.put("/data/t/other", bench.sample.file(1));
  bench.options.read_only = GENERATE(true, false);
  bench.options.state_folder = bench.options.read_only ? GENERATE("", "/state") : "/state";
  {
    const auto store = bench.begin();
    CHECK(bench.have.size() == bench.sample.layout().piece_count());
    CHECK(bench.kinds(*store) ==
          (spelled == cleaned ? std::vector<Kind>{} : std::vector{Kind::found}));
    CHECK(reads_right(*store, bench.sample, PieceIndex{0}));
    CHECK(store->final_path(0) == spelled);
  }
  CHECK((*names_on_disk(*bench.sample.metainfo, "/data", "", bench.files))[0] == spelled);
  const auto again = bench.begin();
  CHECK(bench.files.exists("/data/" + spelled));
  if (spelled != cleaned) CHECK_FALSE(bench.files.exists("/data/" + cleaned));
}

TEST_CASE("A download goes on in the file that has the torrent's own name, and makes clean ones") {
  Bench bench({{"soft\u00adhyphen", 2 * piece_bytes}, {"zero\u200bwidth", piece_bytes}});
  bench.files.put("/data/t/soft\u00adhyphen", bench.sample.file(0).substr(0, piece_bytes));
  {
    const auto store = bench.begin();
    CHECK(bench.have == std::set{PieceIndex{0}});
    bench.store_one(*store, 1);
    bench.store_one(*store, 2);
    REQUIRE(ok(store->sync()));
  }
  CHECK(bench.is_there("soft\u00adhyphen", 0));
  CHECK(bench.is_there("zerowidth", 1));
  CHECK_FALSE(bench.files.exists("/data/t/softhyphen"));
  bench.have.clear();
  bench.check_found();
}

TEST_CASE("What only spells the same as a file to be fetched is left alone") {
  Bench bench({{"softhyphen", piece_bytes}});
  bench.files.put("/data/t/soft\u00adhyphen", "mine");
  {
    const auto store = bench.begin();
    bench.store_all(*store);
  }
  CHECK(bench.files.content("/data/t/soft\u00adhyphen") == "mine");
  CHECK(bench.is_there("softhyphen", 0));
}

TEST_CASE("Two files of a torrent that spell the same are never taken for each other") {
  Bench bench({{"caf\u00e9", piece_bytes}, {"cafe\u0301", piece_bytes}});
  bench.files.put("/data/t/cafe\u0301", bench.sample.file(1));
  const auto store = bench.begin();
  CHECK(bench.have == std::set{PieceIndex{1}});
  bench.store_one(*store, 0);
  REQUIRE(ok(store->sync()));
  CHECK(bench.is_there("caf\u00e9", 0));
  CHECK(bench.is_there("cafe\u0301", 1));
}
