#include "cli/on_complete.hpp"

#include <chrono>
#include <thread>

#include <catch2/catch.hpp>

using namespace barter;
using namespace barter::cli;

namespace {

Result<void> outcome(OnComplete& program) {
  for (int i = 0; i < 1000; ++i) {
    if (auto ended = program.ended()) return *ended;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  FAIL("the program does not end");
  return {};
}

}  // namespace

TEST_CASE("a program gets the path as its one argument, without a shell", "[on_complete]") {
  OnComplete program(
      "test");  // "test X" succeeds if X is not empty; no shell would leave these alone
  CHECK_FALSE(program.running());
  REQUIRE(program.start("$(false); & *").has_value());
  CHECK(program.running());
  CHECK(outcome(program).has_value());
  CHECK_FALSE(program.running());
}

TEST_CASE("a program that fails is an error that says how", "[on_complete]") {
  OnComplete program("false");
  REQUIRE(program.start("x").has_value());
  const auto ended = outcome(program);
  REQUIRE(ended.has_error());
  CHECK(ended.error().message.find("exit code 1") != std::string::npos);
}

TEST_CASE("a program that is not there is an error at once", "[on_complete]") {
  OnComplete program("/nowhere/at/all");
  const auto started = program.start("x");
  REQUIRE(started.has_error());
  CHECK(started.error().code == Errc::not_found);
  CHECK_FALSE(program.running());
}
