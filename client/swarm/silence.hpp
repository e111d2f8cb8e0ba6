// Silence: who owes us blocks and does not answer while others do. A peer that is slow is not
// silent, and where nobody answers the silence is our own line's. Value types; time is an argument.
#pragma once

#include <chrono>

#include "torrent/time.hpp"

namespace barter {

// For how long one peer has owed us blocks without sending any. The clock runs only while something
// is asked of it: it stops when all was taken back, and goes on with the next request, so that
// nobody holds one block after the other for a moment each, for ever.
class Debt {
 public:
  void asked(TimePoint now) {
    if (since_ == never) since_ = now - spent_;
  }
  // A block or a reject came; `more` is still owed.
  void answered(bool more, TimePoint now) {
    spent_ = {};
    since_ = more ? now : never;
  }
  void taken_back(TimePoint now) {
    if (since_ == never) return;
    spent_ = now - since_;
    since_ = never;
  }
  TimePoint since() const { return since_; }  // `never`: nothing is owed
  Duration spent() const { return spent_; }   // of the clock, when it was stopped last

 private:
  TimePoint since_ = never;
  Duration spent_{};
};

// Since when blocks have come from anybody without a pause.
class Answers {
 public:
  void heard(TimePoint now) {
    if (since_ == never || now - last_ > longest_pause) since_ = now;
    last_ = now;
  }
  TimePoint last() const { return last_; }
  // `never`: nothing comes now.
  TimePoint since(TimePoint now) const { return now - last_ > longest_pause ? never : since_; }

 private:
  static constexpr Duration longest_pause = std::chrono::seconds(1);
  TimePoint last_{}, since_ = never;
};

}  // namespace barter
