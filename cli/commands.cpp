// The list of commands, in the order of `barter --help`.
#include "cli/command.hpp"

namespace barter::cli {

void add_all_commands([[maybe_unused]] CLI::App& app, [[maybe_unused]] CommandLine& line) {}

}  // namespace barter::cli
