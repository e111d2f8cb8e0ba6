// swarm-sim: runs a named scenario of the simulator and prints how it did against the bound.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/swarm-sim/policies.hpp"
#include "sim/action_digest.hpp"
#include "sim/report.hpp"
#include "sim/scenarios.hpp"

namespace barter::sim {
namespace {

struct Options {
  std::string scenario = "flash";
  std::uint32_t peers = 0, runs = 1;
  std::uint64_t seed = 1;
  bool json = false, list = false, checked = false, policies = false, picking = false,
       digest = false;
  std::string curve;
};

struct Run {
  std::uint64_t seed = 0;
  Report report;
  bool finished = false;
  double cpu_seconds = 0;
  std::optional<Report> control;
};

constexpr const char* examples =
    "Examples:\n"
    "  swarm-sim --list\n"
    "  swarm-sim --scenario flash --runs 5\n"
    "  swarm-sim --policies --runs 5 --curve policies.svg\n"
    "  swarm-sim --picking --runs 5\n"
    "  swarm-sim --digest\n"
    "  swarm-sim --scenario crowd-1000 --seed 7 --curve curve.svg\n"
    "  swarm-sim --scenario crowd-10000 --peers 2000 --json > report.jsonl\n";

double peak_megabytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// What a change of shape must leave as it was: its output before and after is the same.
int print_digests(const Options& options) {
  for (const char* name : {"flash", "liars", "free-riders", "churn", "crowd-100"}) {
    const Scenario& scenario = *find_scenario(name);
    for (std::uint64_t seed = options.seed; seed < options.seed + 3; ++seed) {
      ActionDigest digest;
      const auto world = build(scenario, {.peers = options.peers, .seed = seed, .checked = false});
      world->set_digest(&digest);
      const bool finished = world->run(scenario.limit);
      fmt::print("{} {:<12} seed {}, {} events{}\n", digest.hex(), name, seed, world->events(),
                 finished ? "" : ": NOT ALL FINISHED");
    }
  }
  return 0;
}

Run run_once(const Scenario& scenario, const Options& options, std::uint64_t seed) {
  Run run;
  run.seed = seed;
  const double began = cpu_seconds();
  const ScenarioOptions what{.peers = options.peers, .seed = seed, .checked = options.checked};
  const auto world = build(scenario, what);
  run.finished = world->run(scenario.limit);
  run.report = make_report(*world);
  run.cpu_seconds = cpu_seconds() - began;
  if (const auto control = build_control(scenario, what)) {
    control->run(scenario.limit);
    run.control = make_report(*control);
  }
  return run;
}

void print(const Scenario& scenario, const Options& options, const Run& run) {
  if (options.json) {
    std::string report = to_json(run.report);
    report.pop_back();  // the closing brace
    if (run.control) report += fmt::format(",\"control\":{}", to_json(*run.control));
    fmt::print(
        "{},\"scenario\":\"{}\",\"seed\":{},\"all_finished\":{},\"cpu_seconds\":{:.3f},"
        "\"peak_mib\":{:.1f}}}\n",
        report, scenario.name, run.seed, run.finished, run.cpu_seconds, peak_megabytes());
    return;
  }
  fmt::print("{}, seed {}{}\n{}", scenario.name, run.seed, run.finished ? "" : ": NOT ALL FINISHED",
             to_text(run.report));
  if (run.control)
    fmt::print("control     without it: last {:.2f} s ({:+.2f} s), mean {:.2f} s ({:+.1f} %)\n",
               run.control->last_seconds, run.report.last_seconds - run.control->last_seconds,
               run.control->mean_seconds,
               100 * (run.report.mean_seconds / run.control->mean_seconds - 1));
  const auto events = static_cast<double>(run.report.events);
  fmt::print(
      "simulated   {} events in {:.2f} s of one core: {:.0f} events/s, {:.2f} us each; {:.0f} "
      "MiB\n\n",
      run.report.events, run.cpu_seconds, events / run.cpu_seconds, 1e6 * run.cpu_seconds / events,
      peak_megabytes());
}

void print_summary(std::vector<Run> runs) {
  const auto median_of = [&](auto value) {
    std::sort(runs.begin(), runs.end(),
              [&](const Run& a, const Run& b) { return value(a.report) < value(b.report); });
    const auto middle = (runs.size() - 1) / 2;
    return fmt::format("{:.3f} ({:.3f} to {:.3f})", value(runs[middle].report),
                       value(runs.front().report), value(runs.back().report));
  };
  fmt::print("median of {} runs: last {}, mean {}, efficiency {}\n", runs.size(),
             median_of([](const Report& one) { return one.last_seconds; }),
             median_of([](const Report& one) { return one.mean_seconds; }),
             median_of([](const Report& one) { return one.efficiency; }));
}

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  if (file.flush()) return true;
  fmt::print(stderr, "swarm-sim: cannot write {}\n", path);
  return false;
}

int run_all(const Options& options) {
  if (options.list) {
    for (const Scenario& one : scenarios()) fmt::print("{:<14} {}\n", one.name, one.about);
    return 0;
  }
  if (options.digest) return print_digests(options);
  if (options.policies) {
    const std::string drawing = compare_policies(options.runs, options.seed);
    return options.curve.empty() || write_file(options.curve, drawing) ? 0 : 1;
  }
  if (options.picking) {
    compare_pickings(options.runs, options.seed);
    return 0;
  }
  const Scenario* scenario = find_scenario(options.scenario);
  if (scenario == nullptr) {
    fmt::print(stderr, "swarm-sim: no scenario \"{}\": see --list\n", options.scenario);
    return 2;
  }
  std::vector<Run> runs;
  bool finished = true;
  for (std::uint32_t i = 0; i < options.runs; ++i) {
    runs.push_back(run_once(*scenario, options, options.seed + i));
    finished = finished && runs.back().finished;
    print(*scenario, options, runs.back());
  }
  if (!options.json && runs.size() > 1) print_summary(runs);
  if (!options.curve.empty()) {
    const Report& report = runs.front().report;
    const bool drawn = options.curve.ends_with(".svg");
    if (!write_file(options.curve,
                    drawn ? curve_svg(report, std::string(scenario->about)) : curve_csv(report)))
      return 1;
  }
  return finished ? 0 : 1;
}

}  // namespace
}  // namespace barter::sim

