#include "cli/program.hpp"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "cli/exit_code.hpp"

using namespace barter::cli;

namespace {

struct Run {
  int exit_code = -1;
  std::string out, err;
};

Run run(const std::vector<std::string>& arguments) {
  Run run;
  run.exit_code = run_program(arguments, [&](bool json) {
    Output::Settings settings = Output::process_settings(json);
    settings.progress_line = settings.color = false;
    settings.out = [&](std::string_view bytes) { run.out += bytes; };
    settings.err = [&](std::string_view bytes) { run.err += bytes; };
    return settings;
  });
  return run;
}

}  // namespace

TEST_CASE("the options --version and --help succeed on standard output", "[program]") {
  const Run version = run({"--version"});
  CHECK(version.exit_code == exit_done);
  CHECK(version.out == "barter " BARTER_VERSION "\n");
  const Run help = run({"--help"});
  CHECK(help.exit_code == exit_done);
  CHECK(help.out.find("Exit codes:") != std::string::npos);
  CHECK(help.err.empty());
}

TEST_CASE("a command line that makes no sense is exit code 2 and one line", "[program]") {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{}, {"frobnicate"}, {"--nonsense"}}) {
    const Run wrong = run(arguments);
    CHECK(wrong.exit_code == exit_usage);
    CHECK(wrong.out.empty());
    CHECK(std::count(wrong.err.begin(), wrong.err.end(), '\n') == 1);
    CHECK(wrong.err.find("barter --help") != std::string::npos);
  }
}

TEST_CASE("a usage error is JSON where JSON was asked for", "[program]") {
  const Run wrong = run({"frobnicate", "--json"});
  CHECK(wrong.exit_code == exit_usage);
  CHECK(wrong.err.empty());
  CHECK(wrong.out.find("\"event\":\"error\"") != std::string::npos);
  CHECK(wrong.out.find("\"exit_code\":2") != std::string::npos);
}
