// dht-sim: runs thousands of real dht::Nodes in virtual time and holds
// the outcome against the goals.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "sim/dht_world.hpp"

namespace barter::sim {
namespace {

constexpr const char* examples =
    "Examples:\n"
    "  dht-sim\n"
    "  dht-sim --nodes 1000 --hostile 30 --seed 7\n";

template <class T>
T quantile(const std::vector<T>& sorted, double part) {
  if (sorted.empty()) return T{};
  return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec) / 1e6;
}

bool print(const DhtReport& report, const DhtOptions& options) {
  const double found = 100.0 * report.succeeded / std::max(1u, report.lookups);
  const double most_hops = std::log2(report.nodes) / 2;
  const std::uint32_t hops = quantile(report.hops, 0.5);
  const std::uint64_t memory = quantile(report.memory, 1.0);
  fmt::print("{} nodes, {} % silent, {} % hostile, {} % loss, seed {}\n", report.nodes,
             options.silent, options.hostile, options.loss, options.seed);
  fmt::print("lookups that found a peer   {} of {}: {:.1f} %  (goal: 95 %)\n", report.succeeded,
             report.lookups, found);
  fmt::print("hops                        median {}, p95 {}, most {}  (goal: median <= {:.1f})\n",
             hops, quantile(report.hops, 0.95), quantile(report.hops, 1.0), most_hops);
  fmt::print("memory of a node            median {:.1f} KiB, most {:.1f} KiB  (goal: <= 64 KiB)\n",
             static_cast<double>(quantile(report.memory, 0.5)) / 1024,
             static_cast<double>(memory) / 1024);
  fmt::print("true peers found            {:.1f} % of all; {:.1f} % of what was told is false\n",
             100 * report.peers_found, 100 * report.false_peers);
  fmt::print("first true peer after       median {:.2f} s, p95 {:.2f} s\n",
             quantile(report.first_seconds, 0.5), quantile(report.first_seconds, 0.95));
  fmt::print("lookup complete after       median {:.2f} s, p95 {:.2f} s; {} of {} ended\n",
             quantile(report.seconds, 0.5), quantile(report.seconds, 0.95), report.finished,
             report.lookups);
  fmt::print("nodes asked                 median {}, p95 {}\n", quantile(report.asked, 0.5),
             quantile(report.asked, 0.95));
  fmt::print("announces stored            {} of {}, each by {:.1f} honest nodes\n",
             report.announced, report.announces, report.stored);
  fmt::print("good nodes in a table       {:.1f}\n", report.good_nodes);
  const double simulated = std::chrono::duration<double>(report.simulated).count();
  fmt::print(
      "traffic                     {} datagrams, {:.0f} bytes/s a node; {:.0f} s simulated in "
      "{:.1f} s\n",
      report.datagrams, static_cast<double>(report.bytes) / simulated / report.nodes, simulated,
      cpu_seconds());
  return found >= 95 && hops <= most_hops && memory <= 64 << 10;
}

}  // namespace
}  // namespace barter::sim

int main(int argc, char** argv) {
  using namespace barter::sim;
  CLI::App app("Simulates a DHT of real nodes, some of them silent, some hostile.");
  app.footer(examples);
  DhtOptions options;
  app.add_option("--nodes", options.nodes, "How many nodes")
      ->check(CLI::Range(10u, 200'000u))
      ->capture_default_str();
  app.add_option("--silent", options.silent, "Percent that do not answer")
      ->check(CLI::Range(0u, 80u))
      ->capture_default_str();
  app.add_option("--hostile", options.hostile, "Percent that lie, together")
      ->check(CLI::Range(0u, 80u))
      ->capture_default_str();
  app.add_option("--loss", options.loss, "Percent of datagrams that are lost")
      ->check(CLI::Range(0u, 90u))
      ->capture_default_str();
  app.add_option("--lookups", options.lookups, "How many searches for peers")
      ->capture_default_str();
  app.add_option("--torrents", options.torrents, "How many torrents, of 10 peers each")
      ->check(CLI::Range(1u, 100'000u))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Equal seeds, equal runs")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (options.silent + options.hostile > 90) {
    fmt::print(stderr, "dht-sim: too few honest nodes\n");
    return 2;
  }
  const bool reached = print(run_dht(options), options);
  fmt::print("{}\n", reached ? "all goals reached" : "A GOAL WAS MISSED");
  return reached ? 0 : 1;
}
