#include "cli/completion_scripts.hpp"

#include <fmt/format.h>

#include <string_view>

namespace barter::cli {
namespace {

using Texts = std::vector<std::string>;

std::string join(const Texts& texts, std::string_view between) {
  std::string out;
  for (const std::string& text : texts) {
    if (!out.empty()) out += between;
    out += text;
  }
  return out;
}

// With each of `special` behind `mark`.
std::string escaped(std::string_view text, std::string_view special, std::string_view mark) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) out += mark;
    out += c;
  }
  return out;
}

// In single quotes, as bash and zsh read them.
std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) c == '\'' ? out += "'\\''" : out += c;
  return out + "'";
}

Texts option_names(const CommandDescription& command) {
  Texts out;
  for (const OptionDescription& option : command.options) {
    out.insert(out.end(), option.names.begin(), option.names.end());
  }
  return out;
}

// bash: the kinds are those that the end of the script knows.

std::string bash_kind(const ValueDescription& value) {
  switch (value.kind) {
    case ValueKind::file:
      return "kind=files";
    case ValueKind::folder:
      return "kind=folders";
    case ValueKind::torrent:
      return "kind=torrents";
    case ValueKind::words:
      return "kind=words words=" + single_quoted(join(value.words, " "));
    case ValueKind::none:
    case ValueKind::text:
      break;
  }
  return "kind=text";
}

std::string bash_command(const CommandDescription& command) {
  std::string out = fmt::format("    {})\n      options={}\n", command.name,
                                single_quoted(join(option_names(command), " ")));
  if (!command.positionals.empty()) {
    out += fmt::format("      {}\n", bash_kind(command.positionals.front().value));
  }
  out += "      case $option in\n";
  for (const OptionDescription& option : command.options) {
    if (option.value.kind == ValueKind::none) continue;
    out += fmt::format("        {}) {}{} ;;\n", join(option.names, "|"),
                       option.value.joined_only ? "[[ ! $joined ]] || " : "",
                       option.value.joined_only
                           ? fmt::format("{{ taken=1; {}; }}", bash_kind(option.value))
                           : fmt::format("taken=1 {}", bash_kind(option.value)));
  }
  return out + "      esac ;;\n";
}

constexpr std::string_view bash_head =
    R"(# bash completion for barter; printed by: barter completion bash

_barter_offer() {  # one word a line
  [[ -z $1 ]] || mapfile -t COMPREPLY <<<"$1"
}

_barter() {
  local current=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}
  local joined='' taken='' kind=none options='' words=''
  COMPREPLY=()
  # Readline parts --option=value at the "=".
  if [[ $current == = ]]; then
    current='' joined=1
  elif [[ $option == = ]]; then
    option=${COMP_WORDS[COMP_CWORD - 2]} joined=1
  fi
  if ((COMP_CWORD == 1)); then
)";

constexpr std::string_view bash_tail = R"sh(    *) return ;;
  esac
  if [[ ! $taken && ($current == -* || $kind == none) ]]; then
    kind=words words=$options
  fi
  case $kind in
    words) _barter_offer "$(compgen -W "$words" -- "$current")" ;;
    files) _barter_offer "$(compgen -f -- "$current")" ;;
    folders) _barter_offer "$(compgen -d -- "$current")" ;;
    torrents)
      _barter_offer "$(compgen -f -X '!*.torrent' -o plusdirs -- "$current" | sort -u)" ;;
  esac
  case $kind in
    files | folders | torrents) compopt -o filenames 2>/dev/null ;;
  esac
  return 0
}

complete -F _barter barter
)sh";

// zsh: the specifications of _arguments.

std::string zsh_action(const ValueDescription& value) {
  switch (value.kind) {
    case ValueKind::file:
      return "_files";
    case ValueKind::folder:
      return "_files -/";
    case ValueKind::torrent:
      return "_files -g \"*.torrent\"";
    case ValueKind::words:
      return fmt::format("({})", join(value.words, " "));
    case ValueKind::none:
    case ValueKind::text:
      break;
  }
  return " ";
}

std::string zsh_value(const ValueDescription& value) {
  return fmt::format(":{}:{}", escaped(value.name, "\\:", "\\"), zsh_action(value));
}

// One for each name, as the names of an option exclude each other too.
void add_zsh_option(const OptionDescription& option, bool alone, Texts& out) {
  for (const std::string& name : option.names) {
    Texts others = option.excludes;
    for (const std::string& other : option.names) {
      if (other != name) others.push_back(other);
    }
    const ValueDescription& value = option.value;
    std::string text = alone            ? "(- : *)"
                       : others.empty() ? ""
                                        : fmt::format("({})", join(others, " "));
    if (option.repeatable) text += '*';
    text += name;
    if (value.kind != ValueKind::none) text += value.joined_only ? "=-" : "=";
    text += fmt::format("[{}]", escaped(option.description, "\\[]", "\\"));
    if (value.joined_only) text += ':';
    if (value.kind != ValueKind::none) text += zsh_value(value);
    out.push_back(single_quoted(text));
  }
}

