// barter_man_page TEMPLATE: prints the man page. A tool of the build, not of the user.
#include "cli/command.hpp"
#include "cli/man_page.hpp"

#include <fstream>
#include <iostream>
#include <iterator>

int main(int count, char** values) {
  if (count != 2) return 2;
  std::ifstream in(values[1]);
  const std::string prose{std::istreambuf_iterator<char>(in), {}};
  if (prose.empty()) return 1;
  CLI::App app("barter", "barter");
  barter::cli::CommandLine line;
  barter::cli::add_program(app, line);
  std::cout << barter::cli::man_page(prose, barter::cli::describe(app)) << std::flush;
  return std::cout.good() ? 0 : 1;
}
