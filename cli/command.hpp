// The commands of the program, one file each. A command is a function that adds its sub-command to
// the parser and, when that was chosen, sets CommandLine::run. To add one: write cli/NAME.cpp with
// add_NAME_command(), declare it here, and name it in add_all_commands() (cli/commands.cpp).
//
// `run` gets the Output and returns an exit code. It reports a failure by `return
// output.fail(error)`; it throws UsageError only for what the parser could not see. The parser
// throws nothing else.
#pragma once

#include "cli/exit_code.hpp"
#include "cli/output.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace barter::cli {

// The version of the program, as in "barter/0.1.0".
inline constexpr std::string_view version = BARTER_VERSION;

struct CommandLine {
  bool json = false;
  std::string command;              // the chosen one's name
  std::function<int(Output&)> run;  // empty: --help or --version was all
};

// A contradiction between flags, found after parsing: exit code 2.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Adds a sub-command with its examples (shown below its help) and the flag --json. `make` is called
// once the command was chosen and gives what to run:
//
//   auto options = std::make_shared<Options>();
//   auto* command = add_command(app, line, "show", "Tell what is in a torrent", "  barter show
//   F\n",
//                               [options](Output& output) { return show(*options, output); });
//   command->add_option("TORRENT", options->torrent, "...")->required();
CLI::App* add_command(CLI::App& app, CommandLine& line, const std::string& name,
                      const std::string& description, const std::string& examples,
                      std::function<int(Output&)> run);

// Values on the command line (cli/sizes): an option that takes a size, a rate, a duration.
CLI::Option* add_size_option(CLI::App* command, const std::string& name, std::uint64_t& value,
                             const std::string& description);
CLI::Option* add_rate_option(CLI::App* command, const std::string& name, std::uint64_t& value,
                             const std::string& description);
CLI::Option* add_duration_option(CLI::App* command, const std::string& name,
                                 std::chrono::milliseconds& value, const std::string& description);

// Reports the error and gives the exit code: that of the signal where a signal was the reason.
int fail(Output& output, const Error& error);

// The commands, each in a file of its name.
void add_create_command(CLI::App& app, CommandLine& line);
void add_show_command(CLI::App& app, CommandLine& line);
void add_verify_command(CLI::App& app, CommandLine& line);
void add_magnet_command(CLI::App& app, CommandLine& line);
void add_edit_command(CLI::App& app, CommandLine& line);
void add_tracker_command(CLI::App& app, CommandLine& line);
void add_share_command(CLI::App& app, CommandLine& line);
void add_get_command(CLI::App& app, CommandLine& line);
void add_seed_command(CLI::App& app, CommandLine& line);
void add_state_command(CLI::App& app, CommandLine& line);
void add_dht_command(CLI::App& app, CommandLine& line);
void add_simulate_command(CLI::App& app, CommandLine& line);
void add_completion_command(CLI::App& app, CommandLine& line);

void add_all_commands(CLI::App& app, CommandLine& line);
// All of them, and the options of the program itself.
void add_program(CLI::App& app, CommandLine& line);

}  // namespace barter::cli
