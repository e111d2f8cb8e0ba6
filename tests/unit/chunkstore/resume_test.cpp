#include "chunkstore/resume.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "tests/unit/chunkstore/fake_files.hpp"
#include "tests/unit/chunkstore/sample.hpp"

using namespace barter;

namespace {

const JournalIdentity identity{"0123456789abcdef", 20, 3};
constexpr PieceIndex p(std::uint32_t number) {
  return PieceIndex{number};
}

struct Book {
  FakeFiles files{1};
  FileHandle folder = std::move(*files.open_folder("/s", true));
  Journal journal{files, identity, start()};

  static JournalState start() {
    JournalState state;
    state.boot_id = "boot 1";
    return state;
  }
  Book() { REQUIRE(ok(journal.attach(folder))); }
  std::string bytes() const { return files.content("/s/journal"); }
};

void fill(Journal& journal) {
  const FileStampEntry stamps[] = {{0, {10, 20, 30}}, {2, {40, 50, 60}}};
  const std::uint32_t created[] = {0, 1};
  const PieceIndex suspects[] = {p(11), p(12)};
  journal.begun(77);
  journal.created(created);
  journal.open_window();
  journal.writing(p(3));
  journal.written(p(3), stamps);
  journal.written(p(4), {});
  journal.synced(1, {stamps, 1});
  journal.writing(p(5));
  journal.marked(PieceMark::suspect, suspects);
  journal.spilled({p(7), 1}, {4, 99});
  journal.spilled({p(8), 0}, {5, 98});
  journal.unspilled(p(8));
}

void check_filled(const JournalState& state) {
  CHECK(state.begun);
  CHECK(state.file_system == 77);
  CHECK(state.boot_id == "boot 1");
  CHECK(state.pieces[3] == PieceMark::synced);
  CHECK(state.pieces[4] == PieceMark::written);
  CHECK(state.pieces[5] == PieceMark::writing);
  CHECK(state.pieces[11] == PieceMark::suspect);
  CHECK(state.pieces[0] == PieceMark::absent);
  CHECK(state.ordinal == 2);
  CHECK(state.unsynced == std::map<std::uint32_t, std::uint64_t>{{4, 2}});
  CHECK(state.files[0].latest == FileStamp{10, 20, 30});
  CHECK(state.files[0].durable == FileStamp{10, 20, 30});
  CHECK(state.files[2].latest == FileStamp{40, 50, 60});
  CHECK_FALSE(state.files[2].durable);
  CHECK(state.files[1].created);
  CHECK(state.window);
  REQUIRE(state.spilled.size() == 1);
  CHECK(state.spilled.begin()->first == BlockRef{p(7), 1});
  CHECK(state.spilled.begin()->second.slot == 4);
  CHECK(state.spilled.begin()->second.checksum == 99);
}

}  // namespace

TEST_CASE("A journal says after a restart what it was told") {
  Book book;
  fill(book.journal);
  check_filled(book.journal.state());
  const auto state = replay(book.bytes(), identity);
  REQUIRE(state);
  check_filled(*state);
  // And a snapshot says the same.
  Journal again(book.files, identity, *state);
  REQUIRE(ok(again.attach(book.folder)));
  const auto loaded = Journal::load(book.files, book.folder, identity);
  REQUIRE(ok(loaded));
  REQUIRE(*loaded);
  check_filled((*loaded)->state);
}

TEST_CASE("A journal of another torrent is none") {
  Book book;
  CHECK_FALSE(replay(book.bytes(), {"another", 20, 3}));
  CHECK_FALSE(replay(book.bytes(), {identity.torrent, 21, 3}));
  CHECK_FALSE(replay(book.bytes(), {identity.torrent, 20, 4}));
  CHECK_FALSE(replay("", identity));
}

TEST_CASE("A cut or damaged journal counts up to the damage") {
  Book book;
  fill(book.journal);
  const std::string whole = book.bytes();
  std::size_t readable = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto state = replay(std::string_view(whole).substr(0, size), identity);
    readable += state ? 1 : 0;
    if (state && state->pieces[3] == PieceMark::synced) CHECK(state->begun);
  }
  CHECK(readable > 100);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const auto state = replay(damaged, identity);
    if (!state) continue;
    // Never more than the whole one says.
    for (std::uint32_t piece = 0; piece < identity.pieces; ++piece) {
      if (piece != 3 && piece != 4) CHECK(state->pieces[piece] != PieceMark::written);
      if (piece != 3) CHECK(state->pieces[piece] != PieceMark::synced);
    }
  }
}

