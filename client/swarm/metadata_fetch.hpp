// MetadataFetch: the info dictionary of a magnet link, from peers (BEP 9). A state machine: what
// peers say in, what to ask of whom out; time is an argument. Owned by a Swarm that has no metainfo
// yet; sends, bans and parses nothing itself.
//
// Peers claim how large the dictionary is, and nothing proves it but the hash of the whole. So each
// claimed size is fetched on its own, a few side by side and all in turn, and a lie costs only what
// the liar sends. A whole that is wrong and came of one peer proves a liar. One that came of
// several proves nothing: from then on that size is fetched of each of its peers alone, which finds
// the liars one by one, and the honest one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/swarm/open_piece.hpp"
#include "torrent/digest.hpp"
#include "torrent/layout.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/time.hpp"

namespace barter {

class MetadataFetch {
 public:
  // As large as a .torrent may be, and all that is held of all sizes together: beyond, the size
  // that lacks most is forgotten. (Once more while the whole is put together.)
  static constexpr std::size_t max_bytes = MetainfoLimits{}.bytes;
  static constexpr std::size_t sizes_at_once = 4;  // fetched side by side; others wait their turn
  static constexpr Duration turn = std::chrono::seconds(15);      // then another one, if some wait
  static constexpr std::uint32_t window_min = 2, window_max = 8;  // pieces asked of one peer
  static constexpr std::uint32_t holders = 2;                     // peers asked for one piece
  static constexpr Duration overdue_after = std::chrono::seconds(3);  // then one more may be asked
  static constexpr Duration timeout = std::chrono::seconds(8);        // nothing came: taken back
  // A peer that was silent or refused is left alone, twice as long each time.
  static constexpr Duration rest_after_reject = std::chrono::seconds(1);
  static constexpr Duration rest_after_timeout = std::chrono::seconds(5);
  static constexpr Duration rest_max = std::chrono::seconds(60);

  // `wanted` has a v1 hash; a v2 one beside it is checked, too.
  explicit MetadataFetch(const InfoHash& wanted) : wanted_(wanted) {}

  // Events. What a peer claims first counts; sizes that cannot be count as none.
  void offered(const Contributor& peer, std::int64_t size);
  void left(ConnectionId peer);
  // False: the peer breaks the protocol. Nothing was asked of it, or the answer contradicts itself.
  bool data(ConnectionId peer, std::uint32_t piece, std::uint64_t total_size, std::string bytes,
            TimePoint now);
  void rejected(ConnectionId peer, std::uint32_t piece, TimePoint now);

  // What to ask now, appended; call it after every event and at the deadline.
  struct Ask {
    ConnectionId peer{};
    std::uint32_t piece = 0;
  };
  void take_asks(std::vector<Ask>& out, TimePoint now);
  TimePoint next_deadline(TimePoint now) const;

  // Those proven to have lied since the last call.
  std::vector<Contributor> take_guilty();

  enum class State : std::uint8_t {
    fetching,
    complete,   // info() has every hash that the link names
    link_lies,  // it has the v1 hash, and not the v2 hash: the two never belonged together
  };
  State state() const { return state_; }
  std::string take_info() { return std::move(info_); }

  struct Progress {
    std::uint64_t bytes = 0,
                  size = 0;    // of the size that is nearest to its end; 0: none claimed yet
    std::uint32_t offers = 0;  // peers that say they have it
  };
  Progress progress() const;
  TimePoint last_data() const { return last_data_; }
  std::uint64_t held_bytes() const { return held_; }
  // A contradiction between the tables; empty if there is none. For the fuzzer.
  std::string broken_invariant() const;

 private:
  struct Asked {
    std::uint32_t piece = 0;
    TimePoint at{};
    bool overdue = false;
  };
  struct Source {  // a peer that claims to have it
    Contributor who;
    std::uint32_t size = 0;
    std::uint32_t window = window_min;
    std::uint32_t failures = 0;  // in a row
    TimePoint rests_until{}, last_data{};
    std::vector<Asked> asked;
    std::uint32_t strays = 0;  // answers to what was taken back may still come
  };
  struct Attempt {  // to fetch one claimed size: of all its peers, or of one alone
    std::uint32_t size = 0;
    std::optional<ConnectionId> only;
    bool active = false;
    std::uint32_t turns = 0;
    TimePoint since{};                // of its turn
    std::uint32_t held = 0;           // pieces
    std::uint64_t bytes = 0;          // of them
    std::vector<std::string> pieces;  // empty ones are missing; no entry at all while nothing came
    std::vector<Contributor> senders;
  };
  struct Suspicion {  // a piece of a whole that was wrong
    std::uint32_t size = 0, piece = 0;
    Sha1Digest digest;
    Contributor sender;
  };

  Source* find(ConnectionId peer);
  Attempt* attempt_of(const Source& source);
  const Attempt* attempt_of(const Source& source) const;
  bool belongs(const Source& source, const Attempt& attempt) const {
    return source.size == attempt.size && (!attempt.only || *attempt.only == source.who.connection);
  }
  bool divided(std::uint32_t size) const;
  void join(const Source& source);
  void fail(Source& source, Duration rest, TimePoint now);
  void check_times(TimePoint now);
  void take_turns(TimePoint now);
  bool runnable(const Attempt& attempt, TimePoint now) const;
  std::size_t sources_of(const Attempt& attempt) const;
  void ask(Source& source, const Attempt& attempt, std::vector<Ask>& out, TimePoint now);
  std::optional<std::uint32_t> choose(const Source& source, const Attempt& attempt) const;
  void forget_bytes(Attempt& attempt);
  void make_room();
  void finish(Attempt& attempt);
  void right(const Attempt& attempt);
  void wrong(Attempt& attempt);

  InfoHash wanted_;
  State state_ = State::fetching;
  std::string info_;
  std::vector<Source> sources_;    // in the order of their offers
  std::vector<Attempt> attempts_;  // at most one for each source, and one for each size
  std::vector<std::uint32_t> divided_;
  std::vector<Suspicion> suspicions_;
  std::vector<Contributor> guilty_;
  std::uint64_t held_ = 0;
  TimePoint last_data_{};
  bool some_wait_ = false;  // for their turn
};

}  // namespace barter
