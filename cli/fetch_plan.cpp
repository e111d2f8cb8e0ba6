#include "cli/fetch_plan.hpp"

#include <algorithm>

namespace barter::cli {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds first_backoff = 500ms, most_backoff = 5s;
constexpr milliseconds shortest_pause = 500ms, longest_pause = 30s;  // that a server may ask for
constexpr milliseconds hashing_pause = 2s;

}  // namespace

Answer answer_of(unsigned status, bool hashing) {
  switch (status) {
    case 200:
      return Answer::torrent;
    case 304:
      return Answer::unchanged;
    case 404:
    case 410:
      return Answer::gone;
    case 503:
      return hashing ? Answer::hashing : Answer::busy;
    case 502:
    case 504:
      return Answer::busy;
    default:
      return Answer::refused;
  }
}

milliseconds FetchPlan::patience_left(TimePoint now) const {
  if (settings_.stall_timeout == no_timeout) return no_timeout;
  const auto passed = std::chrono::duration_cast<milliseconds>(now - last_news_);
  return std::max(settings_.stall_timeout - passed, 0ms);
}

FetchPlan::Next FetchPlan::after(Answer answer, TimePoint now, std::optional<milliseconds> wanted) {
  switch (answer) {
    case Answer::torrent:
      return {Step::take};
    case Answer::unchanged:
      return {Step::use_kept};
    case Answer::hashing:
      trouble_since_.reset();
      backoff_ = 0ms;
      return again(wanted.value_or(hashing_pause), now);
    case Answer::unreachable:
      return settings_.kept ? Next{Step::use_kept} : trouble(now, {});
    case Answer::busy:
      return trouble(now, wanted);
    case Answer::gone:
      return {settings_.kept ? Step::use_kept : Step::fail};
    case Answer::refused:
      return {Step::fail};
  }
  return {Step::fail};
}

FetchPlan::Next FetchPlan::trouble(TimePoint now, std::optional<milliseconds> wanted) {
  const bool first = !trouble_since_;
  if (first) trouble_since_ = asked_;  // a question that went unanswered has taken its time
  if (patience_left(now) == 0ms) return {Step::stalled};
  milliseconds left = no_timeout;
  if (settings_.retry_for != no_timeout) {
    left = settings_.retry_for - std::chrono::duration_cast<milliseconds>(now - *trouble_since_);
    if (left <= 0ms) return {Step::fail};
  }
  backoff_ = std::clamp(2 * backoff_, first_backoff, most_backoff);
  // At the end of its time it asks once more.
  Next out = again(std::min(wanted.value_or(backoff_), left), now);
  out.first_trouble = first;
  return out;
}

FetchPlan::Next FetchPlan::again(milliseconds pause, TimePoint now) const {
  const milliseconds patience = patience_left(now);
  if (patience == 0ms) return {Step::stalled};
  return {Step::again, std::min(std::clamp(pause, shortest_pause, longest_pause), patience)};
}

}  // namespace barter::cli