int main(int argc, char** argv) {
  barter::sim::Options options;
  CLI::App app{
      "Simulates a swarm of barter's own peers and compares it with the fluid bound.\n"
      "Exit status: 0 if every honest peer finished, 1 if not, 2 for wrong arguments."};
  app.footer(barter::sim::examples);
  app.add_option("--scenario", options.scenario, "Which one (see --list)")->capture_default_str();
  app.add_option("--peers", options.peers,
                 "How many peers begin without the torrent, instead of the scenario's own number");
  app.add_option("--seed", options.seed, "Of all randomness; a run is a function of it")
      ->capture_default_str();
  app.add_option("--runs", options.runs, "How many, with the seeds that follow")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_flag("--json", options.json, "One JSON object a run");
  app.add_option("--curve", options.curve,
                 "Write the first run's completion curve to this file: .svg, or else CSV; with "
                 "--policies that of crowd-100 under each of them, as SVG");
  app.add_flag("--checked", options.checked, "With the checkers of the tests; slow");
  app.add_flag("--policies", options.policies,
               "Compare policies over some scenarios: last peer / bound, medians; some minutes");
  app.add_flag("--picking", options.picking,
               "The same for rules of what to ask for, and for the last blocks");
  app.add_flag("--digest", options.digest,
               "A digest of all that the swarms of five scenarios do, three seeds each: to compare "
               "programs whose behaviour should be the same");
  app.add_flag("--list", options.list, "List the scenarios");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    return barter::sim::run_all(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "swarm-sim: {}\n", error.what());
    return 1;
  }
}
