// FetchPlan: what to do about each answer to the question for a torrent, which may be asked again.
// Time is an argument; no network, no files.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "torrent/time.hpp"

namespace barter::cli {

inline constexpr auto no_timeout = std::chrono::milliseconds::max();

enum class Answer : std::uint8_t {
  torrent,      // it came, whatever it is
  unchanged,    // 304: what is kept, and was named in the question, is right
  hashing,      // a share that is not ready yet
  unreachable,  // no connection, or it broke, or no reply came in time
  busy,         // 502, 503, 504: whoever stands before the server cannot reach it just now
  gone,         // 404, 410
  refused,      // anything else
};

// Of an HTTP reply. `hashing`: it has the words of a share.
Answer answer_of(unsigned status, bool hashing);

class FetchPlan {
 public:
  struct Settings {
    std::chrono::milliseconds retry_for{0};                // trouble that may pass
    std::chrono::milliseconds stall_timeout = no_timeout;  // in all, while nothing new is heard
    bool kept = false;                                     // there is a copy that may be used
  };
  enum class Step : std::uint8_t { take, use_kept, again, fail, stalled };
  struct Next {
    Step step = Step::fail;
    std::chrono::milliseconds pause{0};  // before it is asked again
    bool first_trouble = false;          // and so worth a word
  };

  FetchPlan(Settings settings, TimePoint now) : settings_(settings), last_news_(now), asked_(now) {}

  // To be called before each question.
  void asking(TimePoint now) { asked_ = now; }
  // `wanted`: the pause that the server asks for.
  Next after(Answer answer, TimePoint now,
             std::optional<std::chrono::milliseconds> wanted = std::nullopt);
  // The server tells that it has come further.
  void news(TimePoint now) { last_news_ = now; }
  std::chrono::milliseconds patience_left(TimePoint now) const;

 private:
  Next trouble(TimePoint now, std::optional<std::chrono::milliseconds> wanted);
  Next again(std::chrono::milliseconds pause, TimePoint now) const;

  const Settings settings_;
  TimePoint last_news_, asked_;
  std::optional<TimePoint> trouble_since_;
  std::chrono::milliseconds backoff_{0};
};

}  // namespace barter::cli
