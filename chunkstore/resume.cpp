#include "chunkstore/resume.hpp"

#include <zlib.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace barter {

namespace {

constexpr std::uint8_t version = 1;
constexpr std::string_view magic = "barter journal";
constexpr const char* journal_name = "journal";
constexpr const char* new_journal_name = "journal.new";
constexpr std::size_t max_record = 1 << 20;     // bytes; the largest is a bit for each piece
constexpr std::size_t max_journal = 256 << 20;  // bytes read; compaction keeps it far below
constexpr std::uint32_t max_pieces = 4 << 20;   // of a torrent, as its metainfo is held to
constexpr std::uint32_t max_files = 500'000;
constexpr std::size_t compact_above = 1 << 20;  // bytes appended before a snapshot is worth it
constexpr std::size_t items_per_record = 4096;  // pieces, files, stamps
constexpr std::int64_t second = 1'000'000'000;
// A write that was cut off began after its `writing`: how much later may it have touched the file?
constexpr std::int64_t write_slack = 10 * second;
// From the opening of the window to the power cut: sync comes every 5 s, or later on a slow disk.
constexpr std::int64_t window_slack = 60 * second;

enum class RecordType : std::uint8_t {
  header = 1,
  begun,
  created,
  stamps,
  writing,
  written,
  marks,
  mark_bits,
  synced,
  window,
  closed,
  spilled,
  unspilled,
  named,
  partial,
};
constexpr auto last_record = RecordType::partial;

class Writer {
 public:
  explicit Writer(RecordType type) { u8(static_cast<std::uint8_t>(type)); }
  Writer& u8(std::uint8_t value) { return raw({reinterpret_cast<const char*>(&value), 1}); }
  Writer& u32(std::uint32_t value) { return put(value); }
  Writer& u64(std::uint64_t value) { return put(value); }
  Writer& text(std::string_view value) {
    return u32(static_cast<std::uint32_t>(value.size())).raw(value);
  }
  Writer& raw(std::string_view value) {
    out_ += value;
    return *this;
  }
  Writer& stamps(std::span<const FileStampEntry> entries) {
    for (const auto& [file, stamp] : entries) {
      u32(file).u64(stamp.size).u64(static_cast<std::uint64_t>(stamp.mtime_ns));
      u64(stamp.inode).u64(static_cast<std::uint64_t>(stamp.birth_ns));
    }
    return *this;
  }
  const std::string& done() const { return out_; }

 private:
  template <class T>
  Writer& put(T value) {
    for (std::size_t i = 0; i < sizeof value; ++i) u8(static_cast<std::uint8_t>(value >> (8 * i)));
    return *this;
  }
  std::string out_;
};

// Reads past the end give zeros and make ok() false.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}
  std::uint8_t u8() { return static_cast<std::uint8_t>(get(1)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(get(4)); }
  std::uint64_t u64() { return get(8); }
  std::string_view text() { return raw(u32()); }
  std::string_view raw(std::size_t size) {
    if (size > in_.size()) {
      ok_ = false;
      size = 0;
    }
    const auto out = in_.substr(0, size);
    in_.remove_prefix(size);
    return out;
  }
  FileStamp stamp() {
    FileStamp out;
    out.size = u64();
    out.mtime_ns = static_cast<std::int64_t>(u64());
    out.inode = u64();
    out.birth_ns = static_cast<std::int64_t>(u64());
    return out;
  }
  std::string_view rest() const { return in_; }
  bool more() const { return ok_ && !in_.empty(); }
  bool ok() const { return ok_; }

 private:
  std::uint64_t get(std::size_t size) {
    const auto bytes = raw(size);
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      out |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    }
    return out;
  }
  std::string_view in_;
  bool ok_ = true;
};

void forget_spilled(JournalState& state, std::uint32_t piece) {
  const auto first = state.spilled.lower_bound(BlockRef{PieceIndex{piece}, 0});
  auto last = first;
  while (last != state.spilled.end() && to_number(last->first.piece) == piece) ++last;
  state.spilled.erase(first, last);
}

void set_mark(JournalState& state, std::uint32_t piece, PieceMark mark) {
  state.pieces[piece] = mark;
  if (mark != PieceMark::written) state.unsynced.erase(piece);
}

