#include "cli/share_report.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "cli/copies_memory.hpp"
#include "cli/expected_hosts.hpp"
#include "cli/metrics.hpp"
#include "cli/metrics_file.hpp"
#include "tests/temporary_folder.hpp"

using namespace barter;
using namespace barter::cli;
using namespace std::chrono_literals;

TEST_CASE("percentiles are of the nearest rank", "[share_report]") {
  CHECK(percentile({}, 50) == 0);
  CHECK(percentile({7}, 50) == 7);
  CHECK(percentile({3, 1, 2}, 50) == 2);
  CHECK(percentile({4, 1, 3, 2}, 50) == 2);
  std::vector<double> many;
  for (int i = 200; i > 0; --i) many.push_back(i);
  CHECK(percentile(many, 50) == 100);
  CHECK(percentile(many, 99) == 198);
  CHECK(percentile(many, 100) == 200);
}

TEST_CASE("metrics are what Prometheus reads", "[metrics]") {
  Metrics out;
  out.add("a_bytes", "gauge", "What it is.", {{"name", "x \"y\"\\\n"}, {"k", "v"}}, 5e15);
  out.add("a_bytes", "gauge", "What it is.", {}, 0.5);
  out.add("b_total", "counter", "Other.", {}, 0);
  CHECK(out.text() ==
        "# HELP a_bytes What it is.\n# TYPE a_bytes gauge\n"
        "a_bytes{name=\"x \\\"y\\\"\\\\\\n\",k=\"v\"} 5000000000000000\na_bytes 0.5\n"
        "# HELP b_total Other.\n# TYPE b_total counter\nb_total 0\n");
  ShareCounts one, two;
  one.name = "one";
  two.name = "two";
  two.missing_hosts = 3;
  const std::string text = share_metrics({one, two});
  CHECK(text.find("barter_share_copies{name=\"one\"} 0\nbarter_share_copies{name=\"two\"} 0\n") !=
        std::string::npos);
  CHECK(text.find("barter_share_missing_hosts{name=\"two\"} 3\n") != std::string::npos);
  CHECK(text.find("barter_share_missing_hosts{name=\"one\"}") == std::string::npos);
  GetCounts get;
  CHECK(get_metrics(get, {}).find("exit_code") == std::string::npos);
  get.ended = true;
  get.exit_code = 3;
  CHECK(get_metrics(get, {}).find("barter_get_exit_code{name=\"\",info_hash=\"\"} 3\n") !=
        std::string::npos);
}

TEST_CASE("copies are remembered", "[copies_memory]") {
  const test::TemporaryFolder folder;
  WireInfoHash torrent{};
  CHECK_FALSE(recall_copies(folder.path(), torrent));
  Copy copy{Address::v4({10, 0, 0, 1}), 0, {}, std::chrono::system_clock::time_point(5s)};
  Copy other{*Address::parse("fd00::1"), 6881, {}, std::chrono::system_clock::time_point(6s)};
  other.id.bytes[0] = std::byte{1};
  REQUIRE(remember_copies(folder.path(), torrent, {copy.since, {copy, other}}).has_value());
  const auto again = recall_copies(folder.path(), torrent);
  REQUIRE(again);
  CHECK(again->began == copy.since);
  REQUIRE(again->copies.size() == 2);
  CHECK(again->copies[1].address == other.address);
  CHECK(again->copies[1].port == 6881);
  CHECK(again->copies[1].id == other.id);
  CHECK(again->copies[1].since == other.since);
  const std::string file = folder.path() + "/share/" + to_hex(torrent) + ".copies";
  std::ofstream(file) << R"({"version":2})";
  CHECK_FALSE(recall_copies(folder.path(), torrent));
  CHECK(remember_copies(folder.path(), torrent, {}).has_error());
  CHECK(remember_copies("", torrent, {}).has_value());
}

TEST_CASE("the list of expected hosts", "[expected_hosts]") {
  const auto hosts = ExpectedHosts::parse(
      "# ours\nnode1 the first\n10.0.0.2:7000\r\n\nfd00::1\nnode1\n[::1]:5\n", "f");
  REQUIRE(hosts.has_value());
  REQUIRE(hosts->size() == 4);
  CHECK((*hosts)[1] == HostPort{"10.0.0.2", 7000});
  CHECK((*hosts)[3].port == 5);
  CHECK(ExpectedHosts::parse("a\nb:x\n", "f").error().message.find("line 2") != std::string::npos);
  CHECK(ExpectedHosts::parse("# none\n", "f").has_error());
}

TEST_CASE("expected hosts are found by their addresses, and names looked up until they are",
          "[expected_hosts]") {
  std::atomic<int> asked = 0;
  const ExpectedHosts expected({{"later", 0}, {"10.0.0.2", 0}, {"10.0.0.3", 7}},
                               [&](const std::string& name) {
                                 CHECK(name == "later");
                                 ++asked;
                                 return std::vector<Address>{Address::v4({10, 0, 0, 1})};
                               });
  while (!expected.unresolved().empty()) std::this_thread::sleep_for(1ms);
  CHECK(asked == 1);
  const Copy one{Address::v4({10, 0, 0, 1}), 0, {}, {}},
      three{Address::v4({10, 0, 0, 3}), 8, {}, {}};
  Copy right = three;
  right.port = 7;
  const auto some = std::vector<Copy>{three, one};
  CHECK(expected.found_among(some) == std::vector<const Copy*>{&some[1], nullptr, nullptr});
  const auto more = std::vector<Copy>{three, right};
  CHECK(expected.found_among(more) == std::vector<const Copy*>{nullptr, nullptr, &more[1]});
}