std::string zsh_command(const CommandDescription& command) {
  Texts specifications;
  for (const OptionDescription& option : command.options) {
    add_zsh_option(option, false, specifications);
  }
  for (const PositionalDescription& positional : command.positionals) {
    specifications.push_back(
        single_quoted((positional.repeatable ? "*" : "") + zsh_value(positional.value)));
  }
  return fmt::format("        {})\n          _arguments \\\n            {}\n          ;;\n",
                     command.name, join(specifications, " \\\n            "));
}

constexpr std::string_view zsh_tail = R"(      esac
      ;;
  esac
}

# Loaded by the shell, this is called to complete; sourced, it makes itself known.
if [ "$funcstack[1]" = _barter ]; then
  _barter "$@"
else
  compdef _barter barter
fi
)";

// fish: one `complete` for each option and each positional.

std::string fish_quoted(std::string_view text) {
  return "'" + escaped(text, "\\'", "\\") + "'";
}

std::string fish_value(const ValueDescription& value) {
  switch (value.kind) {
    case ValueKind::file:
      return " -F";
    case ValueKind::folder:
      return " -f -a '(__fish_complete_directories)'";
    case ValueKind::torrent:
      return " -f -a '(__barter_torrents)'";
    case ValueKind::words:
      return fmt::format(" -f -a {}", fish_quoted(join(value.words, " ")));
    case ValueKind::text:
      return " -f";
    case ValueKind::none:
      break;
  }
  return {};
}

std::string fish_option(std::string_view condition, const OptionDescription& option) {
  std::string out = fmt::format("complete -c barter -n {}", fish_quoted(condition));
  for (const std::string& name : option.names) {
    const bool is_long = name.starts_with("--");
    out += fmt::format(" {} {}", is_long ? "-l" : "-s", name.substr(is_long ? 2 : 1));
  }
  const ValueDescription& value = option.value;
  const bool required = value.kind != ValueKind::none && !value.joined_only;
  return out + fmt::format("{}{} -d {}\n", required ? " -r" : "", fish_value(value),
                           fish_quoted(option.description));
}

constexpr std::string_view fish_head =
    R"(# fish completion for barter; printed by: barter completion fish

# Whether the command is this one; without an argument, whether none was given yet.
function __barter_command
    set -l words (commandline -opc)
    if test (count $argv) -eq 0
        test (count $words) -eq 1
    else
        test (count $words) -gt 1; and test "$words[2]" = "$argv[1]"
    end
end

function __barter_torrents
    __fish_complete_path (commandline -ct) | string match -r '^[^\t]*(?:/|\.torrent)(?:\t.*)?$'
end

complete -c barter -f
)";

}  // namespace

std::string bash_completion(const ProgramDescription& program) {
  Texts first = option_names(program.program);
  for (const CommandDescription& command : program.commands) first.push_back(command.name);
  std::string out(bash_head);
  out += fmt::format("    _barter_offer \"$(compgen -W {} -- \"$current\")\"\n",
                     single_quoted(join(first, " ")));
  out += "    return\n  fi\n  case ${COMP_WORDS[1]} in\n";
  for (const CommandDescription& command : program.commands) out += bash_command(command);
  return out += bash_tail;
}

std::string zsh_completion(const ProgramDescription& program) {
  std::string out =
      "#compdef barter\n# zsh completion for barter; printed by: barter completion zsh\n\n"
      "_barter() {\n  local context state state_descr line\n  typeset -A opt_args\n"
      "  _arguments -C \\\n";
  Texts options;
  for (const OptionDescription& option : program.program.options) {
    add_zsh_option(option, true, options);
  }
  for (const std::string& option : options) out += fmt::format("    {} \\\n", option);
  out +=
      "    ':command:->command' \\\n    '*::argument:->arguments' && return\n  case $state in\n"
      "    command)\n      local -a commands\n      commands=(\n";
  for (const CommandDescription& command : program.commands) {
    const std::string entry =
        fmt::format("{}:{}", command.name, escaped(command.description, "\\:", "\\"));
    out += fmt::format("        {}\n", single_quoted(entry));
  }
  out +=
      "      )\n      _describe -t commands command commands\n      ;;\n"
      "    arguments)\n      case $words[1] in\n";
  for (const CommandDescription& command : program.commands) out += zsh_command(command);
  return out += zsh_tail;
}

std::string fish_completion(const ProgramDescription& program) {
  std::string out(fish_head);
  for (const OptionDescription& option : program.program.options) {
    out += fish_option("__barter_command", option);
  }
  for (const CommandDescription& command : program.commands) {
    out += fmt::format("\ncomplete -c barter -n __barter_command -a {} -d {}\n", command.name,
                       fish_quoted(command.description));
    const std::string condition = "__barter_command " + command.name;
    for (const OptionDescription& option : command.options) out += fish_option(condition, option);
    for (const PositionalDescription& positional : command.positionals) {
      out += fmt::format("complete -c barter -n {}{}\n", fish_quoted(condition),
                         fish_value(positional.value));
    }
  }
  return out;
}

}  // namespace barter::cli