// What stamps are. `made`: of files that are new as if `created` had come before; a record for both
// is whole or lost after a power cut. Older programs take it for a change of the file.
constexpr std::uint8_t stamps_latest = 1, stamps_durable = 2, stamps_made = 4;

// The rest of a record: stamps to the end of it.
bool read_stamps(Reader& in, JournalState& state, std::uint8_t which) {
  while (in.more()) {
    const std::uint32_t file = in.u32();
    const FileStamp stamp = in.stamp();
    if (!in.ok() || file >= state.files.size()) return false;
    auto& record = state.files[file];
    if ((which & stamps_made) != 0) record = {{}, {}, true, record.partial};
    if ((which & stamps_latest) != 0) record.latest = stamp;
    if ((which & stamps_durable) != 0) record.durable = stamp;
  }
  return in.ok();
}

bool apply_marks(Reader& in, JournalState& state) {
  const auto mark = in.u8();
  if (mark > static_cast<std::uint8_t>(PieceMark::suspect)) return false;
  while (in.more()) {
    const std::uint32_t piece = in.u32();
    if (!in.ok() || piece >= state.pieces.size()) return false;
    set_mark(state, piece, static_cast<PieceMark>(mark));
  }
  return in.ok();
}

bool apply_mark_bits(Reader& in, JournalState& state) {
  const auto mark = in.u8();
  if (mark > static_cast<std::uint8_t>(PieceMark::synced)) return false;
  if (mark == static_cast<std::uint8_t>(PieceMark::written)) return false;  // these have ordinals
  const auto bits = in.rest();
  if (bits.size() != (state.pieces.size() + 7) / 8) return false;
  for (std::size_t piece = 0; piece < state.pieces.size(); ++piece) {
    if ((static_cast<unsigned char>(bits[piece / 8]) >> (piece % 8)) & 1) {
      set_mark(state, static_cast<std::uint32_t>(piece), static_cast<PieceMark>(mark));
    }
  }
  return in.ok();
}

bool apply_written(Reader& in, JournalState& state) {
  const std::uint32_t piece = in.u32();
  const std::uint64_t ordinal = in.u64();
  if (!in.ok() || piece >= state.pieces.size()) return false;
  set_mark(state, piece, PieceMark::written);
  state.unsynced[piece] = ordinal;
  state.ordinal = std::max(state.ordinal, ordinal);
  forget_spilled(state, piece);
  return read_stamps(in, state, stamps_latest);
}

bool apply_synced(Reader& in, JournalState& state) {
  const std::uint64_t ordinal = in.u64();
  if (!in.ok()) return false;
  for (auto it = state.unsynced.begin(); it != state.unsynced.end();) {
    if (it->second <= ordinal) {
      state.pieces[it->first] = PieceMark::synced;
      it = state.unsynced.erase(it);
    } else {
      ++it;
    }
  }
  return read_stamps(in, state, stamps_durable);
}

bool apply_spilled(Reader& in, JournalState& state) {
  const std::uint32_t piece = in.u32();
  const std::uint32_t block = in.u32();
  SpillSlot slot;
  slot.slot = in.u32();
  slot.checksum = in.u64();
  if (!in.ok() || piece >= state.pieces.size()) return false;
  state.spilled[{PieceIndex{piece}, block}] = slot;
  return true;
}

bool apply_created(Reader& in, JournalState& state) {
  while (in.more()) {
    const std::uint32_t file = in.u32();
    if (!in.ok() || file >= state.files.size()) return false;
    auto& record = state.files[file];
    record = {{}, {}, true, record.partial};  // what was there before is gone
  }
  return in.ok();
}

bool apply_named(Reader& in, JournalState& state) {
  const std::uint32_t file = in.u32();
  const std::uint8_t why = in.u8();
  DiskName name{std::string(in.text()), static_cast<NameReason>(why), std::string(in.text())};
  if (!in.ok() || file >= state.files.size() || name.path.empty()) return false;
  if (why > static_cast<std::uint8_t>(NameReason::found)) return false;
  state.names[file] = std::move(name);
  return true;
}

bool apply_partial(Reader& in, JournalState& state) {
  const bool partial = in.u8() != 0;
  while (in.more()) {
    const std::uint32_t file = in.u32();
    if (!in.ok() || file >= state.files.size()) return false;
    state.files[file].partial = partial;
  }
  return in.ok();
}

