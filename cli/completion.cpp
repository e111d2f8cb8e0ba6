// barter completion: prints a script that teaches a shell our commands and options.
#include "cli/command.hpp"
#include "cli/completion_scripts.hpp"

#include <memory>
#include <string>

namespace barter::cli {
namespace {

constexpr const char* examples =
    "  source <(barter completion bash)                       in ~/.bashrc\n"
    "  barter completion zsh > ~/.zsh/completions/_barter     a folder of $fpath\n"
    "  barter completion fish > ~/.config/fish/completions/barter.fish";

int completion(const CLI::App& app, const std::string& shell, Output& output) {
  const ProgramDescription program = describe(app);
  const std::string script = shell == "bash"  ? bash_completion(program)
                             : shell == "zsh" ? zsh_completion(program)
                                              : fish_completion(program);
  if (!output.json()) output.print_raw(script);
  output.result({{"shell", shell}, {"script", script}});
  return exit_done;
}

}  // namespace

void add_completion_command(CLI::App& app, CommandLine& line) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command =
      add_command(app, line, "completion", "Print a completion script for a shell", examples,
                  [&app, shell](Output& output) { return completion(app, *shell, output); });
  command->add_option("SHELL", *shell, "The shell that is to complete")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""))
      ->type_name("bash|zsh|fish");
}

}  // namespace barter::cli
