#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "chunkstore/store_impl.hpp"

namespace barter {

// The page cache, as a check of the torrent's byte range sees it.
struct Store::Impl::PageCache {
  FileSet& set;
  bool leave_no_trace;

  bool has(std::uint64_t offset) const {
    std::byte byte{};
    const auto there = set.read(offset, {&byte, 1}, false);
    return there && *there;
  }
  void fetch(std::uint64_t offset, std::uint64_t length) const {
    set.advise(offset, length, Files::Advice::will_need);
  }
  void drop(std::uint64_t offset, std::uint64_t length) const {
    if (leave_no_trace) set.advise(offset, length, Files::Advice::done_with);
  }
};

Result<std::vector<bool>> Store::Impl::check_pieces(std::span<const PieceIndex> pieces) {
  for (const PieceIndex piece : pieces) {
    if (PieceHasher::possible(*metainfo_, piece)) continue;
    return Error{Errc::unsupported, "the torrent lacks the hashes of its pieces (piece layers)"};
  }
  std::vector<bool> right(pieces.size());
  std::vector<std::size_t> to_hash;  // by their place in `pieces`
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (!is_right_hole(pieces[i])) {
      to_hash.push_back(i);
      continue;
    }
    note_checked(pieces[i], true);
    right[i] = true;
  }
  if (to_hash.empty()) return right;
  auto& bench = HashBench::of_this_thread(hash_width());
  std::vector<PieceIndex> some;
  for (std::size_t done = 0; done < to_hash.size(); done += some.size()) {
    some.clear();
    for (std::size_t i = done; i < std::min(to_hash.size(), done + hash_width()); ++i) {
      some.push_back(pieces[to_hash[i]]);
    }
    const auto found = hash_files(some, bench);
    if (!found) return found.error();
    for (std::size_t i = 0; i < some.size(); ++i) {
      note_checked(some[i], (*found)[i]);
      right[to_hash[done + i]] = (*found)[i];
    }
  }
  return right;
}

// Is all of the piece a hole, and are zeros right there? Then there is nothing to read.
bool Store::Impl::is_right_hole(PieceIndex piece) {
  if (!metainfo_->has_v1()) return false;
  std::vector<FileRange> ranges;
  layout_.file_ranges(layout_.piece_offset(piece), layout_.piece_size(piece), ranges);
  for (const auto& range : ranges) {
    const auto file = static_cast<FileIndex>(range.file);
    if (!set_.is_real(file)) continue;
    if (!sparse_[file] || set_.is_aside(file)) return false;
    const auto data = set_.next_data(file, range.offset);
    if (!data || *data < range.offset + range.length) return false;
  }
  const std::lock_guard lock(zeros_mutex_);
  return zeros_match(piece);
}

// What the files hold for these pieces: is it right? Where they are absent or short it is not.
Result<std::vector<bool>> Store::Impl::hash_files(std::span<const PieceIndex> pieces,
                                                  HashBench& bench) {
  bench.readable.fill(true);
  std::uint32_t longest = 0;
  for (const PieceIndex piece : pieces) longest = std::max(longest, layout_.piece_size(piece));
  bench.hasher.begin(*metainfo_, pieces);
  advise_readers(pieces, Files::Advice::only_asked);
  Result<void> read;
  for (std::uint32_t at = 0; at < longest && read;) {
    read = read_parts(pieces, at, bench);
    bench.hasher.update(std::span(bench.parts).first(pieces.size()));
    at +=
        static_cast<std::uint32_t>(std::min<std::size_t>(bench.buffer.room_bytes(), longest - at));
  }
  auto right = bench.hasher.finish();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    right[i] = right[i] && bench.readable[i];
    bench.ahead[i].stop(page_cache());
  }
  advise_readers(pieces, Files::Advice::as_usual);
  if (!read) return read.error();
  return right;
}

// The next bytes of each piece. What is not in memory is asked of the disk for all of them before
// the first is waited for.
Result<void> Store::Impl::read_parts(std::span<const PieceIndex> pieces, std::uint32_t at,
                                     HashBench& bench) {
  std::array<bool, max_sha_lanes> missing{};
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::uint32_t size = layout_.piece_size(pieces[i]);
    bench.parts[i] = {};
    if (!bench.readable[i] || at >= size) continue;
    const auto whole_room = bench.buffer.room(i);
    const auto room = whole_room.first(std::min<std::size_t>(size - at, whole_room.size()));
    const std::uint64_t begin = layout_.piece_offset(pieces[i]);
    const auto got = set_.read(begin + at, room, false);
    missing[i] = !got || !*got;
    bench.parts[i] = room;
    bench.ahead[i].reader_at(begin + at + (missing[i] ? 0 : room.size()), begin + size, missing[i],
                             page_cache());
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (!missing[i]) continue;
    const auto room = bench.buffer.room(i).first(bench.parts[i].size());
    const auto got = set_.read(layout_.piece_offset(pieces[i]) + at, room, true);
    if (got) continue;
    const Errc code = got.error().code;
    if (code != Errc::not_found && code != Errc::file_changed) return got.error();
    bench.readable[i] = false;
    bench.parts[i] = {};
  }
  return {};
}

// What the kernel reads ahead of its own accord could not be told from what others have there.
void Store::Impl::advise_readers(std::span<const PieceIndex> pieces, Files::Advice advice) {
  if (!leave_no_trace_) return;
  for (const PieceIndex piece : pieces) {
    set_.advise(layout_.piece_offset(piece), layout_.piece_size(piece), advice);
  }
}

Store::Impl::PageCache Store::Impl::page_cache() {
  return {set_, leave_no_trace_};
}

void Store::Impl::note_checked(PieceIndex piece, bool right) {
  const std::lock_guard lock(mutex_);
  if (!right) {
    set_have(piece, false);
    journal_->marked(PieceMark::absent, {&piece, 1});
    return;
  }
  const auto slots = spilled_slots(piece);
  journal_->written(piece, {});
  for (const std::uint32_t slot : slots) spill_->release(slot);
  lost_.erase(piece);
  set_have(piece, true);
}

}  // namespace barter
