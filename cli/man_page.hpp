// The man page: prose from a template, commands and options from the program's own parser.
#pragma once

#include "cli/command_tree.hpp"

#include <string>

namespace barter::cli {

// `prose` with @VERSION@, @SYNOPSIS@ and @COMMANDS@ filled in, as roff (the macros of man(7)).
std::string man_page(std::string prose, const ProgramDescription& program);

}  // namespace barter::cli
