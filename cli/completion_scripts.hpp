// Completion scripts for shells, made of the program's own options and commands.
#pragma once

#include "cli/command_tree.hpp"

#include <string>

namespace barter::cli {

// Each is a whole file, ready to be sourced or put where the shell looks.
std::string bash_completion(const ProgramDescription& program);
std::string zsh_completion(const ProgramDescription& program);
std::string fish_completion(const ProgramDescription& program);

}  // namespace barter::cli