// One record after the header; the same for a replay and for what is appended now. False: it makes
// no sense, and the journal ends before it.
bool apply(std::string_view payload, JournalState& state) {
  Reader in(payload);
  const auto type = static_cast<RecordType>(in.u8());
  switch (type) {
    case RecordType::header:
      return false;
    case RecordType::begun:
      state.file_system = in.u64();
      state.begun = true;
      return in.ok();
    case RecordType::created:
      return apply_created(in, state);
    case RecordType::stamps:
      return read_stamps(in, state, in.u8());
    case RecordType::writing: {
      const std::uint32_t piece = in.u32();
      if (!in.ok() || piece >= state.pieces.size()) return false;
      set_mark(state, piece, PieceMark::writing);
      return true;
    }
    case RecordType::written:
      return apply_written(in, state);
    case RecordType::marks:
      return apply_marks(in, state);
    case RecordType::mark_bits:
      return apply_mark_bits(in, state);
    case RecordType::synced:
      return apply_synced(in, state);
    case RecordType::window:
      state.window = static_cast<std::int64_t>(in.u64());
      return in.ok();
    case RecordType::closed:
      state.window.reset();
      return in.ok();
    case RecordType::spilled:
      return apply_spilled(in, state);
    case RecordType::unspilled:
      forget_spilled(state, in.u32());
      return in.ok();
    case RecordType::named:
      return apply_named(in, state);
    case RecordType::partial:
      return apply_partial(in, state);
  }
  return false;
}

std::uint32_t crc(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

// Size, checksum, payload.
void frame(std::string_view payload, std::string& out) {
  Writer head(RecordType{});
  head.u32(static_cast<std::uint32_t>(payload.size())).u32(crc(payload));
  out += head.done().substr(1);
  out += payload;
}

// The payload of the first record, which is removed from `bytes`; empty at the end or at a bad one.
std::string_view next_record(std::string_view& bytes) {
  Reader in(bytes);
  const std::uint32_t size = in.u32();
  const std::uint32_t sum = in.u32();
  if (!in.ok() || size == 0 || size > max_record || size > in.rest().size()) return {};
  const auto payload = in.raw(size);
  if (crc(payload) != sum) return {};
  bytes = in.rest();
  return payload;
}

bool read_header(std::string_view payload, const JournalIdentity& identity, JournalState& state) {
  Reader in(payload);
  if (static_cast<RecordType>(in.u8()) != RecordType::header || in.text() != magic ||
      in.u8() != version || in.text() != identity.torrent || in.u32() != identity.pieces ||
      in.u32() != identity.files) {
    return false;
  }
  state.boot_id = in.text();
  return in.ok();
}

// Whose journal this is, if it can be one.
std::optional<JournalIdentity> identity_in(std::string_view bytes) {
  Reader in(next_record(bytes));
  if (static_cast<RecordType>(in.u8()) != RecordType::header || in.text() != magic ||
      in.u8() != version) {
    return std::nullopt;
  }
  JournalIdentity out;
  out.torrent = in.text();
  out.pieces = in.u32();
  out.files = in.u32();
  if (!in.ok() || out.pieces > max_pieces || out.files > max_files) return std::nullopt;
  return out;
}

// Lists longer than a record are cut.
template <class T, class Use>
void for_parts(std::span<const T> list, Use use) {
  while (!list.empty()) {
    const auto part = list.first(std::min(list.size(), items_per_record));
    use(part);
    list = list.subspan(part.size());
  }
}

std::string stamps_record(std::span<const FileStampEntry> stamps, std::uint8_t which) {
  return Writer(RecordType::stamps).u8(which).stamps(stamps).done();
}

std::string created_record(std::span<const std::uint32_t> files) {
  Writer record(RecordType::created);
  for (const std::uint32_t file : files) record.u32(file);
  return record.done();
}

std::string named_record(std::uint32_t file, const DiskName& name) {
  Writer record(RecordType::named);
  record.u32(file).u8(static_cast<std::uint8_t>(name.why)).text(name.path).text(name.part);
  return record.done();
}

std::string partial_record(std::span<const std::uint32_t> files, bool partial) {
  Writer record(RecordType::partial);
  record.u8(partial ? 1 : 0);
  for (const std::uint32_t file : files) record.u32(file);
  return record.done();
}

std::string begun_record(std::uint64_t file_system) {
  return Writer(RecordType::begun).u64(file_system).done();
}

std::string written_record(std::uint32_t piece, std::uint64_t ordinal,
                           std::span<const FileStampEntry> stamps) {
  return Writer(RecordType::written).u32(piece).u64(ordinal).stamps(stamps).done();
}

std::string spilled_record(BlockRef block, const SpillSlot& slot) {
  Writer record(RecordType::spilled);
  record.u32(to_number(block.piece)).u32(block.block).u32(slot.slot).u64(slot.checksum);
  return record.done();
}

std::string window_record(std::int64_t mtime_ns) {
  return Writer(RecordType::window).u64(static_cast<std::uint64_t>(mtime_ns)).done();
}

std::string mark_bits(const JournalState& state, PieceMark mark) {
  Writer out(RecordType::mark_bits);
  out.u8(static_cast<std::uint8_t>(mark));
  std::string bits((state.pieces.size() + 7) / 8, '\0');
  bool any = false;
  for (std::size_t piece = 0; piece < state.pieces.size(); ++piece) {
    if (state.pieces[piece] != mark) continue;
    bits[piece / 8] = static_cast<char>(bits[piece / 8] | (1 << (piece % 8)));
    any = true;
  }
  if (!any) return {};
  out.raw(bits);
  return out.done();
}

// `created` comes before the stamps, since it forgets them.
void snapshot_files(const JournalState& state, std::string& out) {
  std::vector<std::uint32_t> created;
  std::vector<std::uint32_t> partial;
  std::vector<FileStampEntry> latest;
  std::vector<FileStampEntry> durable;
  for (std::uint32_t file = 0; file < state.files.size(); ++file) {
    const auto& record = state.files[file];
    if (record.created && !record.durable) created.push_back(file);
    if (record.partial) partial.push_back(file);
    if (record.latest) latest.push_back({file, *record.latest});
    if (record.durable) durable.push_back({file, *record.durable});
  }
  const auto add = [&](const std::string& record) {
    frame(record, out);
    return Result<void>{};
  };
  for (const auto& [file, name] : state.names) frame(named_record(file, name), out);
  (void)for_parts(std::span<const std::uint32_t>(partial),
                  [&](auto part) { return add(partial_record(part, true)); });
  (void)for_parts(std::span<const std::uint32_t>(created),
                  [&](auto part) { return add(created_record(part)); });
  (void)for_parts(std::span<const FileStampEntry>(latest),
                  [&](auto part) { return add(stamps_record(part, stamps_latest)); });
  (void)for_parts(std::span<const FileStampEntry>(durable),
                  [&](auto part) { return add(stamps_record(part, stamps_durable)); });
}

}  // namespace

