// Files that can never be written are left out, and the rest is stored.
#include <catch2/catch.hpp>

#include "tests/unit/chunkstore/store_bench.hpp"

using namespace barter;

namespace {

struct Bench : StoreBench {
  Bench() : StoreBench(make_three_files()) {}
  // The second file alone is left out, for this reason, and the rest can be had.
  void check_second_left_out(Errc why, const std::string& word, bool there = false) {
    {
      const auto store = begun();
      const auto& report = store->begin_report();
      REQUIRE(report.refused.size() == 1);
      CHECK(report.refused[0].file == 1);
      CHECK(report.refused[0].error.code == why);
      CHECK(report.refused[0].error.message.find(word) != std::string::npos);
      CHECK(report.refused[0].error.message.find("t/b") != std::string::npos);
      CHECK(report.in_the_way.empty());
      this->store(*store, {0, 1, 3, 4, 5, 6});
      CHECK(store->find_changes().empty());
      for (const std::uint32_t piece : {1u, 3u}) CHECK(reads(*store, piece));
    }
    // And the same in the next run.
    const auto store = begun();
    CHECK(store->begin_report().refused.size() == 1);
    for (const std::uint32_t piece : {0u, 4u, 5u, 6u}) CHECK(reads(*store, piece));
    // What is at the place of the file must be looked at: it may be wanted by now.
    for (const std::uint32_t piece : {1u, 3u}) CHECK(reads(*store, piece) == !there);
    CHECK(at("a") == file(0));
    CHECK(at("c") == file(2));
  }
  // Now it can be written.
  void check_second_comes() {
    const auto store = begun();
    CHECK(store->begin_report().refused.empty());
    this->store(*store, {0, 1, 2, 3, 4, 5, 6});
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(files.content("/data/" + sample.metainfo->files()[i].path) == file(i));
    }
  }
};

}  // namespace

TEST_CASE("A file that can never be written is left out, and the rest is stored") {
  Bench bench;
  const Errc why = GENERATE(Errc::permission_denied, Errc::not_possible);
  const bool there = GENERATE(false, true);
  std::string before;
  if (there) {  // all but the last bytes of it is right
    before = bench.sample.file(1).substr(0, 49'000) + std::string(1000, '!');
    bench.files.put("/data/t/b", before);
  }
  bench.files.refuse_writing("/data/t/b", why);
  {
    const auto store = bench.checked();
    REQUIRE(ok(store->begin()));
    REQUIRE(store->begin_report().refused.size() == 1);
    CHECK(store->begin_report().refused[0].file == 1);
    CHECK(store->begin_report().refused[0].error.code == why);
    CHECK(store->begin_report().kept.empty());
    bench.store(*store, {0, 1, 3, 4, 5, 6});
    CHECK(bench.at("a") == bench.sample.file(0));
    CHECK(bench.at("c") == bench.sample.file(2));
    CHECK(bench.files.exists("/data/t/b") == there);
    if (there) CHECK(bench.at("b") == before);
    // The bytes of the pieces at its borders are had, elsewhere.
    CHECK(bench.reads(*store, 1));
    CHECK(bench.reads(*store, 3));
    CHECK_FALSE(bench.reads(*store, 2));
  }
  SECTION("as long as it cannot be written, the next run says the same") {
    const auto store = bench.checked();
    REQUIRE(ok(store->begin()));
    CHECK(store->begin_report().refused.size() == 1);
    if (!there) CHECK(bench.reads(*store, 1));
  }
  SECTION("once it can be written it is wanted again") {
    bench.files.refuse_writing("/data/t/b", std::nullopt);
    const auto store = bench.checked();
    REQUIRE(ok(store->begin()));
    CHECK(store->begin_report().refused.empty());
    for (std::uint32_t i = 0; i < 7; ++i) bench.store(*store, {i});
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(bench.files.content("/data/" + bench.sample.metainfo->files()[i].path) ==
            bench.sample.file(i));
    }
  }
}

