#include "cli/simulate_text.hpp"

#include <catch2/catch.hpp>

using namespace barter;
using namespace barter::cli;
using namespace std::chrono_literals;

namespace {

sim::RolloutOptions question() {
  sim::RolloutOptions options;
  options.peers = 50;
  options.size = 100'000'000'000;
  options.piece_length = 16 << 20;
  options.seed_up = options.seed_down = options.up = options.down = 125'000'000;
  return options;
}

sim::Prediction run(double last) {
  sim::Prediction out;
  out.report.peers = out.report.finished = 2;
  out.report.bound.seeds = 836;
  out.report.bound.downlink = 835;
  out.report.bound.uplinks = 700;
  out.report.finish_times = {850, last};
  out.report.last_seconds = last;
  out.report.efficiency = 836 / last;
  out.report.seeds_sent = 1.05;
  return out;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

}  // namespace

TEST_CASE("the question is told back", "[simulate]") {
  sim::RolloutOptions options = question();
  CHECK(question_text(options, false) ==
        "50 peers (up 1 Gbit/s, down 1 Gbit/s) fetch 93.1 GiB from 1 seed (up 1 Gbit/s)");
  options.peers = 1;
  options.seeds = 2;
  options.arrivals = 1h;
  options.leave = true;
  CHECK(question_text(options, true) ==
        "1 peer (up 1 Gbit/s, down 1 Gbit/s) fetches 93.1 GiB from 2 seeds (up 1 Gbit/s); round "
        "trip 1 ms; they come over 1 h 0 min; each goes when it has everything");
}

TEST_CASE("what limits: every term near the bound", "[simulate]") {
  CHECK(limits_of(run(900).report.bound) == std::vector<std::string_view>{"seeds", "downlink"});
  sim::Bound bound;
  bound.uplinks = 5;
  CHECK(limits_of(bound) == std::vector<std::string_view>{"uplinks"});
}

TEST_CASE("the table of one run and of several", "[simulate]") {
  const sim::RolloutOptions options = question();
  const sim::Grain grain = sim::choose_grain(options);
  const sim::Prediction runs[] = {run(900), run(870), run(960)};
  const std::string one = joined(rollout_table(options, grain, {runs, 1}));
  CHECK(one.find("the first peer       14 min 10 s\n") != std::string::npos);
  CHECK(one.find("the last              15 min 0 s\n") != std::string::npos);
  CHECK(one.find("the seed's uplink, each peer's downlink") != std::string::npos);
  CHECK(one.find("92.9 %") != std::string::npos);
  CHECK(one.find("1.05 copies") != std::string::npos);
  CHECK(one.find("11 h 37 min") != std::string::npos);
  CHECK(one.find("scaled: 5961 pieces") != std::string::npos);
  const std::string three = joined(rollout_table(options, grain, runs));
  CHECK(three.find("of 3 runs") != std::string::npos);
  CHECK(three.find("15 min 0 s   14 min 30 s to 16 min 0 s\n") != std::string::npos);
  CHECK(three.find("87.1 % to 96.1 %") != std::string::npos);
}
