#include "cli/man_page.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include <catch2/catch.hpp>

#include "cli/command.hpp"

using namespace barter::cli;

namespace {

std::string prose() {
  std::ifstream in(BARTER_SOURCE "/docs/man/barter.1.in");
  return {std::istreambuf_iterator<char>(in), {}};
}

// From a heading to the next of its kind or a higher one.
std::string section(const std::string& page, const std::string& heading) {
  const std::size_t begin = page.find("\n" + heading);
  if (begin == std::string::npos) return {};
  const std::size_t inside = page.find('\n', begin + 1);
  return page.substr(begin,
                     std::min(page.find("\n.SS ", inside), page.find("\n.SH ", inside)) - begin);
}

std::string dashed(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '-' ? "\\-" : std::string(1, c);
  return out;
}

}  // namespace

TEST_CASE("every option of every command stands in the man page, below its command", "[man]") {
  CLI::App app("barter", "barter");
  CommandLine line;
  add_program(app, line);
  const std::string page = man_page(prose(), describe(app));
  CHECK(page.find('@') == std::string::npos);
  const auto commands = app.get_subcommands([](CLI::App*) { return true; });
  REQUIRE(commands.size() >= 10);
  for (CLI::App* command : commands) {
    const std::string text = section(page, ".SS barter " + command->get_name());
    CHECK(page.find("\n.B barter " + command->get_name() + "\n") != std::string::npos);
    const auto options =
        command->get_options([](CLI::Option* option) { return option->nonpositional(); });
    CHECK(options.size() >= 2);
    for (const CLI::Option* option : options) {
      for (const std::string& name : option->get_lnames()) {
        INFO(command->get_name() << " --" << name);
        CHECK(text.find("\\fB" + dashed("--" + name) + "\\fR") != std::string::npos);
      }
    }
  }
  CHECK(page.find("\\-\\-version") != std::string::npos);
}

TEST_CASE("the man page has the sections that one looks for", "[man]") {
  const std::string page = prose();
  std::size_t at = 0;
  for (const char* name : {"NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "EXIT STATUS", "FILES",
                           "ENVIRONMENT", "EXAMPLES", "SEE ALSO"}) {
    INFO(name);
    const std::size_t next = page.find(std::string("\n.SH ") + name + "\n", at);
    REQUIRE(next != std::string::npos);
    at = next;
  }
}

TEST_CASE("what roff would read in a text is written so that it does not", "[man]") {
  CLI::App app("program", "barter");
  CLI::App* command = app.add_subcommand("try", "It's \\bad");
  command->footer("Examples:\n.begins\n'too");
  int value = 0;
  command->add_option("--odd", value, ".dot ~ ^ `")->type_name("A-B");
  const std::string page = man_page("@COMMANDS@\n", describe(app));
  CHECK(page.find("It\\(aqs \\ebad.\n") != std::string::npos);
  CHECK(page.find("\n\\&.dot \\(ti \\(ha \\(ga.\n") != std::string::npos);
  CHECK(page.find("\n\\&.begins\n\\&\\(aqtoo\n") != std::string::npos);
  CHECK(page.find("\\fB\\-\\-odd\\fR \\fIA\\-B\\fR") != std::string::npos);
}