TEST_CASE("A journal that finds no room goes on in memory, and is whole again when there is some") {
  Book book;
  book.journal.written(p(1), {});
  book.files.fail_below("/s", Errc::no_space);
  book.journal.written(p(2), {});
  REQUIRE(book.journal.trouble());
  CHECK(book.journal.trouble()->code == Errc::no_space);
  book.journal.keep_up();
  CHECK(book.journal.trouble());
  CHECK_FALSE(book.files.exists("/s/journal.new"));
  book.files.fail_below("", {});
  // Not before a snapshot: what is missing in between might change what this says.
  book.journal.written(p(9), {});
  CHECK(book.journal.state().pieces[2] == PieceMark::written);
  const auto behind = replay(book.bytes(), identity);
  REQUIRE(behind);
  CHECK(behind->pieces[1] == PieceMark::written);
  CHECK(behind->pieces[2] == PieceMark::absent);
  CHECK(behind->pieces[9] == PieceMark::absent);
  book.journal.keep_up();
  CHECK_FALSE(book.journal.trouble());
  book.journal.written(p(3), {});
  const auto state = replay(book.bytes(), identity);
  REQUIRE(state);
  for (const std::uint32_t piece : {1, 2, 3, 9}) CHECK(state->pieces[piece] == PieceMark::written);
}

TEST_CASE("A journal that is behind and wrong says nothing rather") {
  Book book;
  book.journal.written(p(1), {});
  book.files.fail_below("/s", Errc::no_space);
  const PieceIndex doubtful[] = {p(1)};
  book.journal.marked(PieceMark::suspect, doubtful);
  CHECK_FALSE(replay(book.bytes(), identity));
  book.files.fail_below("", {});
  book.journal.keep_up();
  const auto state = replay(book.bytes(), identity);
  REQUIRE(state);
  CHECK(state->pieces[1] == PieceMark::suspect);
}

TEST_CASE("The journal stays bounded") {
  Book book;
  const FileStampEntry stamp{1, {5, 6, 7}};
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    book.journal.written(p(i % 20), {&stamp, 1});
    if (i % 100 == 0) book.journal.keep_up();
  }
  CHECK(book.bytes().size() < 1'200'000);
  const auto state = replay(book.bytes(), identity);
  REQUIRE(state);
  for (const PieceMark mark : state->pieces) CHECK(mark == PieceMark::written);
}

TEST_CASE("A file is ours while nobody else touched it") {
  JournalState::FileRecord record;
  const FileStamp old{100, 1'000, 5};
  const FileStamp later{100, 9'000, 5};
  record.latest = later;
  record.durable = old;
  FileHistory same{true, false, 10'000, {}};
  CHECK(is_ours(record, later, same));
  CHECK_FALSE(is_ours(record, {100, 9'001, 5}, same));
  CHECK_FALSE(is_ours(record, {100, 9'000, 6}, same));
  CHECK_FALSE(is_ours(record, {99, 9'000, 5}, same));
  CHECK_FALSE(is_ours(record, old, same));
  // A write of ours was cut off.
  same.in_flight = true;
  CHECK(is_ours(record, {100, 9'500, 5}, same));
  CHECK_FALSE(is_ours(record, {100, 9'500, 6}, same));
  CHECK_FALSE(is_ours(record, {100, 60'000'000'000, 5}, same));
  // A power cut: the inode is as old as the last sync, or newer than the journal could say.
  FileHistory other{false, false, 10'000, {}};
  CHECK(is_ours(record, old, other));
  CHECK(is_ours(record, {100, 5'000, 5}, other));
  CHECK_FALSE(is_ours(record, {100, 9'500, 5}, other));
  CHECK_FALSE(is_ours(record, {100, 999, 5}, other));
  other.window = 9'000;
  CHECK(is_ours(record, {100, 9'500, 5}, other));
  CHECK_FALSE(is_ours(record, {100, 100'000'000'000, 5}, other));
  CHECK_FALSE(is_ours({}, old, other));
}

TEST_CASE("Names on the disk are remembered, and cost nothing where there are none") {
  Book book;
  const std::string before = book.bytes();
  const std::uint32_t both[] = {1, 2};
  const DiskName name{"t/a.1.txt", NameReason::clash, "t/a.7.part"};
  book.journal.named(1, name);
  book.journal.partial(both, true);
  book.journal.created(both);  // forgets stamps, not the name
  book.journal.partial({both + 1, 1}, false);
  const auto check = [&](const std::optional<JournalState>& state) {
    REQUIRE(state);
    CHECK(state->names == std::map<std::uint32_t, DiskName>{{1, name}});
    CHECK(state->files[1].partial);
    CHECK_FALSE(state->files[2].partial);
    CHECK(state->files[1].created);
  };
  check(replay(book.bytes(), identity));
  REQUIRE(ok(book.journal.attach(book.folder)));  // as a snapshot
  check(replay(book.bytes(), identity));
  Journal fresh(book.files, identity, Book::start());
  REQUIRE(ok(fresh.attach(book.folder)));
  CHECK(book.bytes() == before);
}

TEST_CASE("No journal of ours is one of a newer version, wherever it is cut") {
  Book book;
  fill(book.journal);
  const std::string bytes = book.bytes();
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    CHECK_FALSE(is_newer(std::string_view(bytes).substr(0, size)));
  }
  CHECK_FALSE(is_newer("something else"));
}
