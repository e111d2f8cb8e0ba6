#include "cli/program.hpp"

#include <cerrno>
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

// `out_error`: what every write to standard output fails with.
Run run(const std::vector<std::string>& arguments, int out_error = 0) {
  Run run;
  run.exit_code = run_program(arguments, [&](bool json) {
    Output::Settings settings = Output::process_settings(json);
    settings.progress_line = settings.color = false;
    settings.out = [&](std::string_view bytes) {
      if (out_error == 0) run.out += bytes;
      return out_error;
    };
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

TEST_CASE("what standard output does not take is exit code 1 and one line", "[program]") {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--help"},
        {"--version"},
        {"get", "--help"},
        {"completion", "bash"},
        {"completion", "zsh", "--json"},
        {"show", "magnet:?xt=urn:btih:" + std::string(40, 'a')},
        {"magnet", "magnet:?xt=urn:btih:" + std::string(40, 'a')}}) {
    const Run full = run(arguments, ENOSPC);
    CHECK(full.exit_code == exit_failed);
    CHECK(full.err == "barter: cannot write to standard output: No space left on device\n");
    // The reader of a pipe has gone away: it had what it wanted.
    const Run gone = run(arguments, EPIPE);
    CHECK(gone.exit_code == exit_done);
    CHECK(gone.err.empty());
  }
  CHECK(run({"show", "--json", "no such file"}, ENOSPC).exit_code == exit_failed);
  CHECK(run({"frobnicate", "--json"}, ENOSPC).exit_code == exit_usage);
}
