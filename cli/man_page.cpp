#include "cli/man_page.hpp"

#include "cli/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace barter::cli {
namespace {

// As roff reads it: a "-" stays one that can be copied, and no line begins with a request.
std::string roff(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    line_begins = c == '\n';
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// In lines of eighty bytes, as is the custom.
std::string sentence(std::string text) {
  constexpr std::size_t width = 80;
  if (!text.ends_with('.')) text += '.';
  std::string out, line;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string more = line + (line.empty() ? "" : " ") + text.substr(begin, end - begin);
    if (!line.empty() && roff(more).size() > width) {
      out += roff(line) + "\n";
      line = text.substr(begin, end - begin);
    } else {
      line = more;
    }
    begin = end + 1;
  }
  return out + roff(line) + "\n";
}

std::string man_option(const OptionDescription& option) {
  std::string names;
  for (const std::string& name : option.names) {
    names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", roff(name));
  }
  const ValueDescription& value = option.value;
  if (value.joined_only) {
    names += fmt::format("[\\fB=\\fI{}\\fR]", roff(value.name));
  } else if (value.kind != ValueKind::none) {
    names += fmt::format(" \\fI{}\\fR", roff(value.name));
  }
  const bool told = option.description.find("epeat") != std::string::npos;
  return fmt::format(".TP\n{}\n{}{}", names, sentence(option.description),
                     option.repeatable && !told ? "Repeatable.\n" : "");
}

std::string man_positional(const PositionalDescription& positional) {
  const bool words = positional.value.kind == ValueKind::words;
  const std::string& name = words ? positional.value.name : positional.name;
  // The mark behind the dots: they end no sentence.
  return fmt::format("\\fI{}\\fR{}", roff(name), positional.repeatable ? "...\\&" : "");
}

std::string man_command(const CommandDescription& command) {
  std::string out = fmt::format(".SS barter {}", roff(command.name));
  for (const PositionalDescription& positional : command.positionals) {
    out += " " + man_positional(positional);
  }
  out += fmt::format(" [\\fIOPTION\\fR]...\n{}", sentence(command.description));
  for (const PositionalDescription& positional : command.positionals) {
    out += fmt::format(".TP\n{}\n{}", man_positional(positional), sentence(positional.description));
  }
  for (const OptionDescription& option : command.options) out += man_option(option);
  const std::size_t newline = command.examples.find('\n');
  std::string examples =
      newline == std::string::npos ? std::string() : command.examples.substr(newline + 1);
  while (examples.ends_with('\n')) examples.pop_back();
  return out + fmt::format(".PP\nExamples:\n.PP\n.EX\n{}\n.EE\n", roff(examples));
}

void fill_in(std::string& text, std::string_view mark, std::string with) {
  while (with.ends_with('\n')) with.pop_back();
  const std::size_t at = text.find(mark);
  if (at != std::string::npos) text.replace(at, mark.size(), with);
}

}  // namespace

std::string man_page(std::string prose, const ProgramDescription& program) {
  std::string synopsis, commands;
  for (const CommandDescription& command : program.commands) {
    synopsis += fmt::format("{}.B barter {}\n", synopsis.empty() ? "" : ".br\n", command.name);
    for (const PositionalDescription& positional : command.positionals) {
      synopsis += man_positional(positional) + "\n";
    }
    synopsis += "[\\fIOPTION\\fR]...\n";
    commands += man_command(command);
  }
  std::string general;
  for (const OptionDescription& option : program.program.options) general += man_option(option);
  if (!general.empty()) {
    synopsis += ".br\n.B barter\n[\\fIOPTION\\fR]\n";
    commands += ".SS barter [\\fIOPTION\\fR]\nWithout a command.\n" + general;
  }
  fill_in(prose, "@VERSION@", std::string(version));
  fill_in(prose, "@SYNOPSIS@", std::move(synopsis));
  fill_in(prose, "@COMMANDS@", std::move(commands));
  return prose;
}

}  // namespace barter::cli
