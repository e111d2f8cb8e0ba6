// micro: what single operations cost: bencoding, the message reader, the picker, the tracker's
// table, hashing side by side. One thread, data in memory; medians of several runs, as text and,
// with --json, in a file.
#include "bench/micro/micro.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <string_view>

namespace {

using namespace barter::micro;

struct Suite {
  const char* name;
  void (*run)(const Sizes&, Figures&);
};
constexpr Suite suites[] = {{"bencode", bencode_suite},
                            {"reader", reader_suite},
                            {"picker", picker_suite},
                            {"registry", registry_suite},
                            {"sha", sha_suite}};

Sizes quick_sizes() {
  Sizes out;
  for (std::uint32_t* size : {&out.files, &out.blocks, &out.haves, &out.pieces, &out.peers,
                              &out.picks, &out.members, &out.announces, &out.hashes}) {
    *size = *size / 20;
  }
  out.swarms = 500;
  return out;
}

// Nanoseconds an operation of each run, by operation, in the order in which they were measured.
struct Row {
  std::string name;
  bool bytes = false;
  std::vector<double> nanoseconds;
};

std::vector<Row> run_suites(const std::vector<std::string>& chosen, const Sizes& sizes, int runs) {
  std::vector<Row> rows;
  std::map<std::string, std::size_t> places;
  for (const Suite& suite : suites) {
    if (!chosen.empty() && std::find(chosen.begin(), chosen.end(), suite.name) == chosen.end())
      continue;
    for (int run = 0; run < runs; ++run) {
      Figures figures;
      suite.run(sizes, figures);
      for (const Figure& figure : figures) {
        const auto [place, added] = places.try_emplace(figure.name, rows.size());
        if (added) rows.push_back({figure.name, figure.bytes, {}});
        rows[place->second].nanoseconds.push_back(figure.seconds * 1e9 /
                                                  static_cast<double>(figure.operations));
      }
    }
  }
  return rows;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

void print(const std::vector<Row>& rows, int runs) {
  fmt::print("{:<46}{:>16}{:>12}   ({} runs: median, least-most)\n", "operation", "a second",
             "ns each", runs);
  for (const Row& row : rows) {
    const auto [least, most] = std::minmax_element(row.nanoseconds.begin(), row.nanoseconds.end());
    const double middle = median(row.nanoseconds);
    if (row.bytes) {
      fmt::print("{:<46}{:>16}{:>12}   {:.2f}-{:.2f}\n", row.name,
                 fmt::format("{:.2f} GB", 1 / middle), "", 1 / *most, 1 / *least);
      continue;
    }
    fmt::print("{:<46}{:>16.0f}{:>12.1f}   {:.1f}-{:.1f}\n", row.name, 1e9 / middle, middle, *least,
               *most);
  }
}

bool write_json(const std::string& path, const std::vector<Row>& rows) {
  boost::json::array out;
  for (const Row& row : rows) {
    out.push_back(boost::json::object{
        {"name", row.name},
        {"ns", median(row.nanoseconds)},
        {"per_second", 1e9 / median(row.nanoseconds)},
        {"runs_ns", boost::json::array(row.nanoseconds.begin(), row.nanoseconds.end())}});
  }
  std::ofstream file(path);
  file << boost::json::serialize(out) << "\n";
  return file.good();
}

}  // namespace

int main(int count, char** words) {
  CLI::App app("What single operations of barter cost");
  std::vector<std::string> chosen;
  std::string json;
  int runs = 5;
  bool quick = false;
  app.add_option("SUITE", chosen, "Of bencode, reader, picker, registry, sha; default: all")
      ->check(CLI::IsMember({"bencode", "reader", "picker", "registry", "sha"}));
  app.add_option("--runs", runs, "Default: 5")->check(CLI::PositiveNumber);
  app.add_flag("--quick", quick, "A few per cent of the work: to see that it runs");
  app.add_option("--json", json, "Write the figures to this file, too")->type_name("FILE");
  CLI11_PARSE(app, count, words);
  try {
    const auto rows = run_suites(chosen, quick ? quick_sizes() : Sizes{}, runs);
    print(rows, runs);
    if (json.empty() || write_json(json, rows)) return 0;
    fmt::print(stderr, "micro: cannot write {}\n", json);
  } catch (const std::exception& error) {
    fmt::print(stderr, "micro: {}\n", error.what());
  }
  return 1;
}
