#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "chunkstore/store_impl.hpp"
#include "torrent/piece_lanes.hpp"

namespace barter {

namespace {

// Read at a time for each piece. Together they fit the second-level cache of a core: what was read
// there is hashed from there.
constexpr std::size_t check_bytes_of_many = 32 * 1024;
constexpr std::size_t check_bytes_of_one = 256 * 1024;
static_assert(check_bytes_of_many % block_length == 0 && check_bytes_of_one % block_length == 0);

}  // namespace

Store::Impl::Checker::Checker(const Metainfo& metainfo)
    : hasher(metainfo),
      chunk(PieceHasher::width(metainfo) > 1 ? check_bytes_of_many : check_bytes_of_one),
      buffer(PieceHasher::width(metainfo) * (chunk + lane_gap)) {}

std::span<std::byte> Store::Impl::Checker::room(std::size_t piece) {
  return std::span(buffer).subspan(piece * (chunk + lane_gap), chunk);
}

// Fresh pages for every piece would cost as much as half its reading: they are kept.
std::unique_ptr<Store::Impl::Checker> Store::Impl::take_checker() {
  const std::lock_guard lock(checkers_mutex_);
  if (checkers_.empty()) return std::make_unique<Checker>(*metainfo_);
  auto out = std::move(checkers_.back());
  checkers_.pop_back();
  return out;
}

void Store::Impl::give_back(std::unique_ptr<Checker> checker) {
  const std::lock_guard lock(checkers_mutex_);
  checkers_.push_back(std::move(checker));
}

Result<std::vector<bool>> Store::Impl::check_pieces(std::span<const PieceIndex> pieces) {
  for (const PieceIndex piece : pieces) {
    if (PieceHasher::possible(*metainfo_, piece)) continue;
    return Error{Errc::unsupported, "the torrent lacks the hashes of its pieces (piece layers)"};
  }
  std::vector<bool> right(pieces.size());
  auto checker = take_checker();
  for (std::size_t done = 0; done < pieces.size();) {
    const auto some = pieces.subspan(done, std::min(pieces.size() - done, hash_width()));
    const auto found = hash_files(some, *checker);
    if (!found) return found.error();
    for (std::size_t i = 0; i < some.size(); ++i) {
      if (auto noted = note_checked(some[i], (*found)[i]); !noted) return noted.error();
      right[done + i] = (*found)[i];
    }
    done += some.size();
  }
  give_back(std::move(checker));
  return right;
}

// What the files hold for these pieces: is it right? Where they are absent or short it is not.
Result<std::vector<bool>> Store::Impl::hash_files(std::span<const PieceIndex> pieces,
                                                  Checker& checker) {
  checker.readable.fill(true);
  checker.fetched.fill(0);
  std::uint32_t longest = 0;
  for (const PieceIndex piece : pieces) longest = std::max(longest, layout_.piece_size(piece));
  checker.hasher.begin(pieces);
  for (std::uint32_t at = 0; at < longest;) {
    if (auto done = read_parts(pieces, at, checker); !done) return done.error();
    checker.hasher.update(std::span(checker.parts).first(pieces.size()));
    at += static_cast<std::uint32_t>(std::min<std::size_t>(checker.chunk, longest - at));
  }
  auto right = checker.hasher.finish();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    right[i] = right[i] && checker.readable[i];
    if (checker.fetched[i] == 0 || !too_big_to_cache(layout_.total_size())) continue;
    set_.advise(layout_.piece_offset(pieces[i]), checker.fetched[i], Files::Advice::done_with);
  }
  return right;
}

// The next bytes of each piece. What is not in memory is asked of the disk for all of them before
// the first is waited for.
Result<void> Store::Impl::read_parts(std::span<const PieceIndex> pieces, std::uint32_t at,
                                     Checker& checker) {
  std::array<bool, max_sha_lanes> missing{};
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::uint32_t size = layout_.piece_size(pieces[i]);
    checker.parts[i] = {};
    if (!checker.readable[i] || at >= size) continue;
    const auto room = checker.room(i).first(std::min<std::size_t>(size - at, checker.chunk));
    const auto got = set_.read(layout_.piece_offset(pieces[i]) + at, room, false);
    missing[i] = !got || !*got;
    checker.parts[i] = room;
    if (missing[i] || checker.fetched[i] > 0) fetch_ahead(pieces[i], at, checker.fetched[i]);
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (!missing[i]) continue;
    const auto room = checker.room(i).first(checker.parts[i].size());
    const auto got = set_.read(layout_.piece_offset(pieces[i]) + at, room, true);
    if (got) continue;
    const Errc code = got.error().code;
    if (code != Errc::not_found && code != Errc::file_changed) return got.error();
    checker.readable[i] = false;
    checker.parts[i] = {};
  }
  return {};
}

// Keeps between one and two fetches under way ahead of a reader whose bytes are not in memory.
void Store::Impl::fetch_ahead(PieceIndex piece, std::uint32_t at, std::uint32_t& fetched) {
  const std::uint32_t size = layout_.piece_size(piece);
  if (fetched >= size || at + ahead_bytes < fetched) return;
  const std::uint32_t from = std::max(at, fetched);
  const std::uint32_t length = std::min(ahead_bytes, size - from);
  set_.advise(layout_.piece_offset(piece) + from, length, Files::Advice::will_need);
  fetched = from + length;
}

Result<void> Store::Impl::note_checked(PieceIndex piece, bool right) {
  const std::lock_guard lock(mutex_);
  if (!right) {
    set_have(piece, false);
    return journal_->marked(PieceMark::absent, {&piece, 1});
  }
  const auto slots = spilled_slots(piece);
  if (auto done = journal_->written(piece, {}); !done) return done;
  for (const std::uint32_t slot : slots) spill_->release(slot);
  lost_.erase(piece);
  set_have(piece, true);
  if (!foreign_match_ && touches_foreign(piece)) foreign_match_ = true;
  return {};
}

}  // namespace barter
