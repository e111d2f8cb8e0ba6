#include "cli/program.hpp"

#include "cli/command.hpp"
#include "cli/signals.hpp"
#include "cli/sizes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <new>

namespace barter::cli {
namespace {

constexpr const char* program_examples =
    "Examples:\n"
    "  barter share big.iso                                 on one machine\n"
    "  barter get http://HOST:6969/big.iso.torrent          on the others\n"
    "  barter COMMAND --help                                flags and examples of a command\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 usage, 3 stalled, 130 or 143 interrupted before done.";

int usage_error(Output& output, const std::string& command, const std::string& what) {
  const std::string help =
      command.empty() ? "barter --help" : fmt::format("barter {} --help", command);
  output.fail(Error{Errc::invalid_argument, fmt::format("{} (see '{}')", what, help)});
  return output.finish(command, exit_usage);
}

// The parser's messages end in odd places; ours are one line.
std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

int run_command(const CommandLine& line, Output& output) {
  const signals::LastWords last_words([&](int number) {
    output.abandon(line.command, Error{Errc::cancelled, "interrupted"}, exit_signal_base + number);
  });
  try {
    return output.finish(line.command, line.run(output));
  } catch (const UsageError& error) {
    return usage_error(output, line.command, error.what());
  } catch (const std::bad_alloc&) {
    output.fail(Error{Errc::io_error, "out of memory"});
  } catch (const std::exception& error) {
    output.fail(Error{Errc::io_error, error.what()});
  }
  return output.finish(line.command, exit_failed);
}

}  // namespace

CLI::App* add_command(CLI::App& app, CommandLine& line, const std::string& name,
                      const std::string& description, const std::string& examples,
                      std::function<int(Output&)> run) {
  CLI::App* command = app.add_subcommand(name, description);
  command->footer("Examples:\n" + examples);
  command->add_flag("--json", line.json, "Print one JSON object a line (docs/json.md)");
  command->callback([&line, name, run = std::move(run)] {
    line.command = name;
    line.run = run;
  });
  return command;
}

namespace {
template <class Value, class Parse>
CLI::Option* add_parsed_option(CLI::App* command, const std::string& name, Value& value,
                               const std::string& description, const char* type, Parse parse) {
  return command
      ->add_option_function<std::string>(
          name,
          [&value, parse, name](const std::string& text) {
            const auto parsed = parse(text);
            if (!parsed) throw CLI::ValidationError(name, parsed.error().message);
            value = *parsed;
          },
          description)
      ->type_name(type);
}
}  // namespace

CLI::Option* add_size_option(CLI::App* command, const std::string& name, std::uint64_t& value,
                             const std::string& description) {
  return add_parsed_option(command, name, value, description, "SIZE", parse_size);
}

CLI::Option* add_rate_option(CLI::App* command, const std::string& name, std::uint64_t& value,
                             const std::string& description) {
  return add_parsed_option(command, name, value, description, "RATE", parse_rate);
}

CLI::Option* add_duration_option(CLI::App* command, const std::string& name,
                                 std::chrono::milliseconds& value, const std::string& description) {
  return add_parsed_option(command, name, value, description, "TIME", parse_duration);
}

int fail(Output& output, const Error& error) {
  if (error.code != Errc::cancelled || !signals::stop_requested()) return output.fail(error);
  output.fail(Error{Errc::cancelled, "interrupted"});
  return exit_signal_base + signals::received();
}

void add_program(CLI::App& app, CommandLine& line) {
  app.set_version_flag("--version", fmt::format("barter {}", version));
  app.footer(program_examples);
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default(false);
  add_all_commands(app, line);
}

int run_program(const std::vector<std::string>& arguments,
                const std::function<Output::Settings(bool json)>& settings) {
  CLI::App app("barter: create torrents, track, share and get files with BitTorrent", "barter");
  CommandLine line;
  add_program(app, line);
  try {
    // CLI11 takes the arguments in reverse.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    Output output(settings(false));
    output.print_raw(app.help());
    return output.finish("", exit_done);
  } catch (const CLI::CallForVersion& call) {
    Output output(settings(false));
    output.print_raw(std::string(call.what()) + "\n");
    return output.finish("", exit_done);
  } catch (const CLI::ParseError& error) {
    const auto chosen = app.get_subcommands();
    // The flag may stand behind what could not be parsed.
    const bool json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
    Output output(settings(json));
    if (!chosen.empty()) {
      return usage_error(output, chosen.front()->get_name(), one_line(error.what()));
    }
    if (arguments.empty()) return usage_error(output, "", "name a command");
    return usage_error(output, "", fmt::format("there is no command '{}'", arguments.front()));
  }
  Output output(settings(line.json));
  return run_command(line, output);
}

}  // namespace barter::cli
