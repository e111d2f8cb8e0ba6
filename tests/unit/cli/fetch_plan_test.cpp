#include "cli/fetch_plan.hpp"

#include <catch2/catch.hpp>

using namespace barter;
using namespace barter::cli;
using namespace std::chrono_literals;
using Step = FetchPlan::Step;

namespace {

const TimePoint start{std::chrono::hours(1)};

FetchPlan plan(std::chrono::milliseconds retry_for, bool kept = false,
               std::chrono::milliseconds stall = no_timeout) {
  return FetchPlan({retry_for, stall, kept}, start);
}

// How often it asks, each question taking so long, and when it gives up.
std::pair<int, std::chrono::milliseconds> ask_in_vain(FetchPlan plan, Answer answer,
                                                      std::chrono::milliseconds takes) {
  TimePoint now = start;
  for (int asked = 1;; ++asked) {
    plan.asking(now);
    now += takes;
    const auto next = plan.after(answer, now);
    CHECK(next.first_trouble == (asked == 1 && next.step == Step::again));
    if (next.step != Step::again) {
      CHECK(next.step == Step::fail);
      return {asked, std::chrono::duration_cast<std::chrono::milliseconds>(now - start)};
    }
    now += next.pause;
  }
}

}  // namespace

TEST_CASE("replies are told apart", "[fetch_plan]") {
  CHECK(answer_of(200, false) == Answer::torrent);
  CHECK(answer_of(304, false) == Answer::unchanged);
  CHECK(answer_of(404, false) == Answer::gone);
  CHECK(answer_of(410, false) == Answer::gone);
  CHECK(answer_of(503, true) == Answer::hashing);
  for (const unsigned status : {502u, 503u, 504u}) CHECK(answer_of(status, false) == Answer::busy);
  for (const unsigned status : {204u, 301u, 400u, 401u, 403u, 429u, 500u, 501u}) {
    CHECK(answer_of(status, false) == Answer::refused);
  }
}

TEST_CASE("trouble that may pass is tried again for its time", "[fetch_plan]") {
  for (const Answer answer : {Answer::unreachable, Answer::busy}) {
    const auto [asked, until] = ask_in_vain(plan(30s), answer, 10ms);
    CHECK(asked >= 8);
    CHECK(until >= 30s);
    CHECK(until < 31s);
    CHECK(ask_in_vain(plan(0ms), answer, 10ms).first == 1);
  }
  // A question that goes unanswered has taken its time.
  CHECK(ask_in_vain(plan(30s), Answer::unreachable, 30s).first == 1);
  FetchPlan endless = plan(no_timeout);
  CHECK(endless.after(Answer::busy, start + 1000h).step == Step::again);
  CHECK(endless.after(Answer::busy, start + 2000h).step == Step::again);
}

TEST_CASE("other refusals are not tried again", "[fetch_plan]") {
  CHECK(plan(30s).after(Answer::refused, start).step == Step::fail);
  CHECK(plan(30s).after(Answer::gone, start).step == Step::fail);
  CHECK(plan(30s).after(Answer::torrent, start).step == Step::take);
}

TEST_CASE("what is kept is used where the server is away or has it no more", "[fetch_plan]") {
  CHECK(plan(30s, true).after(Answer::unreachable, start).step == Step::use_kept);
  CHECK(plan(30s, true).after(Answer::gone, start).step == Step::use_kept);
  CHECK(plan(30s, true).after(Answer::unchanged, start).step == Step::use_kept);
  CHECK(plan(30s, true).after(Answer::torrent, start).step == Step::take);
  CHECK(plan(30s, true).after(Answer::refused, start).step == Step::fail);
  CHECK(plan(30s, true).after(Answer::hashing, start).step == Step::again);
  CHECK(plan(30s, true).after(Answer::busy, start).step == Step::again);
  CHECK(plan(0s, true).after(Answer::busy, start).step == Step::fail);
}

TEST_CASE("a share that hashes is waited for as long as it comes further", "[fetch_plan]") {
  FetchPlan one = plan(1s, false, 10s);
  TimePoint now = start;
  for (int i = 0; i < 100; ++i) {
    const auto next = one.after(Answer::hashing, now, 1s);
    CHECK(next.step == Step::again);
    CHECK(next.pause == 1s);
    now += 5s;
    one.news(now);
  }
  CHECK(one.after(Answer::hashing, now + 9s, 1s).pause == 1s);
  CHECK(one.after(Answer::hashing, now + 10s, 1s).step == Step::stalled);
  // One that is gone for a moment in between has the time of any trouble, each time anew.
  FetchPlan two = plan(5s, false);
  for (int i = 0; i < 10; ++i) {
    now += 10s;
    two.asking(now);
    CHECK(two.after(Answer::unreachable, now).step == Step::again);
    CHECK(two.after(Answer::hashing, now + 1s, 1s).step == Step::again);
  }
}

TEST_CASE("the pause that a server asks for is bounded", "[fetch_plan]") {
  CHECK(plan(1h).after(Answer::busy, start, 0s).pause == 500ms);
  CHECK(plan(1h).after(Answer::busy, start, 500s).pause == 30s);
  CHECK(plan(10s).after(Answer::busy, start, 500s).pause == 10s);
  CHECK(plan(1h, false, 2s).after(Answer::busy, start, 20s).pause == 2s);
}