Error newer_state(const std::string& file) {
  return {Errc::unsupported,
          file +
              " was written by a newer version of barter, and is left as it is: use that one, or "
              "keep another state with --state-dir"};
}

FileStamp stamp_of(const FileInfo& info) {
  return {info.size, info.mtime_ns, info.inode, info.birth_ns};
}

std::optional<JournalState> replay(std::string_view bytes, const JournalIdentity& identity) {
  JournalState state;
  const auto header = next_record(bytes);
  if (header.empty() || !read_header(header, identity, state)) return std::nullopt;
  state.pieces.resize(identity.pieces, PieceMark::absent);
  state.files.resize(identity.files);
  for (;;) {
    const auto payload = next_record(bytes);
    if (payload.empty() || !apply(payload, state)) return state;
  }
}

bool is_newer(std::string_view bytes) {
  Reader header(next_record(bytes));
  if (static_cast<RecordType>(header.u8()) != RecordType::header || header.text() != magic) {
    return false;
  }
  const std::uint8_t of = header.u8();
  if (!header.ok() || of < version) return false;
  if (of > version) return true;
  for (auto record = next_record(bytes); !record.empty(); record = next_record(bytes)) {
    if (Reader(record).u8() > static_cast<std::uint8_t>(last_record)) return true;
  }
  return false;
}

