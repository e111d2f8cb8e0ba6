#include "cli/completion_scripts.hpp"

#include <cctype>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "cli/command.hpp"

using namespace barter::cli;

namespace {

// The program's own parser; lives as long as the description is looked at.
struct Program {
  Program() { add_all_commands(app, line); }
  CLI::App app{"barter", "barter"};
  CommandLine line;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) out.push_back(line);
  return out;
}

// From the line that is `head` to the next as far in.
std::string section(const std::string& script, const std::string& head) {
  const std::size_t depth = head.find_first_not_of(' ');
  std::string out;
  bool inside = false;
  for (const std::string& line : lines_of(script)) {
    if (inside && line.find_first_not_of(' ') <= depth) break;
    if (inside) out += line + "\n";
    inside = inside || line == head;
  }
  return out;
}

// As a whole word: not as the beginning of a longer option.
bool names(const std::string& text, const std::string& word) {
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const char before = at == 0 ? ' ' : text[at - 1];
    const std::size_t end = at + word.size();
    const char after = end == text.size() ? ' ' : text[end];
    const auto part = [](char c) {
      return c == '-' || std::isalnum(static_cast<unsigned char>(c)) != 0;
    };
    if (!part(before) && !part(after)) return true;
  }
  return false;
}

const OptionDescription& option_of(const ProgramDescription& program, const std::string& command,
                                   const std::string& name) {
  for (const CommandDescription& one : program.commands) {
    for (const OptionDescription& option : one.options) {
      if (one.name == command && option.names.back() == name) return option;
    }
  }
  throw std::runtime_error(command + " " + name);
}

}  // namespace

TEST_CASE("every option of every command stands in each script", "[completion]") {
  Program program;
  const ProgramDescription described = describe(program.app);
  const std::string bash = bash_completion(described);
  const std::string zsh = zsh_completion(described);
  const std::string fish = fish_completion(described);
  const auto commands = program.app.get_subcommands([](CLI::App*) { return true; });
  REQUIRE(commands.size() >= 10);
  for (CLI::App* command : commands) {
    const std::string name = command->get_name();
    const std::string in_bash = section(bash, "    " + name + ")");
    const std::string in_zsh = section(zsh, "        " + name + ")");
    std::string in_fish;
    for (const std::string& line : lines_of(fish)) {
      if (line.find("'__barter_command " + name + "'") != std::string::npos) in_fish += line + "\n";
    }
    const auto options =
        command->get_options([](CLI::Option* option) { return option->nonpositional(); });
    CHECK(options.size() >= 2);  // --help and --json
    for (const CLI::Option* option : options) {
      for (const std::string& word : option->get_lnames()) {
        INFO(name << " --" << word);
        CHECK(names(in_bash, "--" + word));
        CHECK(names(in_zsh, "--" + word));
        CHECK(names(in_fish, "-l " + word));
      }
    }
  }
}

TEST_CASE("what a value is, is known by its type", "[completion]") {
  Program program;
  const ProgramDescription described = describe(program.app);
  const auto kind = [&](const char* command, const char* name) {
    return option_of(described, command, name).value.kind;
  };
  CHECK(kind("get", "--dir") == ValueKind::folder);
  CHECK(kind("get", "--on-complete") == ValueKind::file);
  CHECK(kind("get", "--port") == ValueKind::text);
  CHECK(option_of(described, "get", "--port").value.name == "PORT");
  CHECK(kind("get", "--force") == ValueKind::none);
  CHECK(kind("create", "--output") == ValueKind::file);
  CHECK(kind("create", "--announce") == ValueKind::text);
  CHECK(option_of(described, "create", "--announce").repeatable);
  CHECK_FALSE(option_of(described, "create", "--name").repeatable);
  const ValueDescription& seed = option_of(described, "get", "--seed").value;
  CHECK(seed.joined_only);
  CHECK(seed.words == std::vector<std::string>{"swarm", "forever"});
  CHECK(option_of(described, "edit", "--date").value.words == std::vector<std::string>{"now"});
  CHECK(option_of(described, "create", "--hybrid").excludes ==
        std::vector<std::string>{"--v1", "--v2"});
  for (const CommandDescription& command : described.commands) {
    for (const PositionalDescription& positional : command.positionals) {
      INFO(command.name << " " << positional.name);
      if (command.name == "dht") continue;  // what it asks for is a text, and may be left out
      if (positional.name == "TORRENT") CHECK(positional.value.kind == ValueKind::torrent);
      CHECK(positional.value.kind != ValueKind::text);
      if (command.name != "state") CHECK(positional.required);  // list takes nothing
    }
  }
}

TEST_CASE("what a shell would read in a description is quoted", "[completion]") {
  CLI::App app("program", "barter");
  CLI::App* command = app.add_subcommand("try", "It's: a [test]");
  int value = 0;
  command->add_option("--odd", value, "It's $HOME: `ls` [x] \\")->type_name("A:B");
  const ProgramDescription described = describe(app);
  const std::string zsh = zsh_completion(described);
  CHECK(zsh.find(R"('--odd=[It'\''s $HOME: `ls` \[x\] \\]:A\:B: ')") != std::string::npos);
  CHECK(zsh.find(R"('try:It'\''s\: a [test]')") != std::string::npos);
  CHECK(fish_completion(described).find(R"(-d 'It\'s $HOME: `ls` [x] \\')") != std::string::npos);
}
