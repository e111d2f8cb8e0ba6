// The process: signals, limits, logging; the program itself is in program.cpp.
#include "cli/descriptor_limit.hpp"
#include "cli/program.hpp"
#include "cli/signals.hpp"

#include <fcntl.h>
#include <spdlog/cfg/helpers.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace {

// Logs are for whoever looks for a fault: on standard error, silent
// unless BARTER_LOG asks for a level.
void start_logging() {
  auto logger = spdlog::stderr_color_mt("barter");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
  logger->set_level(spdlog::level::off);
  spdlog::set_default_logger(std::move(logger));
  spdlog::set_level(spdlog::level::off);
  if (const char* level = std::getenv("BARTER_LOG")) spdlog::cfg::helpers::load_levels(level);
}

// Started with a standard stream closed, the next file opened would take its number, and what is
// printed would go into that file: into the download. /dev/null, opened the wrong way round, takes
// the place and lets every use fail.
void occupy_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) >= 0) continue;
    (void)open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace

int main(int count, char** values) {
  occupy_standard_streams();
  barter::cli::signals::install();
  barter::cli::raise_descriptor_limit();
  start_logging();
  return barter::cli::run_program({values + 1, values + count},
                                  barter::cli::Output::process_settings);
}