TEST_CASE("What is no file stays as it is, and the rest is stored") {
  Bench bench;
  const bool in_mid_download = GENERATE(false, true);
  if (in_mid_download) {
    const auto store = bench.begun();
    bench.store(*store, {0, 1, 2, 3});
  }
  for (const std::string name : {"b", "b.part"}) bench.files.remove_tree(bench.path(name));
  SECTION("a folder") {
    bench.files.put("/data/t/b/mine", "my own");
    bench.check_second_left_out(Errc::already_exists, "a folder");
    CHECK(bench.files.content("/data/t/b/mine") == "my own");
  }
  SECTION("a symbolic link") {
    bench.files.put_link(bench.path("b"));
    bench.check_second_left_out(Errc::already_exists, "a symbolic link");
    CHECK(bench.files.exists(bench.path("b")));
  }
  CHECK_FALSE(bench.files.exists(bench.path("b.part")));
  bench.files.remove_tree(bench.path("b"));
  bench.check_second_comes();
}

TEST_CASE("What the user wants kept may be a link or a folder") {
  Bench bench;
  bench.files.put_link(bench.path("b"));
  bench.options.existing = Existing::keep;
  {
    const auto store = bench.begun();
    CHECK(store->begin_report().refused.empty());
    CHECK(store->begin_report().kept == std::vector<std::uint32_t>{1});
    bench.store(*store, {0, 1, 3, 4, 5, 6});
  }
  bench.options.existing = Existing::refuse;  // remembered
  {
    const auto store = bench.begun();
    CHECK(store->begin_report().kept == std::vector<std::uint32_t>{1});
    CHECK(bench.reads(*store, 1));
  }
  bench.files.remove_tree(bench.path("b"));
  bench.check_second_comes();
}

TEST_CASE("A file with other names does not change under them unless forced") {
  Bench bench;
  const std::string older = bench.file(1).substr(0, 49'000) + std::string(1'000, '!');
  // Also where the last piece of it is what is lacking, and its length.
  const std::string before = older.substr(0, GENERATE(50'000u, 48'500u));
  bench.files.put(bench.path("b"), before);
  bench.files.add_name(bench.path("b"));
  SECTION("as it is") {
    bench.check_second_left_out(Errc::permission_denied, "hard links", true);
    CHECK(bench.at("b") == before);
  }
  SECTION("as an older version") {
    bench.options.existing = Existing::update;
    bench.check_second_left_out(Errc::permission_denied, "hard links", true);
    CHECK(bench.at("b") == before);
  }
  SECTION("kept") {
    bench.options.existing = Existing::keep;
    const auto store = bench.begun();
    CHECK(store->begin_report().kept == std::vector<std::uint32_t>{1});
    CHECK(bench.at("b") == before);
  }
  SECTION("forced") {
    bench.options.existing = Existing::overwrite;
    bench.check_second_comes();
  }
}

