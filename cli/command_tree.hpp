// What the program's parser knows, as plain data: commands, options, what an option takes.
// Completion scripts and the man page are made of it, so that they say what the program does.
//
// What a value is, is told by its type name (for a positional of the default type, by its own
// name): DIR is a folder; FILE, PATH, PROGRAM and SRC are files; TORRENT is a .torrent file or a
// folder on the way to one; of alternatives parted by | those in lower case are words to be typed
// as they are.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace barter::cli {

enum class ValueKind { none, text, words, file, folder, torrent };

struct ValueDescription {
  ValueKind kind = ValueKind::none;
  std::string name;                // "DIR"; empty for none
  std::vector<std::string> words;  // of ValueKind::words
  bool joined_only = false;        // may be left out, else stands behind a "="
};

struct OptionDescription {
  std::vector<std::string> names;  // with their dashes: "-h", "--help"
  std::string description;
  ValueDescription value;
  bool repeatable = false;
  std::vector<std::string> excludes;  // names of others
};

struct PositionalDescription {
  std::string name, description;
  ValueDescription value;
  bool required = false, repeatable = false;
};

struct CommandDescription {
  std::string name, description, examples;
  std::vector<OptionDescription> options;
  std::vector<PositionalDescription> positionals;
};

// The program itself, its commands below it, all in the order of --help.
struct ProgramDescription {
  CommandDescription program;
  std::vector<CommandDescription> commands;
};

ProgramDescription describe(const CLI::App& app);

}  // namespace barter::cli
