#include "cli/newcomers.hpp"

#include <catch2/catch.hpp>

namespace barter::cli {
namespace {

TEST_CASE("who announces is called after a moment, once, and only if it lacks something") {
  const Newcomers::Time now{std::chrono::hours(1)};
  Newcomers newcomers;
  Word lacks, whole;
  lacks.from.port = 1;
  whole.from.port = 2;
  whole.has_all = true;
  newcomers.heard(lacks, now);
  newcomers.heard(whole, now);
  CHECK(newcomers.due(now + std::chrono::milliseconds(299)).empty());
  const auto due = newcomers.due(now + std::chrono::milliseconds(300));
  REQUIRE(due.size() == 1);
  CHECK(due.front().from.port == 1);
  CHECK(newcomers.due(now + std::chrono::hours(1)).empty());

  for (std::size_t i = 0; i < 2 * Newcomers::max_waiting; ++i) newcomers.heard(lacks, now);
  CHECK(newcomers.due(now + std::chrono::hours(1)).size() == Newcomers::max_waiting);
}

}  // namespace
}  // namespace barter::cli