bool is_ours(const JournalState::FileRecord& record, const FileStamp& now,
             const FileHistory& history) {
  if (!record.latest) return false;
  const auto within = [&](const FileStamp& from, std::int64_t until) {
    return now.size == from.size && now.is_same_file(from) && now.mtime_ns >= from.mtime_ns &&
           now.mtime_ns <= until;
  };
  if (now == *record.latest) return true;
  if (history.same_boot) {
    return history.in_flight && within(*record.latest, history.journal_mtime_ns + write_slack);
  }
  // After a power cut the inode may be older than our last word about it, or newer than it.
  // Never synced: what there is of it is ours, and none of it was promised.
  if (!record.durable) return record.created && now.is_same_file(*record.latest);
  if (within(*record.durable, record.latest->mtime_ns)) return true;
  return history.window && within(*record.durable, *history.window + window_slack);
}

Result<std::optional<Journal::Loaded>> Journal::load(Files& files, const FileHandle& folder,
                                                     const JournalIdentity& identity) {
  auto file = files.open(folder, journal_name, OpenMode::read);
  if (!file) {
    if (file.error().code == Errc::not_found) return std::optional<Loaded>{};
    return file.error();
  }
  const auto info = files.look(*file);
  if (!info) return info.error();
  std::string bytes(std::min<std::uint64_t>(info->size, max_journal), '\0');
  const auto got = files.read(*file, 0, std::as_writable_bytes(std::span(bytes)));
  if (!got) return got.error();
  if (is_newer(std::string_view(bytes).substr(0, *got))) return newer_state("journal");
  auto state = replay(std::string_view(bytes).substr(0, *got), identity);
  if (!state) return std::optional<Loaded>{};
  return std::optional<Loaded>{Loaded{std::move(*state), info->mtime_ns}};
}

std::optional<JournalState> Journal::peek(Files& files, const FileHandle& folder,
                                          std::uint64_t max_bytes, std::uint64_t& bytes) {
  bytes = 0;
  const auto file = files.open(folder, journal_name, OpenMode::read);
  if (!file) return std::nullopt;
  const auto info = files.look(*file);
  if (!info || info->size > max_bytes) return std::nullopt;
  std::string content(info->size, '\0');
  const auto got = files.read(*file, 0, std::as_writable_bytes(std::span(content)));
  if (!got) return std::nullopt;
  bytes = *got;
  content.resize(*got);
  const auto identity = identity_in(content);
  return identity ? replay(content, *identity) : std::nullopt;
}

Journal::Journal(Files& files, JournalIdentity identity, JournalState state)
    : files_(files), identity_(std::move(identity)), state_(std::move(state)) {
  state_.pieces.resize(identity_.pieces, PieceMark::absent);
  state_.files.resize(identity_.files);
}

std::string Journal::snapshot() const {
  std::string out;
  Writer header(RecordType::header);
  header.text(magic).u8(version).text(identity_.torrent);
  header.u32(identity_.pieces).u32(identity_.files).text(state_.boot_id);
  frame(header.done(), out);
  if (state_.begun) frame(begun_record(state_.file_system), out);
  for (const auto mark : {PieceMark::suspect, PieceMark::writing, PieceMark::synced}) {
    if (const auto bits = mark_bits(state_, mark); !bits.empty()) frame(bits, out);
  }
  snapshot_files(state_, out);
  for (const auto& [piece, ordinal] : state_.unsynced)
    frame(written_record(piece, ordinal, {}), out);
  for (const auto& [block, slot] : state_.spilled) frame(spilled_record(block, slot), out);
  if (state_.window) frame(window_record(*state_.window), out);
  return out;
}

Result<void> Journal::attach(const FileHandle& folder) {
  folder_ = &folder;
  const auto wrote = write_snapshot(folder);
  if (wrote) {
    trouble_.reset();
    return {};
  }
  (void)files_.remove(folder, new_journal_name);  // the room may be what others wait for
  // The old file goes on where a snapshot would only have made it shorter.
  if (!file_ || trouble_) trouble_ = wrote.error();
  return wrote;
}

Result<void> Journal::write_snapshot(const FileHandle& folder) {
  const std::string bytes = snapshot();
  auto file = files_.open(folder, new_journal_name, OpenMode::create);
  if (!file) return file.error();
  if (auto done = files_.truncate(*file, 0); !done) return done;
  const std::span<const std::byte> part = std::as_bytes(std::span(bytes));
  if (auto done = files_.write(*file, 0, {&part, 1}); !done) return done;
  if (auto done = files_.sync(*file); !done) return done;
  if (auto done = files_.rename(folder, new_journal_name, journal_name); !done) return done;
  // From here on the new file is the journal, whatever becomes of the sync of the folder.
  file_ = std::move(*file);
  size_ = snapshot_size_ = bytes.size();
  return files_.sync(folder);
}

