#include "cli/output.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "cli/exit_code.hpp"

using namespace barter;
using namespace barter::cli;
using namespace std::chrono_literals;

namespace {

// An Output whose streams are strings and whose clock is turned by hand.
struct Capture {
  std::string out, err;
  std::chrono::steady_clock::time_point now{};
  std::size_t rows = 24;
  int out_error = 0;  // of every write to standard output

  Output::Settings settings(bool json, bool terminal) {
    Output::Settings settings;
    settings.json = json;
    settings.progress_line = terminal;
    settings.out = [this](std::string_view bytes) {
      if (out_error == 0) out += bytes;
      return out_error;
    };
    settings.err = [this](std::string_view bytes) { err += bytes; };
    settings.steady = [this] { return now; };
    settings.wall = [] { return std::chrono::system_clock::time_point(1'700'000'000'123ms); };
    settings.columns = [] { return std::size_t{40}; };
    settings.rows = [this] { return rows; };
    return settings;
  }
  std::size_t lines(const std::string& text) const {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
};

}  // namespace

TEST_CASE("plain output: results on one stream, messages on the other", "[output]") {
  Capture capture;
  Output output(capture.settings(false, false));
  output.print("result \x1b[1m");
  output.message("hello");
  output.warning("careful");
  CHECK(output.fail(Error{Errc::not_found, "x: no such\nfile"}) == exit_failed);
  output.event("peer", {{"address", "1.2.3.4:5"}});
  CHECK(output.finish("show", 1) == 1);
  CHECK(capture.out == "result \\x1b[1m\n");
  CHECK(capture.err == "hello\nbarter: warning: careful\nbarter: x: no such\\nfile\n");
}

TEST_CASE("JSON output: one object a line, `result` last", "[output]") {
  Capture capture;
  Output output(capture.settings(true, true));
  output.print("not shown");
  output.message("not shown");
  output.warning("bad byte \xFF");
  output.fail(Error{Errc::no_space, "full"});
  output.result({{"path", "/d"}, {"bytes", 3u}});
  output.result({{"bytes", 4u}});
  output.finish("get", 1);
  CHECK(capture.err.empty());
  CHECK(capture.out ==
        "{\"event\":\"warning\",\"time\":\"2023-11-14T22:13:20.123Z\",\"message\":\"bad byte "
        "\xEF\xBF\xBD\"}\n"
        "{\"event\":\"error\",\"time\":\"2023-11-14T22:13:20.123Z\",\"code\":\"no_space\","
        "\"message\":"
        "\"full\"}\n"
        "{\"event\":\"result\",\"time\":\"2023-11-14T22:13:20.123Z\",\"command\":\"get\",\"exit_"
        "code\":1,"
        "\"path\":\"/d\",\"bytes\":4}\n");
}

TEST_CASE("progress in a file: a line every tenth or minute, and the end once", "[output]") {
  Capture capture;
  Output output(capture.settings(false, false));
  for (std::uint64_t i = 0; i <= 500; ++i) {
    capture.now += 1ms;
    output.hashing({i << 20, 500u << 20, ""});
  }
  output.hashing({500u << 20, 500u << 20, ""});
  CHECK(capture.lines(capture.err) == 10);
  CHECK(capture.err.find("100 % hashed 500 MiB of 500 MiB") != std::string::npos);
  capture.err.clear();
  output.end_progress();
  TransferStatus status;
  status.bytes_total = 1 << 30;
  for (int i = 0; i < 600; ++i) {  // ten minutes without a byte
    output.transfer(status);
    capture.now += 1s;
  }
  CHECK(capture.lines(capture.err) == 9);
}

TEST_CASE("progress on a terminal is one line that fits and gives way to messages", "[output]") {
  Capture capture;
  Output output(capture.settings(false, true));
  output.hashing({1 << 20, 4 << 20, ""});
  output.hashing({2 << 20, 4 << 20, ""});  // too soon
  CHECK(capture.lines(capture.err) == 0);
  CHECK(capture.err == "\r\x1b[K 25.0 % [#####...............] hashed 1");  // 39 columns
  capture.err.clear();
  output.message("note");
  CHECK(capture.err == "\r\x1b[Knote\n\r\x1b[K 25.0 % [#####...............] hashed 1");
  capture.err.clear();
  output.hashing({4 << 20, 4 << 20, ""});  // the end is shown at once
  CHECK(capture.err.find("100.0 %") != std::string::npos);
  output.finish("create", 0);
  CHECK(capture.err.back() == '\n');
}

TEST_CASE("progress as JSON is one event a second, with integers", "[output]") {
  Capture capture;
  Output output(capture.settings(true, false));
  TransferStatus status;
  status.bytes_total = 1000;
  for (int i = 0; i < 100; ++i) {
    status.bytes_done = static_cast<std::uint64_t>(i * 10);
    status.down_rate = 100;
    output.transfer(status);
    capture.now += 100ms;
  }
  CHECK(capture.lines(capture.out) == 10);
  const auto first = boost::json::parse(capture.out.substr(0, capture.out.find('\n'))).as_object();
  CHECK(first.at("event") == "progress");
  CHECK(first.at("bytes_done") == 0);
  CHECK(first.at("bytes_total") == 1000);
  CHECK(first.at("eta") == 10);
  CHECK(first.at("peers") == 0);
}

TEST_CASE("a simulation's progress: lines, and events of a share", "[output]") {
  Capture capture;
  Output plain(capture.settings(false, false));
  for (int i = 0; i <= 100; ++i) {
    capture.now += 1s;
    plain.simulating({i / 100.0, i < 50 ? 1u : 2u, 2});
  }
  CHECK(capture.lines(capture.err) == 10);
  CHECK(capture.err.find("50 % simulated, run 2 of 2, 50 s left\n") != std::string::npos);
  CHECK(capture.err.ends_with("100 % simulated, run 2 of 2\n"));
  Output json(capture.settings(true, false));
  json.simulating({0.25, 1, 1});
  const auto event = boost::json::parse(capture.out).as_object();
  CHECK(event.at("event") == "simulating");
  CHECK(event.at("share") == 0.25);
  CHECK(event.at("runs") == 1);
}

TEST_CASE("an explanation stands below the progress line, and goes when that is left", "[output]") {
  Capture capture;
  Output output(capture.settings(false, true));
  TransferStatus status;
  status.bytes_total = 100;
  Explanation three;
  three.lines = {"one", "two \x1b[1m", std::string(60, 'x')};
  status.explanation = std::make_shared<const Explanation>(three);
  output.transfer(status);
  CHECK(capture.err.ends_with("\n  one\n  two \\x1b[1m\n  " + std::string(37, 'x')));
  capture.err.clear();
  output.message("hello");
  CHECK(capture.err.starts_with("\r\x1b[3A\x1b[Jhello\n\r\x1b[K  0.0 % ["));
  CHECK(capture.err.ends_with(std::string(37, 'x')));
  capture.err.clear();
  capture.rows = 4;  // what is taller than the terminal could not be taken away again
  capture.now += 1s;
  output.transfer(status);
  CHECK(capture.err.starts_with("\r\x1b[3A\x1b[J  0.0 % ["));
  CHECK(capture.err.ends_with("\n  one\n  two \\x1b[1m"));
  capture.err.clear();
  output.end_progress();
  CHECK(capture.err.starts_with("\r\x1b[2A\x1b[J  0.0 % ["));
  CHECK(capture.lines(capture.err) == 1);
  CHECK(capture.err.ends_with("\n"));
}

TEST_CASE("an explanation in a file: after a second, then every ten", "[output]") {
  Capture capture;
  Output output(capture.settings(false, false));
  TransferStatus status;
  status.bytes_total = 100;
  Explanation one;
  one.lines = {"because"};
  status.explanation = std::make_shared<const Explanation>(one);
  const auto told_after = [&](std::chrono::milliseconds pause) {
    capture.now += pause;
    capture.err.clear();
    output.transfer(status);
    return capture.err == "because\n";
  };
  CHECK_FALSE(told_after(0ms));
  CHECK_FALSE(told_after(999ms));
  CHECK(told_after(1ms));
  CHECK_FALSE(told_after(9999ms));
  CHECK(told_after(1ms));
}

TEST_CASE("an explanation for a program: the reasons and a list of peers", "[output]") {
  Capture capture;
  Output output(capture.settings(true, false));
  TransferStatus status;
  status.down_limit = LimitSummary{Limit::choked, 1, 2, {}};
  Explanation one;
  one.peers.push_back(boost::json::object{{"address", "1.2.3.4:5"}});
  status.explanation = std::make_shared<const Explanation>(one);
  output.transfer(status);
  const auto event = boost::json::parse(capture.out).as_object();
  CHECK(event.at("down_limit").as_object().at("reason").as_string() == "choked");
  CHECK_FALSE(event.contains("up_limit"));
  CHECK(event.at("peer_limits").as_array().size() == 1);
  CHECK(capture.err.empty());
}

TEST_CASE("metadata of a magnet link: a line redrawn, a line a minute, an event a second",
          "[output]") {
  MetadataStatus status;
  status.limit.reason = Limit::connecting;
  status.name = "n";
  Capture terminal, file, json;
  Output drawn(terminal.settings(false, true)), plain(file.settings(false, false)),
      events(json.settings(true, false));
  for (int i = 0; i < 90; ++i) {
    if (i == 60) status = {16384, 20000, 3, 2, "n", {Limit::metadata, 3, 3, {}}};
    drawn.metadata(status);
    plain.metadata(status);
    events.metadata(status);
    for (Capture* capture : {&terminal, &file, &json}) capture->now += 1s;
  }
  CHECK(terminal.err.find("\x1b[Kfetching metadata: 0 peers (no peer") != std::string::npos);
  CHECK(terminal.err.find("\x1b[Kfetching metadata: 3 peers, 16.0 KiB") != std::string::npos);
  CHECK(file.err ==
        "fetching metadata: 0 peers (no peer is connected yet)\n"
        "fetching metadata: 3 peers, 16.0 KiB of 19.5 KiB\n");
  CHECK(json.lines(json.out) == 90);
  CHECK(json.out.find("\"bytes_done\":16384,\"bytes_total\":20000,\"peers\":3,\"offers\":2,"
                      "\"down_limit\":{\"reason\":\"metadata\"") != std::string::npos);
}

TEST_CASE("standard output that takes nothing is told at once, once, and by the exit code",
          "[output]") {
  const bool json = GENERATE(false, true);
  Capture capture;
  Output output(capture.settings(json, false));
  output.print("a");
  output.event("warning", {});
  capture.out_error = EFBIG;
  output.print("b");
  output.event("warning", {});
  CHECK(capture.err.find("barter: cannot write to standard output: ") == 0);
  CHECK(capture.err.find("file size limit") != std::string::npos);
  output.print("c");
  output.event("warning", {});
  CHECK(capture.lines(capture.err) == 1);
  SECTION("for good") {
    CHECK(output.finish("get", exit_done) == exit_failed);
  }
  SECTION("for a time: what comes later is written, but something is lacking") {
    capture.out_error = 0;
    output.print("d");
    output.event("warning", {});
    CHECK(capture.lines(capture.out) == 2);
    CHECK(output.finish("get", exit_done) == exit_failed);
  }
  SECTION("a reason of its own for the end stays the exit code") {
    CHECK(output.finish("get", exit_stalled) == exit_stalled);
  }
  CHECK(capture.lines(capture.err) == 1);
}

TEST_CASE("the reader of a pipe that goes away is no failure", "[output]") {
  Capture capture;
  Output output(capture.settings(GENERATE(false, true), false));
  capture.out_error = EPIPE;
  output.print("a");
  output.event("warning", {});
  CHECK(output.finish("show", exit_done) == exit_done);
  CHECK(capture.err.empty());
}
