#include "bench/swarm-sim/policies.hpp"

#include <algorithm>
#include <span>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "sim/policies/picking.hpp"
#include "sim/policies/policies.hpp"
#include "sim/report.hpp"
#include "sim/scenarios.hpp"

namespace barter::sim {

namespace {
struct Column {
  const char* scenario;
  std::uint32_t peers;  // 0: the scenario's own
  bool large;           // once is enough
};
constexpr Column policy_columns[] = {
    {"flash", 0, false},       {"flash-24", 0, false},    {"crowd-100", 0, false},
    {"crowd-1000", 300, true}, {"lan", 12, true},         {"classes", 0, false},
    {"staggered", 0, false},   {"seed-leaves", 0, false}, {"free-riders", 0, false},
};
constexpr Column picking_columns[] = {
    {"flash", 0, false},       {"flash-24", 0, false}, {"crowd-100", 0, false},
    {"crowd-1000", 300, true}, {"lan", 12, true},      {"classes", 0, false},
    {"seed-leaves", 0, false}, {"frozen", 0, false},   {"liars", 0, false},
};

// One row of a table.
struct Contender {
  std::string_view name;
  std::function<void(SwarmConfig&)> configure;
};
using Reports = std::vector<Report>;

Report run_once(const Scenario& scenario, const Column& column, const Contender& contender,
                std::uint64_t seed) {
  const auto world =
      build(scenario, {.peers = column.peers, .seed = seed, .configure = contender.configure});
  world->run(scenario.limit);
  return make_report(*world);
}

template <class Value>
double median(const Reports& reports, Value value) {
  std::vector<double> values;
  for (const Report& report : reports) values.push_back(value(report));
  std::sort(values.begin(), values.end());
  return values[(values.size() - 1) / 2];
}

// Last peer / bound; never, where one of the honest did not finish.
std::string cell(const Reports& reports) {
  for (const Report& report : reports)
    if (report.finished < report.peers) return "never";
  return fmt::format("{:.2f}", median(reports, [](const Report& one) {
                       return one.last_seconds / one.bound.seconds();
                     }));
}

void print_head(const char* rows, std::span<const Column> columns, const char* last) {
  std::string head = fmt::format("| {} |", rows), rule = "|---|";
  for (const Column& column : columns) {
    head += column.peers == 0 ? fmt::format(" {} |", column.scenario)
                              : fmt::format(" {}, {} peers |", column.scenario, column.peers);
    rule += "---|";
  }
  fmt::print("{} {} |\n{}---|\n", head, last, rule);
}

// Prints its cells, and gives the reports behind each of them.
std::vector<Reports> run_row(const Contender& contender, std::span<const Column> columns,
                             std::uint32_t runs, std::uint64_t seed) {
  std::vector<Reports> row;
  fmt::print("| {} |", contender.name);
  for (const Column& column : columns) {
    Reports& reports = row.emplace_back();
    for (std::uint32_t i = 0; i < (column.large ? 1 : runs); ++i)
      reports.push_back(run_once(*find_scenario(column.scenario), column, contender, seed + i));
    fmt::print(" {} |", cell(reports));
    std::fflush(stdout);
  }
  return row;
}

const Reports& reports_of(std::string_view scenario, std::span<const Column> columns,
                          const std::vector<Reports>& row) {
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (columns[i].scenario == scenario) return row[i];
  throw std::logic_error("no such column");
}
}  // namespace

std::string compare_policies(std::uint32_t runs, std::uint64_t seed) {
  print_head("policy", policy_columns, "rider's share");
  Reports drawn;
  for (const NamedPolicy& policy : named_policies()) {
    const auto configure = [&policy](SwarmConfig& config) {
      if (policy.leech != nullptr) config.leech_policy = policy.leech;
      if (policy.seed != nullptr) config.seed_policy = policy.seed;
    };
    const auto row = run_row({policy.name, configure}, policy_columns, runs, seed);
    fmt::print(" {:.0f} % |\n", 100 * median(reports_of("free-riders", policy_columns, row),
                                             [](const Report& one) { return one.rider_share; }));
    if (policy.seed == nullptr)
      drawn.push_back(reports_of("crowd-100", policy_columns, row).front());
  }
  return curves_svg(drawn, "crowd-100: our own policy (thick), and four others", 0);
}

void compare_pickings(std::uint32_t runs, std::uint64_t seed) {
  print_head("picking", picking_columns, "waste in flash-24");
  for (const NamedPicking& picking : named_pickings()) {
    const auto configure = [&picking](SwarmConfig& config) {
      if (picking.make != nullptr) config.pick_policy = picking.make;
    };
    const auto row = run_row({picking.name, configure}, picking_columns, runs, seed);
    fmt::print(" {:.1f} % |\n", 100 * median(reports_of("flash-24", picking_columns, row),
                                             [](const Report& one) { return one.wasted; }));
  }
}

}  // namespace barter::sim
