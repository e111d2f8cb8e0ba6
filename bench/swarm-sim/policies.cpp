#include "bench/swarm-sim/policies.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "client/sim/policies/policies.hpp"
#include "client/sim/report.hpp"
#include "client/sim/scenarios.hpp"

namespace barter::sim {

namespace {
struct Column {
  const char* scenario;
  std::uint32_t peers;  // 0: the scenario's own
  bool large;           // once is enough
};
constexpr Column columns[] = {
    {"flash", 0, false},       {"flash-24", 0, false},    {"crowd-100", 0, false},
    {"crowd-1000", 300, true}, {"lan", 12, true},         {"classes", 0, false},
    {"staggered", 0, false},   {"seed-leaves", 0, false}, {"free-riders", 0, false},
};

Report run_once(const Scenario& scenario, const Column& column, const NamedPolicy& policy,
                std::uint64_t seed) {
  ScenarioOptions options{.peers = column.peers, .seed = seed};
  options.configure = [&policy](SwarmConfig& config) {
    if (policy.leech != nullptr) config.leech_policy = policy.leech;
    if (policy.seed != nullptr) config.seed_policy = policy.seed;
  };
  const auto world = build(scenario, options);
  world->run(scenario.limit);
  return make_report(*world);
}

template <class Value>
double median(const std::vector<Report>& reports, Value value) {
  std::vector<double> values;
  for (const Report& report : reports) values.push_back(value(report));
  std::sort(values.begin(), values.end());
  return values[(values.size() - 1) / 2];
}

// Last peer / bound; never, where one of the honest did not finish.
std::string cell(const std::vector<Report>& reports) {
  for (const Report& report : reports)
    if (report.finished < report.peers) return "never";
  return fmt::format("{:.2f}", median(reports, [](const Report& one) {
                       return one.last_seconds / one.bound.seconds();
                     }));
}
}  // namespace

std::string compare_policies(std::uint32_t runs, std::uint64_t seed) {
  std::string head = "| policy |", rule = "|---|";
  for (const Column& column : columns) {
    head += column.peers == 0 ? fmt::format(" {} |", column.scenario)
                              : fmt::format(" {}, {} peers |", column.scenario, column.peers);
    rule += "---|";
  }
  fmt::print("{} rider's share |\n{}---|\n", head, rule);
  std::vector<Report> drawn;
  for (const NamedPolicy& policy : named_policies()) {
    fmt::print("| {} |", policy.name);
    double share = 0;
    for (const Column& column : columns) {
      std::vector<Report> reports;
      for (std::uint32_t i = 0; i < (column.large ? 1 : runs); ++i)
        reports.push_back(run_once(*find_scenario(column.scenario), column, policy, seed + i));
      fmt::print(" {} |", cell(reports));
      std::fflush(stdout);
      const std::string_view name = column.scenario;
      if (name == "crowd-100" && policy.seed == nullptr) drawn.push_back(reports.front());
      if (name == "free-riders")
        share = median(reports, [](const Report& one) { return one.rider_share; });
    }
    fmt::print(" {:.0f} % |\n", 100 * share);
  }
  return curves_svg(drawn, "crowd-100: our own policy (thick), and four others", 0);
}

}  // namespace barter::sim
