// Newcomers: who has announced to the tracker of a share and lacks something. They are called,
// since some cannot call us, or try uTP first; but only after a moment: most call by themselves,
// and two links that cross cost a few blocks sent twice. One thread; no sockets, no clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

#include "cli/audience.hpp"

namespace barter::cli {

class Newcomers {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr auto patience = std::chrono::milliseconds(300);
  static constexpr std::size_t max_waiting = 1000;  // beyond, they must come by themselves

  void heard(const Word& word, Time now) {
    if (!word.has_all && waiting_.size() < max_waiting) waiting_.emplace_back(now, word);
  }
  // Those whose time has come, each once.
  std::vector<Word> due(Time now) {
    std::vector<Word> out;
    std::size_t count = 0;
    while (count < waiting_.size() && waiting_[count].first + patience <= now)
      out.push_back(waiting_[count++].second);
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    return out;
  }

 private:
  std::vector<std::pair<Time, Word>> waiting_;  // in the order of their coming
};

}  // namespace barter::cli
