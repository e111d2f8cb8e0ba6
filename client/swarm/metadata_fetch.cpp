#include "client/swarm/metadata_fetch.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "torrent/sha.hpp"

namespace barter {

namespace {

constexpr std::size_t max_divided = 4000;       // sizes; beyond, they stay undivided
constexpr std::size_t max_suspicions = 20'000;  // pieces; beyond, the oldest go
constexpr std::uint32_t max_strays = 64;        // answers to requests taken back, that may come

std::uint32_t piece_count(std::uint32_t size) {
  return (size - 1) / block_length + 1;
}

std::uint32_t piece_size(std::uint32_t size, std::uint32_t piece) {
  return std::min(block_length, size - piece * block_length);
}

}  // namespace

// ---- who has it

MetadataFetch::Source* MetadataFetch::find(ConnectionId peer) {
  for (Source& source : sources_)
    if (source.who.connection == peer) return &source;
  return nullptr;
}

const MetadataFetch::Attempt* MetadataFetch::attempt_of(const Source& source) const {
  for (const Attempt& attempt : attempts_)
    if (belongs(source, attempt)) return &attempt;
  return nullptr;
}

MetadataFetch::Attempt* MetadataFetch::attempt_of(const Source& source) {
  return const_cast<Attempt*>(std::as_const(*this).attempt_of(source));
}

bool MetadataFetch::divided(std::uint32_t size) const {
  return std::find(divided_.begin(), divided_.end(), size) != divided_.end();
}

void MetadataFetch::offered(const Contributor& peer, std::int64_t size) {
  if (size < 1 || size > static_cast<std::int64_t>(max_bytes)) return;
  if (state_ != State::fetching || find(peer.connection) != nullptr) return;
  Source& source = sources_.emplace_back();
  source.who = peer;
  source.size = static_cast<std::uint32_t>(size);
  join(source);
}

// There is an attempt for every source.
void MetadataFetch::join(const Source& source) {
  if (attempt_of(source) != nullptr) return;
  Attempt& attempt = attempts_.emplace_back();
  attempt.size = source.size;
  if (divided(source.size)) attempt.only = source.who.connection;
}

// What came of it stays as long as others claim that size, and where nobody does as long as nothing
// else is fetched: it may come back.
void MetadataFetch::left(ConnectionId peer) {
  std::erase_if(sources_, [&](const Source& source) { return source.who.connection == peer; });
  for (Attempt& attempt : attempts_) {
    const bool over = sources_of(attempt) == 0 && (attempt.only || attempts_.size() > 1);
    if (over) forget_bytes(attempt);
  }
  std::erase_if(attempts_, [&](const Attempt& attempt) {
    return sources_of(attempt) == 0 && attempt.held == 0;
  });
}

// ---- what to ask

void MetadataFetch::fail(Source& source, Duration rest, TimePoint now) {
  source.strays =
      std::min(source.strays + static_cast<std::uint32_t>(source.asked.size()), max_strays);
  source.asked.clear();
  source.window = window_min;
  const std::uint32_t doublings = std::min(source.failures, 6u);
  source.failures = std::min(source.failures + 1, 100u);
  source.rests_until = now + std::min(rest * (1 << doublings), rest_max);
}

// Whoever sends something is not silent, however much is asked of it.
void MetadataFetch::check_times(TimePoint now) {
  for (Source& source : sources_) {
    bool silent = false;
    for (Asked& asked : source.asked) {
      const TimePoint since = std::max(asked.at, source.last_data);
      silent = silent || since + timeout <= now;
      asked.overdue = asked.overdue || asked.at + overdue_after <= now;
    }
    if (silent) fail(source, rest_after_timeout, now);
  }
}

std::size_t MetadataFetch::sources_of(const Attempt& attempt) const {
  return static_cast<std::size_t>(
      std::count_if(sources_.begin(), sources_.end(),
                    [&](const Source& source) { return belongs(source, attempt); }));
}

bool MetadataFetch::runnable(const Attempt& attempt, TimePoint now) const {
  return std::any_of(sources_.begin(), sources_.end(), [&](const Source& source) {
    return belongs(source, attempt) && source.rests_until <= now;
  });
}

// Who had fewer turns comes first, then the size that more peers claim.
void MetadataFetch::take_turns(TimePoint now) {
  const auto waits = [&](const Attempt& attempt) {
    return !attempt.active && runnable(attempt, now);
  };
  std::size_t active = 0;
  some_wait_ = std::any_of(attempts_.begin(), attempts_.end(), waits);
  for (Attempt& attempt : attempts_) {
    if (!attempt.active) continue;
    const bool over = some_wait_ && now - attempt.since >= turn;
    attempt.active = !over && runnable(attempt, now);
    if (attempt.active) ++active;
  }
  while (active < sizes_at_once) {
    Attempt* next = nullptr;
    for (Attempt& attempt : attempts_) {
      if (!waits(attempt)) continue;
      if (next == nullptr || attempt.turns < next->turns ||
          (attempt.turns == next->turns && sources_of(attempt) > sources_of(*next)))
        next = &attempt;
    }
    if (next == nullptr) break;
    next->active = true;
    next->since = now;
    ++next->turns;
    ++active;
  }
  some_wait_ = std::any_of(attempts_.begin(), attempts_.end(), waits);
}

// Of the missing pieces one that nobody was asked for, else one that few were.
std::optional<std::uint32_t> MetadataFetch::choose(const Source& source,
                                                   const Attempt& attempt) const {
  std::vector<std::uint8_t> asked(piece_count(attempt.size));
  for (const Source& other : sources_) {
    if (!belongs(other, attempt)) continue;
    const bool own = other.who.connection == source.who.connection;
    for (const Asked& one : other.asked)
      if (own || !one.overdue)
        asked[one.piece] = static_cast<std::uint8_t>(own ? holders : asked[one.piece] + 1);
  }
  std::optional<std::uint32_t> best;
  for (std::uint32_t i = 0; i < asked.size(); ++i) {
    if (!attempt.pieces.empty() && !attempt.pieces[i].empty()) continue;
    if (asked[i] >= holders || (best && asked[i] >= asked[*best])) continue;
    best = i;
    if (asked[i] == 0) break;
  }
  return best;
}

void MetadataFetch::ask(Source& source, const Attempt& attempt, std::vector<Ask>& out,
                        TimePoint now) {
  while (source.asked.size() < source.window) {
    const auto piece = choose(source, attempt);
    if (!piece) return;
    source.asked.push_back({*piece, now, false});
    out.push_back({source.who.connection, *piece});
  }
}

void MetadataFetch::take_asks(std::vector<Ask>& out, TimePoint now) {
  if (state_ != State::fetching) return;
  check_times(now);
  take_turns(now);
  for (Source& source : sources_) {
    if (source.rests_until > now) continue;
    const Attempt* attempt = attempt_of(source);
    if (attempt != nullptr && attempt->active) ask(source, *attempt, out, now);
  }
}

TimePoint MetadataFetch::next_deadline(TimePoint now) const {
  TimePoint out = never;
  if (state_ != State::fetching) return out;
  for (const Source& source : sources_) {
    if (source.rests_until > now) out = std::min(out, source.rests_until);
    for (const Asked& asked : source.asked) {
      out = std::min(out, std::max(asked.at, source.last_data) + timeout);
      if (!asked.overdue) out = std::min(out, asked.at + overdue_after);
    }
  }
  if (!some_wait_) return out;
  for (const Attempt& attempt : attempts_)
    if (attempt.active) out = std::min(out, attempt.since + turn);
  return out;
}

// ---- what comes

bool MetadataFetch::data(ConnectionId peer, std::uint32_t piece, std::uint64_t total_size,
                         std::string bytes, TimePoint now) {
  if (state_ != State::fetching) return true;
  Source* source = find(peer);
  if (source == nullptr || total_size != source->size) return false;
  if (piece >= piece_count(source->size) || bytes.size() != piece_size(source->size, piece))
    return false;
  if (std::erase_if(source->asked, [&](const Asked& one) { return one.piece == piece; }) == 0) {
    if (source->strays == 0) return false;
    --source->strays;
  }
  source->last_data = last_data_ = now;
  source->failures = 0;
  source->rests_until = std::min(source->rests_until, now);
  source->window = std::min(source->window + 1, window_max);
  Attempt* attempt = attempt_of(*source);
  if (attempt == nullptr) return true;
  if (attempt->pieces.empty()) {
    attempt->pieces.resize(piece_count(attempt->size));
    attempt->senders.resize(attempt->pieces.size());
  }
  if (!attempt->pieces[piece].empty()) return true;
  ++attempt->held;
  attempt->bytes += bytes.size();
  held_ += bytes.size();
  attempt->pieces[piece] = std::move(bytes);
  attempt->senders[piece] = source->who;
  if (attempt->held == attempt->pieces.size()) finish(*attempt);
  make_room();
  return true;
}

void MetadataFetch::rejected(ConnectionId peer, std::uint32_t piece, TimePoint now) {
  Source* source = find(peer);
  if (source == nullptr || state_ != State::fetching) return;
  const auto count =
      std::erase_if(source->asked, [&](const Asked& one) { return one.piece == piece; });
  if (count > 0) fail(*source, rest_after_reject, now);
}

void MetadataFetch::forget_bytes(Attempt& attempt) {
  held_ -= attempt.bytes;
  attempt.bytes = attempt.held = 0;
  attempt.pieces.clear();
  attempt.senders.clear();
}

void MetadataFetch::make_room() {
  while (held_ > max_bytes) {
    Attempt* worst = nullptr;
    for (Attempt& attempt : attempts_) {
      if (attempt.held == 0) continue;
      if (worst == nullptr || attempt.size - attempt.bytes > worst->size - worst->bytes)
        worst = &attempt;
    }
    forget_bytes(*worst);
  }
}

// ---- a whole

void MetadataFetch::finish(Attempt& attempt) {
  Sha1 v1;
  for (const std::string& piece : attempt.pieces) v1.update(as_bytes(piece));
  if (v1.finish() != *wanted_.v1) return wrong(attempt);
  right(attempt);
  info_.reserve(attempt.size);
  for (std::string& piece : attempt.pieces) {
    info_ += piece;
    piece = std::string();
  }
  const bool lies = wanted_.v2 && sha256(as_bytes(info_)) != *wanted_.v2;
  state_ = lies ? State::link_lies : State::complete;
  held_ = 0;
  sources_.clear();
  attempts_.clear();
  suspicions_.clear();
}

// Now it shows what was wrong before.
void MetadataFetch::right(const Attempt& attempt) {
  for (const Suspicion& one : suspicions_) {
    if (one.size != attempt.size) {
      guilty_.push_back(one.sender);  // no part of that size was ever right
    } else if (one.digest != sha1(as_bytes(attempt.pieces[one.piece]))) {
      guilty_.push_back(one.sender);
    }
  }
}

void MetadataFetch::wrong(Attempt& attempt) {
  const Contributor& first = attempt.senders[0];
  const bool one_sender =
      std::all_of(attempt.senders.begin(), attempt.senders.end(),
                  [&](const Contributor& sender) { return sender.connection == first.connection; });
  const std::uint32_t size = attempt.size;
  if (one_sender) {
    const Contributor liar = first;
    guilty_.push_back(liar);
    forget_bytes(attempt);
    return left(liar.connection);
  }
  for (std::uint32_t i = 0; i < attempt.pieces.size(); ++i)
    suspicions_.push_back({size, i, sha1(as_bytes(attempt.pieces[i])), attempt.senders[i]});
  if (suspicions_.size() > max_suspicions)
    suspicions_.erase(suspicions_.begin(),
                      suspicions_.end() - static_cast<std::ptrdiff_t>(max_suspicions));
  forget_bytes(attempt);
  if (divided_.size() == max_divided) return;
  divided_.push_back(size);
  std::erase_if(attempts_, [&](const Attempt& other) { return &other == &attempt; });
  for (Source& source : sources_) {
    if (source.size != size) continue;
    source.strays =
        std::min(source.strays + static_cast<std::uint32_t>(source.asked.size()), max_strays);
    source.asked.clear();
    join(source);
  }
}

std::vector<Contributor> MetadataFetch::take_guilty() {
  return std::exchange(guilty_, {});
}

// ---- questions

MetadataFetch::Progress MetadataFetch::progress() const {
  Progress out;
  out.offers = static_cast<std::uint32_t>(sources_.size());
  for (const Attempt& attempt : attempts_) {
    if (out.size != 0 && attempt.bytes * out.size <= out.bytes * attempt.size) continue;
    out.bytes = attempt.bytes;
    out.size = attempt.size;
  }
  return out;
}

std::string MetadataFetch::broken_invariant() const {
  if (held_ > max_bytes) return "more is held than may be";
  std::uint64_t held = 0;
  std::size_t active = 0;
  for (const Attempt& attempt : attempts_) {
    std::uint64_t bytes = 0;
    std::uint32_t pieces = 0;
    for (const std::string& piece : attempt.pieces) {
      bytes += piece.size();
      pieces += piece.empty() ? 0 : 1;
    }
    if (bytes != attempt.bytes || pieces != attempt.held) return "an attempt is miscounted";
    held += bytes;
    active += attempt.active ? 1 : 0;
    if (sources_of(attempt) == 0 && attempt.held == 0) return "an attempt of nobody";
    if (attempt.only && sources_of(attempt) != 1) return "an attempt of one peer that has gone";
  }
  if (held != held_) return fmt::format("{} bytes held, counted {}", held, held_);
  if (active > sizes_at_once) return "too many sizes at once";
  for (const Source& source : sources_) {
    const auto attempts = std::count_if(attempts_.begin(), attempts_.end(),
                                        [&](const Attempt& one) { return belongs(source, one); });
    if (attempts != 1) return fmt::format("a peer belongs to {} attempts", attempts);
    if (source.asked.size() > window_max) return "too much is asked of a peer";
    for (const Asked& asked : source.asked)
      if (asked.piece >= piece_count(source.size)) return "a piece beyond the end was asked for";
  }
  return {};
}

}  // namespace barter
