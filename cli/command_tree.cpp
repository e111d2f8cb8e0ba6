#include "cli/command_tree.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace barter::cli {
namespace {

// CLI11 puts what a check allows behind the type: "PORT:INT in [1 - 65535]".
std::string own_type(const CLI::Option& option) {
  const std::string full = option.get_type_name();
  const std::size_t range = full.find(" in [");
  if (range == std::string::npos) return full;
  const std::size_t colon = full.rfind(':', range);
  return colon == std::string::npos ? full : full.substr(0, colon);
}

std::vector<std::string> words_of(std::string_view type) {
  std::vector<std::string> out;
  if (type.find('|') == std::string_view::npos) return out;
  for (std::size_t begin = 0; begin <= type.size();) {
    const std::size_t end = std::min(type.find('|', begin), type.size());
    const std::string_view word = type.substr(begin, end - begin);
    const bool literal = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || c == '-';
    });
    if (literal) out.emplace_back(word);
    begin = end + 1;
  }
  return out;
}

ValueKind kind_of(std::string_view type) {
  static constexpr std::array<std::string_view, 4> files{"FILE", "PATH", "PROGRAM", "SRC"};
  if (type == "DIR") return ValueKind::folder;
  if (type == "TORRENT") return ValueKind::torrent;
  if (std::find(files.begin(), files.end(), type) != files.end()) return ValueKind::file;
  return ValueKind::text;
}

ValueDescription value_of(const CLI::Option& option) {
  ValueDescription out;
  const std::string type = own_type(option);
  const bool flag = option.get_items_expected_max() == 0 || option.get_type_size_max() == 0;
  // A flag that may have a value has a type name of its own; others have none to speak of.
  out.words = words_of(type);
  if (flag && out.words.empty()) return out;
  out.joined_only = flag;
  out.name = option.get_positional() && type == "TEXT" ? option.get_name(true) : type;
  out.kind = out.words.empty() ? kind_of(out.name) : ValueKind::words;
  return out;
}

std::vector<std::string> names_of(const CLI::Option& option) {
  std::vector<std::string> out;
  for (const std::string& name : option.get_snames()) out.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) out.push_back("--" + name);
  return out;
}

CommandDescription describe_one(const CLI::App& app) {
  CommandDescription out;
  out.name = app.get_name();
  out.description = app.get_description();
  out.examples = app.get_footer();
  for (const CLI::Option* option : app.get_options()) {
    const bool repeatable = option->get_expected_max() > 1;
    if (option->get_positional()) {
      out.positionals.push_back({option->get_name(true), option->get_description(),
                                 value_of(*option), option->get_required(), repeatable});
      continue;
    }
    OptionDescription described{
        names_of(*option), option->get_description(), value_of(*option), repeatable, {}};
    for (const CLI::Option* other : option->get_excludes()) {
      for (std::string& name : names_of(*other)) described.excludes.push_back(std::move(name));
    }
    std::sort(described.excludes.begin(), described.excludes.end());  // the set is by pointer
    out.options.push_back(std::move(described));
  }
  return out;
}

}  // namespace

ProgramDescription describe(const CLI::App& app) {
  ProgramDescription out;
  out.program = describe_one(app);
  const auto all = [](const CLI::App*) { return true; };
  for (const CLI::App* command : app.get_subcommands(all)) {
    out.commands.push_back(describe_one(*command));
  }
  return out;
}

}  // namespace barter::cli