TEST_CASE("A whole file may have other names") {
  Bench bench;
  bench.put("a", bench.file(0));
  bench.put("b", bench.file(1));
  bench.put("c", bench.file(2).substr(0, 90'000));
  bench.files.add_name(bench.path("b"));
  bench.check_second_comes();
}

TEST_CASE("Beside files of somebody else, all that is in the way is named, and nothing touched") {
  Bench bench;
  bench.put("a", std::string(50'000, 'x'));
  bench.put("b", bench.file(1).substr(0, 49'000));
  bench.files.add_name(bench.path("b"));
  const auto store = bench.checked();
  CHECK(store->begin().error().code == Errc::already_exists);
  REQUIRE(store->begin_report().in_the_way.size() == 2);
  CHECK(store->begin_report().in_the_way[1].linked);
  CHECK(store->begin_report().refused.empty());
}

TEST_CASE("A file that is too large for the disk leaves nothing behind") {
  Bench bench;
  bench.files.set_largest_file(60'000);  // c has more
  bench.options.part_names = GENERATE(true, false);
  bench.options.allocation = GENERATE(Allocation::sparse, Allocation::full);
  const auto store = bench.begun();
  REQUIRE(store->begin_report().refused.size() == 1);
  CHECK(store->begin_report().refused[0].file == 2);
  CHECK_FALSE(bench.files.exists(bench.path("c")));
  CHECK_FALSE(bench.files.exists(bench.path("c.part")));
  bench.store(*store, {0, 1, 2, 3});
  CHECK(bench.at("b") == bench.file(1));
}

TEST_CASE("What is not wanted any more may be gone, or be anything") {
  Bench bench;
  {
    const auto store = bench.begun();
    bench.store(*store, {0, 1, 2, 3, 4, 5, 6});
  }
  bench.files.remove_tree(bench.path("b"));
  SECTION("gone") {}
  SECTION("a link") {
    bench.files.put_link(bench.path("b"));
  }
  bench.options.selected = {true, false, true};
  for (int run = 0; run < 2; ++run) {
    const auto store = bench.begun();
    CHECK(store->begin_report().refused.empty());
    CHECK(bench.reads(*store, 0));
    if (run == 0) bench.store(*store, {1, 3});
    CHECK(bench.reads(*store, 1));
    CHECK(bench.reads(*store, 3));
  }
  CHECK(bench.at("c") == bench.file(2));
}

TEST_CASE("A whole file need not be written") {
  Bench bench;
  bench.files.put("/data/t/a", bench.sample.file(0));
  bench.files.put("/data/t/b", bench.sample.file(1));
  bench.files.put("/data/t/c", bench.sample.file(2));
  bench.files.refuse_writing("/data/t/b", Errc::permission_denied);
  const auto store = bench.checked();
  REQUIRE(ok(store->begin()));
  CHECK(store->begin_report().refused.empty());
  CHECK(bench.reads(*store, 2));
}

TEST_CASE("Where no file can be written, that is the error") {
  Bench bench;
  for (const char* name : {"a", "b", "c"}) {
    bench.files.refuse_writing(std::string("/data/t/") + name, Errc::permission_denied);
  }
  const auto begun = bench.checked()->begin();
  REQUIRE(begun.has_error());
  CHECK(begun.error().code == Errc::permission_denied);
  CHECK(begun.error().message.find("/data/t/a") != std::string::npos);
  CHECK(begun.error().message.find("2 more files") != std::string::npos);
}

TEST_CASE("Where all that is there is something else, that is the error at once") {
  Bench bench;
  bench.files.put_folder(bench.path("a"));
  bench.files.put_link(bench.path("b"));
  bench.put("c", bench.file(2).substr(0, 70'000));
  bench.files.add_name(bench.path("c"));
  for (int i = 0; i < 2; ++i) {
    const auto begun = bench.checked()->begin();
    REQUIRE(begun.has_error());
    CHECK(begun.error().message.find("t/a") != std::string::npos);
  }
  CHECK(bench.at("c") == bench.file(2).substr(0, 70'000));
}

TEST_CASE("Without a state a file that cannot be written is an error: no side file for its bytes") {
  Bench bench;
  bench.options.state_folder.clear();
  bench.files.refuse_writing("/data/t/b", Errc::permission_denied);
  CHECK(bench.checked()->begin().error().code == Errc::permission_denied);
}

TEST_CASE("What cannot be written any more is refused, and found by the next run") {
  Bench bench;
  {
    const auto store = bench.checked();
    REQUIRE(ok(store->begin()));
    bench.store(*store, {0, 1, 2});
    bench.files.refuse_writing("/data/t/b", Errc::permission_denied);
    const auto outcome = barter::store(*store, bench.sample, PieceIndex{3});
    CHECK(outcome.result == StoreResult::refused);
    CHECK(outcome.message.find("/data/t/b") != std::string::npos);
    // What may go away is waited for.
    for (const Errc code : {Errc::io_error, Errc::no_space}) {
      bench.files.refuse_writing("/data/t/b", code);
      const StoreResult waits =
          code == Errc::io_error ? StoreResult::io_error : StoreResult::no_space;
      CHECK(barter::store(*store, bench.sample, PieceIndex{3}).result == waits);
    }
  }
  bench.files.refuse_writing("/data/t/b", Errc::permission_denied);
  const auto store = bench.checked();
  REQUIRE(ok(store->begin()));
  CHECK(store->begin_report().refused.size() == 1);
  bench.store(*store, {3, 4, 5, 6});
  CHECK(bench.at("c") == bench.sample.file(2));
}

TEST_CASE("A folder that cannot be opened has not gone") {
  Bench bench;
  const auto store = bench.checked();
  REQUIRE(ok(store->begin()));
  CHECK(store->root_present());
  bench.files.refuse_folders(Errc::io_error);  // as where no descriptor is left
  CHECK(store->root_present());
  bench.files.refuse_folders(std::nullopt);
  bench.files.remove_tree("/data");
  CHECK_FALSE(store->root_present());
}
