#include "cli/explain.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

using namespace barter;
using namespace barter::cli;

namespace {

PeerProgress peer(std::uint8_t host, std::uint64_t down, Limit limit) {
  PeerProgress out;
  out.remote = {Address::v4({10, 0, 0, host}), 6881};
  out.client = "aria2/1.36.0";
  out.source = PeerSource::tracker;
  out.download_rate = down;
  out.download_limit = limit;
  out.upload_limit = Limit::no_interest;
  return out;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("an explanation: both directions in words, then the fastest peers", "[explain]") {
  TransferStatus status;
  status.down_rate = 3 << 20;
  status.down_limit = LimitSummary{Limit::choked, 2, 3, {}};
  status.up_limit = LimitSummary{Limit::no_interest, 3, 3, {}};
  const Explanation out = explain(status, {peer(1, 0, Limit::choked), peer(2, 1 << 20, Limit::line),
                                           peer(3, 2 << 20, Limit::window)});
  REQUIRE(out.lines.size() == 6);
  CHECK(out.lines[0] == "down 3.00 MiB/s: we are choked (2 of 3 peers)");
  CHECK(out.lines[1] == "up 0 B/s: nothing of ours is wanted (3 of 3 peers)");
  CHECK(out.lines[2].substr(0, 28) == "address               client");
  CHECK(holds(out.lines[3], "10.0.0.3:6881"));
  CHECK(holds(out.lines[3], "2.00 MiB/s window"));
  CHECK(holds(out.lines[3], "0 B/s no_interest tracker"));
  CHECK(holds(out.lines[4], "10.0.0.2:6881"));
  CHECK(holds(out.lines[5], "choked"));
  REQUIRE(out.peers.size() == 3);
  const auto& first = out.peers[0].as_object();
  CHECK(first.at("address").as_string() == "10.0.0.3:6881");
  CHECK(first.at("client").as_string() == "aria2/1.36.0");
  CHECK(first.at("source").as_string() == "tracker");
  CHECK(first.at("down_rate").to_number<std::uint64_t>() == 2 << 20);
  CHECK(first.at("down_limit").as_string() == "window");
  CHECK(first.at("up_limit").as_string() == "no_interest");
}

TEST_CASE("ten peers are shown, the others counted; a program gets all", "[explain]") {
  std::vector<PeerProgress> peers;
  for (std::uint8_t i = 0; i < 13; ++i) peers.push_back(peer(i, i, Limit::line));
  const Explanation out = explain({}, std::move(peers));
  REQUIRE(out.lines.size() == 12);
  CHECK(holds(out.lines[1], "10.0.0.12:6881"));
  CHECK(holds(out.lines[10], "10.0.0.3:6881"));
  CHECK(out.lines[11] == "and 3 more");
  CHECK(out.peers.size() == 13);
}

TEST_CASE("what a peer or a tracker says cannot drive the terminal", "[explain]") {
  PeerProgress evil = peer(1, 0, Limit::line);
  evil.client = "\x1b[2J\xFF\nx";
  TransferStatus status;
  status.down_limit = LimitSummary{Limit::tracker_failed, 0, 0, "\x1b[1mno"};
  const Explanation out = explain(status, {evil});
  REQUIRE(out.lines.size() == 3);
  CHECK(holds(out.lines[2], "\\x1b[2J\\xff\\nx"));
  // The rest is escaped by Output, as every line.
  std::string err;
  Output::Settings settings;
  settings.progress_line = true;
  settings.err = [&](std::string_view bytes) { err += bytes; };
  settings.steady = [] { return std::chrono::steady_clock::time_point(); };
  settings.columns = [] { return std::size_t{200}; };
  settings.rows = [] { return std::size_t{24}; };
  Output output(settings);
  status.explanation = std::make_shared<const Explanation>(out);
  output.transfer(status);
  CHECK(holds(err, "no peers: the tracker fails: \\x1b[1mno"));
  CHECK_FALSE(holds(err, "\x1b[1m"));
  CHECK_FALSE(holds(err, "\x1b[2J"));
}

TEST_CASE("what the disk says stands beside the reason", "[explain]") {
  TransferStatus status;
  status.down_limit = LimitSummary{Limit::disk, 0, 0, "no space left"};
  CHECK(explain(status, {}).lines.at(0) == "down 0 B/s: our disk has trouble: no space left");
  status.down_limit = LimitSummary{Limit::disk, 1, 1, {}};
  CHECK(explain(status, {}).lines.at(0) == "down 0 B/s: our disk is behind (1 of 1 peer)");
  CHECK(limit_fields(LimitSummary{Limit::disk, 0, 0, "full"}).at("detail").as_string() == "full");
  CHECK(boost::json::serialize(limit_fields(*status.down_limit)) ==
        R"({"reason":"disk","peers":1,"of":1})");
}
