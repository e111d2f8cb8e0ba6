#include "client/swarm/silence.hpp"

#include <catch2/catch.hpp>

namespace barter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const TimePoint now{seconds(1000)};

TEST_CASE("a debt counts from the first request until something comes") {
  Debt debt;
  CHECK(debt.since() == never);
  debt.asked(now);
  debt.asked(now + seconds(1));
  CHECK(debt.since() == now);
  debt.answered(true, now + seconds(2));
  CHECK(debt.since() == now + seconds(2));
  debt.answered(false, now + seconds(3));
  CHECK(debt.since() == never);
  debt.asked(now + seconds(9));
  CHECK(debt.since() == now + seconds(9));
}

TEST_CASE("taking requests back stops the clock of a debt, and does not wind it back") {
  Debt debt;
  debt.asked(now);
  debt.taken_back(now + seconds(2));
  CHECK(debt.since() == never);
  debt.taken_back(now + seconds(3));
  debt.asked(now + seconds(100));
  CHECK(debt.since() == now + seconds(98));
  debt.taken_back(now + seconds(101));
  debt.answered(false, now + seconds(102));  // a block that was under way
  debt.asked(now + seconds(200));
  CHECK(debt.since() == now + seconds(200));
}

TEST_CASE("answers last while no pause is longer than a second") {
  for (const TimePoint begin : {TimePoint{}, now}) {
    Answers answers;
    CHECK(answers.since(begin) == never);
    for (int i = 0; i < 5; ++i) answers.heard(begin + milliseconds(900 * i));
    CHECK(answers.last() == begin + milliseconds(3600));
    CHECK(answers.since(begin + milliseconds(4600)) == begin);
    CHECK(answers.since(begin + milliseconds(4601)) == never);
    answers.heard(begin + seconds(9));
    CHECK(answers.since(begin + seconds(9)) == begin + seconds(9));
  }
}

}  // namespace
}  // namespace barter