void Journal::discard() {
  if (folder_ == nullptr) return;
  (void)files_.remove(*folder_, journal_name);
  file_ = {};
  folder_ = nullptr;
  trouble_.reset();
}

void Journal::fell_behind(const Result<void>& done) {
  if (!done && !trouble_) trouble_ = done.error();
}

void Journal::append(std::string_view payload) {
  if (file_ && !trouble_) {
    std::string record;
    frame(payload, record);
    const std::span<const std::byte> part = std::as_bytes(std::span(record));
    // What there is of a record that was cut off has no right checksum: the file ends before it.
    const auto done = files_.write(file_, size_, {&part, 1});
    fell_behind(done);
    if (done) size_ += record.size();
  }
  const bool sensible = apply(payload, state_);
  assert(sensible);
  (void)sensible;
}

void Journal::begun(std::uint64_t file_system) {
  append(begun_record(file_system));
}

void Journal::created(std::span<const std::uint32_t> files) {
  for_parts(files, [&](auto part) { append(created_record(part)); });
}

void Journal::made(std::span<const FileStampEntry> stamps) {
  for_parts(stamps, [&](auto part) { append(stamps_record(part, stamps_made | stamps_latest)); });
}

void Journal::named(std::uint32_t file, const DiskName& name) {
  append(named_record(file, name));
}

void Journal::partial(std::span<const std::uint32_t> files, bool partial) {
  for_parts(files, [&](auto part) { append(partial_record(part, partial)); });
}

void Journal::stamped(std::span<const FileStampEntry> stamps, bool durable) {
  const std::uint8_t which = durable ? stamps_latest | stamps_durable : stamps_latest;
  for_parts(stamps, [&](auto part) { append(stamps_record(part, which)); });
}

void Journal::writing(PieceIndex piece) {
  append(Writer(RecordType::writing).u32(to_number(piece)).done());
}

void Journal::written(PieceIndex piece, std::span<const FileStampEntry> stamps) {
  // A piece of very many files: the stamps that find no place in its record come first.
  if (stamps.size() > items_per_record) {
    stamped(stamps, false);
    stamps = {};
  }
  append(written_record(to_number(piece), state_.ordinal + 1, stamps));
}

void Journal::marked(PieceMark mark, std::span<const PieceIndex> pieces) {
  assert(mark == PieceMark::absent || mark == PieceMark::suspect);
  for_parts(pieces, [&](auto part) {
    Writer record(RecordType::marks);
    record.u8(static_cast<std::uint8_t>(mark));
    for (const auto piece : part) record.u32(to_number(piece));
    append(record.done());
  });
  if (mark != PieceMark::suspect || pieces.empty() || !trouble_ || !file_ || size_ == 0) return;
  // To say less needs no room.
  size_ = 0;
  if (files_.truncate(file_, 0) && files_.sync(file_)) return;
  (void)files_.remove(*folder_, journal_name);
}

void Journal::synced(std::uint64_t ordinal, std::span<const FileStampEntry> stamps) {
  // The stamps first: they are true whether or not the rest follows.
  for_parts(stamps, [&](auto part) { append(stamps_record(part, stamps_durable)); });
  append(Writer(RecordType::synced).u64(ordinal).done());
}

void Journal::spilled(BlockRef block, SpillSlot slot) {
  append(spilled_record(block, slot));
}

void Journal::unspilled(PieceIndex piece) {
  append(Writer(RecordType::unspilled).u32(to_number(piece)).done());
}

void Journal::open_window() {
  if (state_.window || !file_ || trouble_) return;
  // The clock is that of the file system: the stamp of the journal just after a write.
  append(window_record(0));
  const auto info = files_.look(file_);
  state_.window.reset();
  if (!info) return fell_behind(info.error());
  append(window_record(info->mtime_ns));
  sync();
  if (trouble_) state_.window.reset();
}

void Journal::close_window() {
  if (state_.window) append(Writer(RecordType::closed).done());
}

void Journal::sync() {
  if (file_ && !trouble_) fell_behind(files_.sync(file_));
}

void Journal::keep_up() {
  if (folder_ == nullptr) return;
  if (trouble_ || size_ >= snapshot_size_ * 2 + compact_above) (void)attach(*folder_);
}

}  // namespace barter
