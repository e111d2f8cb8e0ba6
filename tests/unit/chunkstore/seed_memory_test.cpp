// What is remembered of whole torrents, and the store that leaves no other trace of them.
#include "chunkstore/seed_memory.hpp"

#include <catch2/catch.hpp>

#include "tests/temporary_folder.hpp"
#include "tests/unit/chunkstore/store_bench.hpp"

using namespace barter;

namespace {

SeedRecord record(char hash, const std::string& folder, std::uint64_t looks) {
  SeedRecord out;
  out.info_hash.bytes.fill(static_cast<std::byte>(hash));
  out.folder = folder;
  out.name = "n\xff";  // as names of old are
  out.top = "t";
  out.size = 5;
  out.file_system = ~std::uint64_t{0};
  out.looks = looks;
  out.used = 1'800'000'000;
  return out;
}

struct Seeded : StoreBench {
  Seeded() : StoreBench(make_three_files()) {
    options.read_only = true;
    options.lazy_state = true;
  }
  void put_all() {
    for (std::size_t i = 0; i < 3; ++i) {
      put(std::string(1, static_cast<char>('a' + i)), sample.file(i));
    }
  }
  std::size_t states() {
    const auto folder = files.open_folder("/state", false);
    return folder ? files.list(*folder, 100)->size() : 0;
  }
};

}  // namespace

TEST_CASE("Seeds are kept by torrent and folder, and forgotten one by one") {
  const test::TemporaryFolder folder;
  const std::string state = folder.path() + "/state";
  CHECK(load_seeds(state)->empty());
  const SeedRecord a = record('a', "/x", 1), b = record('b', "/x", 2), c = record('a', "/y\xff", 3);
  REQUIRE(ok(update_seeds(state, {b, a}, {})));
  REQUIRE(ok(update_seeds(state, {c}, {})));
  REQUIRE(load_seeds(state)->size() == 3);
  SeedRecord again = a;
  again.looks = ~std::uint64_t{0};
  REQUIRE(ok(update_seeds(state, {again}, {&b, 1})));
  const auto seeds = load_seeds(state);
  REQUIRE(seeds->size() == 2);
  CHECK((*seeds)[0].is_of(a));
  CHECK((*seeds)[0].looks == again.looks);
  CHECK((*seeds)[0].file_system == a.file_system);
  CHECK((*seeds)[1].is_of(c));
  CHECK((*seeds)[1].name == c.name);
}

TEST_CASE("Seeds of a newer version are left alone, garbage is not") {
  const test::TemporaryFolder folder;
  const SeedRecord a = record('a', "/x", 1);
  const std::string newer = "d5:seedsle7:versioni2ee";
  test::write_file(folder.path() + "/seeds", newer);
  CHECK(load_seeds(folder.path()).error().code == Errc::unsupported);
  CHECK(update_seeds(folder.path(), {a}, {}).error().code == Errc::unsupported);
  CHECK(test::read_file(folder.path() + "/seeds") == newer);
  test::write_file(folder.path() + "/seeds", "d5:seeds");
  CHECK_FALSE(load_seeds(folder.path()).has_value());
  REQUIRE(ok(update_seeds(folder.path(), {a}, {})));
  CHECK(load_seeds(folder.path())->size() == 1);
}

TEST_CASE("Looks differ when anything of any file does") {
  std::vector<VerifiedFile> files{{1, 2, 3}, {4, 5, 6}};
  const std::uint64_t looks = looks_of(files);
  for (const std::size_t i : {0, 1}) {
    auto others = files;
    others[i].inode += 1;
    CHECK(looks_of(others) != looks);
  }
  std::swap(files[0], files[1]);
  CHECK(looks_of(files) != looks);
}

TEST_CASE("A whole seed leaves no state, and needs none to be opened again") {
  Seeded bench;
  bench.put_all();
  auto store = bench.begun();
  const auto looks = store->verified_files();
  REQUIRE(looks.size() == 3);
  CHECK(looks[0].size == 50'000);
  store.reset();
  CHECK(bench.states() == 0);
  bench.options.verified = looks;
  CHECK(bench.open()->report().have.all());
  // What has changed since is hashed, and no more.
  bench.put("c", bench.sample.file(2));
  CHECK(bench.open()->report().unchecked.size() == 4);
}

TEST_CASE("Of a seed that is not whole all is remembered, when that is known") {
  Seeded bench;
  bench.put_all();
  bench.put("c", std::string(100'000, 'x'));
  auto store = bench.begun();
  CHECK(store->verified_files().empty());
  CHECK(bench.states() == 0);
  REQUIRE(ok(store->keep_state()));
  CHECK(bench.states() == 1);
  const auto have = store->report().have.count();
  store.reset();
  store = bench.open();
  CHECK(store->report().unchecked.empty());
  CHECK(store->report().have.count() == 3);
  CHECK(have == 0);  // nothing was known before the check
}

TEST_CASE("A state that is there is used, and stays in use") {
  Seeded bench;
  bench.put_all();
  bench.options.lazy_state = false;
  bench.begun().reset();
  REQUIRE(bench.states() == 1);
  bench.options.lazy_state = true;
  const auto store = bench.open();
  CHECK(store->report().have.all());
  CHECK(store->verified_files().size() == 3);
  REQUIRE(ok(store->keep_state()));
}
